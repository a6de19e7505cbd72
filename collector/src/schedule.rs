//! Which windows of which source are due, by the configuration.

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{Collection, Outcome};

use crate::collector::Inner;
use crate::source::{Source, System};
use crate::windows::{Scheme, Window, bill_due, due, floor, midnights_due};

/// X-Ray keeps traces for 30 days.
const TRACE_RETENTION: TimeDelta = TimeDelta::days(29);

/// The windows of a source that are due, newest first, as far as the configuration wants them.
pub(crate) fn due_windows(
    inner: &Inner,
    source: Source,
    seen: &[Collection],
    until: DateTime<Utc>,
) -> Vec<Window> {
    let windows = all_due(inner, source, seen, until);
    match inner.config.until {
        // What there is is only known of now; a bill is of whole days.
        Some(_) if source == Source::Discovery => windows,
        Some(end) if source == Source::Cost => before(windows, floor(end, TimeDelta::days(1))),
        Some(end) => before(windows, end),
        None => windows,
    }
}

/// The parts of windows that end before a time.
fn before(windows: Vec<Window>, end: DateTime<Utc>) -> Vec<Window> {
    windows
        .into_iter()
        .map(|window| Window::new(window.from, window.to.min(end)))
        .filter(|window| !window.is_empty())
        .collect()
}

fn all_due(
    inner: &Inner,
    source: Source,
    seen: &[Collection],
    until: DateTime<Utc>,
) -> Vec<Window> {
    let config = &inner.config;
    let scheme = Scheme {
        history: config.history,
        settle: config.metrics_settle,
        late: config.late,
        freshness: config.freshness,
        chunk: TimeDelta::days(config.metrics_chunk_days),
        fine: config.minute_resolution,
        live_again: true,
        partial_counts: false,
    };
    // Whole hours that nothing comes late to any more, each once.
    let settled = Scheme {
        settle: config.late,
        freshness: TimeDelta::hours(1),
        chunk: TimeDelta::days(1),
        partial_counts: true,
        ..scheme
    };
    match source {
        Source::Metrics(System::S3) => {
            let mut windows = due(&scheme, seen, until);
            let mut again = midnights_due(seen, until);
            again.retain(|hour| !windows.iter().any(|window| window.overlaps(hour)));
            windows.extend(again);
            windows
        }
        Source::Metrics(_) => due(&scheme, seen, until),
        Source::Histograms if config.histograms => due(&settled, seen, until),
        Source::LambdaReports if config.lambda_reports => due(&settled, seen, until),
        Source::Histograms | Source::LambdaReports => Vec::new(),
        Source::Traces => {
            let scheme = Scheme {
                history: config.history.min(TRACE_RETENTION),
                settle: config.traces_settle,
                chunk: TimeDelta::days(config.traces_chunk_days),
                live_again: false,
                partial_counts: true,
                ..scheme
            };
            due(&scheme, seen, until)
        }
        // What is due is told by the manifests.
        Source::Exports => Vec::new(),
        Source::Cost => bill_due(config.history, config.cost_every, seen, until)
            .into_iter()
            .collect(),
        Source::Discovery => discovery_due(config.discovery_every, seen, until)
            .into_iter()
            .collect(),
    }
}

/// An inventory speaks for the time since the last whole one; as long as there was none, since the
/// first that was tried.
fn discovery_due(every: TimeDelta, seen: &[Collection], until: DateTime<Utc>) -> Option<Window> {
    let until = crate::windows::floor(until, TimeDelta::seconds(1));
    let last = seen
        .iter()
        .filter(|row| row.outcome == Outcome::Complete)
        .map(|row| row.window_end)
        .max();
    let first_tried = || {
        let tried = seen.iter().map(|row| row.ts).min();
        tried.unwrap_or(until).min(until - every)
    };
    let from = last.unwrap_or_else(first_tried);
    (last.is_none() || until - from >= every).then(|| Window::new(from, until))
}
