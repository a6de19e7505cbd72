//! Billing periods: months, in UTC.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::windows::Window;

/// AWS rewrites an export of a month for up to two weeks after its end.
const FINAL_AFTER: TimeDelta = TimeDelta::days(15);
/// What was used is on the bill within a day.
const BILL_LAG: TimeDelta = TimeDelta::days(1);

/// A billing period, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Period(NaiveDate);

impl Period {
    /// The month of that time.
    pub(crate) fn of(time: DateTime<Utc>) -> Period {
        let day = time.date_naive();
        Period(day.with_day(1).unwrap_or(day))
    }

    /// `2026-11`, as folders are named.
    pub(crate) fn parse(text: &str) -> Option<Period> {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1).map(Period)
    }

    /// Start inclusive, end exclusive.
    pub(crate) fn window(self) -> Window {
        let next = self.0.checked_add_months(Months::new(1)).unwrap_or(self.0);
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        Window::new(midnight(self.0), midnight(next))
    }

    /// What a file of the period that was written then says can no longer change.
    pub(crate) fn is_final(self, written: DateTime<Utc>) -> bool {
        written >= self.window().to + FINAL_AFTER
    }

    /// Until when a file of the period that was written then has all of the bill.
    pub(crate) fn whole_until(self, written: DateTime<Utc>) -> DateTime<Utc> {
        let window = self.window();
        let day = (written - BILL_LAG).date_naive();
        day.and_time(NaiveTime::MIN)
            .and_utc()
            .clamp(window.from, window.to)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_a_month() {
        let december = Period::parse("2026-12").unwrap();
        assert_eq!(december, Period::of(at("2026-12-31T23:59:59Z")));
        assert_eq!(december.to_string(), "2026-12");
        assert_eq!(december.window().to, at("2027-01-01T00:00:00Z"));
        for text in ["2026-13", "2026", "26-12", "2026-1", "x-01"] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_has_the_days_that_ended_a_day_before_it_was_written() {
        let november = Period::parse("2026-11").unwrap();
        let until = |written| november.whole_until(at(written));
        assert_eq!(until("2026-11-24T08:00:00Z"), at("2026-11-23T00:00:00Z"));
        assert_eq!(until("2026-11-01T05:00:00Z"), at("2026-11-01T00:00:00Z"));
        assert_eq!(until("2026-12-01T23:00:00Z"), at("2026-11-30T00:00:00Z"));
        assert_eq!(until("2027-02-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        assert!(!november.is_final(at("2026-12-15T00:00:00Z")));
        assert!(november.is_final(at("2026-12-16T00:00:00Z")));
    }
}
