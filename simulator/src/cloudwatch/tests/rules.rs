use ciborium::Value;

use super::{FUNCTION, at, call, call_as, epoch, map, one, query, request, results, world};
use crate::{SimConfig, World, cloudwatch::View};

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

#[test]
fn storage_is_told_once_a_day_and_late() {
    let world = world(5);
    let of = |metric, kind, period, stat| {
        let bucket = world.estate().buckets[0].name;
        query(
            "a",
            "AWS/S3",
            metric,
            &[("BucketName", bucket), ("StorageType", kind)],
            stat,
            period,
        )
    };
    let (from, to) = (at("2026-11-20T00:00:00Z"), at("2026-11-25T00:00:00Z"));
    let bytes = one(
        &world,
        of("BucketSizeBytes", "StandardStorage", 86_400, "Average"),
        from,
        to,
    );
    // It is 09:30 on the 24th: today's has not come in.
    let days: Vec<i64> = bytes
        .iter()
        .map(|(time, _)| (time - from) / 86_400)
        .collect();
    assert_eq!(days, [0, 1, 2, 3]);
    assert!(bytes.is_sorted_by_key(|(_, value)| *value as u64) && bytes[0].1 > 3e11);
    let objects = one(
        &world,
        of("NumberOfObjects", "AllStorageTypes", 86_400, "Average"),
        from,
        to,
    );
    assert_eq!(objects.len(), 4);
    assert!(
        one(
            &world,
            of("BucketSizeBytes", "StandardStorage", 3_600, "Average"),
            from,
            to
        )
        .is_empty()
    );
    assert!(
        one(
            &world,
            of("BucketSizeBytes", "AllStorageTypes", 86_400, "Average"),
            from,
            to
        )
        .is_empty()
    );
}
