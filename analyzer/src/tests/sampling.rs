//! Weights, quantiles, intervals and counts, computed by hand.

use millicent_lake::{Outcome, Rows};

use crate::testing::{
    Trace, World, at, function, function_metric, function_span, requests, route, window,
};

const A: &str = "GET /a";

fn trace(id: u32, ts: &'static str, ms: f64, init_ms: Option<f64>) -> Trace<'static> {
    Trace {
        id,
        api: "shop",
        route: A,
        function: "f",
        ts,
        ms,
        init_ms,
        calls: &[],
    }
}

/// 08:00: 100 requests, two traces. 08:05: 30 requests, no trace. 08:10: 10 requests, one trace, cold.
/// 09:00: 60 requests, no trace in the hour.
async fn shop() -> World {
    let world = World::empty().await;
    let counts = [
        ("08:00", 100.0),
        ("08:05", 30.0),
        ("08:10", 10.0),
        ("09:00", 60.0),
    ];
    let ts = |time: &str| format!("2026-11-10 {time}");
    let mut metrics = Vec::new();
    for (time, count) in counts {
        metrics.push(requests("shop", Some(A), &ts(time), count));
        // The stage counts the same requests again.
        metrics.push(requests("shop", None, &ts(time), count));
        metrics.push(function_metric("f", "Invocations", &ts(time), count));
    }
    // An API without detailed metrics that has one route.
    metrics.push(requests("back", None, &ts("08:00"), 7.0));
    // And one that has two, of which traces tell the shares.
    metrics.push(requests("two", None, &ts("08:00"), 40.0));
    world.add(Rows::Metrics(metrics)).await;
    let mut spans = trace(1, "2026-11-10 08:01", 10.0, None).spans();
    spans.extend(trace(2, "2026-11-10 08:02", 20.0, None).spans());
    spans.extend(trace(3, "2026-11-10 08:11", 1000.0, Some(400.0)).spans());
    for (id, path) in [(4, "GET /x"), (5, "GET /x"), (6, "GET /x"), (7, "GET /y")] {
        let other = Trace {
            api: "two",
            route: path,
            function: "h",
            ..trace(id, "2026-11-10 08:20", 5.0, None)
        };
        spans.extend(other.spans());
    }
    // A consumer that only runs asynchronously, in the trace of a request, after midnight.
    let mut late = function_span(1, 50, "late", at("2026-11-11 00:01"), 5.0, Some(90.0));
    late.trace_ts = at("2026-11-10 08:01");
    spans.push(late);
    world.add(Rows::Spans(spans)).await;
    let found = vec![
        function("f", "2026-11-09 00:00", "1024"),
        route("shop", A, "f"),
        route("back", "ANY /{proxy+}", "g"),
        route("two", "GET /x", "h"),
        route("two", "GET /y", "h"),
    ];
    world.add(Rows::Resources(found)).await;
    world
}

#[tokio::test]
async fn a_trace_stands_for_the_requests_around_it() {
    let world = shop().await;
    let sql =
        "select duration_ms, weight from request_traces where api = 'shop' order by duration_ms";
    let weights = world.analyzer.sql(sql).await.unwrap();
    let weights: Vec<_> = weights.rows().filter_map(|row| row.f64("weight")).collect();
    // Its five minutes, a third of 08:05, a third of the hour without traces.
    assert_eq!(
        weights,
        [50.0 + 10.0 + 20.0, 50.0 + 10.0 + 20.0, 10.0 + 10.0 + 20.0]
    );

    let report = world
        .report("routes", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let row = report
        .table
        .rows()
        .find(|row| row.text("route") == Some(A))
        .unwrap();
    assert_eq!(
        row.f64("requests"),
        Some(200.0),
        "levels of an API are never added"
    );
    assert_eq!(row.f64("p50_ms"), Some(20.0));
    assert_eq!(row.f64("p95_ms"), Some(1000.0));
    assert_eq!(row.i64("traces"), Some(3));
    let (p, n) = (
        0.2,
        // What is traced is known: only what each trace stands for beside itself is estimated.
        200.0_f64.powi(2) / (80.0 * 79.0 * 2.0 + 40.0 * 39.0),
    );
    let z = 1.96_f64;
    let middle = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    let near = |name: &str, expected: f64| {
        let found = row.f64(name).unwrap();
        assert!(
            (found - expected).abs() < 1e-9,
            "{name}: {found} is not {expected}"
        );
    };
    near("cold_start_rate", p);
    near("cold_start_rate_low", (middle - reach) / scale);
    near("cold_start_rate_high", (middle + reach) / scale);

    // A part of the day takes the traces of that part, with the weights that they have.
    let report = world
        .report("routes", "2026-11-10 08:00", "2026-11-10 08:05")
        .await;
    let row = report
        .table
        .rows()
        .find(|row| row.text("route") == Some(A))
        .unwrap();
    assert_eq!(row.f64("requests"), Some(100.0));
    assert_eq!(
        (row.f64("p95_ms"), row.i64("traces")),
        (Some(20.0), Some(2))
    );
}

#[tokio::test]
async fn requests_are_counted_on_the_level_that_there_is() {
    let world = shop().await;
    let report = world
        .report("routes", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let mut found: Vec<_> = report
        .table
        .rows()
        .map(|row| (row.text("route").unwrap(), row.f64("requests").unwrap()))
        .collect();
    found.sort_by_key(|(route, _)| *route);
    let expected = [
        ("ANY /{proxy+}", 7.0),
        (A, 200.0),
        ("GET /x", 30.0),
        ("GET /y", 10.0),
    ];
    assert_eq!(found, expected);

    let functions = world
        .report(
            "cold-starts-by-function",
            "2026-11-10 00:00",
            "2026-11-11 00:00",
        )
        .await;
    let rate = |name: &str| {
        let row = functions
            .table
            .rows()
            .find(|row| row.text("function") == Some(name))
            .unwrap();
        (
            row.f64("cold_start_rate").unwrap(),
            row.i64("traces").unwrap(),
        )
    };
    assert_eq!(rate("f"), (0.2, 3));
    assert_eq!(
        rate("late"),
        (1.0, 1),
        "counted in its trace's five minutes"
    );
}

#[tokio::test]
async fn a_new_day_changes_its_own_rows_and_no_others() {
    let world = shop().await;
    let before = world
        .report("routes", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let more = vec![requests("shop", Some(A), "2026-11-12 10:00", 5.0)];
    world.add(Rows::Metrics(more)).await;
    let after = world
        .report("routes", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    assert_eq!(before.table.to_json(), after.table.to_json());
    let both = world
        .report("routes", "2026-11-10 00:00", "2026-11-13 00:00")
        .await;
    let row = both
        .table
        .rows()
        .find(|row| row.text("route") == Some(A))
        .unwrap();
    assert_eq!(row.f64("requests"), Some(205.0));
}

#[tokio::test]
async fn coverage_tells_what_is_missing() {
    let world = World::empty().await;
    let windows = vec![
        window(
            "traces",
            "2026-11-10 00:00",
            "2026-11-10 06:00",
            Outcome::Complete,
        ),
        window(
            "traces",
            "2026-11-10 06:00",
            "2026-11-10 12:00",
            Outcome::Throttled,
        ),
        window(
            "lambda-metrics",
            "2026-11-10 00:00",
            "2026-11-11 00:00",
            Outcome::Complete,
        ),
    ];
    world.add(Rows::Collections(windows)).await;
    let report = world
        .report("coverage", "2026-11-10 00:00", "2026-11-10 12:00")
        .await;
    let traces = report.coverage.source("traces").unwrap();
    assert_eq!(traces.complete_share, 0.5);
    assert_eq!(traces.complete_until, Some(at("2026-11-10 06:00")));
    assert_eq!(traces.last_outcome, "throttled");
    assert_eq!(traces.last_error.as_deref(), Some("AWS said no"));
    assert_eq!(
        report
            .coverage
            .source("lambda-metrics")
            .unwrap()
            .complete_share,
        1.0
    );
    assert_eq!(report.coverage.as_of, Some(at("2026-11-11 00:00")));
    assert_eq!(report.table.num_rows(), 3);
}
