//! Whose calls and traces are those that AWS counted, where the traces tell only some of them.

use std::collections::BTreeMap;

use millicent_lake::{MetricPoint, Rows, Span};

use crate::testing::{Trace, World, function_metric, log_bytes, requests, table_calls};

/// Five minutes of four hours, and the requests of two routes in each, one not following the other.
fn bins() -> impl Iterator<Item = (u32, String, f64, f64)> {
    (0..48).map(|bin| {
        let ts = format!("2026-11-10 {:02}:{:02}", 8 + bin / 12, bin % 12 * 5);
        let (a, b) = (20 + bin * 7 % 31, 20 + bin * 11 % 23);
        (bin, ts, f64::from(a), f64::from(b))
    })
}

fn traced<'a>(id: u32, route: &'a str, ts: &'a str, calls: &'a [(&'a str, &'a str)]) -> Vec<Span> {
    let trace = Trace {
        id,
        api: "shop",
        route,
        function: "f",
        ts,
        ms: 10.0,
        init_ms: None,
        calls,
    };
    trace.spans()
}

/// Sums of a query by route.
async fn by_route(world: &World, sql: &str, column: &str) -> BTreeMap<String, f64> {
    let table = world.analyzer.sql(sql).await.unwrap();
    let rows = table.rows();
    rows.map(|row| {
        let route = row.text("route").unwrap_or("-").to_owned();
        (route, row.f64(column).unwrap())
    })
    .collect()
}

#[tokio::test]
async fn who_always_calls_once_is_not_told_to_call_more_because_another_does() {
    let world = World::empty().await;
    let (mut metrics, mut spans): (Vec<MetricPoint>, Vec<Span>) = (Vec::new(), Vec::new());
    for (bin, ts, a, b) in bins() {
        metrics.push(requests("shop", Some("GET /a"), &ts, a));
        metrics.push(requests("shop", Some("GET /b"), &ts, b));
        // Now all requests of `b` call, now none.
        let called = if bin % 2 == 0 { b } else { 0.0 };
        metrics.push(table_calls("items", "GetItem", &ts, a + called));
        let calls: &[(&str, &str)] = &[("items", "GetItem")];
        for nth in 0..4 {
            let id = 10 * bin + nth;
            spans.extend(traced(id + 1, "GET /a", &ts, calls));
            let of_b = if nth % 2 == 0 { calls } else { &[] };
            spans.extend(traced(id + 1000, "GET /b", &ts, of_b));
        }
    }
    world.add(Rows::Metrics(metrics)).await;
    world.add(Rows::Spans(spans)).await;
    let sql =
        "select route, bin, calls from call_bins where resource = 'items' and route = 'GET /a'";
    let table = world.analyzer.sql(sql).await.unwrap();
    let expected: BTreeMap<String, f64> = bins().map(|(_, ts, a, _)| (ts, a)).collect();
    assert_eq!(table.num_rows(), expected.len());
    for row in table.rows() {
        let ts = row
            .timestamp("bin")
            .unwrap()
            .format("%Y-%m-%d %H:%M")
            .to_string();
        let (calls, own) = (row.f64("calls").unwrap(), expected[&ts]);
        assert!((calls / own - 1.0).abs() < 0.02, "{ts}: {calls} for {own}");
    }
}

#[tokio::test]
async fn bytes_of_a_shared_function_are_told_apart_by_what_it_logged() {
    let world = World::empty().await;
    let (mut metrics, mut spans): (Vec<MetricPoint>, Vec<Span>) = (Vec::new(), Vec::new());
    for (bin, ts, a, b) in bins() {
        metrics.push(requests("shop", Some("GET /a"), &ts, a));
        metrics.push(requests("shop", Some("GET /b"), &ts, b));
        metrics.push(function_metric("f", "Invocations", &ts, a + b));
        metrics.push(log_bytes("/aws/lambda/f", &ts, 300.0 * a + 900.0 * b));
        spans.extend(traced(bin + 1, "GET /a", &ts, &[]));
        spans.extend(traced(bin + 1000, "GET /b", &ts, &[]));
    }
    world.add(Rows::Metrics(metrics)).await;
    world.add(Rows::Spans(spans)).await;
    let sql = "select route, sum(bytes) as bytes from log_usage group by route";
    let found = by_route(&world, sql, "bytes").await;
    let (a, b) = bins().fold((0.0, 0.0), |(all_a, all_b), (_, _, a, b)| {
        (all_a + a, all_b + b)
    });
    assert_eq!(found.len(), 2);
    assert!(
        (found["GET /a"] / (300.0 * a) - 1.0).abs() < 0.02,
        "{found:?}"
    );
    assert!(
        (found["GET /b"] / (900.0 * b) - 1.0).abs() < 0.02,
        "{found:?}"
    );
    assert!((found["GET /a"] + found["GET /b"] - 300.0 * a - 900.0 * b).abs() < 1e-3);
}

/// The share of `GET /a` in the traces that X-Ray bills, of two routes with as many requests, of which some
/// traces of each were found.
async fn share_of_a(found_a: u32, found_b: u32) -> f64 {
    let world = World::empty().await;
    let (mut metrics, mut spans): (Vec<MetricPoint>, Vec<Span>) = (Vec::new(), Vec::new());
    for (bin, ts, _, _) in bins() {
        for (route, first, found) in [("GET /a", 0, found_a), ("GET /b", 5000, found_b)] {
            metrics.push(requests("shop", Some(route), &ts, 30.0));
            let ids = (0..found).map(|nth| first + 100 * bin + nth + 1);
            spans.extend(ids.flat_map(|id| traced(id, route, &ts, &[])));
        }
    }
    world.add(Rows::Metrics(metrics)).await;
    world.add(Rows::Spans(spans)).await;
    let sql = "select route, sum(traces) as traces from xray_traces group by route";
    let traces = by_route(&world, sql, "traces").await;
    traces["GET /a"] / (traces["GET /a"] + traces["GET /b"])
}

#[tokio::test]
async fn traces_that_were_all_fetched_are_billed_as_they_were_found() {
    // Of 60 requests in five minutes, spread by chance, X-Ray keeps 55.
    let share = share_of_a(42, 14).await;
    assert!((share - 0.75).abs() < 1e-9, "{share}");
}

#[tokio::test]
async fn few_of_the_traces_tell_little_of_how_many_there_are() {
    let share = share_of_a(3, 1).await;
    assert!((0.5..0.6).contains(&share), "{share}");
}
