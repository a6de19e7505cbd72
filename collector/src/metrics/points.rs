//! Values of many statistics → one row a series and period.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use millicent_lake::MetricPoint;

use super::asked::Asked;
use super::fetch::Values;
use super::series::{Series, Statistic};
use crate::collector::Inner;
use crate::windows::Window;

/// The rows of one call: `points` has the index of a series in `asked`, a statistic, and its values.
/// Those outside of the window belong to another, and are left to it.
pub(super) fn rows(
    inner: &Inner,
    window: Window,
    asked: &Asked,
    points: Vec<(usize, Statistic, Values)>,
) -> Vec<MetricPoint> {
    let mut rows: BTreeMap<(usize, DateTime<Utc>), MetricPoint> = BTreeMap::new();
    for (at, statistic, values) in points {
        for (ts, value) in values {
            if !window.holds(ts) {
                continue;
            }
            let row = rows
                .entry((at, ts))
                .or_insert_with(|| empty(inner, &asked.series[at], ts, asked.period_s));
            statistic.put(row, value);
        }
    }
    rows.into_values().collect()
}

fn empty(inner: &Inner, series: &Series, ts: DateTime<Utc>, period_s: i32) -> MetricPoint {
    MetricPoint {
        account_id: inner.aws.account_id.clone(),
        region: inner.config.region.clone(),
        service: series.system.service().to_owned(),
        resource: series.resource.clone(),
        stage: series.stage.clone(),
        route: series.route.clone(),
        operation: series.operation.clone(),
        metric: series.metric.to_owned(),
        unit: series.unit.to_owned(),
        ts,
        period_s,
        sample_count: None,
        sum: None,
        min: None,
        max: None,
        p50: None,
        p95: None,
        p99: None,
    }
}
