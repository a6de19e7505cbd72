//! An account that can't be reached: when it is tried again, and what it misses until then.

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::Outcome;

use super::{Place, PlaceSummary, Unreached};
use crate::collector::Collector;
use crate::error::CollectError;

/// First wait before an account is tried again; each further one is twice as long.
pub(super) const FIRST_WAIT: TimeDelta = TimeDelta::minutes(5);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// Failures in a row, why, and when the next try is due.
#[derive(Clone, Default)]
pub(super) struct Waiting {
    tries: u32,
    pub(super) next: Option<DateTime<Utc>>,
    unreached: Option<Unreached>,
    /// Collectors that only record what is missed.
    pub(super) absent: Vec<(Place, Collector)>,
}

impl Waiting {
    /// Notes a try that failed.
    pub(super) fn failed(&mut self, why: Unreached, now: DateTime<Utc>) {
        let wait = FIRST_WAIT * 2i32.pow(self.tries.min(10));
        self.tries += 1;
        self.next = Some(now + wait.min(LONGEST_WAIT));
        self.unreached = Some(why);
    }

    /// Why it was not reached.
    pub(super) fn why(&self) -> Unreached {
        self.unreached.clone().unwrap_or(Unreached {
            outcome: Outcome::Failed,
            message: "not tried yet".to_owned(),
        })
    }

    /// Records in `collections` what the account misses.
    pub(super) async fn record(
        &self,
        until: DateTime<Utc>,
    ) -> Result<Vec<PlaceSummary>, CollectError> {
        let why = self.why();
        let mut places = Vec::new();
        for (place, collector) in &self.absent {
            places.push(PlaceSummary {
                place: place.clone(),
                unreached: Some(why.clone()),
                pass: collector.record_absent(until, &why).await?,
            });
        }
        Ok(places)
    }
}
