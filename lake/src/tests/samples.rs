//! Rows to test with.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::{
    AlertEvent, Collection, CostLine, LatencyBucket, MetricPoint, Outcome, Resource, Span,
};

/// Names that break what is quoted, split or cut carelessly.
pub(super) const NAMES: [&str; 6] = [
    "orders",
    "o'clock \"quoted\"",
    "größe/日本",
    "",
    "a=b&date=2026-01-01",
    "😀 {proxy+} %20 \\",
];

pub(super) fn metric(service: &str, resource: &str, ts: DateTime<Utc>, id: f64) -> MetricPoint {
    MetricPoint {
        account_id: "111122223333".into(),
        region: "eu-central-1".into(),
        service: service.into(),
        resource: resource.into(),
        stage: None,
        route: Some(format!("GET /{resource}")),
        operation: None,
        metric: "Invocations".into(),
        unit: "Count".into(),
        ts,
        period_s: 60,
        sample_count: None,
        sum: Some(id),
        min: Some(f64::MIN_POSITIVE),
        max: Some(f64::MAX),
        p50: None,
        p95: Some(-0.0),
        p99: None,
    }
}

pub(super) fn span(ts: DateTime<Utc>, name: &str) -> Span {
    Span {
        account_id: "111122223333".into(),
        region: "eu-central-1".into(),
        trace_id: "1-5759e988-bd862e3fe1be46a994272793".into(),
        trace_ts: ts,
        span_id: "53995c3f42cd8ad8".into(),
        parent_id: None,
        segment_id: "53995c3f42cd8ad8".into(),
        kind: "segment".into(),
        name: name.into(),
        origin: Some("AWS::Lambda::Function".into()),
        namespace: None,
        resource: Some(name.into()),
        stage: None,
        operation: None,
        route: None,
        ts: ts + TimeDelta::days(2) + TimeDelta::microseconds(1),
        duration_ms: Some(12.5),
        http_method: Some("GET".into()),
        http_url: None,
        http_status: Some(504),
        error: false,
        fault: true,
        throttle: false,
        inferred: true,
        in_progress: false,
        cold_start: Some(true),
        init_ms: None,
        request_id: None,
        annotations: BTreeMap::from([(name.into(), "x".into()), ("empty".into(), "".into())]),
    }
}

pub(super) fn cost(ts: DateTime<Utc>, cost_usd: Decimal, tag: &str) -> CostLine {
    CostLine {
        ts,
        granularity: "daily".into(),
        account_id: "111122223333".into(),
        region: None,
        service: "AWS Lambda".into(),
        usage_type: Some("EUC1-Lambda-GB-Second".into()),
        operation: None,
        record_type: "Usage".into(),
        resource_id: None,
        tags: BTreeMap::from([("team".into(), tag.into())]),
        cost_usd,
        quantity: None,
        unit: None,
        estimated: true,
        source: "cost-explorer".into(),
    }
}

pub(super) fn resource(ts: DateTime<Utc>, name: &str, memory_mb: &str) -> Resource {
    Resource {
        ts,
        account_id: "111122223333".into(),
        region: "eu-central-1".into(),
        kind: "function".into(),
        name: name.into(),
        arn: format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}"),
        configuration: BTreeMap::from([("memory_mb".into(), memory_mb.into())]),
        tags: BTreeMap::new(),
        deleted: false,
    }
}

pub(super) fn collection(ts: DateTime<Utc>, hours: i64, outcome: Outcome) -> Collection {
    Collection {
        source: "traces".into(),
        account_id: "111122223333".into(),
        region: "eu-central-1".into(),
        ts,
        window_end: ts + TimeDelta::hours(hours),
        outcome,
        rows: 12,
        calls: 3,
        billed_units: i64::MAX,
        cost_usd: Decimal::new(5, 6),
        error: (outcome != Outcome::Complete).then(|| "it said \"no\"".into()),
        elapsed_ms: 0,
        collected_at: ts,
    }
}

pub(super) fn alert_event(ts: DateTime<Utc>, rule: &str) -> AlertEvent {
    AlertEvent {
        ts,
        rule: rule.into(),
        labels: BTreeMap::from([("route".into(), "GET /".into())]),
        event: "firing".into(),
        value: Some(1.5),
        threshold: None,
        since: Some(ts),
        notifier: None,
        message: None,
    }
}

pub(super) fn bucket(ts: DateTime<Utc>, resource: &str, upper_ms: Option<f64>) -> LatencyBucket {
    LatencyBucket {
        account_id: "111122223333".into(),
        region: "eu-central-1".into(),
        service: "apigateway".into(),
        resource: resource.into(),
        stage: Some("prod".into()),
        route: None,
        ts,
        period_s: 3600,
        lower_ms: 12.5,
        upper_ms,
        count: 7.0,
    }
}
