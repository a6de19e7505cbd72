use std::collections::BTreeMap;

use ciborium::Value;

use super::{View, handle};
use crate::{
    SimConfig, World,
    aws_errors::AwsError,
    model::{Call, Invocation, Request, Target},
};

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

/// Everything that the naive count below looks at, by a walk of its own.
fn invocations<'a>(request: &'a Request, found: &mut Vec<&'a Invocation>) {
    let mut todo = vec![&request.invocation];
    while let Some(invocation) = todo.pop() {
        found.push(invocation);
        for call in &invocation.calls {
            if let Target::AsyncFunction(consumer) = &call.target {
                todo.push(consumer);
            }
        }
    }
}

/// The least value that at least so many percent of all values do not exceed.
fn naive_percentile(values: &[f64], percent: f64) -> f64 {
    let enough = |v: &f64| {
        values.iter().filter(|x| *x <= v).count() as f64 * 100.0 >= percent * values.len() as f64
    };
    values
        .iter()
        .copied()
        .filter(enough)
        .fold(f64::INFINITY, f64::min)
}

fn collect<T>(
    from: i64,
    to: i64,
    period: i64,
    items: impl Iterator<Item = (i64, T)>,
) -> BTreeMap<i64, Vec<T>> {
    let mut found: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for (us, item) in items {
        let seconds = us.div_euclid(1_000_000);
        if (from..to).contains(&seconds) {
            found
                .entry(seconds.div_euclid(period) * period)
                .or_default()
                .push(item);
        }
    }
    found
}

fn close(left: &Points, right: &Points) {
    assert_eq!(left.len(), right.len());
    for ((t1, v1), (t2, v2)) in left.iter().zip(right) {
        assert_eq!(t1, t2);
        assert!((v1 - v2).abs() <= 1e-9 * v1.abs().max(1.0), "{v1} {v2}");
    }
}

#[test]
fn metrics_count_the_requests() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        // In the error burst, and in the runaway loop with its throttles.
        for (from, to) in [
            ("2026-11-22T09:25:00Z", "2026-11-22T09:55:00Z"),
            ("2026-11-23T17:55:00Z", "2026-11-23T18:40:00Z"),
        ] {
            let (from, to) = (at(from), at(to));
            let minutes: Vec<_> = (from / 60 - 2..to / 60)
                .map(|minute| world.minute(minute))
                .collect();
            let requests: Vec<&Request> =
                minutes.iter().flat_map(|minute| &minute.requests).collect();
            let mut all = Vec::new();
            requests
                .iter()
                .for_each(|request| invocations(request, &mut all));
            for period in [60, 300] {
                check_functions(&world, &all, from, to, period);
                check_apis(&world, &requests, from, to, period);
                check_tables(&world, &all, from, to, period);
            }
        }
    }
}

fn check_functions(world: &World, all: &[&Invocation], from: i64, to: i64, period: i64) {
    for (index, function) in world.estate().functions.iter().enumerate() {
        let own = || all.iter().filter(|i| usize::from(i.function.0) == index);
        let ran = collect(
            from,
            to,
            period,
            own().filter(|i| !i.throttled).map(|i| (i.start, i)),
        );
        let tried = collect(from, to, period, own().map(|i| (i.start, i)));
        let got = |metric, stat| {
            one(
                world,
                query(
                    "a",
                    "AWS/Lambda",
                    metric,
                    &[("FunctionName", function.name)],
                    stat,
                    period,
                ),
                from,
                to,
            )
        };
        let told = |f: &dyn Fn(&Vec<&&Invocation>) -> f64| {
            ran.iter().map(|(t, i)| (*t, f(i))).collect::<Points>()
        };
        let durations = |i: &Vec<&&Invocation>| {
            i.iter()
                .map(|i| i.duration_us as f64 / 1_000.0)
                .collect::<Vec<_>>()
        };
        close(&got("Invocations", "Sum"), &told(&|i| i.len() as f64));
        close(
            &got("Errors", "Sum"),
            &told(&|i| i.iter().filter(|i| i.error).count() as f64),
        );
        close(&got("Errors", "SampleCount"), &told(&|i| i.len() as f64));
        close(
            &got("Duration", "Sum"),
            &told(&|i| durations(i).iter().sum()),
        );
        close(
            &got("Duration", "p95"),
            &told(&|i| naive_percentile(&durations(i), 95.0)),
        );
        close(
            &got("Duration", "TC(:20)"),
            &told(&|i| durations(i).iter().filter(|d| **d <= 20.0).count() as f64),
        );
        let throttled = tried
            .iter()
            .map(|(t, i)| (*t, i.iter().filter(|i| i.throttled).count() as f64))
            .collect();
        close(&got("Throttles", "Sum"), &throttled);
    }
}

fn check_apis(world: &World, requests: &[&Request], from: i64, to: i64, period: i64) {
    for (index, route) in world.estate().routes.iter().enumerate() {
        let api = &world.estate().apis[usize::from(route.api.0)];
        let dimensions = [
            ("ApiName", api.name),
            ("Stage", api.stage),
            ("Resource", route.resource),
            ("Method", route.method),
        ];
        let own = requests
            .iter()
            .filter(|r| usize::from(r.route.0) == index)
            .map(|r| (r.start, *r));
        let own = collect(from, to, period, own);
        let got = |metric, stat| {
            one(
                world,
                query("a", "AWS/ApiGateway", metric, &dimensions, stat, period),
                from,
                to,
            )
        };
        if !api.detailed_metrics {
            assert!(
                got("Count", "Sum").is_empty(),
                "without detailed metrics there is no method level"
            );
            continue;
        }
        let told = |f: &dyn Fn(&Vec<&Request>) -> f64| {
            own.iter().map(|(t, r)| (*t, f(r))).collect::<Points>()
        };
        let status = |r: &Vec<&Request>, class: u16| {
            r.iter().filter(|r| r.status / 100 == class).count() as f64
        };
        let latencies = |r: &Vec<&Request>| {
            r.iter()
                .map(|r| r.latency_us as f64 / 1_000.0)
                .collect::<Vec<_>>()
        };
        close(&got("Count", "Sum"), &told(&|r| r.len() as f64));
        close(&got("Count", "SampleCount"), &told(&|r| r.len() as f64));
        close(&got("4XXError", "Sum"), &told(&|r| status(r, 4)));
        close(
            &got("5XXError", "Average"),
            &told(&|r| status(r, 5) / r.len() as f64),
        );
        close(
            &got("Latency", "p50"),
            &told(&|r| naive_percentile(&latencies(r), 50.0)),
        );
        close(
            &got("Latency", "Maximum"),
            &told(&|r| latencies(r).into_iter().fold(0.0, f64::max)),
        );
        let integration = |r: &Vec<&Request>| {
            r.iter()
                .map(|r| r.integration_latency_us as f64 / 1_000.0)
                .sum::<f64>()
        };
        close(
            &got("IntegrationLatency", "Average"),
            &told(&|r| integration(r) / r.len() as f64),
        );
    }
    for api in &world.estate().apis {
        let own = requests
            .iter()
            .filter(|r| world.estate().api_of(r.route).name == api.name);
        let own = collect(from, to, period, own.map(|r| (r.start, *r)));
        let told: Points = own.iter().map(|(t, r)| (*t, r.len() as f64)).collect();
        for dimensions in [
            vec![("ApiName", api.name)],
            vec![("Stage", api.stage), ("ApiName", api.name)],
        ] {
            close(
                &one(
                    world,
                    query("a", "AWS/ApiGateway", "Count", &dimensions, "Sum", period),
                    from,
                    to,
                ),
                &told,
            );
        }
    }
}

fn check_tables(world: &World, all: &[&Invocation], from: i64, to: i64, period: i64) {
    for (index, table) in world.estate().tables.iter().enumerate() {
        let own = |call: &Call| match call.target {
            Target::Table {
                table,
                operation,
                read_milli_units,
                write_milli_units,
            } if usize::from(table.0) == index => {
                Some((operation, read_milli_units, write_milli_units, call.failed))
            }
            _ => None,
        };
        let calls = all
            .iter()
            .flat_map(|i| &i.calls)
            .filter_map(|call| own(call).map(|found| (call.start, found)));
        let calls = collect(from, to, period, calls);
        let got = |metric, stat, more: &[(&str, &str)]| {
            let dimensions = [&[("TableName", table.name)], more].concat();
            one(
                world,
                query("a", "AWS/DynamoDB", metric, &dimensions, stat, period),
                from,
                to,
            )
        };
        let sums = |f: &dyn Fn(&(&str, u64, u64, bool)) -> u64| {
            let sums = calls
                .iter()
                .map(|(t, c)| (*t, c.iter().map(f).sum::<u64>() as f64 / 1_000.0));
            sums.filter(|(_, sum)| *sum > 0.0).collect::<Points>()
        };
        close(
            &got("ConsumedReadCapacityUnits", "Sum", &[]),
            &sums(&|call| call.1),
        );
        close(
            &got("ConsumedWriteCapacityUnits", "Sum", &[]),
            &sums(&|call| call.2),
        );
        let gets = sums(&|call| {
            if call.0 == "GetItem" && !call.3 {
                1_000
            } else {
                0
            }
        });
        close(
            &got(
                "SuccessfulRequestLatency",
                "SampleCount",
                &[("Operation", "GetItem")],
            ),
            &gets,
        );
    }
}

fn some_queries() -> Vec<Value> {
    let function = [("FunctionName", FUNCTION)];
    vec![
        query("m1", "AWS/Lambda", "Duration", &function, "p99", 60),
        query("m2", "AWS/Lambda", "Nothing", &function, "Sum", 60),
        query(
            "m3",
            "AWS/ApiGateway",
            "Count",
            &[("ApiName", "shop")],
            "Sum",
            300,
        ),
        query("m4", "AWS/Lambda", "Invocations", &[], "Sum", 3_600),
        query(
            "m5",
            "AWS/S3",
            "BucketSizeBytes",
            &[
                ("BucketName", "shop-media-eu"),
                ("StorageType", "StandardStorage"),
            ],
            "Average",
            86_400,
        ),
    ]
}

#[test]
fn pages_together_are_the_whole() {
    let world = world(5);
    let (from, to) = (at("2026-11-22T20:00:00Z"), at("2026-11-23T02:00:00Z"));
    for order in ["TimestampAscending", "TimestampDescending"] {
        let order: (&str, Value) = ("ScanBy", order.into());
        let whole = call(
            &world,
            "GetMetricData",
            &request(some_queries(), from, to, &[order.clone()]),
        )
        .unwrap();
        assert!(field(&whole, "NextToken").is_none());
        let whole = results(&whole);
        assert!(whole.iter().all(|(_, status, _)| status == "Complete"));
        let points: usize = whole.iter().map(|(_, _, points)| points.len()).sum();
        assert!(points > 350, "{points}");
        for size in [1, 7, 100, points - 1, points] {
            let mut merged: BTreeMap<String, Points> = BTreeMap::new();
            let mut token: Option<String> = None;
            let mut pages = 0;
            loop {
                let mut more = vec![order.clone(), ("MaxDatapoints", (size as i64).into())];
                more.extend(token.take().map(|token| ("NextToken", token.into())));
                let page = call(
                    &world,
                    "GetMetricData",
                    &request(some_queries(), from, to, &more),
                )
                .unwrap();
                let found = results(&page);
                assert!(
                    found
                        .iter()
                        .map(|(_, _, points)| points.len())
                        .sum::<usize>()
                        <= size
                );
                for (id, _, points) in &found {
                    merged.entry(id.clone()).or_default().extend(points);
                }
                pages += 1;
                match field(&page, "NextToken") {
                    Some(next) => {
                        assert!(found.iter().any(|(_, status, _)| status == "PartialData"));
                        token = Some(next.as_text().unwrap().to_owned());
                    }
                    None => {
                        assert!(found.iter().all(|(_, status, _)| status == "Complete"));
                        break;
                    }
                }
            }
            assert_eq!(pages, points.div_ceil(size));
            for (id, _, points) in &whole {
                assert_eq!(merged.get(id), Some(points), "{id} in pages of {size}");
            }
        }
    }
}

#[test]
fn a_token_belongs_to_its_request() {
    let world = world(5);
    let (from, to) = (at("2026-11-22T20:00:00Z"), at("2026-11-22T22:00:00Z"));
    let small = ("MaxDatapoints", Value::from(3));
    let page = call(
        &world,
        "GetMetricData",
        &request(some_queries(), from, to, &[small.clone()]),
    )
    .unwrap();
    let token: Value = text(&page, "NextToken").into();
    let other = request(
        some_queries(),
        from,
        to + 3_600,
        &[small.clone(), ("NextToken", token)],
    );
    assert_eq!(
        call(&world, "GetMetricData", &other).unwrap_err().code,
        "InvalidNextToken"
    );
    let garbage = request(
        some_queries(),
        from,
        to,
        &[small, ("NextToken", "äöü-nonsense".into())],
    );
    assert_eq!(
        call(&world, "GetMetricData", &garbage).unwrap_err().code,
        "InvalidNextToken"
    );
}

#[test]
fn wrong_requests_are_refused() {
    let world = world(5);
    let (from, to) = (at("2026-11-23T20:00:00Z"), at("2026-11-23T22:00:00Z"));
    let good = |id: &str| {
        query(
            id,
            "AWS/Lambda",
            "Duration",
            &[("FunctionName", FUNCTION)],
            "p99",
            60,
        )
    };
    let stat = |stat: &str| query("a", "AWS/Lambda", "Duration", &[], stat, 60);
    let period = |period: i64| query("a", "AWS/Lambda", "Duration", &[], "Sum", period);
    let code = |queries: Vec<Value>, from, to, more: &[(&str, Value)]| {
        call(&world, "GetMetricData", &request(queries, from, to, more))
            .err()
            .map(|error| error.code)
    };
    let (value, missing) = (
        Some("InvalidParameterValueException"),
        Some("MissingRequiredParameterException"),
    );
    let many = |n: usize| (0..n).map(|i| good(&format!("q{i}"))).collect::<Vec<_>>();
    assert_eq!(code(many(500), from, from + 60, &[]).as_deref(), None);
    assert_eq!(code(many(501), from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![good("Upper")], from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![good("")], from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![good("a-b")], from, to, &[]).as_deref(), value);
    assert_eq!(
        code(vec![good("twice"), good("twice")], from, to, &[]).as_deref(),
        value
    );
    assert_eq!(code(vec![stat("p101")], from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![stat("Median")], from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![period(90)], from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![period(0)], from, to, &[]).as_deref(), value);
    assert_eq!(code(vec![good("a")], to, from, &[]).as_deref(), value);
    assert_eq!(
        code(
            vec![good("a")],
            from,
            to,
            &[("MaxDatapoints", 100_801.into())]
        )
        .as_deref(),
        value
    );
    assert_eq!(
        code(vec![good("a")], from, to, &[("ScanBy", "Up".into())]).as_deref(),
        value
    );
    assert_eq!(
        code(vec![map(&[("Id", "a".into())])], from, to, &[]).as_deref(),
        missing
    );
    assert_eq!(code(vec![], from, to, &[]).as_deref(), missing);
    let no_end = map(&[
        ("MetricDataQueries", Value::Array(vec![good("a")])),
        ("StartTime", epoch(from)),
    ]);
    assert_eq!(
        call(&world, "GetMetricData", &no_end).unwrap_err().code,
        missing.unwrap()
    );
}

#[test]
fn only_minutes_that_are_over_are_told() {
    let world = world(5);
    let now = at("2026-11-24T09:30:20Z");
    let count = query(
        "a",
        "AWS/ApiGateway",
        "Count",
        &[("ApiName", "shop")],
        "Sum",
        60,
    );
    let points = one(&world, count.clone(), now - 600, now + 600);
    assert_eq!(points.last().unwrap().0, at("2026-11-24T09:29:00Z"));
    let late = View {
        now: world.now(),
        lag_minutes: 3,
        page_size: None,
    };
    let output = call_as(
        &world,
        "GetMetricData",
        &request(vec![count.clone()], now - 600, now, &[]),
        &late,
    )
    .unwrap();
    assert_eq!(results(&output)[0].2[0].0, at("2026-11-24T09:26:00Z"));
    assert!(
        one(
            &world,
            count,
            at("2026-11-19T00:00:00Z"),
            at("2026-11-20T00:00:00Z")
        )
        .is_empty(),
        "before the birth"
    );
}

#[test]
fn old_data_is_kept_coarser() {
    let time = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let mut config = SimConfig::new(
        5,
        time("2026-08-01T00:00:00Z"),
        time("2026-11-24T00:00:00Z"),
    );
    config.scale = 0.05;
    let world = World::new(config);
    let day = 86_400;
    let now = world.now().timestamp();
    let points = |age: i64, period| {
        let count = query(
            "a",
            "AWS/ApiGateway",
            "Count",
            &[("ApiName", "shop")],
            "Sum",
            period,
        );
        one(&world, count, now - age * day, now - age * day + 7_200).len()
    };
    assert_eq!([points(14, 60) > 60, points(14, 300) > 20], [true, true]);
    assert_eq!(
        [points(16, 60), points(16, 300), points(16, 3_600)],
        [0, 24, 2]
    );
    assert_eq!(
        [points(64, 60), points(64, 300), points(64, 3_600)],
        [0, 0, 2]
    );
    // The start of what is older than 15 days goes down to five minutes.
    let count = query(
        "a",
        "AWS/ApiGateway",
        "Count",
        &[("ApiName", "shop")],
        "Sum",
        300,
    );
    let start = now - 20 * day;
    assert_eq!(
        one(&world, count.clone(), start + 180, start + 600),
        one(&world, count, start, start + 600)
    );
}

#[test]
fn unknown_metrics_units_and_half_windows() {
    let world = world(5);
    let (from, to) = (at("2026-11-23T12:00:00Z"), at("2026-11-23T13:00:00Z"));
    let with_unit = |unit: &str| {
        let metric = map(&[
            ("Namespace", "AWS/Lambda".into()),
            ("MetricName", "Invocations".into()),
        ]);
        let stat = map(&[
            ("Metric", metric),
            ("Stat", "Sum".into()),
            ("Period", 60.into()),
            ("Unit", unit.into()),
        ]);
        map(&[("Id", "a".into()), ("MetricStat", stat)])
    };
    assert_eq!(one(&world, with_unit("Count"), from, to).len(), 60);
    assert!(one(&world, with_unit("Bytes"), from, to).is_empty());
    let too_many = [("FunctionName", FUNCTION), ("Stage", "prod")];
    assert!(
        one(
            &world,
            query("a", "AWS/Lambda", "Invocations", &too_many, "Sum", 60),
            from,
            to
        )
        .is_empty()
    );
    // A window that is not aligned to the period meets two of them, each in part.
    let five = query("a", "AWS/Lambda", "Invocations", &[], "Sum", 300);
    let minutes = one(
        &world,
        query("a", "AWS/Lambda", "Invocations", &[], "Sum", 60),
        from + 120,
        from + 420,
    );
    let halves = one(&world, five, from + 120, from + 420);
    assert_eq!(
        halves.iter().map(|(time, _)| *time).collect::<Vec<_>>(),
        [from, from + 300]
    );
    assert_eq!(
        halves[0].1,
        minutes[..3].iter().map(|(_, value)| value).sum::<f64>()
    );
    assert_eq!(
        halves[1].1,
        minutes[3..].iter().map(|(_, value)| value).sum::<f64>()
    );
}

fn list(world: &World, more: &[(&str, Value)], view: &View) -> (Vec<Value>, usize) {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = 0;
    loop {
        let mut input = more.to_vec();
        input.extend(token.take().map(|token| ("NextToken", token.into())));
        let page = call_as(world, "ListMetrics", &map(&input), view).unwrap();
        found.extend(
            field(&page, "Metrics")
                .unwrap()
                .as_array()
                .unwrap()
                .iter()
                .cloned(),
        );
        pages += 1;
        match field(&page, "NextToken") {
            Some(next) => token = Some(next.as_text().unwrap().to_owned()),
            None => return (found, pages),
        }
    }
}

#[test]
fn metrics_are_listed_filtered_and_paged() {
    let world = world(5);
    let view = View {
        now: world.now(),
        lag_minutes: 0,
        page_size: None,
    };
    let cut = View {
        page_size: Some(10),
        ..view
    };
    let (all, pages) = list(&world, &[], &view);
    assert_eq!((all.len(), pages), (world.series().all().len(), 1));
    let (again, pages) = list(&world, &[], &cut);
    assert_eq!((again, pages), (all.clone(), all.len().div_ceil(10)));

    let names = |value: &[(&str, Option<&str>)]| {
        let filter = |(name, value): &(&str, Option<&str>)| {
            let mut entries = vec![("Name", Value::from(*name))];
            entries.extend(value.map(|value| ("Value", Value::from(value))));
            map(&entries)
        };
        (
            "Dimensions",
            Value::Array(value.iter().map(filter).collect()),
        )
    };
    let count = |more: &[(&str, Value)]| list(&world, more, &view).0.len();
    let gateway = || ("Namespace", Value::from("AWS/ApiGateway"));
    // Nine methods, two APIs and their stages; five metrics of each.
    assert_eq!(count(&[gateway()]), (9 + 2 + 2) * 5);
    assert_eq!(count(&[gateway(), names(&[("Resource", None)])]), 45);
    assert_eq!(
        count(&[
            gateway(),
            names(&[("Resource", Some("/orders")), ("Method", Some("POST"))])
        ]),
        5
    );
    assert_eq!(count(&[("MetricName", "Duration".into())]), 1 + 2 * 9);
    assert_eq!(count(&[("Namespace", "AWS/Nothing".into())]), 0);

    let wrong = call(
        &world,
        "ListMetrics",
        &map(&[("RecentlyActive", "PT4H".into())]),
    )
    .unwrap_err();
    assert_eq!(wrong.code, "InvalidParameterValueException");
    let (recent, _) = list(&world, &[("RecentlyActive", "PT3H".into())], &view);
    assert!(recent.iter().all(|metric| all.contains(metric)));
    assert!(
        recent
            .iter()
            .all(|metric| text(metric, "Namespace") != "AWS/S3"),
        "storage is told at midnight"
    );
    assert!(recent.len() > 150, "{}", recent.len());
}
