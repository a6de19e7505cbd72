//! Values of many statistics → one row a series and period.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use millicent_lake::MetricPoint;

use super::asked::Asked;
use super::fetch::Values;
use super::series::{Series, Statistic};
use crate::collector::Inner;
use crate::windows::Window;

/// The rows of one call, one series after the other: `points` has the index of a series in `asked`, a
/// statistic, and its values. Those outside of the window belong to another, and are left to it.
pub(super) fn rows(
    inner: &Inner,
    window: Window,
    asked: &Asked,
    mut points: Vec<(usize, Statistic, Values)>,
) -> impl Iterator<Item = Vec<MetricPoint>> {
    points.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    std::iter::from_fn(move || {
        let at = points.last()?.0;
        let mut rows: BTreeMap<DateTime<Utc>, MetricPoint> = BTreeMap::new();
        while let Some((_, statistic, values)) = points.pop_if(|(next, ..)| *next == at) {
            for (ts, value) in values.into_iter().filter(|(ts, _)| window.holds(*ts)) {
                let row = rows
                    .entry(ts)
                    .or_insert_with(|| empty(inner, &asked.series[at], ts, asked.period_s));
                statistic.put(row, value);
            }
        }
        Some(rows.into_values().collect())
    })
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
