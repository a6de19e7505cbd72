//! A chart over time: what is drawn, its legend, and what a pointer over it reads.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Ink, axis::slot_label, plot, svg};
use crate::format::{self, Unit};

/// One period of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
}

/// The periods of a chart in their order, those without data among them: a gap is a slot whose
/// values are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) Vec<Slot>);

impl Slots {
    /// Steps of equal length, from the step that holds `from` to the one that holds the last instant before `to`.
    pub(crate) fn regular(from: DateTime<Utc>, to: DateTime<Utc>, step_s: i64) -> Slots {
        let step = TimeDelta::seconds(step_s);
        let mut start = from - TimeDelta::seconds(from.timestamp().rem_euclid(step_s));
        let mut slots = Vec::new();
        while start < to {
            slots.push(Slot {
                from: start.max(from),
                to: (start + step).min(to),
            });
            start += step;
        }
        Slots(slots)
    }

    /// The periods of rows that are sorted by time, with a slot in each gap between them.
    pub(crate) fn of_periods(periods: impl IntoIterator<Item = (DateTime<Utc>, i64)>) -> Slots {
        let mut slots: Vec<Slot> = Vec::new();
        for (from, period_s) in periods {
            if let Some(last) = slots.last()
                && from > last.to
            {
                slots.push(Slot {
                    from: last.to,
                    to: from,
                });
            }
            slots.push(Slot {
                from,
                to: from + TimeDelta::seconds(period_s.max(1)),
            });
        }
        Slots(slots)
    }

    /// The slot that an instant lies in.
    pub(crate) fn index_of(&self, ts: DateTime<Utc>) -> Option<usize> {
        let after = self.0.partition_point(|slot| slot.from <= ts);
        match after {
            // A first slot that the range cuts is stamped with its uncut start.
            0 => self
                .0
                .first()
                .filter(|slot| slot.from - ts < slot.to - slot.from + TimeDelta::days(7))
                .map(|_| 0),
            n => Some(n - 1).filter(|i| ts < self.0[*i].to),
        }
    }

    /// Values by slot, from values by time.
    pub(crate) fn place(
        &self,
        values: impl IntoIterator<Item = (DateTime<Utc>, Option<f64>)>,
    ) -> Vec<Option<f64>> {
        let mut placed = vec![None; self.0.len()];
        for (ts, value) in values {
            if let Some(i) = self.index_of(ts) {
                placed[i] = value;
            }
        }
        placed
    }
}

/// How a layer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A bar from zero for each slot; bars of several such layers stand on each other.
    Bars,
    /// A line through the slots' middles. Where there are more slots than the width can show,
    /// it runs through the middle one of each group, within a shade from the lowest to the highest.
    Line,
}

/// Which axis a layer is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// One thing that a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) unit: Unit,
    pub(crate) side: Side,
    pub(crate) shape: Shape,
    /// One for each slot.
    pub(crate) values: Vec<Option<f64>>,
}

/// An event: a line from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) ts: DateTime<Utc>,
    pub(crate) label: String,
}

/// How wide the box of a chart can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Widths {
    /// The width of the page.
    Full,
    /// Half of it on a wide screen.
    Half,
}

impl Widths {
    /// Class of the stylesheet, width and height of each drawing.
    fn drawings(self) -> &'static [(&'static str, u32, u32)] {
        match self {
            Widths::Full => &[
                ("narrow", 350, 220),
                ("medium", 700, 250),
                ("wide", 1180, 270),
            ],
            Widths::Half => &[("narrow", 350, 210), ("medium", 580, 220)],
        }
    }
}

/// A chart over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeChart {
    /// Unique in the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What one slot or unit is, for example `per hour`.
    pub(crate) subtitle: String,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    pub(crate) slots: Slots,
    pub(crate) layers: Vec<Layer>,
    pub(crate) marks: Vec<Mark>,
    /// Which slots can still change, and why; they are drawn paler.
    pub(crate) provisional: Option<(Vec<bool>, String)>,
    pub(crate) widths: Widths,
    /// Where its rows can be had as CSV.
    pub(crate) csv: Option<String>,
    /// What to say where there is nothing to draw.
    pub(crate) empty: String,
}

#[derive(Template)]
#[template(path = "chart.html")]
struct Figure<'a> {
    chart: &'a TimeChart,
    legend: Vec<LegendEntry<'a>>,
    drawings: String,
    hover: String,
    provisional: Option<&'a str>,
}

struct LegendEntry<'a> {
    name: &'a str,
    class: String,
    shape: &'static str,
    axis: Option<&'static str>,
}

/// What the page's script shows at the pointer: texts only, by slot.
#[derive(Serialize)]
struct Hover<'a> {
    /// Start and end of each slot as parts of the plot's width.
    at: Vec<(f64, f64)>,
    label: Vec<String>,
    series: Vec<HoverSeries<'a>>,
    marks: Vec<(f64, &'a str)>,
}

#[derive(Serialize)]
struct HoverSeries<'a> {
    name: &'a str,
    class: String,
    text: Vec<String>,
}

impl TimeChart {
    /// Whether there is any value to draw.
    pub(crate) fn is_empty(&self) -> bool {
        !self
            .layers
            .iter()
            .flat_map(|layer| &layer.values)
            .any(|value| value.is_some_and(f64::is_finite))
    }

    /// The chart as an HTML figure. Everything in it that came from elsewhere is escaped.
    pub(crate) fn render(&self) -> Result<String, askama::Error> {
        let (drawings, hover) = if self.is_empty() {
            (String::new(), String::new())
        } else {
            (
                self.drawings(),
                serde_json::to_string(&self.hover()).unwrap_or_default(),
            )
        };
        let two_axes = self.layers.iter().any(|layer| layer.side == Side::Right);
        let legend = self
            .layers
            .iter()
            .map(|layer| LegendEntry {
                name: &layer.name,
                class: layer.ink.class(),
                shape: match layer.shape {
                    Shape::Bars => "bar",
                    Shape::Line => "line",
                },
                axis: two_axes.then_some(match layer.side {
                    Side::Left => "left",
                    Side::Right => "right",
                }),
            })
            .collect();
        let provisional = self
            .provisional
            .as_ref()
            .filter(|(slots, _)| slots.contains(&true));
        let figure = Figure {
            chart: self,
            legend,
            drawings,
            hover,
            provisional: provisional.map(|(_, why)| why.as_str()),
        };
        figure.render()
    }

    fn drawings(&self) -> String {
        let description = self.description();
        let mut out = String::new();
        for (class, width, height) in self.widths.drawings() {
            let (drawing, plot) = plot::draw(self, *width, *height);
            let image = svg::Image {
                class,
                id: &format!("{}-{class}", self.id),
                width: *width,
                height: *height,
                title: &self.title,
                description: &description,
                plot,
            };
            image.write(&mut out, &drawing);
        }
        out
    }

    /// What the chart shows, in words.
    fn description(&self) -> String {
        let mut text = format!("{} (UTC).", format::span(self.from, self.to));
        for layer in &self.layers {
            let known = || {
                layer
                    .values
                    .iter()
                    .zip(&self.slots.0)
                    .filter_map(|(v, slot)| Some((v.filter(|v| v.is_finite())?, slot)))
            };
            let highest = known().max_by(|a, b| a.0.total_cmp(&b.0));
            let lowest = known().min_by(|a, b| a.0.total_cmp(&b.0));
            if let (Some((high, at)), Some((low, _)), Some((last, _))) =
                (highest, lowest, known().last())
            {
                let write = |v| layer.unit.text(Some(v));
                text += &format!(
                    " {}: from {} to {} ({}), last {}.",
                    layer.name,
                    write(low),
                    write(high),
                    slot_label(at.from, at.to - at.from),
                    write(last)
                );
            }
        }
        text
    }

    fn hover(&self) -> Hover<'_> {
        const MOST: usize = 300;
        let span = (self.to - self.from).num_milliseconds().max(1) as f64;
        let part = |ts: DateTime<Utc>| {
            (((ts - self.from).num_milliseconds() as f64 / span).clamp(0.0, 1.0) * 1e4).round()
                / 1e4
        };
        let slots = &self.slots.0;
        let size = slots.len().div_ceil(MOST).max(1);
        let groups = || slots.chunks(size);
        let series = self.layers.iter().map(|layer| HoverSeries {
            name: &layer.name,
            class: layer.ink.class(),
            text: layer
                .values
                .chunks(size)
                .map(|values| group_text(layer.unit, values))
                .collect(),
        });
        Hover {
            at: groups()
                .map(|group| (part(group[0].from), part(group[group.len() - 1].to)))
                .collect(),
            label: groups()
                .map(|group| slot_label(group[0].from, group[group.len() - 1].to - group[0].from))
                .collect(),
            series: series.collect(),
            marks: self
                .marks
                .iter()
                .map(|mark| (part(mark.ts), mark.label.as_str()))
                .collect(),
        }
    }
}

/// One value as it is; of several the lowest and the highest.
fn group_text(unit: Unit, values: &[Option<f64>]) -> String {
    let exact = |v: f64| {
        if unit == Unit::Count {
            format::count_exact(v)
        } else {
            unit.text(Some(v))
        }
    };
    let mut known: Vec<f64> = values
        .iter()
        .filter_map(|v| v.filter(|v| v.is_finite()))
        .collect();
    known.sort_by(f64::total_cmp);
    match known.as_slice() {
        [] => format::MISSING.to_owned(),
        [one] => exact(*one),
        [low, .., high] if low == high => exact(*low),
        [low, .., high] => format!("{} – {}", exact(*low), exact(*high)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(day: u32, hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap()
    }

    fn chart(values: Vec<Option<f64>>) -> TimeChart {
        let slots = Slots::regular(
            at(24, 0),
            at(24, 0) + TimeDelta::hours(values.len() as i64),
            3_600,
        );
        TimeChart {
            id: "test",
            title: "GET /<script>alert(1)</script>".to_owned(),
            subtitle: "per \"hour\"".to_owned(),
            from: at(24, 0),
            to: at(24, 0) + TimeDelta::hours(values.len().max(1) as i64),
            slots,
            layers: vec![Layer {
                name: "p95 <b>".to_owned(),
                ink: Ink::P95,
                unit: Unit::Ms,
                side: Side::Left,
                shape: Shape::Line,
                values,
            }],
            marks: vec![Mark {
                ts: at(24, 1),
                label: "</svg><script>'x'".to_owned(),
            }],
            provisional: None,
            widths: Widths::Half,
            csv: None,
            empty: "No data in this range.".to_owned(),
        }
    }

    fn narrow(html: &str) -> &str {
        let start = html.find("<svg class=\"narrow\"").unwrap();
        &html[start..start + html[start..].find("</svg>").unwrap()]
    }

    #[test]
    fn names_from_elsewhere_are_text() {
        let html = chart(vec![Some(1.0), Some(2.0), Some(3.0)])
            .render()
            .unwrap();
        assert!(!html.contains("<script>") && !html.contains("<b>"));
        assert!(html.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_gap_is_a_gap() {
        let html = chart(vec![Some(1.0), Some(2.0), None, Some(3.0), Some(4.0)])
            .render()
            .unwrap();
        assert_eq!(narrow(&html).matches("class=\"s-p95\"").count(), 2);
        assert!(html.contains("—"), "the pointer reads a dash there");
    }

    #[test]
    fn one_point_is_seen() {
        let html = chart(vec![None, Some(5.0), None]).render().unwrap();
        assert!(narrow(&html).contains("<circle"));
    }

    #[test]
    fn nothing_says_so() {
        for values in [vec![], vec![None, None], vec![Some(f64::NAN)]] {
            let html = chart(values).render().unwrap();
            assert!(html.contains("No data in this range.") && !html.contains("<svg"));
        }
    }

    #[test]
    fn huge_and_tiny_values_stay_within_the_image() {
        for values in [
            vec![Some(1e-12), Some(3e-12)],
            vec![Some(1e15), Some(0.0)],
            vec![Some(0.0), Some(0.0)],
            vec![Some(f64::INFINITY), Some(4.0), Some(f64::NAN), Some(-3.0)],
        ] {
            for shape in [Shape::Line, Shape::Bars] {
                let mut chart = chart(values.clone());
                chart.layers[0].shape = shape;
                let html = chart.render().unwrap();
                let svg = narrow(&html);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?}");
                let tags = svg
                    .split('<')
                    .skip(2)
                    .filter_map(|tag| tag.split('>').next());
                for number in tags
                    .flat_map(|tag| tag.split(|c: char| !(c.is_ascii_digit() || c == '-')))
                    .filter_map(|number| number.parse::<i64>().ok())
                {
                    assert!((-20..10_000).contains(&number), "{number} in {values:?}");
                }
            }
        }
    }

    #[test]
    fn many_points_are_thinned_and_never_averaged() {
        let values: Vec<Option<f64>> = (0..10_000).map(|i| Some(f64::from(i % 100))).collect();
        let html = chart(values).render().unwrap();
        assert!(html.len() < 120_000, "{}", html.len());
        assert!(html.contains("0 ms – 99 ms"));
    }

    #[test]
    fn regular_slots_are_cut_at_the_range() {
        let from = at(24, 0) + TimeDelta::minutes(20);
        let slots = Slots::regular(from, at(24, 3) + TimeDelta::minutes(5), 3_600);
        assert_eq!(slots.0.len(), 4);
        assert_eq!(
            slots.0[0],
            Slot {
                from,
                to: at(24, 1)
            }
        );
        assert_eq!(slots.index_of(at(24, 0)), Some(0));
        assert_eq!(slots.index_of(at(24, 2)), Some(2));
        assert_eq!(slots.index_of(at(24, 5)), None);
    }

    #[test]
    fn a_gap_between_periods_becomes_a_slot() {
        let slots = Slots::of_periods([(at(24, 0), 3_600), (at(24, 1), 3_600), (at(24, 5), 3_600)]);
        assert_eq!(slots.0.len(), 4);
        assert_eq!(
            slots.0[2],
            Slot {
                from: at(24, 2),
                to: at(24, 5)
            }
        );
        assert_eq!(
            slots.place([(at(24, 5), Some(1.0))]),
            [None, None, None, Some(1.0)]
        );
    }
}
