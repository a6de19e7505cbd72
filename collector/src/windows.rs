//! Which windows are due: pure functions of what `collections` says and of the time.
//!
//! Time is cut in two. The *settled* part, up to the last full hour that nothing comes late to any
//! more, is read in windows of whole hours: a day or more each in the history, an hour each once
//! caught up. Its windows count as done only when they were read after they had settled. The *live*
//! part after it is read at the freshness cadence and counts as done once read; when its hour has
//! settled, the hour is read again whole and replaces the pieces. Newest windows come first: who
//! starts Millicent wants to see today, and the history fills in behind it.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use millicent_lake::{Collection, Outcome};

/// A half-open span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Inclusive.
    pub from: DateTime<Utc>,
    /// Exclusive.
    pub to: DateTime<Utc>,
}

impl Window {
    /// `[from, to)`.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { from, to }
    }

    /// True when nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }

    /// Its length.
    pub fn length(&self) -> TimeDelta {
        self.to - self.from
    }

    /// True when the instant is in it.
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }

    /// True when they share an instant.
    pub fn overlaps(&self, other: &Window) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// What is left of it without the others, in order.
    pub fn without(&self, others: impl IntoIterator<Item = Window>) -> Vec<Window> {
        let mut others: Vec<Window> = others.into_iter().filter(|o| o.overlaps(self)).collect();
        others.sort();
        let mut left = Vec::new();
        let mut at = self.from;
        for other in others {
            if at < other.from {
                left.push(Window::new(at, other.from));
            }
            at = at.max(other.to);
        }
        if at < self.to {
            left.push(Window::new(at, self.to));
        }
        left
    }

    /// Cut where `step` divides the time since the epoch.
    pub fn split(&self, step: TimeDelta) -> Vec<Window> {
        let mut pieces = Vec::new();
        let mut at = self.from;
        while at < self.to {
            let next = (floor(at, step) + step).min(self.to);
            pieces.push(Window::new(at, next));
            at = next;
        }
        pieces
    }
}

/// How a source cuts its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// How far back it goes.
    pub history: TimeDelta,
    /// Age of a minute when it is first asked for.
    pub settle: TimeDelta,
    /// Age of an hour when nothing comes late to it any more.
    pub late: TimeDelta,
    /// Step of the live part; divides an hour.
    pub freshness: TimeDelta,
    /// Longest window of the settled part, in whole days.
    pub chunk: TimeDelta,
    /// Windows that begin before this age don't go past it, so that one resolution fits all of a
    /// window.
    pub fine: TimeDelta,
    /// Reads the whole live part whenever a step of it is new. For metrics this costs nothing
    /// (the call is billed, not the time that it spans) and picks up what came late.
    pub live_again: bool,
    /// A partial window counts as done between its retries; see [`partial_retry_at`].
    pub partial_counts: bool,
}

/// The windows that are due, newest first. They don't overlap.
pub fn due(scheme: &Scheme, seen: &[Collection], now: DateTime<Utc>) -> Vec<Window> {
    let hour = TimeDelta::hours(1);
    let start = floor(now - scheme.history, hour);
    let settled = floor(now - scheme.late, hour).max(start);
    let live = floor(now - scheme.settle, scheme.freshness).max(settled);
    let fine = floor(now - scheme.fine, hour);

    let counting: Vec<&Collection> = seen.iter().filter(|c| counts(scheme, c, now)).collect();
    let done = counting.iter().map(|c| {
        let read_settled = floor(c.window_end.min(c.collected_at - scheme.late), hour);
        Window::new(ceil(c.ts, hour), read_settled)
    });
    let mut windows: Vec<Window> = Window::new(start, settled)
        .without(done.filter(|w| !w.is_empty()))
        .into_iter()
        .flat_map(|hole| hole.split(scheme.chunk))
        .flat_map(|hole| [hole.clamp_to(hole.from, fine), hole.clamp_to(fine, hole.to)])
        .filter(|w| !w.is_empty())
        .collect();

    let live_part = Window::new(settled, live);
    let holes = live_part.without(counting.iter().map(|c| Window::new(c.ts, c.window_end)));
    if scheme.live_again && !holes.is_empty() {
        windows.push(live_part);
    } else {
        windows.extend(holes);
    }
    windows.sort_by(|a, b| b.cmp(a));
    windows
}

impl Window {
    fn clamp_to(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Window {
        Window::new(self.from.max(from), self.to.min(to))
    }
}

fn counts(scheme: &Scheme, seen: &Collection, now: DateTime<Utc>) -> bool {
    match seen.outcome {
        Outcome::Complete => true,
        Outcome::Partial => scheme.partial_counts && now < partial_retry_at(seen, scheme.fine),
        _ => false,
    }
}

/// When a window that AWS gave only a part of is asked for again: after half of its age, at least
/// 15 minutes; and no more once it is older than `until`, when what is missing stays missing.
pub fn partial_retry_at(seen: &Collection, until: TimeDelta) -> DateTime<Utc> {
    let age = seen.collected_at - seen.window_end;
    if age > until {
        return DateTime::<Utc>::MAX_UTC;
    }
    seen.collected_at + (age / 2).max(TimeDelta::minutes(15))
}

/// The shortest period, in seconds, that CloudWatch still has for a window, and that is worth its
/// rows: by the minute within `fine`, else by five minutes, by the hour after 63 days.
pub fn period_s(window: &Window, now: DateTime<Utc>, fine: TimeDelta) -> i32 {
    let margin = TimeDelta::hours(1); // The call comes later than the plan.
    if window.from < now - TimeDelta::days(63) + margin {
        3_600
    } else if window.from < floor(now - fine, TimeDelta::hours(1))
        || window.from < now - TimeDelta::days(15) + margin
    {
        300
    } else {
        60
    }
}

/// How long a daily value may come after its midnight.
const DAYS_LATE: TimeDelta = TimeDelta::days(3);
/// How long one that may still come is left.
const DAILY_AGAIN: TimeDelta = TimeDelta::hours(8);

/// The hours of the last midnights that are to be read again: a daily value has the time of its
/// midnight, and is published up to days later. Each was read before; what was not is due anyway.
pub fn midnights_due(seen: &[Collection], now: DateTime<Utc>) -> Vec<Window> {
    let today = midnight(now.date_naive());
    (0..=4)
        .map(|days| today - TimeDelta::days(days))
        .map(|midnight| Window::new(midnight, midnight + TimeDelta::hours(1)))
        .filter(|hour| {
            let read = seen
                .iter()
                .filter(|c| c.outcome == Outcome::Complete)
                .filter(|c| c.ts <= hour.from && c.window_end >= hour.to)
                .map(|c| c.collected_at)
                .max();
            read.is_some_and(|read| read < hour.from + DAYS_LATE && now - read >= DAILY_AGAIN)
        })
        .collect()
}

/// The days of the bill to ask for, as one window: a request costs the same for one day as for a
/// month.
///
/// Never asked for: today, whose bill is hours behind. The last three days count as read for
/// `every`; the rest of what AWS may still restate, which is the open month and until the 15th the
/// one before, for a day; what is older, for ever.
pub fn bill_due(
    history: TimeDelta,
    every: TimeDelta,
    seen: &[Collection],
    now: DateTime<Utc>,
) -> Option<Window> {
    let today = now.date_naive();
    let month = first_of_month(today);
    let open = if today.day() <= 15 {
        first_of_month(month - Days::new(1))
    } else {
        month
    };
    let start = first_of_month((now - history).date_naive());
    let recent = today - Days::new(3);

    let needed: Vec<NaiveDate> = start
        .iter_days()
        .take_while(|day| *day < today)
        .filter(|day| {
            let window = Window::new(midnight(*day), midnight(*day + Days::new(1)));
            let read = seen
                .iter()
                .filter(|c| matches!(c.outcome, Outcome::Complete | Outcome::Partial))
                .filter(|c| Window::new(c.ts, c.window_end).overlaps(&window))
                .map(|c| c.collected_at)
                .max();
            let keeps = if *day >= recent {
                every
            } else if *day >= open {
                every.max(TimeDelta::days(1))
            } else {
                return read.is_none();
            };
            read.is_none_or(|read| now - read >= keeps)
        })
        .collect();
    let (first, last) = (needed.first()?, needed.last()?);
    Some(Window::new(
        midnight(*first),
        midnight(*last + Days::new(1)),
    ))
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.day0()))
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The last multiple of `step` since the epoch that is not after `at`.
pub fn floor(at: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    let step = step.num_seconds().max(1);
    let seconds = at.timestamp().div_euclid(step) * step;
    DateTime::from_timestamp(seconds, 0).unwrap_or(at)
}

/// The first multiple of `step` since the epoch that is not before `at`.
pub(crate) fn ceil(at: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    let down = floor(at, step);
    if down == at { at } else { down + step }
}
