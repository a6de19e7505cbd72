//! The truth that the simulator can tell and a real account cannot: what every route did and cost.

mod tell;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::decimal::Decimal12;

/// What happened between two times, and what it cost once the bill is settled. Money adds up
/// exactly: the routes, the other entry points and what is of neither come to the bill.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    /// The first minute, inclusive.
    pub from: DateTime<Utc>,
    /// The last minute, exclusive.
    pub to: DateTime<Utc>,
    /// The settled bill of the time. Of a day that is not whole, a metered line counts by the usage
    /// within the time, and any other by its length.
    pub bill_usd: Decimal12,
    /// Every route.
    pub routes: Vec<RouteTruth>,
    /// Everything else that starts work.
    pub entry_points: Vec<EntryPointTruth>,
    /// Every function.
    pub functions: Vec<FunctionTruth>,
    /// What nothing that started caused.
    pub not_routes: Vec<NotOfRoutes>,
    /// The lines of the bill, by day.
    pub bill: Vec<TrueBillLine>,
}

/// What a route did, and all that its requests cost: its gateway requests, its functions with
/// their initialisations, their calls to tables and buckets, their logs, the traces, and the
/// asynchronous functions that run on its behalf.
#[derive(Debug, Clone, Serialize)]
pub struct RouteTruth {
    /// Name of the API.
    pub api: &'static str,
    /// Its stage.
    pub stage: &'static str,
    /// `REST`, `HTTP` or `WEBSOCKET`.
    pub protocol: &'static str,
    /// `GET /orders/{id}`; for other keys than a method and a path the key: `$default`.
    pub route: String,
    /// Requests that started within the time.
    pub requests: u64,
    /// Answered with 4xx.
    pub errors_4xx: u64,
    /// Answered with 5xx.
    pub errors_5xx: u64,
    /// API Gateway's `Latency`; of a WebSocket API its `IntegrationLatency`.
    pub latency_ms: Quantiles,
    /// Requests whose own invocation waited for an initialisation.
    pub cold_starts: u64,
    /// Their share of the requests; null without requests.
    pub cold_start_rate: Option<f64>,
    /// Mean latency of those less that of the others, milliseconds; null without one of either.
    pub cold_start_penalty_ms: Option<f64>,
    /// All of its cost.
    pub cost_usd: Decimal12,
    /// What of it the requests cost that were answered with 5xx.
    pub failed_usd: Decimal12,
    /// Its cost by service, without those that it costs nothing at.
    pub cost_by_service: BTreeMap<&'static str, Decimal12>,
}

/// What an entry point that is no route did, and all that it cost, as for a route. What a request
/// passes on to a queue, a stream or a bucket is that one's from there on.
#[derive(Debug, Clone, Serialize)]
pub struct EntryPointTruth {
    /// `schedule`, `queue`, `dynamodb-stream`, `s3-event` or `state-machine`.
    pub kind: &'static str,
    /// Name of the schedule, the queue, the table, the bucket or the state machine.
    pub name: String,
    /// The function that it invokes; null for a state machine, which invokes several.
    pub function: Option<&'static str>,
    /// Times that it started work within the time: a batch is one.
    pub starts: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those whose function waited for an initialisation.
    pub cold_starts: u64,
    /// All of its cost.
    pub cost_usd: Decimal12,
    /// Its cost by service, without those that it costs nothing at.
    pub cost_by_service: BTreeMap<&'static str, Decimal12>,
}

/// What a function did, whoever invoked it.
#[derive(Debug, Clone, Serialize)]
pub struct FunctionTruth {
    /// Its name.
    pub name: &'static str,
    /// Invocations that started within the time and ran.
    pub invocations: u64,
    /// Those that failed.
    pub errors: u64,
    /// Invocations that waited for an initialisation.
    pub cold_starts: u64,
    /// Their share of the invocations; null without invocations.
    pub cold_start_rate: Option<f64>,
    /// Mean length of an initialisation; null without one.
    pub init_ms_mean: Option<f64>,
    /// Lambda's `Duration`.
    pub duration_ms: Quantiles,
    /// Billed duration × memory, initialisations included.
    pub billed_gb_s: Decimal12,
    /// Its part of AWS Lambda's lines; what it calls is not in it.
    pub cost_usd: Decimal12,
    /// What of its billed duration the invocations had that failed; null without any.
    pub failed_gb_s_share: Option<f64>,
}

/// Percentiles by nearest rank over all values; null without values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half are not above.
    pub p50: Option<f64>,
    /// 95% are not above.
    pub p95: Option<f64>,
    /// 99% are not above.
    pub p99: Option<f64>,
}

/// A part of the bill that nothing that started caused.
#[derive(Debug, Clone, Serialize)]
pub struct NotOfRoutes {
    /// As on the bill.
    pub service: &'static str,
    /// As on the bill.
    pub usage_type: String,
    /// As on the bill.
    pub record_type: &'static str,
    /// Why neither a route nor another entry point has it.
    pub reason: &'static str,
    /// Its cost.
    pub cost_usd: Decimal12,
}

/// A line of the bill.
#[derive(Debug, Clone, Serialize)]
pub struct TrueBillLine {
    /// The day, UTC.
    pub date: NaiveDate,
    /// As on the bill.
    pub service: &'static str,
    /// As on the bill.
    pub usage_type: String,
    /// As on the bill.
    pub record_type: &'static str,
    /// Within the time.
    pub quantity: Decimal12,
    /// Of the quantity.
    pub unit: &'static str,
    /// Within the time.
    pub cost_usd: Decimal12,
}

#[cfg(test)]
mod tests;
