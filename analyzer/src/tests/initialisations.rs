//! How a function's initialisations are known: counted, told from waits, or from traces.

use millicent_lake::{MetricPoint, Resource, Rows, Span};

use crate::testing::{Trace, World, api_metric, function, function_metric, requests, route};

const A: &str = "GET /a";

/// Requests of a route and what their clients waited together.
fn latency(ts: &str, count: f64, sum_ms: f64) -> [MetricPoint; 2] {
    let waited = MetricPoint {
        sample_count: Some(count),
        ..api_metric("shop", Some(A), "Latency", ts, sum_ms)
    };
    [requests("shop", Some(A), ts, count), waited]
}

fn ran(function: &str, ts: &str, count: f64, sum_ms: f64) -> [MetricPoint; 2] {
    [
        function_metric(function, "Invocations", ts, count),
        function_metric(function, "Duration", ts, sum_ms),
    ]
}

fn report(function: &str, metric: &str, ts: &str, samples: f64, sum: f64) -> MetricPoint {
    MetricPoint {
        service: "lambda-reports".to_owned(),
        sample_count: Some(samples),
        ..function_metric(function, metric, ts, sum)
    }
}

/// A handler that takes 100 ms, for a client who waits so long.
fn trace(id: u32, ts: &str, function: &str, waited_ms: f64, init_ms: Option<f64>) -> Vec<Span> {
    let trace = Trace {
        id,
        api: "shop",
        route: A,
        function,
        ts,
        ms: waited_ms,
        init_ms,
        calls: &[],
    };
    let mut spans = trace.spans();
    spans[1].duration_ms = Some(100.0);
    spans
}

async fn world(invocations_of_others: f64) -> World {
    let world = World::empty().await;
    let mut points = Vec::new();
    points.extend(latency("2026-11-10 08:00", 100.0, 12_000.0));
    points.extend(ran("f", "2026-11-10 08:00", 100.0, 10_000.0));
    // Two of them waited 800 ms more than the others: 300 for a place, 500 for the initialisation.
    points.extend(latency("2026-11-10 08:05", 10.0, 1_200.0 + 1_600.0));
    points.extend(ran("f", "2026-11-10 08:05", 10.0, 1_000.0));
    points.extend(latency("2026-11-10 08:10", 5.0, 600.0));
    points.extend(ran(
        "f",
        "2026-11-10 08:10",
        5.0 + invocations_of_others,
        500.0,
    ));
    world.add(Rows::Metrics(points)).await;
    let mut spans: Vec<Span> = (1..=10)
        .flat_map(|id| trace(id, "2026-11-10 08:01", "f", 120.0, None))
        .collect();
    spans.extend(trace(11, "2026-11-10 08:06", "f", 920.0, Some(500.0)));
    world.add(Rows::Spans(spans)).await;
    let found = vec![
        function("f", "2026-11-09 00:00", "1024"),
        route("shop", A, "f"),
    ];
    world.add(Rows::Resources(found)).await;
    world
}

/// Basis, cold starts, initialisations and billed time of each five minutes.
async fn usage(world: &World, function: &str) -> Vec<(String, f64, f64, f64)> {
    let sql = format!("select * from function_usage where function = '{function}' order by ts");
    let table = world.analyzer.sql(&sql).await.unwrap();
    let number = |row: &crate::Row<'_>, name| (row.f64(name).unwrap() * 1e6).round() / 1e6;
    table
        .rows()
        .map(|row| {
            (
                row.text("basis").unwrap().to_owned(),
                number(&row, "cold_starts"),
                number(&row, "init_ms"),
                number(&row, "billed_ms"),
            )
        })
        .collect()
}

#[tokio::test]
async fn waits_tell_how_many_started_cold_where_one_trace_cannot() {
    let known = |cold, init_ms, billed_ms| ("latency".to_owned(), cold, init_ms, billed_ms);
    assert_eq!(
        usage(&world(0.0).await, "f").await,
        [
            known(0.0, 0.0, 10_050.0),
            // One trace of the ten, and it was cold: from traces it would be all ten.
            known(2.0, 1_000.0, 1_000.0 + 1_000.0 + 5.0),
            known(0.0, 0.0, 502.5),
        ]
    );
}

#[tokio::test]
async fn who_is_invoked_by_others_too_is_known_from_traces() {
    let found = usage(&world(20.0).await, "f").await;
    assert!(
        found.iter().all(|(basis, ..)| basis == "traces"),
        "{found:?}"
    );
    // Those of its five minutes, and a share of the 25 that no trace is near to.
    assert_eq!(found[1].1, ((10.0 + 25.0 / 11.0) * 1e6_f64).round() / 1e6);
}

#[tokio::test]
async fn what_lambda_reported_is_taken_where_it_reported_all() {
    let world = world(0.0).await;
    let mut points = Vec::new();
    for hour in ["09", "10"] {
        points.extend(ran("g", &format!("2026-11-10 {hour}:00"), 100.0, 10_000.0));
    }
    for (ts, reports) in [("2026-11-10 09:00", 98.0), ("2026-11-10 10:00", 50.0)] {
        points.push(report("g", "ColdStarts", ts, reports, 3.0));
        points.push(report("g", "InitDuration", ts, 2.0, 700.0));
        points.push(report("g", "RestoreDuration", ts, 1.0, 200.0));
        points.push(report("g", "BilledDuration", ts, reports, 10_951.0));
    }
    world.add(Rows::Metrics(points)).await;
    assert_eq!(
        usage(&world, "g").await,
        [
            ("reports".to_owned(), 3.0, 900.0, 10_951.0),
            // Half of them were not read.
            ("traces".to_owned(), 0.0, 0.0, 10_050.0),
        ]
    );

    let report = world
        .report(
            "cold-starts-by-function",
            "2026-11-10 09:00",
            "2026-11-10 10:00",
        )
        .await;
    let row = report
        .table
        .rows()
        .find(|row| row.text("function") == Some("g"))
        .unwrap();
    assert_eq!(row.text("basis"), Some("reports"));
    for name in [
        "cold_start_rate",
        "cold_start_rate_low",
        "cold_start_rate_high",
    ] {
        assert_eq!(row.f64(name), Some(0.03), "{name}");
    }
}

/// Of a restored snapshot most is not billed: what the traces show counts, else what is configured.
#[tokio::test]
async fn a_restoration_is_billed_in_part() {
    let world = World::empty().await;
    let with_snapshots = |name: &str| Resource {
        configuration: [("snap_start", "PublishedVersions"), ("memory_mb", "1024")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..function(name, "2026-11-09 00:00", "1024")
    };
    let found = ["restored", "untraced", "by-latest"].map(with_snapshots);
    world.add(Rows::Resources(found.to_vec())).await;
    let mut points = Vec::new();
    for name in ["restored", "by-latest"] {
        points.extend(ran(name, "2026-11-10 08:00", 2.0, 200.0));
    }
    points.extend(ran("untraced", "2026-11-10 08:00", 2.0, 200.0));
    // Half of its reports were not read, so that they do not count.
    points.push(report(
        "untraced",
        "ColdStarts",
        "2026-11-10 08:00",
        1.0,
        1.0,
    ));
    world.add(Rows::Metrics(points)).await;
    let mut spans = Vec::new();
    for (id, name, part) in [
        (1, "restored", "Restore"),
        (2, "by-latest", "Initialization"),
    ] {
        let mut cold = trace(id, "2026-11-10 08:01", name, 700.0, Some(400.0));
        let init = Span {
            span_id: format!("init-{id}"),
            parent_id: Some(cold[1].span_id.clone()),
            segment_id: cold[1].span_id.clone(),
            kind: "subsegment".to_owned(),
            name: part.to_owned(),
            origin: None,
            resource: None,
            cold_start: None,
            init_ms: None,
            ..cold[1].clone()
        };
        cold.push(init);
        spans.extend(cold);
    }
    world.add(Rows::Spans(spans)).await;
    let billed = |found: Vec<(String, f64, f64, f64)>| found[0].3;
    // Two invocations stand behind the one trace; a quarter of 400 ms each, or all of it.
    assert_eq!(
        billed(usage(&world, "restored").await),
        200.0 + 2.0 * 100.0 + 1.0
    );
    assert_eq!(
        billed(usage(&world, "by-latest").await),
        200.0 + 2.0 * 400.0 + 1.0
    );
    assert_eq!(billed(usage(&world, "untraced").await), 201.0);
}
