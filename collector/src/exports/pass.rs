//! Exports in a pass: what is there, what of it is new, and what reading it came to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use millicent_lake::{Collection, Outcome, Slice, Table};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::ExportConfig;
use super::known::Known;
use super::load::{LoadError, Loaded, load};
use super::period::Period;
use super::place::{Found, Place};
use crate::collector::{Inner, Progress};
use crate::coverage::merge;
use crate::error::CollectError;
use crate::meter::{Billed, Meter};
use crate::plan::PlannedSource;
use crate::source::Source;
use crate::summary::{Incident, SourceSummary};
use crate::trouble::Trouble;
use crate::windows::Window;

/// AWS refreshes an export at most three times a day.
const LOOK_EVERY: TimeDelta = TimeDelta::hours(1);

/// When exports were looked for last. Kept in memory: whoever starts Millicent has them looked for
/// at once.
#[derive(Debug, Default)]
pub(crate) struct Checked(Mutex<Option<DateTime<Utc>>>);

impl Checked {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now - last >= LOOK_EVERY);
        if due {
            *last = Some(now);
        }
        due
    }
}

/// A configured place that was looked at.
struct Looked<'a> {
    config: &'a ExportConfig,
    place: Place,
    found: Vec<Found>,
}

/// Which export each table's billing period is of, over all accounts of an estate.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<(String, Period), String>>);

impl Claims {
    /// The period is the export's, unless another one had it first.
    fn take(&self, source: &str, period: Period, root: &str) -> Result<(), Trouble> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = claims
            .entry((source.to_owned(), period))
            .or_insert_with(|| root.to_owned());
        if owner == root {
            return Ok(());
        }
        Err(Trouble::failed(format!(
            "{root} and {owner} are both exports of the table {source} with the billing period {period}, and a bill must not count \
             twice: keep one of them under [[exports]]"
        )))
    }
}

/// Reads what is new of every configured export.
///
/// # Errors
/// If the lake can't be read or written. What is wrong with an export is in the summary and in
/// `collections`.
pub(crate) async fn collect(
    inner: Arc<Inner>,
    cancel: CancellationToken,
    progress: UnboundedSender<Progress>,
) -> Result<SourceSummary, CollectError> {
    let mut summary = SourceSummary::new(Source::Exports);
    let exports = &inner.config.exports;
    if !inner.exports.is_due(inner.clock.now()) {
        return Ok(summary);
    }
    let mut known = Known::read(&inner.lake, &inner.aws.account_id).await?;
    let mut places = Vec::new();
    for config in exports {
        let recording = Recording::new(&inner, &config.path);
        match look(&inner, config, &recording.meter).await {
            Ok(looked) => places.push(looked),
            Err(trouble) => {
                let window = this_month(inner.clock.now());
                recording
                    .record(&mut summary, vec![(window, Err(trouble))])
                    .await?;
            }
        }
    }
    let claims = &inner.claims;
    let mut due = Vec::new();
    for looked in &places {
        for found in &looked.found {
            match known.stands(found) {
                Some(periods)
                    if periods.iter().all(|(source, period)| {
                        claims.take(source, *period, &found.root).is_ok()
                    }) => {}
                _ => due.push((looked, found)),
            }
        }
    }
    let total = due.len() as u64;
    let tell = |done, detail| {
        // Nobody listens any more when the pass is being dropped.
        let _ = progress.send(Progress {
            source: Source::Exports.name(),
            done,
            total,
            detail,
        });
    };
    tell(0, String::new());
    for (done, (looked, found)) in (1..).zip(due) {
        if cancel.is_cancelled() {
            break;
        }
        let recording = Recording::new(&inner, &found.root);
        let read = read(&inner, looked, found, &recording.meter, &cancel).await;
        let windows = match read {
            Ok(loaded) => {
                for period in loaded.periods.keys() {
                    known
                        .remember(&inner.lake, found, loaded.dialect, *period, recording.at)
                        .await?;
                }
                came_to(found, &loaded, recording.at)
            }
            Err(LoadError::Stopped) => break,
            Err(LoadError::Lake(error)) => return Err(error.into()),
            Err(LoadError::Trouble(trouble)) => {
                let period = found.period.map(Period::window);
                let now = recording.at;
                vec![(
                    period.map_or_else(|| this_month(now), |p| until(p, now)),
                    Err(trouble),
                )]
            }
        };
        recording.record(&mut summary, windows).await?;
        let period = found
            .period
            .map(|period| format!("{period} of "))
            .unwrap_or_default();
        tell(done, format!("{period}{}", found.root));
    }
    Ok(summary)
}

/// What the next pass would read; nothing where no export is configured. The manifests are read for it.
pub(crate) async fn planned(inner: &Inner) -> Result<Option<PlannedSource>, CollectError> {
    if inner.config.exports.is_empty() {
        return Ok(None);
    }
    let known = Known::read(&inner.lake, &inner.aws.account_id).await?;
    let (mut windows, mut objects, mut told) = (0, 0, true);
    let mut listing = 0;
    for config in &inner.config.exports {
        let recording = Recording::new(inner, &config.path);
        let meter = &recording.meter;
        let Ok(looked) = look(inner, config, meter).await else {
            told = false;
            continue;
        };
        listing += meter.calls();
        for found in looked.found.iter().filter(|f| known.stands(f).is_none()) {
            windows += 1;
            let files = looked.place.files(&config.path, found, meter).await;
            let remote = matches!(looked.place, Place::Bucket(_));
            match files {
                // The manifest and its files.
                Ok(files) if remote => objects += files.len() as i64 + 1,
                Ok(_) => {}
                Err(_) => told = false,
            }
        }
    }
    let cost = Billed::S3List.cost_usd(listing) + Billed::S3Get.cost_usd(objects);
    Ok(Some(PlannedSource {
        source: Source::Exports,
        windows,
        calls: told.then_some((listing + objects).unsigned_abs()),
        billed_units: told.then_some((listing + objects).unsigned_abs()),
        cost_usd: told.then_some(cost),
        basis: "manifests that are not read yet; transfer out of the bucket's region is not in it",
    }))
}

async fn look<'a>(
    inner: &Inner,
    config: &'a ExportConfig,
    meter: &Meter,
) -> Result<Looked<'a>, Trouble> {
    let place = Place::of(inner, &config.path, meter).await?;
    let found = place.find(&config.path, meter).await?;
    Ok(Looked {
        config,
        place,
        found,
    })
}

async fn read(
    inner: &Inner,
    looked: &Looked<'_>,
    found: &Found,
    meter: &Meter,
    cancel: &CancellationToken,
) -> Result<Loaded, LoadError> {
    let place = &looked.place;
    let files = place.files(&looked.config.path, found, meter).await?;
    let claim = |source: &str, period| inner.claims.take(source, period, &found.root);
    load(&inner.lake, place, found, &files, meter, cancel, &claim).await
}

type CameTo = (Window, Result<u64, Trouble>);

/// A file that was written in the middle of a period has the days before it; the others are not
/// there yet, which is expected.
fn came_to(found: &Found, loaded: &Loaded, now: DateTime<Utc>) -> Vec<CameTo> {
    let mut windows = Vec::new();
    for (period, rows) in &loaded.periods {
        let all = until(period.window(), now);
        let whole = Window::new(all.from, period.whole_until(found.written).min(all.to));
        let missing = Window::new(whole.to.max(all.from), all.to);
        if !whole.is_empty() {
            windows.push((whole, Ok(*rows)));
        }
        if !missing.is_empty() {
            let trouble = Trouble {
                outcome: Outcome::Partial,
                message: format!(
                    "the export as of {} has no whole bill yet for {} and after",
                    found.written.format("%Y-%m-%d %H:%M UTC"),
                    missing.from.date_naive()
                ),
            };
            windows.push((missing, Err(trouble)));
        }
    }
    windows
}

/// The period as far as it has days that are over.
fn until(period: Window, now: DateTime<Utc>) -> Window {
    let today = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let to = period.to.min(today);
    match to > period.from {
        true => Window::new(period.from, to),
        false => Window::new(period.from, period.from + TimeDelta::days(1)),
    }
}

fn this_month(now: DateTime<Utc>) -> Window {
    until(Period::of(now).window(), now)
}

/// What is being read of one export, and where that is recorded.
struct Recording<'a> {
    inner: &'a Inner,
    root: &'a str,
    meter: Meter,
    started: Instant,
    at: DateTime<Utc>,
}

impl<'a> Recording<'a> {
    fn new(inner: &'a Inner, root: &'a str) -> Self {
        Self {
            inner,
            root,
            meter: Meter::new(Arc::clone(&inner.purse), Arc::clone(&inner.clock)),
            started: Instant::now(),
            at: inner.clock.now(),
        }
    }

    /// Writes what the windows came to. What it cost stands with the first.
    async fn record(
        &self,
        summary: &mut SourceSummary,
        windows: Vec<CameTo>,
    ) -> Result<(), CollectError> {
        for (nth, (window, came_to)) in windows.into_iter().enumerate() {
            let (rows, trouble) = match came_to {
                Ok(rows) => (rows as i64, None),
                Err(trouble) => (0, Some(trouble)),
            };
            let mut attempt = Collection {
                source: Source::Exports.name().to_owned(),
                account_id: self.inner.aws.account_id.clone(),
                region: self.root.to_owned(),
                ts: window.from,
                window_end: window.to,
                outcome: trouble.as_ref().map_or(Outcome::Complete, |t| t.outcome),
                rows,
                calls: 0,
                billed_units: 0,
                cost_usd: rust_decimal::Decimal::ZERO,
                error: trouble.map(|trouble| trouble.message),
                elapsed_ms: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
                collected_at: self.at,
            };
            if nth == 0 {
                attempt.calls = self.meter.calls();
                attempt.billed_units = self.meter.units();
                attempt.cost_usd = self.meter.cost_usd();
            }
            self.tell(summary, &attempt);
            let slice = Slice {
                table: Table::Collections,
                equal: vec![
                    ("source", attempt.source.clone()),
                    ("account_id", attempt.account_id.clone()),
                    ("region", attempt.region.clone()),
                ],
                from: window.from,
                to: window.to,
            };
            let lake = &self.inner.lake;
            lake.update_collections(&slice, |stood| merge(&attempt, &stood, &stood))
                .await?;
        }
        Ok(())
    }

    fn tell(&self, summary: &mut SourceSummary, attempt: &Collection) {
        let (from, to) = (attempt.ts, attempt.window_end);
        match &attempt.error {
            None => {
                tracing::debug!(
                    source = attempt.source, export = self.root, %from, %to, rows = attempt.rows,
                    elapsed_ms = attempt.elapsed_ms,
                    "billing period read"
                );
                summary.count(attempt);
            }
            // Days that AWS has not billed yet are expected, and no incident.
            Some(_) if attempt.outcome == Outcome::Partial => {}
            Some(error) => {
                tracing::warn!(
                    source = attempt.source, export = self.root, %from, %to,
                    outcome = ?attempt.outcome, elapsed_ms = attempt.elapsed_ms, error,
                    "export not read"
                );
                summary.count(attempt);
                summary.incidents.push(Incident {
                    window: Window::new(from, to),
                    outcome: attempt.outcome,
                    message: error.clone(),
                });
            }
        }
    }
}
