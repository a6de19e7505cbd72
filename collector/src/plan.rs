//! What the next pass will ask AWS for and what that costs, said before it runs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use millicent_lake::Collection;
use rust_decimal::Decimal;

use crate::collector::Inner;
use crate::discovery::{Inventory, discover};
use crate::error::CollectError;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::schedule::due_windows;
use crate::source::{Source, System};
use crate::windows::Window;
use crate::{cost, exports, metrics, traces};

/// One source in a plan. A number is `None` where nothing tells it yet.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSource {
    /// Which.
    pub source: Source,
    /// Windows that are due.
    pub windows: u64,
    /// Calls, without retries.
    pub calls: Option<u64>,
    /// What AWS will bill for.
    pub billed_units: Option<u64>,
    /// At list price.
    pub cost_usd: Option<Decimal>,
    /// What the numbers rest on.
    pub basis: &'static str,
}

/// The next pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the order of [`Source::ALL`].
    pub sources: Vec<PlannedSource>,
    /// The daily budget, if there is one.
    pub budget_usd_per_day: Option<Decimal>,
    /// Spent of it today.
    pub spent_today_usd: Decimal,
}

impl Plan {
    /// What is known of the pass's cost.
    pub fn cost_usd(&self) -> Decimal {
        self.sources
            .iter()
            .filter_map(|source| source.cost_usd)
            .sum()
    }
}

/// Plans without writing anything. Where no resource is known yet, the account is listed, which AWS
/// does not bill.
pub(crate) async fn plan(inner: &Arc<Inner>, until: DateTime<Utc>) -> Result<Plan, CollectError> {
    let now = inner.clock.now();
    let mut resources = inner.known_resources().await?;
    if resources.is_empty() && inner.config.sources.contains(&Source::Discovery) {
        let meter = Meter::new(Arc::clone(&inner.purse), Arc::clone(&inner.clock));
        resources = discover(inner, &meter, resources).await.resources;
    }
    let known = Knowledge::new(Inventory::known(resources), &inner.config.filter);
    let meter = Meter::new(Arc::clone(&inner.purse), Arc::clone(&inner.clock));
    let mut sources = Vec::new();
    let mut all_seen = inner.all_seen(until).await?;
    for &source in &inner.config.sources {
        let seen = all_seen.of(source);
        let windows = due_windows(inner, source, &seen, until);
        let (calls, units, billed, basis) = match source {
            Source::Discovery => {
                let calls = seen.last().map(|row| row.calls.unsigned_abs());
                (calls, Some(0), Billed::Metric, "listing is free")
            }
            Source::Metrics(system) => {
                let (calls, units) = of_metrics(inner, &meter, system, &known, &windows).await;
                let basis = "metrics that CloudWatch lists as active, a unit each and window";
                (calls, units, Billed::Metric, basis)
            }
            Source::Histograms => {
                let units = of_histograms(inner, &meter, &known, &windows).await;
                let basis = "at most eleven units a function or route and window, and three for each of its hours up to twelve; fewer where latencies are alike";
                (
                    units.map(|units| units.div_ceil(100)),
                    units,
                    Billed::Metric,
                    basis,
                )
            }
            Source::LambdaReports => {
                let scans = of_reports(inner, &meter, &known, &windows).await;
                let (calls, units) = scans.map_or((None, None), |(c, u)| (Some(c), Some(u)));
                let basis = "megabytes that came into the log groups of functions, each scanned once; two calls a query at least";
                (calls, units, Billed::LogMegabyte, basis)
            }
            Source::Traces => {
                let units = traces_like_before(inner, &seen, &windows);
                let calls = units.map(|units| units / 10 + windows.len() as u64);
                let basis = "traces an hour of the windows read so far";
                (calls, units, Billed::Trace, basis)
            }
            Source::Exports => {
                sources.extend(exports::planned(inner).await?);
                continue;
            }
            Source::Cost => {
                let each = cost::planned(inner);
                let requests = each.map(|each| each * windows.len() as u64);
                let basis = match inner.config.linked_accounts {
                    true => "a request, and two for each linked account",
                    false => "a page a request",
                };
                (requests, requests, Billed::CostRequest, basis)
            }
        };
        sources.push(PlannedSource {
            source,
            windows: windows.len() as u64,
            calls,
            billed_units: units,
            cost_usd: units.map(|units| billed.cost_usd(units as i64)),
            basis,
        });
    }
    sources.sort_by_key(|planned| planned.source);
    Ok(Plan {
        sources,
        budget_usd_per_day: inner.purse.limit(),
        spent_today_usd: inner.purse.spent(now.date_naive()),
    })
}

/// Calls and units of a system's metrics. Where it is not told what to ask for, they are not known.
async fn of_metrics(
    inner: &Inner,
    meter: &Meter,
    system: System,
    known: &Knowledge,
    windows: &[Window],
) -> (Option<u64>, Option<u64>) {
    let (mut calls, mut units) = (0, 0);
    for window in windows {
        let Ok(asked) = metrics::asked_for(inner, meter, system, known, *window).await else {
            return (None, None);
        };
        calls += asked.iter().map(|asked| asked.calls().len()).sum::<usize>();
        units += asked.iter().map(metrics::Asked::units).sum::<usize>();
    }
    (Some(calls as u64), Some(units as u64))
}

/// The most that the histograms can come to.
async fn of_histograms(
    inner: &Inner,
    meter: &Meter,
    known: &Knowledge,
    windows: &[Window],
) -> Option<u64> {
    let mut units = 0;
    for window in windows {
        let series = metrics::histograms::series(inner, meter, known, *window);
        units += series.await.ok()?.len() * metrics::histograms::most_units(window);
    }
    Some(units as u64)
}

/// Calls, and megabytes that are scanned.
async fn of_reports(
    inner: &Inner,
    meter: &Meter,
    known: &Knowledge,
    windows: &[Window],
) -> Option<(u64, u64)> {
    let (mut calls, mut megabytes) = (0, 0);
    for window in windows {
        let scan = metrics::reports::scan(inner, meter, known, *window);
        let scan = scan.await.ok()?;
        calls += 2 * scan.queries(*window) as u64;
        megabytes += scan.megabytes;
    }
    Some((calls, megabytes))
}

/// Traces are not known before they are listed; as many an hour as before, at the same share.
fn traces_like_before(inner: &Inner, seen: &[Collection], windows: &[Window]) -> Option<u64> {
    if windows.is_empty() {
        return Some(0);
    }
    let seconds = |window: &Window| window.length().num_seconds() as f64;
    let (mut units, mut weight) = (0.0, 0.0);
    for row in seen.iter().filter(|row| row.billed_units > 0) {
        let window = Window::new(row.ts, row.window_end);
        units += row.billed_units as f64;
        weight += seconds(&window) * traces::sampling_rate(inner, &window);
    }
    if weight <= 0.0 {
        return None;
    }
    let wanted: f64 = windows
        .iter()
        .map(|w| seconds(w) * traces::sampling_rate(inner, w))
        .sum();
    Some((units / weight * wanted).ceil() as u64)
}
