//! The colours of charts by their meaning; what they look like stands in the stylesheet.

use plotters::style::RGBColor;

/// What a mark of a chart is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Money.
    Cost,
    /// Money per request: a line over the bars of `Cost`.
    UnitCost,
    /// Requests.
    Requests,
    /// Errors.
    Errors,
    /// Median latency.
    P50,
    /// 95th percentile of latency.
    P95,
    /// 99th percentile of latency.
    P99,
    /// Cold starts.
    Cold,
    /// A deploy.
    Deploy,
    /// Hairlines of the grid.
    Grid,
    /// The line at zero.
    Axis,
    /// Text of the axes.
    Text,
    /// The n-th of several things of one kind, such as services.
    Series(u8),
}

/// How many colours `Ink::Series` has; the last stands for everything else.
pub(crate) const SERIES: u8 = 6;

const NAMED: [Ink; 12] = [
    Ink::Cost,
    Ink::UnitCost,
    Ink::Requests,
    Ink::Errors,
    Ink::P50,
    Ink::P95,
    Ink::P99,
    Ink::Cold,
    Ink::Deploy,
    Ink::Grid,
    Ink::Axis,
    Ink::Text,
];

impl Ink {
    /// The name that the stylesheet's classes end with.
    pub(crate) fn class(self) -> String {
        match self {
            Ink::Cost => "cost".to_owned(),
            Ink::UnitCost => "unit-cost".to_owned(),
            Ink::Requests => "requests".to_owned(),
            Ink::Errors => "errors".to_owned(),
            Ink::P50 => "p50".to_owned(),
            Ink::P95 => "p95".to_owned(),
            Ink::P99 => "p99".to_owned(),
            Ink::Cold => "cold".to_owned(),
            Ink::Deploy => "deploy".to_owned(),
            Ink::Grid => "grid".to_owned(),
            Ink::Axis => "axis".to_owned(),
            Ink::Text => "text".to_owned(),
            Ink::Series(n) => format!("series-{}", n.min(SERIES - 1)),
        }
    }

    /// All inks.
    pub(super) fn all() -> impl Iterator<Item = Ink> {
        NAMED.into_iter().chain((0..SERIES).map(Ink::Series))
    }

    /// A literal colour that stands for the ink while plotters draws. plotters writes colours as
    /// literals only; `svg` turns them into classes.
    pub(super) fn sentinel(self) -> RGBColor {
        match self {
            Ink::Series(n) => RGBColor(0xA1, 0xB2, 0x80 + n.min(SERIES - 1)),
            other => {
                let index = NAMED.iter().position(|ink| *ink == other).unwrap_or(0);
                RGBColor(0xA1, 0xB2, index as u8)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ink_has_its_own_class_and_sentinel() {
        let classes: BTreeSet<String> = Ink::all().map(Ink::class).collect();
        let sentinels: BTreeSet<(u8, u8, u8)> = Ink::all()
            .map(|ink| {
                let RGBColor(r, g, b) = ink.sentinel();
                (r, g, b)
            })
            .collect();
        assert_eq!(classes.len(), Ink::all().count());
        assert_eq!(sentinels.len(), Ink::all().count());
    }

    #[test]
    fn the_stylesheet_colours_every_ink() {
        let css = include_str!("../../assets/millicent.css");
        for ink in Ink::all() {
            assert!(
                css.contains(&format!("--ink-{}:", ink.class())),
                "{ink:?} has no colour"
            );
            assert!(
                css.contains(&format!(".s-{} ", ink.class())),
                "{ink:?} has no stroke"
            );
            assert!(
                css.contains(&format!(".f-{} ", ink.class())),
                "{ink:?} has no fill"
            );
        }
    }
}
