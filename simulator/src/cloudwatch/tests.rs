//! Requests as the SDK sends them, and the answers taken apart.

mod counts;
mod listing;
mod paging;
mod rules;

use ciborium::Value;

use super::{View, handle};
use crate::{SimConfig, World, aws_errors::AwsError};

const FUNCTION: &str = "shop-orders";

fn at(text: &str) -> i64 {
    text.parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap()
        .timestamp()
}

fn world(seed: u64) -> std::sync::Arc<World> {
    let time = |text: &str| text.parse().unwrap();
    World::new(SimConfig::new(
        seed,
        time("2026-11-20T00:00:00Z"),
        time("2026-11-24T09:30:20Z"),
    ))
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(
        entries
            .iter()
            .map(|(key, value)| ((*key).into(), value.clone()))
            .collect(),
    )
}

fn epoch(seconds: i64) -> Value {
    Value::Tag(1, Box::new(seconds.into()))
}

/// `namespace/metric{name=value,…}`, a statistic and a period in seconds.
fn query(
    id: &str,
    namespace: &str,
    metric: &str,
    dimensions: &[(&str, &str)],
    stat: &str,
    period: i64,
) -> Value {
    let dimensions = dimensions
        .iter()
        .map(|(n, v)| map(&[("Name", (*n).into()), ("Value", (*v).into())]))
        .collect();
    let metric = map(&[
        ("Namespace", namespace.into()),
        ("MetricName", metric.into()),
        ("Dimensions", Value::Array(dimensions)),
    ]);
    let stat = map(&[
        ("Metric", metric),
        ("Stat", stat.into()),
        ("Period", period.into()),
    ]);
    map(&[("Id", id.into()), ("MetricStat", stat)])
}

fn request(queries: Vec<Value>, from: i64, to: i64, more: &[(&str, Value)]) -> Value {
    let mut entries = vec![
        ("MetricDataQueries", Value::Array(queries)),
        ("StartTime", epoch(from)),
        ("EndTime", epoch(to)),
    ];
    entries.extend_from_slice(more);
    map(&entries)
}

fn call(world: &World, operation: &str, input: &Value) -> Result<Value, AwsError> {
    let view = View {
        now: world.now(),
        lag_minutes: 0,
        page_size: None,
    };
    call_as(world, operation, input, &view)
}

fn call_as(world: &World, operation: &str, input: &Value, view: &View) -> Result<Value, AwsError> {
    let mut body = Vec::new();
    ciborium::into_writer(input, &mut body).unwrap();
    handle(world, operation, &body, view).map(|out| ciborium::from_reader(out.as_slice()).unwrap())
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value
        .as_map()
        .unwrap()
        .iter()
        .find(|(key, _)| key.as_text() == Some(name))
        .map(|(_, value)| value)
}

fn text(value: &Value, name: &str) -> String {
    field(value, name).unwrap().as_text().unwrap().to_owned()
}

type Points = Vec<(i64, f64)>;

/// By id: status and points.
fn results(output: &Value) -> Vec<(String, String, Points)> {
    let points = |result: &Value| {
        let times = field(result, "Timestamps").unwrap().as_array().unwrap();
        let values = field(result, "Values").unwrap().as_array().unwrap();
        assert_eq!(times.len(), values.len());
        let seconds =
            |time: &Value| i64::try_from(time.as_tag().unwrap().1.as_integer().unwrap()).unwrap();
        times
            .iter()
            .map(seconds)
            .zip(values.iter().map(|v| v.as_float().unwrap()))
            .collect()
    };
    let results = field(output, "MetricDataResults")
        .unwrap()
        .as_array()
        .unwrap();
    results
        .iter()
        .map(|result| {
            (
                text(result, "Id"),
                text(result, "StatusCode"),
                points(result),
            )
        })
        .collect()
}

fn one(world: &World, query: Value, from: i64, to: i64) -> Points {
    let ascending = [("ScanBy", "TimestampAscending".into())];
    let output = call(
        world,
        "GetMetricData",
        &request(vec![query], from, to, &ascending),
    )
    .unwrap();
    let (_, status, points) = results(&output).remove(0);
    assert_eq!(status, "Complete");
    points
}
