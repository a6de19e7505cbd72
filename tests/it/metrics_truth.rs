//! Every collected metric, minute by minute, held against what the simulated CloudWatch tells who asks
//! it directly, also after faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use millicent_analyzer::{Analyzer, Options};
use millicent_collector::{Clock, CollectConfig, Collector, PassSummary, Source, System};
use millicent_lake::Lake;
use millicent_simulator::faults::{Fault, Rule};
use millicent_simulator::server::service::Service;
use millicent_simulator::{SimConfig, World};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::account::{Account, now};

/// Seconds since the epoch, for the account and the collector alike.
#[derive(Debug, Clone)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn at(time: DateTime<Utc>) -> Time {
        Time(Arc::new(AtomicI64::new(time.timestamp())))
    }

    fn set(&self, time: DateTime<Utc>) {
        self.0.store(time.timestamp(), Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).expect("a time")
    }
}

/// service, resource, stage, route, operation, metric.
type Key = [String; 6];

/// By column of the table: what is asked for of a metric.
type Columns = &'static [(&'static str, &'static str)];

const SUM: Columns = &[("sum", "Sum")];
const MAXIMUM: Columns = &[("max", "Maximum")];
const LATENCY: Columns = &[
    ("sample_count", "SampleCount"),
    ("sum", "Sum"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("p99", "p99"),
];

/// One value a day: of one sample, so it is also the largest.
const DAILY: Columns = &[("max", "Average")];

/// What the ids in the dimensions of the shop's APIs stand for.
const APIS: [(&str, &str); 2] = [("h7t8t9fron", "storefront"), ("w1s2k3live", "live")];

/// What the lake should call a listed metric, and have of it: the reader's own reading of the
/// contract, apart from the collector's.
fn expected(
    namespace: &str,
    metric: &str,
    dimensions: &BTreeMap<&str, &str>,
) -> Option<(Key, Columns)> {
    let names: Vec<&str> = dimensions.keys().copied().collect();
    let of = |name: &str| dimensions[name].to_owned();
    let none = String::new;
    let (columns, place): (Columns, [String; 4]) = match (namespace, names.as_slice()) {
        ("AWS/Lambda", ["FunctionName"]) => {
            let columns = match metric {
                "Invocations" | "Errors" | "Throttles" => SUM,
                "AsyncEventsReceived" | "AsyncEventsDropped" | "UrlRequestCount" => SUM,
                "DeadLetterErrors" | "DestinationDeliveryFailures" => SUM,
                "Duration" | "AsyncEventAge" | "UrlRequestLatency" => LATENCY,
                "ConcurrentExecutions" | "IteratorAge" => MAXIMUM,
                _ => return None,
            };
            (columns, [of("FunctionName"), none(), none(), none()])
        }
        ("AWS/ApiGateway", ["ApiName", "Stage"] | ["ApiName", "Method", "Resource", "Stage"]) => {
            let columns = match metric {
                "Count" | "4XXError" | "5XXError" => SUM,
                "Latency" | "IntegrationLatency" => LATENCY,
                _ => return None,
            };
            let route = if names.len() == 4 {
                format!("{} {}", dimensions["Method"], dimensions["Resource"])
            } else {
                none()
            };
            (columns, [of("ApiName"), of("Stage"), route, none()])
        }
        ("AWS/Lambda", ["FunctionName", "Resource"]) => {
            let columns = match metric {
                "ProvisionedConcurrentExecutions" | "ProvisionedConcurrencyUtilization" => MAXIMUM,
                metric if metric.starts_with("ProvisionedConcurrency") => SUM,
                _ => return None,
            };
            let (_, alias) = dimensions["Resource"].split_once(':')?;
            let place = [of("FunctionName"), alias.to_owned(), none(), none()];
            (columns, place)
        }
        ("AWS/ApiGateway", [first @ "ApiId", others @ ..]) if others.contains(&"Stage") => {
            let columns = match metric {
                "Latency" | "IntegrationLatency" => LATENCY,
                _ => SUM,
            };
            let route = match (dimensions.get("Route"), dimensions.get("Resource")) {
                (Some(route), _) => (*route).to_owned(),
                (None, Some(path)) if path.starts_with('/') => {
                    format!("{} {path}", dimensions["Method"])
                }
                (None, Some(key)) => (*key).to_owned(),
                (None, None) => none(),
            };
            let id = dimensions[*first];
            let (_, name) = APIS.iter().find(|(known, _)| *known == id).expect("an API");
            (columns, [(*name).to_owned(), of("Stage"), route, none()])
        }
        ("AWS/S3", ["BucketName", "StorageType"]) => {
            let place = [of("BucketName"), none(), none(), of("StorageType")];
            (DAILY, place)
        }
        ("AWS/S3", ["BucketName", "FilterId"]) => {
            let columns = if metric.ends_with("Latency") {
                LATENCY
            } else {
                SUM
            };
            (columns, [of("BucketName"), none(), none(), of("FilterId")])
        }
        ("AWS/States", ["StateMachineArn"]) => {
            let columns = match metric {
                "ExecutionTime" => LATENCY,
                metric if metric.starts_with("Execution") => SUM,
                "ExpressExecutionBilledDuration" | "ExpressExecutionBilledMemory" => SUM,
                _ => return None,
            };
            let arn = dimensions["StateMachineArn"];
            let name = arn.rsplit(':').next().expect("a name").to_owned();
            (columns, [name, none(), none(), none()])
        }
        ("AWS/DynamoDB", ["TableName"] | ["GlobalSecondaryIndexName", "TableName"]) => {
            let columns = match metric {
                "ConsumedReadCapacityUnits" | "ConsumedWriteCapacityUnits" => SUM,
                metric if metric.ends_with("ThrottleEvents") => SUM,
                _ => return None,
            };
            let resource = match dimensions.get("GlobalSecondaryIndexName") {
                Some(index) => format!("{}/index/{index}", dimensions["TableName"]),
                None => of("TableName"),
            };
            (columns, [resource, none(), none(), none()])
        }
        ("AWS/DynamoDB", ["Operation", "TableName"]) => {
            let columns = match metric {
                "SuccessfulRequestLatency" => LATENCY,
                "ThrottledRequests" | "SystemErrors" => SUM,
                _ => return None,
            };
            (columns, [of("TableName"), none(), none(), of("Operation")])
        }
        ("AWS/Logs", ["LogGroupName"]) => {
            if !["IncomingBytes", "IncomingLogEvents"].contains(&metric) {
                return None;
            }
            (SUM, [of("LogGroupName"), none(), none(), none()])
        }
        _ => return None,
    };
    let service = match namespace {
        "AWS/Lambda" => "lambda",
        "AWS/ApiGateway" => "apigateway",
        "AWS/DynamoDB" => "dynamodb",
        "AWS/S3" => "s3",
        "AWS/States" => "states",
        _ => "logs",
    };
    let [resource, stage, route, operation] = place;
    let key = [
        service.to_owned(),
        resource,
        stage,
        route,
        operation,
        metric.to_owned(),
    ];
    Some((key, columns))
}

fn period_s(columns: Columns) -> i64 {
    if columns == DAILY { 86_400 } else { 60 }
}

/// CloudWatch as boto3 speaks it.
struct CloudWatch {
    url: String,
    client: reqwest::Client,
}

impl CloudWatch {
    async fn ask(&self, operation: &str, input: &Value) -> Value {
        let response = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261118/eu-central-1/monitoring/aws4_request, SignedHeaders=host, Signature={}",
                    "0".repeat(64)
                ),
            )
            .body(input.to_string())
            .send()
            .await
            .expect("the simulator answers");
        let text = response.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    /// All pages of an operation.
    async fn all(&self, operation: &str, mut input: Value, member: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let answer = self.ask(operation, &input).await;
            let page = answer[member].as_array();
            all.extend(page.unwrap_or_else(|| panic!("{answer}")).iter().cloned());
            match answer["NextToken"].as_str() {
                Some(token) => input["NextToken"] = token.into(),
                None => return all,
            }
        }
    }
}

fn dimensions_of(metric: &Value) -> BTreeMap<&str, &str> {
    let dimensions = metric["Dimensions"].as_array().expect("dimensions");
    dimensions
        .iter()
        .map(|d| {
            (
                d["Name"].as_str().expect("name"),
                d["Value"].as_str().expect("value"),
            )
        })
        .collect()
}

/// By series, time and column.
type Points = BTreeMap<(Key, i64, &'static str), f64>;

/// Everything that the lake should have, by the minute.
async fn truth(account: &Account, from: DateTime<Utc>, to: DateTime<Utc>) -> Points {
    let cloudwatch = CloudWatch {
        url: account.handle.url(),
        client: reqwest::Client::new(),
    };
    let mut points = Points::new();
    let namespaces = [
        "AWS/Lambda",
        "AWS/ApiGateway",
        "AWS/DynamoDB",
        "AWS/S3",
        "AWS/States",
        "AWS/Logs",
    ];
    for namespace in namespaces {
        let listed = cloudwatch
            .all("ListMetrics", json!({"Namespace": namespace}), "Metrics")
            .await;
        let mut queries = Vec::new();
        let mut asked = Vec::new();
        for metric in &listed {
            let text = |value: &'static str| metric[value].as_str().expect("text");
            let dimensions = dimensions_of(metric);
            let Some((key, columns)) = expected(namespace, text("MetricName"), &dimensions) else {
                continue;
            };
            for (column, statistic) in columns {
                queries.push(json!({
                    "Id": format!("q{}", asked.len()),
                    "MetricStat": {"Metric": metric, "Period": period_s(columns), "Stat": statistic},
                }));
                asked.push((key.clone(), *column));
            }
        }
        for some in queries.chunks(100) {
            let input = json!({
                "MetricDataQueries": some, "StartTime": from.timestamp(), "EndTime": to.timestamp(),
            });
            for result in cloudwatch
                .all("GetMetricData", input, "MetricDataResults")
                .await
            {
                let number: usize = result["Id"].as_str().expect("id")[1..]
                    .parse()
                    .expect("a number");
                let (key, column) = &asked[number];
                let values = result["Values"].as_array().expect("values");
                let times = result["Timestamps"].as_array().expect("times");
                for (time, value) in times.iter().zip(values) {
                    let time = time.as_f64().expect("a time") as i64;
                    let value = value.as_f64().expect("a value");
                    let before = points.insert((key.clone(), time, *column), value);
                    assert_eq!(before, None, "{key:?} {time} {column} came twice");
                }
            }
        }
    }
    points
}

/// What the lake has.
async fn collected(lake: &Lake, to: DateTime<Utc>) -> Points {
    let options = Options {
        clock: Arc::new(now),
        max_rows: 10_000_000,
        ..Options::default()
    };
    let analyzer = Analyzer::open(lake.clone(), options)
        .await
        .expect("an analyzer");
    let table = analyzer
        .sql("SELECT service, resource, coalesce(stage, '') AS stage, coalesce(route, '') AS route, \
              coalesce(operation, '') AS operation, metric, ts, period_s, sample_count, sum, min, max, p50, p95, p99 FROM metrics")
        .await
        .expect("metrics");
    assert!(!table.is_truncated());
    let mut points = Points::new();
    for row in table.rows() {
        let key = [
            "service",
            "resource",
            "stage",
            "route",
            "operation",
            "metric",
        ]
        .map(|name| row.text(name).expect(name).to_owned());
        let time = row.timestamp("ts").expect("ts");
        if time >= to {
            continue;
        }
        let daily = key[4].ends_with("Storage") || key[4] == "AllStorageTypes";
        let period_s = if daily { 86_400 } else { 60 };
        assert_eq!(row.i64("period_s"), Some(period_s), "{key:?} {time}");
        for column in ["sample_count", "sum", "min", "max", "p50", "p95", "p99"] {
            if let Some(value) = row.f64(column) {
                let before = points.insert((key.clone(), time.timestamp(), column), value);
                assert_eq!(before, None, "{key:?} {time} {column} stands twice");
            }
        }
    }
    points
}

fn assert_same(collected: &Points, truth: &Points) {
    let services: BTreeSet<&str> = truth.keys().map(|(key, ..)| key[0].as_str()).collect();
    println!("{} points of {services:?}", truth.len());
    assert!(services.len() >= 5, "{services:?}");
    let missing: Vec<_> = truth
        .iter()
        .filter(|(key, value)| collected.get(*key) != Some(value))
        .map(|(key, value)| (key, value, collected.get(key)))
        .take(10)
        .collect();
    assert!(
        missing.is_empty(),
        "not as the simulator has it: {missing:#?}"
    );
    let more: Vec<_> = collected
        .keys()
        .filter(|key| !truth.contains_key(*key))
        .take(10)
        .collect();
    assert!(
        more.is_empty(),
        "the simulator has no such point: {more:#?}"
    );
}

/// An account that began at midnight, and whose metrics are all read by the minute.
fn account(time: &Time) -> (Account, CollectConfig) {
    let clock = time.clone();
    let mut config = SimConfig::new(11, now(), now()).with_clock(Arc::new(move || clock.now()));
    config.scale = 0.1;
    let account = Account::serve(World::new(config));
    let mut sources = vec![Source::Discovery];
    sources.extend(System::ALL.map(Source::Metrics));
    let config = CollectConfig {
        sources,
        history: TimeDelta::hours(13),
        minute_resolution: TimeDelta::hours(14),
        ..account.collect_config()
    };
    (account, config)
}

async fn pass(config: &CollectConfig, lake: &Lake, time: &Time) -> PassSummary {
    let collector = Collector::connect(config.clone(), lake.clone(), Arc::new(time.clone()))
        .await
        .expect("the simulator answers");
    collector
        .pass(time.now(), &CancellationToken::new(), &|_| {})
        .await
        .expect("a pass")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_minute_of_every_metric_is_the_simulators() {
    let time = Time::at(now());
    let (account, config) = account(&time);
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(folder.path().to_str().expect("UTF-8"))
        .await
        .expect("a lake");
    let summary = pass(&config, &lake, &time).await;
    assert!(summary.is_complete(), "{summary:?}");

    let midnight = now() - TimeDelta::hours(12);
    // The last step of the live part that is old enough.
    let to = now() - TimeDelta::minutes(5);
    let truth = truth(&account, midnight, to).await;
    assert_same(&collected(&lake, to).await, &truth);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_and_late_points_change_no_number() {
    let time = Time::at(now());
    let (account, config) = account(&time);
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(folder.path().to_str().expect("UTF-8"))
        .await
        .expect("a lake");
    let of_cloudwatch = |fault, rate| Rule {
        rate,
        ..Rule::always(Service::CloudWatch, fault)
    };
    account.handle.set_faults(vec![
        of_cloudwatch(Fault::Throttle, 0.3),
        of_cloudwatch(Fault::ServerError, 0.05),
        of_cloudwatch(Fault::CutPages { page_size: 997 }, 1.0),
        of_cloudwatch(Fault::Lag { minutes: 12 }, 1.0),
    ]);
    let midnight = now() - TimeDelta::hours(12);
    let (mut whole, mut broken) = (0, 0);
    for minutes in (0..=90).step_by(30) {
        time.set(now() + TimeDelta::minutes(minutes));
        for _ in 0..5 {
            let summary = pass(&config, &lake, &time).await;
            if summary.is_complete() {
                whole += 1;
                break;
            }
            broken += 1;
        }
    }
    println!("passes: {whole} whole, {broken} not");
    account.handle.set_faults(Vec::new());
    // Nothing comes late any more to what is older than `late`, in whole hours.
    let settled = now() + TimeDelta::hours(1);
    let truth = truth(&account, midnight, settled).await;
    assert_same(&collected(&lake, settled).await, &truth);
}

/// The trimmed count that a bucket of the lake is.
fn trimmed_count(lower_ms: f64, upper_ms: Option<f64>) -> String {
    let lower = if lower_ms == 0.0 {
        String::new()
    } else {
        lower_ms.to_string()
    };
    format!(
        "TC({lower}:{})",
        upper_ms.map_or_else(String::new, |ms| ms.to_string())
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_of_latency_add_up_to_the_requests() {
    let time = Time::at(now());
    let (account, mut config) = account(&time);
    config.sources = vec![Source::Discovery, Source::Histograms];
    let folder = tempfile::tempdir().expect("a folder");
    let location = folder.path().to_str().expect("UTF-8");
    let lake = Lake::open(location).await.expect("a lake");

    assert!(pass(&config, &lake, &time).await.is_complete());
    assert_eq!(
        buckets(&lake).await.len(),
        0,
        "only where they are asked for"
    );

    config.histograms = true;
    let summary = pass(&config, &lake, &time).await;
    assert!(summary.is_complete(), "{summary:?}");
    let buckets = buckets(&lake).await;
    let functions = buckets.iter().filter(|bucket| bucket.key[0] == "lambda");
    assert!(functions.count() > 0, "functions have buckets");

    // Each bucket is what CloudWatch counts in it, and all of an hour are its requests.
    let cloudwatch = CloudWatch {
        url: account.handle.url(),
        client: reqwest::Client::new(),
    };
    let (from, to) = (now() - TimeDelta::hours(12), now() - TimeDelta::hours(1));
    let mut hours: BTreeMap<(Key, i64), f64> = BTreeMap::new();
    let mut queries = BTreeMap::new();
    for bucket in &buckets {
        assert!((from..to).contains(&bucket.ts), "{bucket:?}");
        let hour = (bucket.key.clone(), bucket.ts.timestamp());
        *hours.entry(hour).or_default() += bucket.count;
        let statistic = trimmed_count(bucket.lower_ms, bucket.upper_ms);
        queries.insert((bucket.key.clone(), statistic), ());
    }
    let mut told: BTreeMap<(Key, String, i64), f64> = BTreeMap::new();
    for metric in latency_metrics(&cloudwatch).await {
        let mut statistics: Vec<String> = queries
            .keys()
            .filter(|(key, _)| *key == metric.0)
            .map(|(_, statistic)| statistic.clone())
            .collect();
        statistics.push("SampleCount".to_owned());
        let asked: Vec<Value> = statistics
            .iter()
            .enumerate()
            .map(|(n, statistic)| {
                json!({
                    "Id": format!("q{n}"),
                    "MetricStat": {"Metric": metric.1, "Period": 3600, "Stat": statistic},
                })
            })
            .collect();
        let input = json!({
            "MetricDataQueries": asked, "StartTime": from.timestamp(), "EndTime": to.timestamp(),
        });
        for result in cloudwatch
            .all("GetMetricData", input, "MetricDataResults")
            .await
        {
            let number = &result["Id"].as_str().expect("id")[1..];
            let statistic = &statistics[number.parse::<usize>().expect("a number")];
            let values = result["Values"].as_array().expect("values");
            let times = result["Timestamps"].as_array().expect("times");
            for (time, value) in times.iter().zip(values) {
                let time = time.as_f64().expect("a time") as i64;
                let value = value.as_f64().expect("a value");
                if value > 0.0 {
                    told.insert((metric.0.clone(), statistic.clone(), time), value);
                }
            }
        }
    }
    let mut samples = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for ((key, statistic, time), value) in told {
        if statistic == "SampleCount" {
            samples.insert((key, time), value);
        } else {
            counts.insert((key, statistic, time), value);
        }
    }
    let mut collected: BTreeMap<(Key, String, i64), f64> = buckets
        .iter()
        .map(|bucket| {
            let statistic = trimmed_count(bucket.lower_ms, bucket.upper_ms);
            let key = (bucket.key.clone(), statistic, bucket.ts.timestamp());
            (key, bucket.count)
        })
        .collect();
    println!("{} buckets of {} hours", collected.len(), hours.len());
    assert_eq!(hours, samples);
    // An hour has a bucket whole or in parts; CloudWatch tells of both, but not of those that are empty.
    counts.retain(|bucket, _| collected.contains_key(bucket));
    collected.retain(|bucket, count| *count > 0.0 || counts.contains_key(bucket));
    assert_eq!(collected, counts);
}

/// A row of `latency_histograms`.
#[derive(Debug)]
struct Bucket {
    key: Key,
    ts: DateTime<Utc>,
    lower_ms: f64,
    upper_ms: Option<f64>,
    count: f64,
}

async fn buckets(lake: &Lake) -> Vec<Bucket> {
    let options = Options {
        clock: Arc::new(now),
        ..Options::default()
    };
    let analyzer = Analyzer::open(lake.clone(), options)
        .await
        .expect("an analyzer");
    let table = analyzer
        .sql(
            "SELECT service, resource, coalesce(stage, '') AS stage, coalesce(route, '') AS route, \
             ts, lower_ms, upper_ms, \"count\" FROM latency_histograms",
        )
        .await
        .expect("histograms");
    assert!(!table.is_truncated());
    table
        .rows()
        .map(|row| {
            let text = |name| row.text(name).expect(name).to_owned();
            let service = text("service");
            let metric = latency_metric(&service, &text("resource"));
            Bucket {
                key: [
                    service,
                    text("resource"),
                    text("stage"),
                    text("route"),
                    String::new(),
                    metric.to_owned(),
                ],
                ts: row.timestamp("ts").expect("ts"),
                lower_ms: row.f64("lower_ms").expect("lower_ms"),
                upper_ms: row.f64("upper_ms"),
                count: row.f64("count").expect("count"),
            }
        })
        .collect()
}

/// What says how long it took. The shop's WebSocket API has the latency of its integrations only.
fn latency_metric(service: &str, resource: &str) -> &'static str {
    match (service, resource) {
        ("lambda", _) => "Duration",
        (_, "live") => "IntegrationLatency",
        _ => "Latency",
    }
}

/// Durations of functions and latencies of stages and routes, as they are listed.
async fn latency_metrics(cloudwatch: &CloudWatch) -> Vec<(Key, Value)> {
    let mut metrics = Vec::new();
    for namespace in ["AWS/Lambda", "AWS/ApiGateway"] {
        let listed = cloudwatch.all("ListMetrics", json!({"Namespace": namespace}), "Metrics");
        for metric in listed.await {
            let name = metric["MetricName"].as_str().expect("a name");
            let dimensions = dimensions_of(&metric);
            if let Some((key, _)) = expected(namespace, name, &dimensions)
                && name == latency_metric(&key[0], &key[1])
            {
                metrics.push((key, metric.clone()));
            }
        }
    }
    metrics
}
