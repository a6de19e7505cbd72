//! One source in one pass: window after window.

mod settle;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use millicent_lake::{Collection, Outcome, Replacement, Rows, Slice};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use self::settle::Settled;
use crate::collector::{Inner, Progress};
use crate::discovery::{Inventory, discover};
use crate::error::CollectError;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::schedule::due_windows;
use crate::source::Source;
use crate::summary::SourceSummary;
use crate::trouble::Trouble;
use crate::windows::Window;
use crate::{cost, metrics, traces};

/// A source that failed so often in a row is left until the next pass.
const FAILURES_IN_A_ROW: u32 = 3;

/// What stands in the place of what was read of a window before.
pub(crate) enum Data {
    /// All of it, in memory.
    Rows(Slice, Rows),
    /// More than that: written in parts, and still to be committed.
    Parts(Box<Replacement>),
}

/// What a window gave.
pub(crate) struct Collected {
    pub(crate) data: Data,
    /// What is missing in them.
    pub(crate) partial: Option<String>,
    /// A part of the window that AWS has nothing for yet.
    pub(crate) not_yet: Option<(Window, String)>,
}

impl Collected {
    /// Nothing is missing.
    pub(crate) fn whole(slice: Slice, rows: Rows) -> Self {
        Self {
            data: Data::Rows(slice, rows),
            partial: None,
            not_yet: None,
        }
    }

    /// What was written in parts.
    pub(crate) fn in_parts(parts: Replacement) -> Self {
        Self {
            data: Data::Parts(Box::new(parts)),
            partial: None,
            not_yet: None,
        }
    }
}

/// When the reading of a window began: what it brings is at least as new, however long it takes.
#[derive(Debug, Clone, Copy)]
struct Began {
    at: DateTime<Utc>,
    instant: Instant,
}

/// One source at work.
pub(crate) struct Task {
    pub(crate) inner: Arc<Inner>,
    pub(crate) source: Source,
    pub(crate) until: DateTime<Utc>,
    pub(crate) cancel: CancellationToken,
    pub(crate) progress: UnboundedSender<Progress>,
    /// What `collections` has of the source.
    pub(crate) seen: Vec<Collection>,
    pub(crate) summary: SourceSummary,
}

impl Task {
    /// A source of which that is recorded.
    pub(crate) fn new(
        inner: &Arc<Inner>,
        source: Source,
        seen: Vec<Collection>,
        until: DateTime<Utc>,
        cancel: &CancellationToken,
        progress: &UnboundedSender<Progress>,
    ) -> Task {
        Task {
            seen,
            inner: Arc::clone(inner),
            source,
            until,
            cancel: cancel.clone(),
            progress: progress.clone(),
            summary: SourceSummary::new(source),
        }
    }

    /// The windows to read now, newest first.
    pub(crate) fn windows(&self) -> Vec<Window> {
        let now = self.inner.clock.now();
        let backoff = self
            .inner
            .backoff
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        due_windows(&self.inner, self.source, &self.seen, self.until)
            .into_iter()
            .filter(|window| backoff.allows(self.source, window.from, now))
            .filter(|window| !self.waits_for_budget(window))
            .collect()
    }

    /// The window is recorded as over budget, and there is still nothing to spend.
    fn waits_for_budget(&self, window: &Window) -> bool {
        let unit = match self.source {
            Source::Discovery => return false,
            Source::Metrics(_) | Source::Histograms => Billed::Metric,
            Source::LambdaReports => Billed::LogMegabyte,
            Source::Traces => Billed::Trace,
            Source::Cost => Billed::CostRequest,
            Source::Exports => Billed::S3List,
        };
        let day = self.inner.clock.now().date_naive();
        let recorded = self
            .seen
            .iter()
            .filter(|row| row.outcome == Outcome::OverBudget)
            .map(|row| Window::new(row.ts, row.window_end));
        !self.inner.purse.affords(day, unit.price_usd()) && window.without(recorded).is_empty()
    }

    /// Every due window of a source other than discovery.
    pub(crate) async fn run(mut self, known: Knowledge) -> Result<SourceSummary, CollectError> {
        let mut windows = VecDeque::from(self.windows());
        let total = windows.len() as u64;
        self.tell(0, total, "");
        let mut in_a_row = 0;
        let mut from_the_end = false;
        while let Some(window) = next(&mut windows, from_the_end) {
            if self.cancel.is_cancelled() {
                break;
            }
            let done = total - windows.len() as u64;
            if done > 1 {
                // Another collector may have read it meanwhile.
                self.seen = self.inner.seen(self.source, self.until).await?;
                if !self.is_due(&window) {
                    self.tell(done, total, &describe(&window));
                    continue;
                }
            }
            let mark = self.inner.lake.mark().await?;
            let meter = self.meter();
            let began = self.begin();
            let result = self.collect(&known, window, &meter).await;
            let settled = self.settle(window, &meter, began, &mark, result).await?;
            self.tell(done, total, &describe(&window));
            let outcome = match settled {
                Settled::Recorded(outcome) => outcome,
                Settled::LeftToAnother => {
                    // Two that begin at the same end would meet at each window.
                    from_the_end = !from_the_end;
                    continue;
                }
            };
            in_a_row = if outcome == Outcome::Failed {
                in_a_row + 1
            } else {
                0
            };
            match outcome {
                Outcome::Denied | Outcome::OverBudget => {
                    self.record_unasked(windows.make_contiguous(), outcome)
                        .await?;
                    break;
                }
                Outcome::Throttled => break,
                Outcome::Failed if in_a_row == FAILURES_IN_A_ROW => break,
                _ => {}
            }
        }
        Ok(self.summary)
    }

    /// A part of the window is due, by what is recorded now.
    fn is_due(&self, window: &Window) -> bool {
        due_windows(&self.inner, self.source, &self.seen, self.until)
            .iter()
            .any(|due| due.overlaps(window))
    }

    /// The inventory, if it is due; else what is known.
    pub(crate) async fn run_discovery(
        mut self,
    ) -> Result<(SourceSummary, Knowledge), CollectError> {
        let known = self.inner.known_resources().await?;
        let Some(window) = self.windows().first().copied() else {
            return Ok((
                self.summary,
                Knowledge::new(Inventory::known(known), &self.inner.config.filter),
            ));
        };
        self.tell(0, 1, "");
        let meter = self.meter();
        let began = self.begin();
        let inventory = discover(&self.inner, &meter, known.clone()).await;
        let place = (&*self.inner.aws.account_id, &*self.inner.config.region);
        let mut changes = inventory.changes.clone();
        let filter = &self.inner.config.filter;
        changes.extend(filter.row(&known, &inventory.resources, place, self.inner.clock.now()));
        let changes = self.inner.lake.record_resources(changes).await?;
        let trouble = inventory.trouble();
        let attempt = self.attempt(window, &meter, began, changes as usize, trouble);
        self.record(vec![attempt]).await?;
        self.tell(
            1,
            1,
            &format!("{} resources, {changes} changed", inventory.resources.len()),
        );
        Ok((
            self.summary,
            Knowledge::new(inventory, &self.inner.config.filter),
        ))
    }

    /// Records every due window as not asked for, where the account itself can't be reached.
    pub(crate) async fn refuse(mut self, why: &Trouble) -> Result<SourceSummary, CollectError> {
        let windows = self.windows();
        let mut attempts = Vec::new();
        for window in windows {
            let meter = self.meter();
            attempts.push(self.attempt(window, &meter, self.begin(), 0, Some(why.clone())));
        }
        self.write(attempts).await?;
        Ok(self.summary)
    }

    async fn collect(
        &self,
        known: &Knowledge,
        window: Window,
        meter: &Arc<Meter>,
    ) -> Result<Collected, Trouble> {
        let inner = &self.inner;
        match self.source {
            Source::Metrics(system) => metrics::collect(inner, system, known, window, meter).await,
            Source::Histograms => metrics::histograms::collect(inner, known, window, meter).await,
            Source::LambdaReports => metrics::reports::collect(inner, known, window, meter).await,
            Source::Traces => traces::collect(inner, known, window, meter).await,
            Source::Cost => cost::collect(inner, window, meter).await,
            Source::Discovery | Source::Exports => {
                Err(Trouble::failed("this source has no windows of its own"))
            }
        }
    }

    fn begin(&self) -> Began {
        Began {
            at: self.inner.clock.now(),
            instant: Instant::now(),
        }
    }

    fn meter(&self) -> Arc<Meter> {
        let inner = &self.inner;
        Arc::new(Meter::new(
            Arc::clone(&inner.purse),
            Arc::clone(&inner.clock),
        ))
    }

    fn tell(&self, done: u64, total: u64, detail: &str) {
        // Nobody listens any more when the pass is being dropped.
        let _ = self.progress.send(Progress {
            source: self.source.name(),
            done,
            total,
            detail: detail.to_owned(),
        });
    }
}

fn next(windows: &mut VecDeque<Window>, from_the_end: bool) -> Option<Window> {
    if from_the_end {
        windows.pop_back()
    } else {
        windows.pop_front()
    }
}

fn describe(window: &Window) -> String {
    format!(
        "{} to {} UTC",
        window.from.format("%Y-%m-%d %H:%M"),
        window.to.format("%Y-%m-%d %H:%M")
    )
}
