//! A small lake of rows that agree with each other, to check answers by hand.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{Collection, CostLine, Lake, MetricPoint, Outcome, Resource, Rows, Span};
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::{Analyzer, Options, Params, Report};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";

/// A time, from RFC 3339 without the `T…Z` ceremony: `2026-11-10 08:05`.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    let text = format!("{}:00Z", text.replace(' ', "T"));
    DateTime::parse_from_rfc3339(&text).unwrap().to_utc()
}

pub(crate) fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A lake in a folder that goes with it, and its analyzer.
pub(crate) struct World {
    pub(crate) lake: Lake,
    pub(crate) analyzer: Analyzer,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn empty() -> World {
        World::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> World {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).await.unwrap();
        let analyzer = Analyzer::open(lake.clone(), options).await.unwrap();
        World {
            lake,
            analyzer,
            _folder: folder,
        }
    }

    pub(crate) async fn add(&self, rows: Rows) {
        self.lake.append(rows).await.unwrap();
    }

    pub(crate) async fn report(&self, name: &str, from: &str, to: &str) -> Report {
        let params = Params::new().set("from", at(from)).set("to", at(to));
        self.analyzer.report(name, &params).await.unwrap()
    }
}

fn point(service: &str, resource: &str, metric: &str, ts: DateTime<Utc>, sum: f64) -> MetricPoint {
    MetricPoint {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        service: service.to_owned(),
        resource: resource.to_owned(),
        stage: None,
        route: None,
        operation: None,
        metric: metric.to_owned(),
        unit: "Count".to_owned(),
        ts,
        period_s: 300,
        sample_count: Some(sum),
        sum: Some(sum),
        min: None,
        max: None,
        p50: None,
        p95: None,
        p99: None,
    }
}

/// Requests of an API in five minutes: of a route, or of the whole stage.
pub(crate) fn requests(api: &str, route: Option<&str>, ts: &str, count: f64) -> MetricPoint {
    MetricPoint {
        stage: Some("prod".to_owned()),
        route: route.map(str::to_owned),
        ..point("apigateway", api, "Count", at(ts), count)
    }
}

/// A metric of an API in five minutes: of a route, or of the whole stage.
pub(crate) fn api_metric(
    api: &str,
    route: Option<&str>,
    metric: &str,
    ts: &str,
    sum: f64,
) -> MetricPoint {
    MetricPoint {
        metric: metric.to_owned(),
        ..requests(api, route, ts, sum)
    }
}

/// A metric of a function in five minutes.
pub(crate) fn function_metric(function: &str, metric: &str, ts: &str, sum: f64) -> MetricPoint {
    point("lambda", function, metric, at(ts), sum)
}

/// Units that a table used in five minutes: `ConsumedReadCapacityUnits` or `…Write…`.
pub(crate) fn table_units(table: &str, metric: &str, ts: &str, units: f64) -> MetricPoint {
    point("dynamodb", table, metric, at(ts), units)
}

/// Calls of an operation that a table served in five minutes, 4 ms each.
pub(crate) fn table_calls(table: &str, operation: &str, ts: &str, count: f64) -> MetricPoint {
    MetricPoint {
        operation: Some(operation.to_owned()),
        unit: "Milliseconds".to_owned(),
        sample_count: Some(count),
        ..point(
            "dynamodb",
            table,
            "SuccessfulRequestLatency",
            at(ts),
            4.0 * count,
        )
    }
}

/// What S3 measures of a bucket once a day.
pub(crate) fn bucket_size(bucket: &str, metric: &str, day: &str, value: f64) -> MetricPoint {
    let class = match metric {
        "BucketSizeBytes" => "StandardStorage",
        _ => "AllStorageTypes",
    };
    MetricPoint {
        operation: Some(class.to_owned()),
        period_s: 86_400,
        sample_count: None,
        sum: None,
        max: Some(value),
        ..point("s3", bucket, metric, at(&format!("{day} 00:00")), value)
    }
}

/// A metric of a state machine in five minutes.
pub(crate) fn machine_metric(machine: &str, metric: &str, ts: &str, sum: f64) -> MetricPoint {
    point("states", machine, metric, at(ts), sum)
}

/// Bytes that a log group took in in five minutes.
pub(crate) fn log_bytes(group: &str, ts: &str, bytes: f64) -> MetricPoint {
    point("logs", group, "IncomingBytes", at(ts), bytes)
}

/// A trace of one request: the gateway, the function behind it, and its calls.
#[derive(Clone)]
pub(crate) struct Trace<'a> {
    pub(crate) id: u32,
    pub(crate) api: &'a str,
    pub(crate) route: &'a str,
    pub(crate) function: &'a str,
    pub(crate) ts: &'a str,
    pub(crate) ms: f64,
    pub(crate) init_ms: Option<f64>,
    /// Table or bucket, and operation.
    pub(crate) calls: &'a [(&'a str, &'a str)],
}

pub(crate) fn span(trace: u32, index: u32, kind: &str, ts: DateTime<Utc>) -> Span {
    Span {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        trace_id: format!("1-{trace:08x}-{trace:024x}"),
        trace_ts: ts,
        span_id: format!("{trace:08x}{index:08x}"),
        parent_id: None,
        segment_id: format!("{trace:08x}{index:08x}"),
        kind: kind.to_owned(),
        name: String::new(),
        origin: None,
        namespace: None,
        resource: None,
        stage: None,
        operation: None,
        route: None,
        ts,
        duration_ms: None,
        http_method: None,
        http_url: None,
        http_status: None,
        error: false,
        fault: false,
        throttle: false,
        inferred: false,
        in_progress: false,
        cold_start: None,
        init_ms: None,
        request_id: None,
        annotations: BTreeMap::new(),
    }
}

/// The segment of a function.
pub(crate) fn function_span(
    trace: u32,
    index: u32,
    function: &str,
    ts: DateTime<Utc>,
    ms: f64,
    init_ms: Option<f64>,
) -> Span {
    Span {
        name: function.to_owned(),
        origin: Some("AWS::Lambda::Function".to_owned()),
        resource: Some(function.to_owned()),
        duration_ms: Some(ms),
        cold_start: Some(init_ms.is_some()),
        init_ms,
        ..span(trace, index, "segment", ts)
    }
}

impl Trace<'_> {
    pub(crate) fn spans(&self) -> Vec<Span> {
        let ts = at(self.ts);
        let gateway = Span {
            name: format!("{}/prod", self.api),
            origin: Some("AWS::ApiGateway::Stage".to_owned()),
            resource: Some(self.api.to_owned()),
            stage: Some("prod".to_owned()),
            route: Some(self.route.to_owned()),
            duration_ms: Some(self.ms),
            http_status: Some(200),
            ..span(self.id, 1, "segment", ts)
        };
        let began = ts + TimeDelta::milliseconds(2);
        let function = function_span(self.id, 2, self.function, began, self.ms, self.init_ms);
        let segment = function.span_id.clone();
        let mut spans = vec![gateway, function];
        for (index, (resource, operation)) in self.calls.iter().enumerate() {
            let name = if operation.ends_with("Object") {
                "S3"
            } else {
                "DynamoDB"
            };
            let call = Span {
                name: name.to_owned(),
                namespace: Some("aws".to_owned()),
                resource: Some((*resource).to_owned()),
                operation: Some((*operation).to_owned()),
                segment_id: segment.clone(),
                parent_id: Some(segment.clone()),
                duration_ms: Some(1.0),
                ..span(
                    self.id,
                    10 + u32::try_from(index).unwrap(),
                    "subsegment",
                    began,
                )
            };
            // X-Ray mirrors a call as a segment that it makes up; it must not count.
            let mirror = Span {
                inferred: true,
                kind: "segment".to_owned(),
                origin: Some("AWS::DynamoDB::Table".to_owned()),
                span_id: format!("{:08x}{:08x}", self.id, 100 + index),
                ..call.clone()
            };
            spans.extend([call, mirror]);
        }
        spans
    }
}

/// A trace that begins with a function, whoever called it, and the one call that it makes.
pub(crate) fn function_trace(
    trace: u32,
    function: &str,
    ts: &str,
    (resource, operation): (&str, &str),
) -> Vec<Span> {
    let accepted = Span {
        name: function.to_owned(),
        origin: Some("AWS::Lambda".to_owned()),
        resource: Some(function.to_owned()),
        duration_ms: Some(12.0),
        ..span(trace, 1, "segment", at(ts))
    };
    let mut ran = function_span(trace, 2, function, at(ts), 10.0, None);
    ran.parent_id = Some(accepted.span_id.clone());
    let call = Span {
        name: "DynamoDB".to_owned(),
        namespace: Some("aws".to_owned()),
        resource: Some(resource.to_owned()),
        operation: Some(operation.to_owned()),
        segment_id: ran.span_id.clone(),
        parent_id: Some(ran.span_id.clone()),
        ..span(trace, 3, "subsegment", at(ts))
    };
    vec![accepted, ran, call]
}

/// A line of a day's bill.
pub(crate) fn line(
    day: &str,
    service: &str,
    usage_type: &str,
    cost: &str,
    quantity: Option<&str>,
) -> CostLine {
    CostLine {
        ts: at(&format!("{day} 00:00")),
        granularity: "daily".to_owned(),
        account_id: ACCOUNT.to_owned(),
        region: Some(REGION.to_owned()),
        service: service.to_owned(),
        usage_type: Some(usage_type.to_owned()),
        operation: None,
        record_type: "Usage".to_owned(),
        resource_id: None,
        tags: BTreeMap::new(),
        cost_usd: usd(cost),
        quantity: quantity.map(usd),
        unit: None,
        estimated: true,
        source: "cost-explorer".to_owned(),
    }
}

pub(crate) fn resource(kind: &str, name: &str, ts: &str, pairs: &[(&str, &str)]) -> Resource {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let api = pairs
        .iter()
        .find(|(key, _)| *key == "api_name")
        .map_or("", |(_, api)| api);
    Resource {
        ts: at(ts),
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        arn: format!("arn:{kind}:{api}:{name}"),
        configuration: pairs.iter().map(pair).collect(),
        tags: BTreeMap::new(),
        deleted: false,
    }
}

/// A function as discovery finds it.
pub(crate) fn function(name: &str, ts: &str, memory_mb: &str) -> Resource {
    resource(
        "function",
        name,
        ts,
        &[
            ("memory_mb", memory_mb),
            ("architecture", "x86_64"),
            ("last_modified", "2026-01-01T00:00:00.000+0000"),
        ],
    )
}

/// A route as discovery finds it.
pub(crate) fn route(api: &str, route: &str, function: &str) -> Resource {
    resource(
        "route",
        route,
        "2026-11-09 00:00",
        &[
            ("api_name", api),
            ("stage", "prod"),
            ("integration_target", function),
        ],
    )
}

/// A route of an API that leaves no trace of its own, `HTTP` or `WEBSOCKET`.
pub(crate) fn untraced_route(protocol: &str, api: &str, key: &str, function: &str) -> Resource {
    let mut found = route(api, key, function);
    let protocol = ("protocol".to_owned(), protocol.to_owned());
    found.configuration.extend([protocol]);
    found
}

/// A window of a source that was collected at its end.
pub(crate) fn window(source: &str, from: &str, to: &str, outcome: Outcome) -> Collection {
    Collection {
        source: source.to_owned(),
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        ts: at(from),
        window_end: at(to),
        outcome,
        rows: 1,
        calls: 1,
        billed_units: 1,
        cost_usd: Decimal::ZERO,
        error: (outcome != Outcome::Complete).then(|| "AWS said no".to_owned()),
        elapsed_ms: 10,
        collected_at: at(to),
    }
}
