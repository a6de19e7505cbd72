use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::*;
use crate::metrics::series::samples::resource;
use crate::testing::{ACCOUNT, Request, Response, Scripted, map, metric_data};
use crate::{CollectConfig, PassSummary, Source};

const GROUP: &str = "/aws/lambda/get-order";

fn formats(groups: &Groups) -> BTreeMap<Format, Vec<(&str, &str)>> {
    groups
        .iter()
        .map(|(format, of)| {
            let pairs = of
                .iter()
                .map(|(group, name)| (group.as_str(), name.as_str()));
            (*format, pairs.collect())
        })
        .collect()
}

#[test]
fn each_function_is_read_where_and_how_it_logs() {
    let groups = groups(&[
        resource("function", "text", &[]),
        resource(
            "function",
            "json",
            &[("log_format", "JSON"), ("log_group", "/shop/json")],
        ),
        resource(
            "function",
            "quiet",
            &[("log_format", "JSON"), ("system_log_level", "WARN")],
        ),
        resource("function", "a", &[("log_group", "/shop/shared")]),
        resource("function", "b", &[("log_group", "/shop/shared")]),
    ]);
    let expected = BTreeMap::from([
        (Format::Text, vec![("/aws/lambda/text", "text")]),
        (Format::Json, vec![("/shop/json", "json")]),
    ]);
    assert_eq!(formats(&groups), expected);
}

#[test]
fn no_query_can_have_more_rows_than_it_gives() {
    let window = |hours| {
        let from = chrono::DateTime::UNIX_EPOCH;
        Window::new(from, from + TimeDelta::hours(hours))
    };
    assert_eq!(groups_in_a_query(window(1)), MOST_GROUPS);
    assert_eq!(groups_in_a_query(window(24)), 34);
}

/// A log group that took in 3 MB an hour, and an answer of one record once it is asked a second time.
fn account(request: &Request, record: &Value) -> Option<Response> {
    let dimension = map([("Name", "LogGroupName".into()), ("Value", GROUP.into())]);
    match request.operation {
        "ListMetrics" => {
            let listed = |name: &str| {
                map([
                    ("Namespace", "AWS/Logs".into()),
                    ("MetricName", name.into()),
                    ("Dimensions", Cbor::Array(vec![dimension.clone()])),
                ])
            };
            let metrics = vec![listed("IncomingBytes"), listed("IncomingLogEvents")];
            Some(Response::cbor(&map([("Metrics", Cbor::Array(metrics))])))
        }
        "GetMetricData" => Some(metric_data(request, "Complete", &[3e6])),
        "StartQuery" => {
            let asked = request.json();
            assert_eq!(asked["logGroupNames"], json!([GROUP]));
            assert!(asked["queryString"].as_str().unwrap().contains("@type"));
            Some(Response::json(&json!({"queryId": "q1"})))
        }
        "GetQueryResults" if request.nth == 0 => {
            Some(Response::json(&json!({"status": "Running", "results": []})))
        }
        "GetQueryResults" => {
            let fields: Vec<Value> = record
                .as_object()
                .unwrap()
                .iter()
                .map(|(field, value)| json!({"field": field, "value": value}))
                .collect();
            Some(Response::json(&json!({
                "status": "Complete", "results": [fields],
                "statistics": {"bytesScanned": 2.5e6, "recordsMatched": 9.0, "recordsScanned": 99.0},
            })))
        }
        _ => None,
    }
}

async fn pass(aws: &Scripted, lambda_reports: bool) -> PassSummary {
    let config = CollectConfig {
        sources: vec![Source::Discovery, Source::LambdaReports],
        history: TimeDelta::hours(1),
        lambda_reports,
        ..aws.config()
    };
    let collector = aws.collector(config).await;
    let now = crate::Clock::now(&*aws.clock);
    collector
        .pass(now, &tokio_util::sync::CancellationToken::new(), &|_| {})
        .await
        .unwrap()
}

fn record() -> Value {
    json!({
        "@log": format!("{ACCOUNT}:{GROUP}"), "bin(5m)": "2026-11-24 07:50:00.000",
        "reports": "40", "billed_ms": "4210", "inits": "2", "init_ms": "812.5", "init_p99": "480.25",
        "restores": "0",
    })
}

#[tokio::test]
async fn a_settled_hour_is_scanned_once_and_paid_by_what_was_scanned() {
    let aws = Scripted::start(|request| account(request, &record())).await;
    let summary = pass(&aws, false).await;
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(aws.calls_of("StartQuery"), 0, "only where it is asked for");

    let summary = pass(&aws, true).await;
    assert!(summary.is_complete(), "{summary:?}");
    let reports = &summary.sources[1];
    assert_eq!((reports.windows, reports.rows), (1, 3), "{summary:?}");
    // One metric, and three megabytes begun.
    assert_eq!(reports.cost_usd, Decimal::new(1, 5) + Decimal::new(15, 6));
    let again = pass(&aws, true).await;
    assert!(again.is_complete(), "{again:?}");
    assert_eq!(aws.calls_of("StartQuery"), 1, "an hour is scanned once");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_spoils_the_window_and_is_told() {
    let mut record = record();
    record["billed_ms"] = "many".into();
    let aws = Scripted::start(move |request| account(request, &record)).await;
    let summary = pass(&aws, true).await;
    let incident = &summary.sources[1].incidents[0];
    assert!(
        incident.message.contains("billed_ms") && incident.message.contains("many"),
        "{incident:?}"
    );
    assert_eq!(summary.sources[1].rows, 0);
}
