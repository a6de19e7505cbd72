//! Accounts that are large, and names that are odd.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use ciborium::Value as Cbor;
use millicent_lake::{MetricPoint, Outcome, Table, metrics};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::testing::{ACCOUNT, REGION, Request, Response, Scripted, get, map, metric_data};
use crate::{Clock, CollectConfig, Source, System};

const LAMBDA: Source = Source::Metrics(System::Lambda);
const OF_A_FUNCTION: [&str; 5] = [
    "Invocations",
    "Errors",
    "Throttles",
    "Duration",
    "ConcurrentExecutions",
];

fn text(value: &Cbor, key: &str) -> String {
    let value = get(value, key).and_then(Cbor::as_text);
    value.unwrap_or_default().to_owned()
}

fn listed(namespace: &str, metric: &str, dimensions: &[(&str, &str)]) -> Cbor {
    let dimensions = dimensions
        .iter()
        .map(|(name, value)| map([("Name", (*name).into()), ("Value", (*value).into())]));
    map([
        ("Namespace", namespace.into()),
        ("MetricName", metric.into()),
        ("Dimensions", Cbor::Array(dimensions.collect())),
    ])
}

/// A page of 500 of the metrics of so many functions.
fn page(request: &Request, functions: usize) -> Response {
    let asked = request.cbor();
    if text(&asked, "Namespace") != "AWS/Lambda" {
        return Response::cbor(&map([("Metrics", Cbor::Array(Vec::new()))]));
    }
    let page: usize = text(&asked, "NextToken").parse().unwrap_or(0);
    let each = 500 / OF_A_FUNCTION.len();
    let metrics = (page * each..(page + 1) * each).flat_map(|n| {
        OF_A_FUNCTION
            .map(|metric| listed("AWS/Lambda", metric, &[("FunctionName", &format!("f{n}"))]))
    });
    let mut answer = vec![("Metrics".into(), Cbor::Array(metrics.collect()))];
    if (page + 1) * each < functions {
        answer.push(("NextToken".into(), (page + 1).to_string().into()));
    }
    Response::cbor(&Cbor::Map(answer))
}

/// What was asked for of a call: start of its window, and how many statistics of which metrics.
fn asked(request: &Request) -> (String, BTreeMap<String, usize>) {
    let body = request.cbor();
    let mut metrics = BTreeMap::new();
    for query in get(&body, "MetricDataQueries").unwrap().as_array().unwrap() {
        let metric = get(get(query, "MetricStat").unwrap(), "Metric").unwrap();
        *metrics.entry(format!("{metric:?}")).or_default() += 1;
    }
    (format!("{:?}", get(&body, "StartTime").unwrap()), metrics)
}

#[tokio::test]
async fn twenty_thousand_metrics_are_each_asked_for_once_within_the_limits() {
    const FUNCTIONS: usize = 4_000;
    type Windows = BTreeMap<String, BTreeMap<String, usize>>;
    let windows: Arc<Mutex<Windows>> = Arc::default();
    let calls: Arc<AtomicUsize> = Arc::default();
    let (told, counted) = (Arc::clone(&windows), Arc::clone(&calls));
    let aws = Scripted::start(move |request| match request.operation {
        "ListFunctions" => Some(Response::json(&json!({"Functions": []}))),
        "ListMetrics" => Some(page(request, FUNCTIONS)),
        "GetMetricData" => {
            counted.fetch_add(1, Ordering::Relaxed);
            let (start, metrics) = asked(request);
            let queries: usize = metrics.values().sum();
            assert!(queries <= 500, "{queries} queries in a call");
            let mut told = told.lock().unwrap();
            let window = told.entry(start).or_default();
            for (metric, statistics) in metrics {
                let before = window.insert(metric.clone(), statistics);
                assert_eq!(before, None, "{metric} is billed twice");
            }
            Some(metric_data(request, "Complete", &[1.0, 2.0]))
        }
        _ => None,
    })
    .await;
    let config = CollectConfig {
        sources: vec![Source::Discovery, LAMBDA],
        history: TimeDelta::hours(1),
        ..aws.config()
    };
    let collector = aws.collector(config).await;
    let plan = collector.plan(aws.clock.now()).await.unwrap();
    let planned = plan.sources.iter().find(|s| s.source == LAMBDA).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 0, "a plan asks for no data");

    let cancel = CancellationToken::new();
    let pass = collector.pass(aws.clock.now(), &cancel, &|_| {}).await;
    let summary = pass.unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    let lambda = summary.sources.iter().find(|s| s.source == LAMBDA).unwrap();

    let metrics = FUNCTIONS * OF_A_FUNCTION.len();
    let windows = windows.lock().unwrap();
    assert_eq!(windows.len() as u64, lambda.windows);
    for window in windows.values() {
        assert_eq!(window.len(), metrics);
        // The five statistics of a latency in one call, which is billed as one metric.
        let five = window.values().filter(|statistics| **statistics == 5);
        assert_eq!(five.count(), FUNCTIONS);
    }
    assert_eq!(lambda.billed_units as usize, windows.len() * metrics);
    assert_eq!(lambda.rows as usize, 2 * windows.len() * metrics);
    assert_eq!(planned.billed_units, Some(lambda.billed_units));
    assert_eq!(
        planned.calls,
        Some(calls.load(Ordering::Relaxed) as u64),
        "what was planned is what was done"
    );
}

/// Every row of the metrics in the lake.
async fn points(aws: &Scripted) -> Vec<MetricPoint> {
    let table = aws.lake.delta_table(Table::Metrics).await.unwrap();
    let folder = std::path::Path::new(aws.lake.location()).join("metrics");
    let mut points = Vec::new();
    for file in table.get_file_uris().unwrap() {
        let path = folder.join(file.rsplit_once("metrics/").unwrap().1);
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap());
        for batch in reader.unwrap().build().unwrap() {
            points.extend(metrics::from_record_batch(&batch.unwrap()).unwrap());
        }
    }
    points
}

#[tokio::test]
async fn odd_names_come_through_as_they_are() {
    // CloudWatch drops what is not ASCII from an API's name.
    let (name, stripped) = ("Bob's \"caf\u{e9}\" \u{65e5}\u{672c}", "Bob's \"caf\" ");
    let (stage, path) = ("it's \"prod\"", "/kn\u{f6}del/{it's id}");
    let aws = Scripted::start(move |request| {
        Some(match request.operation {
            "GetRestApis" => Response::json(&json!({"item": [{"id": "a1b2c3", "name": name}]})),
            "GetStages" => Response::json(&json!({"item": [{
                "stageName": stage, "deploymentId": "d1",
                "methodSettings": {"*/*": {"metricsEnabled": true}},
            }]})),
            "GetResources" => Response::json(&json!({"item": [{
                "id": "r1", "path": path, "resourceMethods": {"GET": {"httpMethod": "GET"}},
            }]})),
            "ListMetrics" => {
                let of_route = [
                    ("ApiName", stripped),
                    ("Stage", stage),
                    ("Resource", path),
                    ("Method", "GET"),
                ];
                let metric = listed("AWS/ApiGateway", "Count", &of_route);
                Response::cbor(&map([("Metrics", Cbor::Array(vec![metric]))]))
            }
            _ => return None,
        })
    })
    .await;
    let config = CollectConfig {
        sources: vec![Source::Discovery, Source::Metrics(System::ApiGateway)],
        history: TimeDelta::hours(2),
        ..aws.config()
    };
    let count = |points: &[MetricPoint]| {
        let route = format!("GET {path}");
        let of_route = |point: &&MetricPoint| {
            point.resource == name
                && point.stage.as_deref() == Some(stage)
                && point.route.as_deref() == Some(&*route)
                && point.metric == "Count"
        };
        points.iter().filter(of_route).count()
    };
    let mut before = Vec::new();
    // Read again, as a collector does that starts anew: in the place of what was there.
    for again in [false, true] {
        if again {
            aws.clock.advance(TimeDelta::minutes(5));
        }
        let cancel = CancellationToken::new();
        let collector = aws.collector(config.clone()).await;
        let pass = collector.pass(aws.clock.now(), &cancel, &|_| {}).await;
        assert!(pass.unwrap().is_complete());
        let points = points(&aws).await;
        assert!(
            points.iter().all(|point| point.resource == name),
            "{points:#?}"
        );
        if again {
            assert_eq!(count(&points), count(&before));
        }
        before = points;
    }
    assert_eq!(
        count(&before),
        2,
        "a point of the settled hours, and one of the live part"
    );
    let seen = aws.lake.collections(
        "apigateway-metrics",
        ACCOUNT,
        REGION,
        chrono::DateTime::UNIX_EPOCH,
    );
    let seen = seen.await.unwrap();
    assert!(
        seen.iter().all(|row| row.outcome == Outcome::Complete),
        "{seen:#?}"
    );
}
