//! CloudWatch metrics: series of the systems → `GetMetricData` → one row a series and period.
//!
//! AWS bills a metric once per call, up to five statistics of it included and however long the
//! time, so all statistics of a metric go into one call, and windows of the history are long.

mod active;
mod apigateway;
mod asked;
mod dynamodb;
mod fetch;
mod lambda;
mod logs;
mod points;
mod series;

use futures::{StreamExt, TryStreamExt, stream};
use millicent_lake::{Rows, Slice, Table};

use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::source::System;
use crate::task::Collected;
use crate::trouble::Trouble;
use crate::windows::{Window, period_s};

pub(crate) use active::Active;
pub(crate) use asked::series_for;
pub(crate) use series::Series;

/// Calls of one window under way at once.
const CONCURRENCY: usize = 4;

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
    known: &Knowledge,
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

    let series = series_for(inner, meter, system, known, window).await?;
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
