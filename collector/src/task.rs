//! One source in one pass: window after window, collect → replace the data → record what it came
//! to, in this order, so that a crash between two of them costs a window's time and nothing else.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use millicent_lake::{Collection, Outcome, Rows, Slice, Table};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::collector::{Inner, Progress};
use crate::coverage::merge;
use crate::discovery::{Inventory, discover};
use crate::error::CollectError;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::schedule::due_windows;
use crate::source::Source;
use crate::summary::{Incident, SourceSummary};
use crate::trouble::Trouble;
use crate::windows::Window;
use crate::{cost, metrics, traces};

/// A source that failed so often in a row is left until the next pass.
const FAILURES_IN_A_ROW: u32 = 3;

/// What a window gave.
pub(crate) struct Collected {
    /// What the rows replace.
    pub(crate) slice: Slice,
    pub(crate) rows: Rows,
    /// What is missing in them.
    pub(crate) partial: Option<String>,
    /// A part of the window that AWS has nothing for yet.
    pub(crate) not_yet: Option<(Window, String)>,
}

impl Collected {
    /// Nothing is missing.
    pub(crate) fn whole(slice: Slice, rows: Rows) -> Self {
        Self {
            slice,
            rows,
            partial: None,
            not_yet: None,
        }
    }
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
    /// Reads what is recorded of the source.
    pub(crate) async fn prepare(
        inner: &Arc<Inner>,
        source: Source,
        until: DateTime<Utc>,
        cancel: &CancellationToken,
        progress: &UnboundedSender<Progress>,
    ) -> Result<Task, CollectError> {
        Ok(Task {
            seen: inner.seen(source, until).await?,
            inner: Arc::clone(inner),
            source,
            until,
            cancel: cancel.clone(),
            progress: progress.clone(),
            summary: SourceSummary::new(source),
        })
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
            Source::Metrics(_) => Billed::Metric,
            Source::Traces => Billed::Trace,
            Source::Cost => Billed::CostRequest,
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
        let windows = self.windows();
        let total = windows.len() as u64;
        self.tell(0, total, "");
        let mut in_a_row = 0;
        for (at, window) in windows.iter().enumerate() {
            if self.cancel.is_cancelled() {
                break;
            }
            let meter = self.meter();
            let started = Instant::now();
            let result = self.collect(&known, *window, &meter).await;
            let outcome = self.settle(*window, &meter, started, result).await?;
            self.tell(at as u64 + 1, total, &describe(window));
            in_a_row = if outcome == Outcome::Failed {
                in_a_row + 1
            } else {
                0
            };
            let rest = &windows[at + 1..];
            match outcome {
                Outcome::Denied | Outcome::OverBudget => {
                    self.record_unasked(rest, outcome).await?;
                    break;
                }
                Outcome::Throttled => break,
                Outcome::Failed if in_a_row == FAILURES_IN_A_ROW => break,
                _ => {}
            }
        }
        Ok(self.summary)
    }

    /// The inventory, if it is due; else what is known.
    pub(crate) async fn run_discovery(
        mut self,
    ) -> Result<(SourceSummary, Knowledge), CollectError> {
        let known = self.inner.known_resources().await?;
        let Some(window) = self.windows().first().copied() else {
            return Ok((self.summary, Knowledge::new(Inventory::known(known))));
        };
        self.tell(0, 1, "");
        let meter = self.meter();
        let started = Instant::now();
        let inventory = discover(&self.inner, &meter, known).await;
        let changes = inventory.changes.len();
        if changes > 0 {
            self.inner
                .lake
                .append(Rows::Resources(inventory.changes.clone()))
                .await?;
        }
        let attempt = self.attempt(window, &meter, started, changes, inventory.trouble());
        self.record(vec![attempt]).await?;
        self.tell(
            1,
            1,
            &format!("{} resources, {changes} changed", inventory.resources.len()),
        );
        Ok((self.summary, Knowledge::new(inventory)))
    }

    /// Records every due window as not asked for, where the account itself can't be reached.
    pub(crate) async fn refuse(mut self, why: &Trouble) -> Result<SourceSummary, CollectError> {
        let windows = self.windows();
        let mut attempts = Vec::new();
        for window in windows {
            let meter = self.meter();
            attempts.push(self.attempt(window, &meter, Instant::now(), 0, Some(why.clone())));
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
            Source::Metrics(system) => {
                metrics::collect(inner, system, known, window, meter).await
            }
            Source::Traces => traces::collect(inner, &known.routes, window, meter).await,
            Source::Cost => cost::collect(inner, window, meter).await,
            Source::Discovery => Err(Trouble::failed("discovery has no windows of its own")),
        }
    }

    /// Writes what a window gave, and what it came to.
    async fn settle(
        &mut self,
        window: Window,
        meter: &Meter,
        started: Instant,
        result: Result<Collected, Trouble>,
    ) -> Result<Outcome, CollectError> {
        let mut attempts = Vec::new();
        let outcome = match result {
            Ok(collected) => {
                let rows = self
                    .inner
                    .lake
                    .replace(&collected.slice, collected.rows)
                    .await?;
                let (whole, not_yet) = match collected.not_yet {
                    Some((late, why)) => (Window::new(window.from, late.from), Some((late, why))),
                    None => (window, None),
                };
                let partial = |message| Trouble {
                    outcome: Outcome::Partial,
                    message,
                };
                let trouble = collected.partial.map(partial);
                let outcome = trouble.as_ref().map_or(Outcome::Complete, |t| t.outcome);
                let attempt = self.attempt(whole, meter, started, rows as usize, trouble);
                if let Some((late, why)) = not_yet {
                    let mut waiting = self.attempt(late, &self.meter(), started, 0, None);
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
                    attempts.push(attempt);
                }
                outcome
            }
            Err(trouble) => {
                let outcome = trouble.outcome;
                attempts.push(self.attempt(window, meter, started, 0, Some(trouble)));
                outcome
            }
        };
        self.record(attempts).await?;
        Ok(outcome)
    }

    /// What could not be asked for after a denial or at the end of the budget is not merely "not
    /// yet": it is recorded as such, in one commit.
    async fn record_unasked(
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
            let mut attempt = self.attempt(*window, &meter, Instant::now(), 0, None);
            attempt.outcome = outcome;
            attempt.error = Some(message.to_owned());
            attempts.push(attempt);
        }
        self.write(attempts).await
    }

    fn attempt(
        &self,
        window: Window,
        meter: &Meter,
        started: Instant,
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
            elapsed_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
            collected_at: self.inner.clock.now(),
        }
    }

    /// Counts the attempts, tells of those that went wrong, and writes them.
    async fn record(&mut self, attempts: Vec<Collection>) -> Result<(), CollectError> {
        for attempt in &attempts {
            self.summary.count(attempt);
            let now = attempt.collected_at;
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

    async fn write(&mut self, attempts: Vec<Collection>) -> Result<(), CollectError> {
        let mut hull: Option<Window> = None;
        for attempt in &attempts {
            let merged = merge(attempt, &self.seen);
            let slice = merged.slice;
            self.seen
                .retain(|row| row.ts < slice.from || row.ts >= slice.to);
            self.seen.extend(merged.rows);
            hull = Some(hull.map_or(slice, |hull| {
                Window::new(hull.from.min(slice.from), hull.to.max(slice.to))
            }));
        }
        let Some(hull) = hull else { return Ok(()) };
        let inside = |row: &&Collection| row.ts >= hull.from && row.ts < hull.to;
        let rows: Vec<Collection> = self.seen.iter().filter(inside).cloned().collect();
        let slice = Slice {
            table: Table::Collections,
            equal: vec![
                ("source", self.source.name().to_owned()),
                ("account_id", self.inner.aws.account_id.clone()),
                ("region", self.inner.region_of(self.source).to_owned()),
            ],
            from: hull.from,
            to: hull.to,
        };
        self.inner
            .lake
            .replace(&slice, Rows::Collections(rows))
            .await?;
        Ok(())
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

fn describe(window: &Window) -> String {
    format!(
        "{} to {} UTC",
        window.from.format("%Y-%m-%d %H:%M"),
        window.to.format("%Y-%m-%d %H:%M")
    )
}
