//! When what went wrong is tried again. Kept in memory only: whoever starts Millicent anew, after
//! having granted a permission for example, has it tried at once.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::Outcome;

use crate::source::Source;

/// Longest wait, and the wait of what is denied from the start.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// A window by its start; `None` for the whole source, which a denial or a throttle stops.
type What = (Source, Option<DateTime<Utc>>);

/// Failures in a row, and when the next try is due.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: HashMap<What, (u32, DateTime<Utc>)>,
}

impl Backoff {
    /// True when the window may be tried.
    pub(crate) fn allows(&self, source: Source, from: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        [None, Some(from)].into_iter().all(|key| {
            self.tries
                .get(&(source, key))
                .is_none_or(|(_, next)| now >= *next)
        })
    }

    /// Notes what a window came to. `step` is the first wait; each further one is twice as long.
    pub(crate) fn note(
        &mut self,
        source: Source,
        from: DateTime<Utc>,
        outcome: Outcome,
        now: DateTime<Utc>,
        step: TimeDelta,
    ) {
        let key = match outcome {
            Outcome::Complete => {
                self.tries.remove(&(source, None));
                self.tries.remove(&(source, Some(from)));
                return;
            }
            // The budget itself says when it goes on.
            Outcome::OverBudget => return,
            Outcome::Denied | Outcome::Throttled => None,
            Outcome::Failed | Outcome::Partial => Some(from),
        };
        self.tries
            .retain(|_, (_, next)| now - *next < TimeDelta::days(1));
        let (failures, next) = self.tries.entry((source, key)).or_insert((0, now));
        let wait = step * 2i32.pow((*failures).min(10));
        *failures += 1;
        *next = now
            + match outcome {
                Outcome::Denied => LONGEST,
                _ => wait.min(LONGEST),
            };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: TimeDelta = TimeDelta::minutes(5);

    #[test]
    fn waits_double_up_to_an_hour_and_end_with_a_success() {
        let mut backoff = Backoff::default();
        let from = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut now = from;
        for minutes in [5, 10, 20, 40, 60, 60] {
            backoff.note(Source::Traces, from, Outcome::Failed, now, STEP);
            let next = now + TimeDelta::minutes(minutes);
            assert!(!backoff.allows(Source::Traces, from, next - TimeDelta::seconds(1)));
            assert!(backoff.allows(Source::Traces, from, next));
            now = next;
        }
        let other = from + TimeDelta::hours(1);
        assert!(backoff.allows(Source::Traces, other, from));
        backoff.note(Source::Traces, from, Outcome::Complete, now, STEP);
        assert!(backoff.allows(Source::Traces, from, now));
    }

    #[test]
    fn a_denial_stops_the_source_for_an_hour_and_no_other() {
        let mut backoff = Backoff::default();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        backoff.note(Source::Cost, now, Outcome::Denied, now, STEP);
        let later = now + TimeDelta::minutes(59);
        assert!(!backoff.allows(Source::Cost, later, later));
        assert!(backoff.allows(Source::Traces, later, later));
        assert!(backoff.allows(Source::Cost, later, now + LONGEST));
    }
}
