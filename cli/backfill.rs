//! A part of the past that is collected on request: from when until when, and whether its price is
//! meant.

use std::io::{self, BufRead, IsTerminal, Write};

use chrono::{DateTime, DurationRound, NaiveDate, NaiveTime, TimeDelta, Utc};
use millicent_collector::EstatePlan;
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::failure::Usage;

/// Who spends more than this, in dollars, is asked first.
const ASK_ABOVE: Decimal = Decimal::ONE;
/// CloudWatch keeps metrics no longer.
const OLDEST: TimeDelta = TimeDelta::days(455);

/// From when until when, in full hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Span {
    /// Lengths of time, like `14d`, or dates, like `2026-11-01`.
    ///
    /// # Errors
    /// Neither, an end before its start, or a time that AWS keeps nothing of.
    pub(crate) fn parse(
        since: Option<&str>,
        until: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Span, Usage> {
        let since = since.map(|text| time("--since", text, now)).transpose()?;
        let until = until.map(|text| time("--until", text, now)).transpose()?;
        if since.is_some_and(|since| since < now - OLDEST) {
            let oldest = (now - OLDEST).format("%Y-%m-%d");
            return Err(Usage(format!(
                "--since goes further back than AWS keeps metrics: 455 days, until {oldest}"
            )));
        }
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Usage(format!(
                "--until {} is not after --since {}",
                until.format("%Y-%m-%d %H:%M UTC"),
                since.format("%Y-%m-%d %H:%M UTC")
            )));
        }
        Ok(Span { since, until })
    }
}

/// The full hour that a length of time before now, or a date, begins in.
fn time(option: &str, text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Usage> {
    let wrong = || {
        Usage(format!(
            "{option} {text}: expected a time in the past like 36h or 14d, or a date like 2026-11-01"
        ))
    };
    let ago = config::duration(text).and_then(|length| TimeDelta::from_std(length).ok());
    let date = || text.parse::<NaiveDate>().ok();
    let at = match ago {
        Some(ago) => now.checked_sub_signed(ago),
        None => date().map(|date| date.and_time(NaiveTime::MIN).and_utc()),
    };
    let at = at.or_else(|| text.parse::<DateTime<Utc>>().ok());
    let hour = at.and_then(|at| at.duration_trunc(TimeDelta::hours(1)).ok());
    hour.filter(|at| *at < now).ok_or_else(wrong)
}

/// What to do about a price.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Go,
    Ask(String),
    Refuse(String),
}

/// True if what is planned may be spent: because it is little, or because who sits there says so.
///
/// # Errors
/// It is not little, and nobody is there to be asked.
pub(crate) async fn agreed(plan: &EstatePlan, cancel: &CancellationToken) -> anyhow::Result<bool> {
    let left = plan
        .budget_usd_per_day
        .map(|budget| budget - plan.spent_today_usd);
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    match judge(plan.cost_usd(), left, somebody) {
        Answer::Go => Ok(true),
        Answer::Refuse(why) => Err(Usage(why).into()),
        Answer::Ask(question) => {
            let mut out = io::stderr().lock();
            write!(out, "{question} [y/N] ")?;
            out.flush()?;
            drop(out);
            let answer = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line).map(|_| line)
            });
            tokio::select! {
                () = cancel.cancelled() => Ok(false),
                answer = answer => Ok(is_yes(&answer??)),
            }
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// `left` is what the day's budget has left.
fn judge(cost: Decimal, left: Option<Decimal>, somebody: bool) -> Answer {
    let usd = |amount: Decimal| format!("${}", amount.round_dp(2));
    let beyond = left.filter(|left| cost > *left);
    let why = match beyond {
        Some(left) => format!(
            "This costs about {} of AWS's money, and the day's budget has {} left: it would stop there and go on \
             after 00:00 UTC each day",
            usd(cost),
            usd(left.max(Decimal::ZERO))
        ),
        None if cost > ASK_ABOVE && (somebody || left.is_none()) => {
            format!("This costs about {} at AWS's list price", usd(cost))
        }
        None => return Answer::Go,
    };
    if somebody {
        return Answer::Ask(format!("{why}. Collect it?"));
    }
    Answer::Refuse(format!(
        "{why}. Nobody is here to be asked: add --yes if that is meant, or set budget_usd_per_day"
    ))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 24, 12, 34, 56).unwrap()
    }

    fn at(day: u32, hour: u32) -> Option<DateTime<Utc>> {
        Some(Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap())
    }

    #[test]
    fn a_span_is_of_lengths_or_dates_in_full_hours() {
        let parse = |since, until| Span::parse(since, until, now()).unwrap();
        let span = parse(Some("14d"), None);
        assert_eq!((span.since, span.until), (at(10, 12), None));
        let span = parse(Some("2026-11-01"), Some("2026-11-03T05:30:00Z"));
        assert_eq!((span.since, span.until), (at(1, 0), at(3, 5)));
        let span = parse(None, Some("36h"));
        assert_eq!((span.since, span.until), (None, at(23, 0)));
    }

    #[test]
    fn a_span_that_cannot_be_is_refused_with_what_can() {
        let refused = |since, until| Span::parse(since, until, now()).unwrap_err().to_string();
        assert!(refused(Some("yesterday"), None).contains("14d"));
        assert!(refused(Some("2026-11-31"), None).contains("2026-11-01"));
        assert!(refused(Some("2027-01-01"), None).contains("in the past"));
        assert!(refused(Some("500d"), None).contains("455 days"));
        let message = refused(Some("2d"), Some("3d"));
        assert!(
            message.contains("2026-11-21 12:00 UTC is not after"),
            "{message}"
        );
    }

    #[test]
    fn who_is_there_is_asked_and_who_is_not_is_refused() {
        let (little, much) = (Decimal::new(5, 1), Decimal::from(3));
        let asked = |cost, left, somebody| match judge(cost, left, somebody) {
            Answer::Go => "go",
            Answer::Ask(_) => "ask",
            Answer::Refuse(_) => "refuse",
        };
        assert_eq!(asked(little, None, true), "go");
        assert_eq!(asked(little, None, false), "go");
        assert_eq!(asked(much, None, true), "ask");
        assert_eq!(asked(much, None, false), "refuse");
        // A budget that has room says that it is meant.
        assert_eq!(asked(much, Some(Decimal::TEN), false), "go");
        assert_eq!(asked(much, Some(Decimal::TEN), true), "ask");
        assert_eq!(asked(little, Some(Decimal::ZERO), true), "ask");
        assert_eq!(asked(little, Some(-Decimal::ONE), false), "refuse");
        let Answer::Refuse(why) = judge(much, Some(Decimal::ONE), false) else {
            panic!()
        };
        for word in ["$3", "budget has $1 left", "--yes"] {
            assert!(why.contains(word), "{why}");
        }
        assert!(is_yes(" Y\n") && is_yes("yes\n") && !is_yes("\n") && !is_yes("no\n"));
    }
}
