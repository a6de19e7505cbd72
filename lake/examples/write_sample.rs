//! Writes a small lake with every table, kind of value and awkward name, at the folder given, and
//! prints what a reader has to find in it. `tests/interop/run.py` holds other engines against it.
#![allow(clippy::print_stdout, reason = "a program")]

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{
    AlertEvent, Collection, CostLine, Lake, LatencyBucket, MetricPoint, Outcome, Resource, Rows,
    Slice, Span, Table,
};
use rust_decimal::Decimal;
use serde_json::json;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const NAMES: [&str; 4] = [
    "orders",
    "o'clock \"quoted\"",
    "größe/日本",
    "😀 {proxy+} %20 \\",
];
const DAYS: i64 = 3;
/// The smallest that there is, one with 29 digits, a credit, and one that a double gets wrong.
const AMOUNTS: [&str; 4] = [
    "0.000000000001",
    "12345678901234567.123456789012",
    "-3.5",
    "0.1",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("give the folder to write to")?;
    let lake = Lake::open(&folder).await?;
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse()?;

    let metrics = metrics(start);
    let costs = costs(start)?;
    let spans = spans(start);
    let expected = json!({
        "metrics": {
            "rows": metrics.len(),
            "sums": {"sum": metrics.iter().filter_map(|row| row.sum).sum::<f64>()},
            "nulls": {"stage": metrics.len(), "p95": metrics.len()},
        },
        "spans": {
            "rows": spans.len(),
            "entries": {"annotations": spans.iter().map(|row| row.annotations.len()).sum::<usize>()},
            "nulls": {"parent_id": spans.iter().filter(|row| row.parent_id.is_none()).count()},
        },
        "costs": {
            "rows": costs.len(),
            "decimals": {
                "cost_usd": costs.iter().map(|row| row.cost_usd).sum::<Decimal>(),
                "quantity": costs.iter().filter_map(|row| row.quantity).sum::<Decimal>(),
            },
            "entries": {"tags": costs.iter().map(|row| row.tags.len()).sum::<usize>()},
        },
        "resources": {"rows": NAMES.len(), "entries": {"configuration": 2 * NAMES.len(), "tags": 0}},
        "collections": {
            "rows": 24 * DAYS,
            "decimals": {"cost_usd": Decimal::new(24 * DAYS, 6)},
        },
        "alert_events": {"rows": NAMES.len(), "entries": {"labels": NAMES.len()}},
        "latency_histograms": {
            "rows": 3 * NAMES.len(),
            "nulls": {"upper_ms": NAMES.len(), "stage": 3 * NAMES.len()},
        },
    });

    // Written twice, by windows that overlap what is there, as a collector does after a crash.
    for _ in 0..2 {
        for day in 0..DAYS {
            let (from, to) = (
                start + TimeDelta::days(day),
                start + TimeDelta::days(day + 1),
            );
            let equal = vec![
                ("account_id", ACCOUNT.to_owned()),
                ("region", REGION.to_owned()),
            ];
            let slice = Slice {
                table: Table::Metrics,
                equal: equal.clone(),
                from,
                to,
            };
            let rows = metrics.iter().filter(|row| row.ts >= from && row.ts < to);
            lake.replace(&slice, Rows::Metrics(rows.cloned().collect()))
                .await?;
            let slice = Slice {
                table: Table::Spans,
                equal,
                from,
                to,
            };
            let rows = spans
                .iter()
                .filter(|row| row.trace_ts >= from && row.trace_ts < to);
            lake.replace(&slice, Rows::Spans(rows.cloned().collect()))
                .await?;
        }
        let equal = vec![("source", "cost-explorer".to_owned())];
        let to = start + TimeDelta::days(DAYS);
        let slice = Slice {
            table: Table::Costs,
            equal,
            from: start,
            to,
        };
        lake.replace(&slice, Rows::Costs(costs.clone())).await?;
        for hour in 0..24 * DAYS {
            lake.record_collection(collection(start + TimeDelta::hours(hour)))
                .await?;
        }
    }
    lake.append(Rows::Resources(
        NAMES.iter().map(|name| resource(start, name)).collect(),
    ))
    .await?;
    lake.append(Rows::AlertEvents(
        NAMES.iter().map(|name| event(start, name)).collect(),
    ))
    .await?;
    let buckets = NAMES.iter().flat_map(|name| buckets(start, name));
    lake.append(Rows::LatencyHistograms(buckets.collect()))
        .await?;
    println!("{expected}");
    Ok(())
}

fn metrics(start: DateTime<Utc>) -> Vec<MetricPoint> {
    let points = (0..24 * 60 * DAYS).flat_map(|minute| {
        NAMES
            .iter()
            .zip(1..)
            .map(move |(name, weight)| MetricPoint {
                account_id: ACCOUNT.into(),
                region: REGION.into(),
                service: "lambda".into(),
                resource: (*name).into(),
                stage: None,
                route: None,
                operation: None,
                metric: "Invocations".into(),
                unit: "Count".into(),
                ts: start + TimeDelta::minutes(minute),
                period_s: 60,
                sample_count: None,
                sum: Some((minute % 7 * weight) as f64),
                min: Some(0.25),
                max: None,
                p50: None,
                p95: None,
                p99: None,
            })
    });
    points.collect()
}

fn spans(start: DateTime<Utc>) -> Vec<Span> {
    let spans = (0..500).map(|i| Span {
        account_id: ACCOUNT.into(),
        region: REGION.into(),
        trace_id: format!("1-{:08x}-{:024x}", 0x65a0_0000 + i / 2, i / 2),
        trace_ts: start + TimeDelta::seconds(i / 2 * 600),
        span_id: format!("{i:016x}"),
        parent_id: (i % 2 == 1).then(|| format!("{:016x}", i - 1)),
        segment_id: format!("{:016x}", i / 2 * 2),
        kind: if i % 2 == 0 { "segment" } else { "subsegment" }.into(),
        name: NAMES[(i % 4) as usize].into(),
        origin: None,
        namespace: None,
        resource: Some("orders".into()),
        stage: None,
        operation: None,
        route: None,
        ts: start + TimeDelta::seconds(i / 2 * 600) + TimeDelta::microseconds(i),
        duration_ms: Some(i as f64 / 8.0),
        http_method: Some("GET".into()),
        http_url: None,
        http_status: Some(200 + (i % 5) as i32),
        error: false,
        fault: i % 5 == 4,
        throttle: false,
        inferred: false,
        in_progress: false,
        cold_start: (i % 2 == 0).then_some(i % 20 == 0),
        init_ms: None,
        request_id: None,
        annotations: (0..i % 3)
            .map(|n| (format!("key {n}"), NAMES[n as usize].into()))
            .collect(),
    });
    spans.collect()
}

fn costs(start: DateTime<Utc>) -> Result<Vec<CostLine>, rust_decimal::Error> {
    let lines = (0..DAYS).flat_map(|day| {
        AMOUNTS.iter().zip(NAMES).map(move |(amount, name)| {
            Ok(CostLine {
                ts: start + TimeDelta::days(day),
                granularity: "daily".into(),
                account_id: ACCOUNT.into(),
                region: None,
                service: "AWS Lambda".into(),
                usage_type: Some("EUC1-Lambda-GB-Second".into()),
                operation: None,
                record_type: "Usage".into(),
                resource_id: None,
                tags: BTreeMap::from([("team".into(), name.into()), ("empty".into(), "".into())]),
                cost_usd: amount.parse()?,
                quantity: (day == 0).then(|| Decimal::new(1, 1)),
                unit: Some("Lambda-GB-Second".into()),
                estimated: day == DAYS - 1,
                source: "cost-explorer".into(),
            })
        })
    });
    lines.collect()
}

fn collection(ts: DateTime<Utc>) -> Collection {
    Collection {
        source: "lambda-metrics".into(),
        account_id: ACCOUNT.into(),
        region: REGION.into(),
        ts,
        window_end: ts + TimeDelta::hours(1),
        outcome: Outcome::Complete,
        rows: 60,
        calls: 1,
        billed_units: 4,
        cost_usd: Decimal::new(1, 6),
        error: None,
        elapsed_ms: 12,
        collected_at: ts + TimeDelta::hours(2),
    }
}

fn resource(ts: DateTime<Utc>, name: &str) -> Resource {
    Resource {
        ts,
        account_id: ACCOUNT.into(),
        region: REGION.into(),
        kind: "function".into(),
        name: name.into(),
        arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
        configuration: BTreeMap::from([
            ("memory_mb".into(), "512".into()),
            ("architecture".into(), "arm64".into()),
        ]),
        tags: BTreeMap::new(),
        deleted: false,
    }
}

fn event(ts: DateTime<Utc>, name: &str) -> AlertEvent {
    AlertEvent {
        ts,
        rule: "daily-budget".into(),
        labels: BTreeMap::from([("route".into(), name.into())]),
        event: "firing".into(),
        value: Some(1.5),
        threshold: None,
        since: None,
        notifier: None,
        message: None,
    }
}

fn buckets(start: DateTime<Utc>, name: &str) -> Vec<LatencyBucket> {
    let bounds = [(0.0, Some(10.0)), (10.0, Some(31.5)), (31.5, None)];
    let buckets = bounds.map(|(lower_ms, upper_ms)| LatencyBucket {
        account_id: ACCOUNT.into(),
        region: REGION.into(),
        service: "lambda".into(),
        resource: name.into(),
        stage: None,
        route: None,
        ts: start,
        period_s: 3600,
        lower_ms,
        upper_ms,
        count: 12.0,
    });
    buckets.to_vec()
}
