//! Ticks of an axis: few, round, and labelled with their unit.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use crate::format::{self, Unit};

/// An axis of values, from its lowest to its highest tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueAxis {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Value and label, from low to high.
    pub(super) ticks: Vec<(f64, String)>,
}

impl ValueAxis {
    /// An axis that holds all values and zero, with `intervals` intervals between its ticks.
    pub(super) fn new(
        unit: Unit,
        values: impl IntoIterator<Item = f64>,
        intervals: u32,
    ) -> ValueAxis {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for value in values.into_iter().filter(|v| v.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low == high {
            high = match unit {
                Unit::Usd | Unit::Share => 0.01,
                Unit::Count => f64::from(intervals),
                Unit::Ms => 100.0,
            };
        }
        let mut step = nice((high - low) / f64::from(intervals));
        if unit == Unit::Count {
            step = step.max(1.0);
        }
        // With a value below zero the ticks still meet zero, so both sides are whole steps. One
        // axis has always `intervals` steps above zero where nothing lies below, so that the
        // grids of a left and a right axis are the same.
        let below = if low < 0.0 { (-low / step).ceil() } else { 0.0 };
        let above = if low < 0.0 {
            (high / step).ceil()
        } else {
            f64::from(intervals)
        };
        let labels = Labels::new(unit, step, step * above.max(below));
        let ticks = (-(below as i64)..=above as i64)
            .map(|n| (n as f64 * step, labels.text(n as f64 * step)))
            .collect();
        ValueAxis {
            low: -below * step,
            high: above * step,
            ticks,
        }
    }
}

/// The smallest round step that is not less.
fn nice(step: f64) -> f64 {
    let scale = 10_f64.powf(step.log10().floor());
    for round in [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0] {
        if step <= round * scale * (1.0 + 1e-9) {
            return round * scale;
        }
    }
    10.0 * scale
}

/// Labels of one axis share unit and decimals.
struct Labels {
    unit: Unit,
    scale: f64,
    suffix: &'static str,
    decimals: usize,
}

impl Labels {
    fn new(unit: Unit, step: f64, largest: f64) -> Labels {
        let (scale, suffix) = match unit {
            Unit::Usd | Unit::Count => match largest {
                v if v >= 1e9 => (1e9, "B"),
                v if v >= 1e6 => (1e6, "M"),
                v if v >= 1e4 || (unit == Unit::Count && v >= 2e3) => (1e3, "k"),
                _ => (1.0, ""),
            },
            Unit::Share => (0.01, "%"),
            Unit::Ms => match largest {
                v if v >= 7.2e6 => (3.6e6, " h"),
                v if v >= 1.2e5 => (6e4, " min"),
                v if v >= 1e3 => (1e3, " s"),
                _ => (1.0, " ms"),
            },
        };
        let step = step / scale;
        let mut decimals = 0;
        while decimals < 12
            && (step * 10_f64.powi(decimals as i32))
                .fract()
                .min(1.0 - (step * 10_f64.powi(decimals as i32)).fract())
                > 1e-6
        {
            decimals += 1;
        }
        if unit == Unit::Usd && decimals == 1 && suffix.is_empty() {
            decimals = 2;
        }
        Labels {
            unit,
            scale,
            suffix,
            decimals,
        }
    }

    fn text(&self, value: f64) -> String {
        let dollar = if self.unit == Unit::Usd { "$" } else { "" };
        if value == 0.0 {
            return format!(
                "{dollar}0{}",
                if matches!(self.unit, Unit::Ms | Unit::Share) {
                    self.suffix
                } else {
                    ""
                }
            );
        }
        let sign = if value < 0.0 { "−" } else { "" };
        let size = (value / self.scale).abs();
        if self.decimals == 0 && size < 1e15 {
            let whole = format::count_exact(size);
            return format!("{sign}{dollar}{whole}{}", self.suffix);
        }
        format!("{sign}{dollar}{size:.*}{}", self.decimals, self.suffix)
    }
}

/// Ticks of time in UTC, at most `most`: round hours or days, a new day by its date.
pub(super) fn time_ticks(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    most: u32,
) -> Vec<(DateTime<Utc>, String)> {
    const STEPS_MIN: [i64; 16] = [
        1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 5_760, 10_080, 20_160,
    ];
    let minutes = (to - from).num_seconds() as f64 / 60.0;
    let step = STEPS_MIN
        .into_iter()
        .find(|step| minutes / *step as f64 <= f64::from(most.max(1)) + 0.5)
        .unwrap_or_else(|| (minutes / f64::from(most.max(1)) / 1_440.0).ceil() as i64 * 1_440);
    let step_s = step * 60;
    let first = from.timestamp() + (-from.timestamp()).rem_euclid(step_s);
    (0..)
        .map_while(|n| DateTime::from_timestamp(first + n * step_s, 0).filter(|ts| *ts < to))
        .map(|ts| (ts, time_label(ts, step)))
        .collect()
}

fn time_label(ts: DateTime<Utc>, step_min: i64) -> String {
    if ts.hour() == 0 && ts.minute() == 0 {
        if step_min >= 10_080 || ts.day() == 1 {
            ts.format("%-d %b").to_string()
        } else {
            ts.format("%a %-d").to_string()
        }
    } else {
        ts.format("%H:%M").to_string()
    }
}

/// How long a slot of a chart is, in words for its heading.
pub(super) fn slot_label(from: DateTime<Utc>, length: TimeDelta) -> String {
    format::span(from, from + length)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn labels(unit: Unit, high: f64) -> Vec<String> {
        ValueAxis::new(unit, [high], 4)
            .ticks
            .into_iter()
            .map(|(_, label)| label)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_carry_their_unit() {
        assert_eq!(
            labels(Unit::Usd, 0.137),
            ["$0", "$0.04", "$0.08", "$0.12", "$0.16"]
        );
        assert_eq!(
            labels(Unit::Usd, 0.00042),
            ["$0", "$0.00015", "$0.00030", "$0.00045", "$0.00060"]
        );
        assert_eq!(
            labels(Unit::Count, 9_700.0),
            ["0", "2.5k", "5.0k", "7.5k", "10.0k"]
        );
        assert_eq!(labels(Unit::Count, 3.0), ["0", "1", "2", "3", "4"]);
        assert_eq!(
            labels(Unit::Ms, 340.0),
            ["0 ms", "100 ms", "200 ms", "300 ms", "400 ms"]
        );
        assert_eq!(
            labels(Unit::Ms, 3_100.0),
            ["0 s", "0.8 s", "1.6 s", "2.4 s", "3.2 s"]
        );
        assert_eq!(
            labels(Unit::Share, 0.031),
            ["0%", "0.8%", "1.6%", "2.4%", "3.2%"]
        );
        assert_eq!(
            labels(Unit::Usd, 2_900_000.0),
            ["$0", "$0.8M", "$1.6M", "$2.4M", "$3.2M"]
        );
    }

    #[test]
    fn every_value_fits() {
        for value in [1e-9, 4.2e-7, 0.03, 1.0, 99.9, 1e4, 7.7e9, 3e15] {
            for unit in [Unit::Usd, Unit::Count, Unit::Ms, Unit::Share] {
                let axis = ValueAxis::new(unit, [value, value / 3.0], 4);
                assert!(axis.high >= value && axis.low == 0.0, "{unit:?} {value}");
                assert_eq!(axis.ticks.len(), 5);
            }
        }
        let axis = ValueAxis::new(Unit::Usd, [-3.0, 10.0], 4);
        assert!(axis.low <= -3.0 && axis.high >= 10.0);
        assert!(
            axis.ticks
                .iter()
                .any(|(value, label)| *value == 0.0 && label == "$0")
        );
    }

    #[test]
    fn nothing_but_zero_still_has_an_axis() {
        for unit in [Unit::Usd, Unit::Count, Unit::Ms, Unit::Share] {
            let axis = ValueAxis::new(unit, [0.0, f64::NAN, f64::INFINITY], 4);
            assert!(axis.high > 0.0 && axis.high.is_finite());
        }
    }

    #[test]
    fn time_ticks_are_round_and_name_the_day() {
        let at = |d, h, m| Utc.with_ymd_and_hms(2026, 11, d, h, m, 0).unwrap();
        let ticks = time_ticks(at(23, 8, 45), at(24, 8, 48), 8);
        let labels: Vec<&str> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "09:00", "12:00", "15:00", "18:00", "21:00", "Tue 24", "03:00", "06:00"
            ]
        );
        for (from, to, most) in [
            (at(1, 0, 0), at(24, 0, 0), 5),
            (at(24, 8, 0), at(24, 8, 7), 6),
            (at(10, 3, 0), at(24, 3, 0), 10),
        ] {
            let ticks = time_ticks(from, to, most);
            assert!(
                !ticks.is_empty() && ticks.len() <= most as usize + 1,
                "{ticks:?}"
            );
            assert!(ticks.iter().all(|(ts, _)| *ts >= from && *ts < to));
        }
    }
}
