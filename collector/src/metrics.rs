//! CloudWatch metrics: series of the known resources → `GetMetricData` → one row a series and
//! period.
//!
//! AWS bills a metric once per call, up to five statistics of it included and however long the
//! time, so all statistics of a metric go into one call, and windows of the history are long.

mod active;
mod fetch;
mod points;
mod series;

use futures::{StreamExt, TryStreamExt, stream};
use millicent_lake::{Resource, Rows, Slice, Table};

use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::source::System;
use crate::task::Collected;
use crate::trouble::Trouble;
use crate::windows::{Window, floor, period_s};

pub(crate) use active::Active;
pub(crate) use series::Series;

/// Calls of one window under way at once.
const CONCURRENCY: usize = 4;

/// From so many series on, the live part asks only for those that CloudWatch calls active.
const SKIP_INACTIVE_FROM: usize = 100;

/// The series of a system among the known resources.
pub(crate) fn series_of(system: System, resources: &[Resource]) -> Vec<Series> {
    match system {
        System::Lambda => series::of_functions(resources),
        System::ApiGateway => series::of_rest_apis(resources),
        System::DynamoDb | System::S3 | System::StepFunctions | System::Logs => Vec::new(),
    }
}

/// Calls that a window of so many points a series takes.
pub(crate) fn calls_for(series: &[Series], points: i64) -> usize {
    fetch::batches(series, points).len()
}

/// Periods in a window.
pub(crate) fn points_in(inner: &Inner, window: &Window) -> i64 {
    let period = period_s(window, inner.clock.now(), inner.config.minute_resolution);
    (window.length().num_seconds() / i64::from(period)).max(1)
}

/// Reads one window.
pub(crate) async fn collect(
    inner: &Inner,
    system: System,
    resources: &[Resource],
    window: Window,
    meter: &Meter,
) -> Result<Collected, Trouble> {
    let now = inner.clock.now();
    let slice = Slice {
        table: Table::Metrics,
        equal: vec![
            ("account_id", inner.aws.account_id.clone()),
            ("region", inner.config.region.clone()),
            ("service", system.service().to_owned()),
        ],
        from: window.from,
        to: window.to,
    };

    let mut series = series_of(system, resources);
    let settled = floor(now - inner.config.late, chrono::TimeDelta::hours(1));
    if window.to > settled && series.len() > SKIP_INACTIVE_FROM {
        series = inner.active.only(inner, meter, series).await;
    }

    meter.afford(Billed::Metric, series.len() as i64)?;
    let period = period_s(&window, now, inner.config.minute_resolution);
    let batches = fetch::batches(&series, points_in(inner, &window));
    let answers: Vec<fetch::Answer> = stream::iter(batches)
        .map(|batch| fetch::fetch(inner, meter, &series, batch, window, period))
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;

    let mut missing = Vec::new();
    let mut rows = points::Rows::new(inner, window, period);
    for answer in answers {
        missing.extend(answer.missing);
        for (at, statistic, points) in answer.points {
            rows.add(&series[at], at, statistic, &points);
        }
    }
    let mut collected = Collected::whole(slice, Rows::Metrics(rows.finish()));
    if !missing.is_empty() {
        missing.sort();
        missing.dedup();
        collected.partial = Some(format!(
            "CloudWatch gave only a part of {} of {} series: {}",
            missing.len(),
            series.len(),
            missing.join(", ")
        ));
    }
    Ok(collected)
}
