//! Values of many statistics → one row a series and period.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use millicent_lake::MetricPoint;

use super::series::{Series, Statistic};
use crate::collector::Inner;
use crate::windows::Window;

pub(super) struct Rows<'a> {
    account_id: &'a str,
    region: &'a str,
    window: Window,
    period_s: i32,
    rows: BTreeMap<(usize, DateTime<Utc>), MetricPoint>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(inner: &'a Inner, window: Window, period_s: i32) -> Self {
        Self {
            account_id: &inner.aws.account_id,
            region: &inner.config.region,
            window,
            period_s,
            rows: BTreeMap::new(),
        }
    }

    /// Adds the values of a statistic of the series at `at`. Points outside of the window belong
    /// to another, and are left to it.
    pub(super) fn add(
        &mut self,
        series: &Series,
        at: usize,
        statistic: Statistic,
        points: &[(DateTime<Utc>, f64)],
    ) {
        for &(ts, value) in points {
            if ts < self.window.from || ts >= self.window.to {
                continue;
            }
            let row = self.rows.entry((at, ts)).or_insert_with(|| MetricPoint {
                account_id: self.account_id.to_owned(),
                region: self.region.to_owned(),
                service: series.system.service().to_owned(),
                resource: series.resource.clone(),
                stage: series.stage.clone(),
                route: series.route.clone(),
                operation: series.operation.clone(),
                metric: series.metric.to_owned(),
                unit: series.unit.to_owned(),
                ts,
                period_s: self.period_s,
                sample_count: None,
                sum: None,
                min: None,
                max: None,
                p50: None,
                p95: None,
                p99: None,
            });
            statistic.put(row, value);
        }
    }

    pub(super) fn finish(self) -> Vec<MetricPoint> {
        self.rows.into_values().collect()
    }
}
