//! Numbers and times as people read them: `$0.0042`, `1.2k`, `340 ms`, `0.8%`, `Tue 24 Nov, 08:48`.

use chrono::{DateTime, TimeDelta, Utc};

/// What stands for a value that is not known. It is never a zero.
pub(crate) const MISSING: &str = "—";

/// What a number counts, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// US dollars.
    Usd,
    /// Things: requests, errors, cold starts.
    Count,
    /// Milliseconds.
    Ms,
    /// A ratio between 0 and 1, written as a percentage.
    Share,
}

impl Unit {
    /// The value as text, or a dash where there is none.
    pub(crate) fn text(self, value: Option<f64>) -> String {
        match value.filter(|v| v.is_finite()) {
            None => MISSING.to_owned(),
            Some(v) => match self {
                Unit::Usd => usd(v),
                Unit::Count => count(v),
                Unit::Ms => ms(v),
                Unit::Share => percent(v),
            },
        }
    }
}

/// Dollars: cents from a dollar on, two significant digits below.
pub(crate) fn usd(value: f64) -> String {
    let size = value.abs();
    let digits = if size == 0.0 {
        "0".to_owned()
    } else if size >= 1000.0 {
        thousands(size, 0)
    } else if size >= 0.995 {
        thousands(size, 2)
    } else if size < 1e-9 {
        return format!("{}<$0.000000001", if value < 0.0 { "−" } else { "" });
    } else {
        let decimals = decimals_for_two_digits(size).max(2);
        format!("{size:.decimals$}")
    };
    format!("{}${digits}", if value < 0.0 { "−" } else { "" })
}

/// A count, shortened from a thousand on: `847`, `1.2k`, `34k`, `5.6M`.
pub(crate) fn count(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "−" } else { "" };
    if size < 999.5 {
        let whole = (size - size.round()).abs() < 0.05 || size >= 10.0;
        return if whole {
            format!("{sign}{size:.0}")
        } else {
            format!("{sign}{size:.1}")
        };
    }
    for (scale, suffix) in [(1e3, "k"), (1e6, "M"), (1e9, "B")] {
        let scaled = size / scale;
        if scaled < 9.95 {
            return format!("{sign}{}{suffix}", trim_zeros(format!("{scaled:.1}")));
        }
        if scaled < 999.5 {
            return format!("{sign}{scaled:.0}{suffix}");
        }
    }
    format!("{sign}{:.0}T", size / 1e12)
}

/// A count with every digit: `1,234,567`.
pub(crate) fn count_exact(value: f64) -> String {
    if value.is_finite() {
        format!(
            "{}{}",
            if value < 0.0 { "−" } else { "" },
            thousands(value.abs(), 0)
        )
    } else {
        MISSING.to_owned()
    }
}

/// A number of any size with at least two significant digits: `12,346`, `1.2`, `0.031`.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || size >= 99.5 || !value.is_finite() {
        return count_exact(value);
    }
    let decimals = decimals_for_two_digits(size).max(1);
    format!("{}{size:.decimals$}", if value < 0.0 { "−" } else { "" })
}

/// An amount of data, in units of 1,024: `512 B`, `1.5 MB`.
pub(crate) fn bytes(value: f64) -> String {
    let mut scaled = value;
    let mut unit = "B";
    for larger in ["KB", "MB", "GB", "TB"] {
        if scaled.abs() < 1_023.5 {
            break;
        }
        scaled /= 1_024.0;
        unit = larger;
    }
    let text = if unit == "B" {
        count_exact(scaled)
    } else {
        digits(scaled)
    };
    format!("{text} {unit}")
}

/// A time span given in milliseconds: `0.42 ms`, `340 ms`, `1.24 s`, `3 min 20 s`.
pub(crate) fn ms(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "−" } else { "" };
    let text = if size == 0.0 {
        "0 ms".to_owned()
    } else if size < 0.01 {
        "<0.01 ms".to_owned()
    } else if size < 1.0 {
        format!("{size:.2} ms")
    } else if size < 9.95 {
        format!("{size:.1} ms")
    } else if size < 999.5 {
        format!("{size:.0} ms")
    } else if size < 9_995.0 {
        format!("{:.2} s", size / 1e3)
    } else if size < 59_950.0 {
        format!("{:.1} s", size / 1e3)
    } else if size < 3_600_000.0 {
        let seconds = (size / 1e3).round();
        match (seconds % 60.0) as u32 {
            0 => format!("{:.0} min", (seconds / 60.0).floor()),
            rest => format!("{:.0} min {rest} s", (seconds / 60.0).floor()),
        }
    } else {
        format!("{:.1} h", size / 3.6e6)
    };
    format!("{sign}{text}")
}

/// A ratio as a percentage: `0.04%`, `0.8%`, `12.3%`, `100%`.
pub(crate) fn percent(ratio: f64) -> String {
    let value = ratio * 100.0;
    let size = value.abs();
    let sign = if value < 0.0 { "−" } else { "" };
    let text = if size == 0.0 {
        "0%".to_owned()
    } else if size < 0.005 {
        "<0.01%".to_owned()
    } else if size < 0.0995 {
        format!("{size:.2}%")
    } else if size < 99.95 {
        format!("{}%", trim_zeros(format!("{size:.1}")))
    } else {
        format!("{size:.0}%")
    };
    format!("{sign}{text}")
}

/// A share of completeness. It says 100% only for all of it.
pub(crate) fn percent_complete(ratio: f64) -> String {
    if ratio >= 1.0 {
        "100%".to_owned()
    } else if ratio > 0.99 {
        format!("{:.1}%", (ratio * 1000.0).floor() / 10.0)
    } else {
        format!("{:.0}%", (ratio * 100.0).floor().max(0.0))
    }
}

/// A day and a minute, without its year: `Tue 24 Nov, 08:48`. The time is UTC.
pub(crate) fn minute(ts: DateTime<Utc>) -> String {
    ts.format("%a %-d %b, %H:%M").to_string()
}

/// A day: `Tue 24 Nov`.
pub(crate) fn day(ts: DateTime<Utc>) -> String {
    ts.format("%a %-d %b").to_string()
}

/// A time with its year and second, as in a log: `2026-11-24 08:48:27`.
pub(crate) fn second(ts: DateTime<Utc>) -> String {
    ts.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A day with a second, without its year: `24 Nov 08:48:27`.
pub(crate) fn day_second(ts: DateTime<Utc>) -> String {
    ts.format("%-d %b %H:%M:%S").to_string()
}

/// A half-open span of time: `Tue 24 Nov, 08:00–09:00`, or with both days where they differ.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let last = to - TimeDelta::microseconds(1);
    let midnight = |ts: DateTime<Utc>| ts.format("%H:%M:%S").to_string() == "00:00:00";
    if midnight(from) && midnight(to) {
        if from.date_naive() == last.date_naive() {
            day(from)
        } else {
            format!("{} – {}", day(from), day(last))
        }
    } else if from.date_naive() == last.date_naive() {
        format!("{}–{}", minute(from), to.format("%H:%M"))
    } else {
        format!("{} – {}", minute(from), minute(to))
    }
}

/// The length of a step of a chart: `5 minutes`, `1 hour`, `day`.
pub(crate) fn step(seconds: i64) -> String {
    match seconds {
        60 => "minute".to_owned(),
        3_600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        s if s % 86_400 == 0 => format!("{} days", s / 86_400),
        s if s % 3_600 == 0 => format!("{} hours", s / 3_600),
        s if s % 60 == 0 => format!("{} minutes", s / 60),
        s => format!("{s} seconds"),
    }
}

/// How old something is: `just now`, `4 min`, `3 h`, `2 days`.
pub(crate) fn age(age: TimeDelta) -> String {
    let minutes = age.num_minutes();
    match minutes {
        i64::MIN..=0 => "under a minute".to_owned(),
        1..=119 => format!("{minutes} min"),
        120..=2_879 => format!("{} h", age.num_hours()),
        _ => format!("{} days", age.num_days()),
    }
}

/// `2.0` as `2`.
pub(crate) fn trim_zeros(text: String) -> String {
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

fn decimals_for_two_digits(size: f64) -> usize {
    (1 - size.log10().floor() as i32).clamp(0, 12) as usize
}

fn thousands(size: f64, decimals: usize) -> String {
    let text = format!("{size:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn dollars_keep_two_digits_that_matter() {
        for (value, text) in [
            (0.0, "$0"),
            (0.0042, "$0.0042"),
            (0.00001234, "$0.000012"),
            (0.42, "$0.42"),
            (0.997, "$1.00"),
            (12.345, "$12.35"),
            (1234.5, "$1,234"),
            (9_876_543.0, "$9,876,543"),
            (-4.2, "−$4.20"),
            (1e-12, "<$0.000000001"),
        ] {
            assert_eq!(usd(value), text);
        }
    }

    #[test]
    fn counts_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (2.5, "2.5"),
            (999.0, "999"),
            (999.7, "1k"),
            (1_234.0, "1.2k"),
            (34_100.0, "34k"),
            (999_800.0, "1M"),
            (5_600_000.0, "5.6M"),
            (7.2e9, "7.2B"),
            (3e12, "3T"),
        ] {
            assert_eq!(count(value), text);
        }
        assert_eq!(count_exact(1_234_567.0), "1,234,567");
    }

    #[test]
    fn times_choose_their_unit() {
        for (value, text) in [
            (0.0, "0 ms"),
            (0.42, "0.42 ms"),
            (4.2, "4.2 ms"),
            (340.2, "340 ms"),
            (999.6, "1.00 s"),
            (1_240.0, "1.24 s"),
            (12_300.0, "12.3 s"),
            (200_000.0, "3 min 20 s"),
            (60_000.0, "1 min"),
            (7_200_000.0, "2.0 h"),
        ] {
            assert_eq!(ms(value), text);
        }
    }

    #[test]
    fn percentages() {
        for (value, text) in [
            (0.0, "0%"),
            (0.00001, "<0.01%"),
            (0.0004, "0.04%"),
            (0.008, "0.8%"),
            (0.123, "12.3%"),
            (1.0, "100%"),
        ] {
            assert_eq!(percent(value), text);
        }
        assert_eq!(percent_complete(0.9999), "99.9%");
        assert_eq!(percent_complete(1.0), "100%");
        assert_eq!(percent_complete(0.926), "92%");
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        assert_eq!(Unit::Usd.text(None), "—");
        assert_eq!(Unit::Ms.text(Some(f64::NAN)), "—");
        assert_eq!(Unit::Count.text(Some(f64::INFINITY)), "—");
    }

    #[test]
    fn spans_name_a_day_once() {
        let at = |d, h| Utc.with_ymd_and_hms(2026, 11, d, h, 0, 0).unwrap();
        assert_eq!(span(at(24, 8), at(24, 9)), "Tue 24 Nov, 08:00–09:00");
        assert_eq!(span(at(24, 0), at(25, 0)), "Tue 24 Nov");
        assert_eq!(span(at(20, 0), at(25, 0)), "Fri 20 Nov – Tue 24 Nov");
        assert_eq!(
            span(at(23, 23), at(24, 1)),
            "Mon 23 Nov, 23:00 – Tue 24 Nov, 01:00"
        );
    }

    #[test]
    fn ages_and_steps() {
        assert_eq!(age(TimeDelta::seconds(20)), "under a minute");
        assert_eq!(age(TimeDelta::minutes(4)), "4 min");
        assert_eq!(age(TimeDelta::hours(5)), "5 h");
        assert_eq!(age(TimeDelta::days(3)), "3 days");
        assert_eq!(step(10_800), "3 hours");
        assert_eq!(step(3_600), "hour");
    }
}
