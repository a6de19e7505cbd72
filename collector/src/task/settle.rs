//! What a window gave goes into the lake, and then what it came to into `collections`, so that a crash
//! between the two costs a window's time and nothing else.
//!
//! Several collectors may read the same time at once, and none waits for another. Three rules keep
//! what is recorded true of what is stored, whoever is interrupted where:
//!
//! 1. Data is replaced only if nobody replaced any of it since before the reading began. So what is
//!    stored last was read last, and an older reading is thrown away.
//! 2. Who brings less than everything takes back what `collections` claims before touching the data,
//!    and says what it came to afterwards.
//! 3. A row that another wrote since before the reading began is not replaced by one that brings data.
//!    It may be the word of rule 2, of data that is newer.

use std::sync::PoisonError;

use millicent_lake::{Collection, Mark, Outcome, Slice, Table};
use uuid::Uuid;

use super::{Began, Collected, Data, Task};
use crate::coverage::{apply, charge, merge, span};
use crate::error::CollectError;
use crate::meter::Meter;
use crate::summary::Incident;
use crate::trouble::Trouble;
use crate::windows::Window;

/// What became of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is recorded as this.
    Recorded(Outcome),
    /// Another collector wrote the same time first.
    LeftToAnother,
}

impl Task {
    /// Writes what a window gave, and what it came to. The mark is from before it was read.
    pub(super) async fn settle(
        &mut self,
        window: Window,
        meter: &Meter,
        began: Began,
        mark: &Mark,
        result: Result<Collected, Trouble>,
    ) -> Result<Settled, CollectError> {
        let collected = match result {
            Ok(collected) => collected,
            Err(trouble) => {
                let outcome = trouble.outcome;
                let attempt = self.attempt(window, meter, began, 0, Some(trouble));
                self.record(vec![attempt]).await?;
                return Ok(Settled::Recorded(outcome));
            }
        };
        if collected.partial.is_some() {
            self.take_back(window).await?;
        }
        let lake = &self.inner.lake;
        let replaced = match collected.data {
            Data::Rows(slice, rows) => lake.replace_since(mark, &slice, rows).await?,
            Data::Parts(parts) => parts.commit_since(mark).await?,
        };
        let Some(rows) = replaced else {
            self.leave_to_another(window, meter, began).await?;
            return Ok(Settled::LeftToAnother);
        };
        let partial = |message| Trouble {
            outcome: Outcome::Partial,
            message,
        };
        let trouble = collected.partial.map(partial);
        let outcome = trouble.as_ref().map_or(Outcome::Complete, |t| t.outcome);
        let whole = match &collected.not_yet {
            Some((late, _)) => Window::new(window.from, late.from),
            None => window,
        };
        let attempt = self.attempt(whole, meter, began, rows as usize, trouble);
        if let Some((late, why)) = collected.not_yet {
            let mut waiting = self.attempt(late, &self.meter(), began, 0, None);
            waiting.outcome = Outcome::Partial;
            waiting.error = Some(why);
            if whole.is_empty() {
                waiting.calls = attempt.calls;
                waiting.billed_units = attempt.billed_units;
                waiting.cost_usd = attempt.cost_usd;
                self.summary.count(&waiting);
            }
            // Expected, and so no incident.
            self.write(vec![waiting]).await?;
        }
        if !whole.is_empty() {
            self.record(vec![attempt]).await?;
        }
        Ok(Settled::Recorded(outcome))
    }

    /// Takes back what is claimed of a window, as long as its data is being replaced by less than
    /// everything. Who finds it so reads the window again at once, however old it is. Each such word
    /// is told apart from every other, or rule 3 would take a new one for one that was seen.
    async fn take_back(&mut self, window: Window) -> Result<(), CollectError> {
        let message = format!(
            "a collector ended while it wrote this time; it is read again (write {})",
            Uuid::new_v4().as_simple()
        );
        let why = Trouble {
            outcome: Outcome::Partial,
            message,
        };
        let mut claim = self.attempt(window, &self.meter(), self.begin(), 0, Some(why));
        claim.collected_at = claim.collected_at.min(window.to);
        self.update(window, |rows| {
            apply(rows, window, |rows| merge(&claim, rows, rows))
        })
        .await
    }

    /// What it cost is counted; what came of the window is the other's to say.
    async fn leave_to_another(
        &mut self,
        window: Window,
        meter: &Meter,
        began: Began,
    ) -> Result<(), CollectError> {
        let why = Trouble::failed("another collector wrote this time at the same moment");
        let attempt = self.attempt(window, meter, began, 0, Some(why));
        self.summary.count(&attempt);
        tracing::info!(
            source = attempt.source, from = %window.from, to = %window.to,
            "another collector wrote this window first, and it is left to that one"
        );
        self.update(window, |rows| {
            apply(rows, window, |rows| charge(&attempt, rows))
        })
        .await
    }

    /// What could not be asked for after a denial or at the end of the budget is not merely "not
    /// yet": it is recorded as such, in one commit.
    pub(super) async fn record_unasked(
        &mut self,
        windows: &[Window],
        outcome: Outcome,
    ) -> Result<(), CollectError> {
        let message = match outcome {
            Outcome::Denied => "not asked for: a later window of this source was denied",
            _ => "not asked for: the day's budget for Millicent's own AWS calls is spent",
        };
        let mut attempts = Vec::new();
        for window in windows {
            let meter = self.meter();
            let mut attempt = self.attempt(*window, &meter, self.begin(), 0, None);
            attempt.outcome = outcome;
            attempt.error = Some(message.to_owned());
            attempts.push(attempt);
        }
        self.write(attempts).await
    }

    pub(super) fn attempt(
        &self,
        window: Window,
        meter: &Meter,
        began: Began,
        rows: usize,
        trouble: Option<Trouble>,
    ) -> Collection {
        Collection {
            source: self.source.name().to_owned(),
            account_id: self.inner.aws.account_id.clone(),
            region: self.inner.region_of(self.source).to_owned(),
            ts: window.from,
            window_end: window.to,
            outcome: trouble.as_ref().map_or(Outcome::Complete, |t| t.outcome),
            rows: rows as i64,
            calls: meter.calls(),
            billed_units: meter.units(),
            cost_usd: meter.cost_usd(),
            error: trouble.map(|t| t.message),
            elapsed_ms: i64::try_from(began.instant.elapsed().as_millis()).unwrap_or(i64::MAX),
            collected_at: began.at,
        }
    }

    /// Counts the attempts, tells of those that went wrong, and writes them.
    pub(super) async fn record(&mut self, attempts: Vec<Collection>) -> Result<(), CollectError> {
        for attempt in &attempts {
            self.summary.count(attempt);
            let now = self.inner.clock.now();
            self.inner
                .backoff
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(
                    self.source,
                    attempt.ts,
                    attempt.outcome,
                    now,
                    self.inner.config.freshness,
                );
            let (from, to) = (attempt.ts, attempt.window_end);
            match &attempt.error {
                None => tracing::debug!(
                    source = attempt.source, %from, %to,
                    rows = attempt.rows, calls = attempt.calls, cost_usd = %attempt.cost_usd,
                    elapsed_ms = attempt.elapsed_ms,
                    "window collected"
                ),
                Some(error) => {
                    tracing::warn!(
                        source = attempt.source, %from, %to,
                        outcome = ?attempt.outcome, calls = attempt.calls,
                        elapsed_ms = attempt.elapsed_ms, error,
                        "window not collected whole"
                    );
                    self.summary.incidents.push(Incident {
                        window: Window::new(from, to),
                        outcome: attempt.outcome,
                        message: error.clone(),
                    });
                }
            }
        }
        self.write(attempts).await
    }

    /// Joins attempts with what `collections` has, in one commit.
    pub(super) async fn write(&mut self, attempts: Vec<Collection>) -> Result<(), CollectError> {
        let hull = attempts
            .iter()
            .map(span)
            .reduce(|hull, window| Window::new(hull.from.min(window.from), hull.to.max(window.to)));
        let Some(hull) = hull else { return Ok(()) };
        let seen = self.seen.clone();
        self.update(hull, |rows| {
            attempts.iter().fold(rows, |rows, attempt| {
                apply(rows, span(attempt), |rows| merge(attempt, rows, &seen))
            })
        })
        .await
    }

    /// Changes the source's rows that overlap the window, on top of what stands in the lake.
    async fn update(
        &mut self,
        window: Window,
        change: impl Fn(Vec<Collection>) -> Vec<Collection> + Send + Sync,
    ) -> Result<(), CollectError> {
        let slice = Slice {
            table: Table::Collections,
            equal: vec![
                ("source", self.source.name().to_owned()),
                ("account_id", self.inner.aws.account_id.clone()),
                ("region", self.inner.region_of(self.source).to_owned()),
            ],
            from: window.from,
            to: window.to,
        };
        let rows = self.inner.lake.update_collections(&slice, change).await?;
        self.seen.retain(|row| !span(row).overlaps(&window));
        self.seen.extend(rows);
        Ok(())
    }
}
