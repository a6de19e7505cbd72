//! `metrics`: one series, one period.

use chrono::{DateTime, Utc};

use crate::columns::columns;

/// One period of one CloudWatch series.
///
/// A statistic that was not asked for, or that does not exist for the metric, is `None`; a period
/// in which CloudWatch has nothing has no row.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    /// Twelve digits.
    pub account_id: String,
    /// For example `eu-central-1`.
    pub region: String,
    /// The short name of the service that publishes it: `lambda`, `apigateway`.
    pub service: String,
    /// Function name, API name, table name…
    pub resource: String,
    /// Stage of an API.
    pub stage: Option<String>,
    /// `METHOD /template` of an API, for example `GET /orders/{id}`; `None` on the level of a stage.
    pub route: Option<String>,
    /// Operation of a table, for example `GetItem`.
    pub operation: Option<String>,
    /// CloudWatch's metric name as it is, for example `Duration`.
    pub metric: String,
    /// CloudWatch's unit: `Count`, `Milliseconds`…
    pub unit: String,
    /// Start of the period.
    pub ts: DateTime<Utc>,
    /// Length of the period, in seconds.
    pub period_s: i32,
    /// Number of samples in the period.
    pub sample_count: Option<f64>,
    /// Sum of the samples, in `unit`.
    pub sum: Option<f64>,
    /// Smallest sample, in `unit`.
    pub min: Option<f64>,
    /// Largest sample, in `unit`.
    pub max: Option<f64>,
    /// Median over this period alone, in `unit`.
    pub p50: Option<f64>,
    /// 95th percentile over this period alone, in `unit`.
    pub p95: Option<f64>,
    /// 99th percentile over this period alone, in `unit`.
    pub p99: Option<f64>,
}

columns!(MetricPoint, date of ts, [
    account_id, region, service, resource, stage, route, operation, metric, unit, ts, period_s, sample_count, sum, min, max, p50, p95, p99,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &[
    "service",
    "metric",
    "resource",
    "stage",
    "route",
    "operation",
    "ts",
];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &[
    "account_id",
    "region",
    "service",
    "metric",
    "resource",
    "ts",
];
