//! CloudWatch metrics: series of the systems → `GetMetricData` → one row a series and period.
//!
//! AWS bills a metric once per call, up to five statistics of it included and however long the
//! time, so all statistics of a metric go into one call, and windows of the history are long.

mod active;
mod apigateway;
mod asked;
mod buckets;
mod dynamodb;
mod fetch;
pub(crate) mod histograms;
mod lambda;
mod logs;
mod parts;
mod points;
pub(crate) mod reports;
mod s3;
mod series;
mod states;
#[cfg(test)]
mod tests;

use futures::{StreamExt, TryStreamExt, stream};
use millicent_lake::{Slice, Table};

use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::source::System;
use crate::task::Collected;
use crate::trouble::Trouble;
use crate::windows::Window;

pub(crate) use active::Active;
pub(crate) use asked::{Asked, asked_for};

/// Calls of one window under way at once.
const CONCURRENCY: usize = 4;

/// Reads one window.
pub(crate) async fn collect(
    inner: &Inner,
    system: System,
    known: &Knowledge,
    window: Window,
    meter: &Meter,
) -> Result<Collected, Trouble> {
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

    let asked = asked_for(inner, meter, system, known, window).await?;
    let units: usize = asked.iter().map(Asked::units).sum();
    meter.afford(Billed::Metric, units as i64)?;
    let mut parts = parts::Parts::begin(&inner.lake, slice);
    let mut missing = Vec::new();
    for asked in &asked {
        // In the order of the series, which is the order of the rows.
        let mut answers = stream::iter(asked.calls())
            .map(async |batch| {
                let room = inner.gate.room_for(asked.points_of(&batch)).await;
                let answer = fetch::fetch(inner, meter, asked, batch).await?;
                Ok::<_, Trouble>((room, answer))
            })
            .buffered(CONCURRENCY);
        while let Some((_room, answer)) = answers.try_next().await? {
            missing.extend(answer.missing);
            for series in points::of_call(inner, window, asked, answer.points) {
                parts.add(series).await?;
            }
        }
    }
    let mut collected = parts.end().await?;
    collected.partial = told(missing, units);
    Ok(collected)
}

/// Says what did not come whole.
fn told(mut missing: Vec<String>, of: usize) -> Option<String> {
    /// As many as a person reads.
    const NAMED: usize = 20;

    missing.sort();
    missing.dedup();
    let count = missing.len();
    if count == 0 {
        return None;
    }
    missing.truncate(NAMED);
    let more = if count > NAMED { " and others" } else { "" };
    Some(format!(
        "CloudWatch gave only a part of {of} series: {}{more}",
        missing.join(", ")
    ))
}
