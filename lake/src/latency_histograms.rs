//! `latency_histograms`: how many requests of one route or function took how long.

use chrono::{DateTime, Utc};

use crate::columns::columns;

/// One bucket of one period: the requests whose latency was above `lower_ms` and at most
/// `upper_ms`, which is how CloudWatch bounds a trimmed count, `TC(lower:upper)`.
///
/// Counts of the same bucket add up over time, routes and functions, as percentiles never do. A
/// bucket in which CloudWatch has nothing has no row.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyBucket {
    /// Twelve digits.
    pub account_id: String,
    /// For example `eu-central-1`.
    pub region: String,
    /// Who measured it: `lambda` (duration of the function), `apigateway` (latency of the API).
    pub service: String,
    /// Function name, API name.
    pub resource: String,
    /// Stage of an API.
    pub stage: Option<String>,
    /// `METHOD /template` of an API; `None` on the level of a stage.
    pub route: Option<String>,
    /// Start of the period.
    pub ts: DateTime<Utc>,
    /// Length of the period, in seconds.
    pub period_s: i32,
    /// Lower bound in milliseconds, exclusive; 0 for the first bucket.
    pub lower_ms: f64,
    /// Upper bound in milliseconds, inclusive; `None` where there is none.
    pub upper_ms: Option<f64>,
    /// Requests.
    pub count: f64,
}

columns!(LatencyBucket, date of ts, [
    account_id, region, service, resource, stage, route, ts, period_s, lower_ms, upper_ms, count,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &["service", "resource", "stage", "route", "ts", "lower_ms"];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &["account_id", "region", "service", "resource", "ts"];
