//! The lake as a whole, on a local disk.

mod concurrency;
mod latency;
mod opening;
mod parts;
mod replacing;
mod round_trip;
mod samples;
mod together;
mod upkeep;

use chrono::{DateTime, Utc};

use crate::slice::Filter;
use crate::{Lake, LakeError, MetricPoint, Table, metrics};

/// A lake of its own for a test.
async fn scratch() -> (tempfile::TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().join("lake").to_str().unwrap())
        .await
        .unwrap();
    (folder, lake)
}

/// `2026-03-<day>T<hour>:00:00Z`.
fn at(day: u32, hour: u32) -> DateTime<Utc> {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    date.and_hms_opt(hour, 0, 0).unwrap().and_utc()
}

/// Every row of `metrics`, by `sum`, which tests use as an id.
async fn all_metrics(lake: &Lake) -> Result<Vec<MetricPoint>, LakeError> {
    let mut rows = lake
        .rows(
            Table::Metrics,
            &Filter::everything(),
            metrics::from_record_batch,
        )
        .await?;
    rows.sort_by(|a, b| a.sum.partial_cmp(&b.sum).unwrap());
    Ok(rows)
}
