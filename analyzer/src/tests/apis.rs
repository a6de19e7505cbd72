//! APIs of every kind: what is counted of them, what is billed, and whose a trace without a gateway is.

use std::collections::BTreeMap;

use millicent_lake::{CostLine, Outcome, Resource, Rows};

use crate::testing::{
    World, api_metric, function, function_metric, function_trace, line, resource, route,
    untraced_route, usd, window,
};

const DAY: (&str, &str) = ("2026-11-10 00:00", "2026-11-11 00:00");
const TS: &str = "2026-11-10 08:00";
const GATEWAY: &str = "Amazon API Gateway";

/// `web` is an HTTP API: `GET /small` and `GET /large`, of which a response has three times 512 KB.
/// `live` is a WebSocket API: 5 connects, 45 messages.
async fn apis() -> World {
    let world = http_api().await;
    let mut metrics = Vec::new();
    for (route, metric, sum) in [
        (Some("$connect"), "ConnectCount", 5.0),
        (Some("track"), "MessageCount", 40.0),
        (Some("track"), "ClientError", 3.0),
        (Some("track"), "ExecutionError", 1.0),
        (Some("$default"), "MessageCount", 5.0),
        // CloudWatch counts connects and messages, but no disconnects: of those only the errors.
        (Some("$disconnect"), "IntegrationError", 2.0),
        (None, "ConnectCount", 5.0),
        (None, "MessageCount", 45.0),
    ] {
        metrics.push(api_metric("live", route, metric, TS, sum));
    }
    world.add(Rows::Metrics(metrics)).await;
    world
}

/// `web` alone.
async fn http_api() -> World {
    let world = World::empty().await;
    let mut metrics = Vec::new();
    for (route, metric, sum) in [
        (Some("GET /small"), "Count", 300.0),
        (Some("GET /small"), "4xx", 7.0),
        (Some("GET /small"), "5xx", 2.0),
        (Some("GET /small"), "DataProcessed", 300.0 * 2_000.0),
        (Some("GET /large"), "Count", 100.0),
        (Some("GET /large"), "DataProcessed", 100.0 * 3.0 * 524_288.0),
        (None, "Count", 400.0),
        (None, "4xx", 7.0),
    ] {
        metrics.push(api_metric("web", route, metric, TS, sum));
    }
    for (function, count) in [("small", 300.0), ("large", 100.0)] {
        metrics.push(function_metric(function, "Invocations", TS, count));
        metrics.push(function_metric(function, "Duration", TS, count * 9.5));
    }
    world.add(Rows::Metrics(metrics)).await;
    let found = vec![
        function("small", "2026-11-09 00:00", "1024"),
        function("large", "2026-11-09 00:00", "1024"),
        untraced_route("HTTP", "web", "GET /small", "small"),
        untraced_route("HTTP", "web", "GET /large", "large"),
    ];
    world.add(Rows::Resources(found)).await;
    world
}

async fn settle(world: &World, lines: Vec<CostLine>) {
    world.add(Rows::Costs(lines)).await;
    let read = window("cost", DAY.0, "2026-11-14 00:00", Outcome::Complete);
    world.add(Rows::Collections(vec![read])).await;
}

fn billed(service: &str, usage_type: &str, cost: &str, quantity: &str) -> CostLine {
    line("2026-11-10", service, usage_type, cost, Some(quantity))
}

#[tokio::test]
async fn every_kind_of_api_is_counted_by_its_own_metrics() {
    let world = apis().await;
    let report = world.report("routes", DAY.0, DAY.1).await;
    let found: BTreeMap<_, _> = report
        .table
        .rows()
        .map(|row| {
            let number = |name| row.f64(name).unwrap();
            assert_eq!(
                row.f64("requests").is_none(),
                row.f64("error_rate").is_none()
            );
            (
                row.text("route").unwrap().to_owned(),
                (
                    row.f64("requests"),
                    number("client_errors"),
                    number("errors"),
                ),
            )
        })
        .collect();
    let expected = [
        ("$connect", (Some(5.0), 0.0, 0.0)),
        ("$default", (Some(5.0), 0.0, 0.0)),
        ("$disconnect", (None, 0.0, 2.0)),
        ("GET /large", (Some(100.0), 0.0, 0.0)),
        ("GET /small", (Some(300.0), 7.0, 2.0)),
        ("track", (Some(40.0), 3.0, 1.0)),
    ];
    let expected = expected.map(|(route, counts)| (route.to_owned(), counts));
    assert_eq!(found, BTreeMap::from(expected));
}

/// Bytes go to routes where all of them are counted.
#[tokio::test]
async fn data_transfer_is_split_where_every_api_counts_its_bytes() {
    let transfer = || {
        vec![billed(
            GATEWAY,
            "EUC1-DataTransfer-Out-Bytes",
            "7.89",
            "0.15",
        )]
    };
    let parts = async |world: World| {
        settle(&world, transfer()).await;
        let sql = "select coalesce(route, place) as whose, sum(cost_usd) as usd, min(basis) as basis \
                   from bill_shares group by route, place order by 1";
        let told = world.analyzer.sql(sql).await.unwrap();
        let part = |row: crate::Row<'_>| {
            let cost = row.decimal("usd").unwrap().round_dp(6).normalize();
            (
                row.text("whose").unwrap().to_owned(),
                cost.to_string(),
                row.text("basis").unwrap().to_owned(),
            )
        };
        told.rows().map(part).collect::<Vec<_>>()
    };
    // 0.6 MB and 157.2864 MB.
    let counted = "bytes of requests and answers, counted by the API";
    let part = |whose: &str, cost: &str, basis: &str| {
        (whose.to_owned(), cost.to_owned(), basis.to_owned())
    };
    assert_eq!(
        parts(http_api().await).await,
        [
            part("GET /large", "7.860016", counted),
            part("GET /small", "0.029984", counted),
        ]
    );
    let unknown =
        "REST and WebSocket APIs count no bytes, so that nobody can tell who sent how many";
    assert_eq!(
        parts(apis().await).await,
        [part("not split", "7.89", unknown)]
    );
}

#[tokio::test]
async fn every_kind_of_api_is_billed_by_its_own_unit() {
    let world = apis().await;
    let lines = vec![
        // 300 requests, and 100 that count three times each.
        billed(GATEWAY, "EUC1-ApiGatewayHttpRequest", "0.6", "600"),
        billed(GATEWAY, "EUC1-ApiGatewayMessage", "0.9", "90"),
        billed(GATEWAY, "EUC1-ApiGatewayMinute", "0.5", "2000"),
    ];
    settle(&world, lines).await;
    let report = world
        .report("cost-by-route-and-service", DAY.0, DAY.1)
        .await;
    let found: BTreeMap<_, _> = report
        .table
        .rows()
        .map(|row| {
            (
                row.text("route").unwrap_or("-").to_owned(),
                row.decimal("cost_usd").unwrap(),
            )
        })
        .collect();
    let expected = [
        ("GET /small", "0.3"),
        ("GET /large", "0.3"),
        ("track", "0.8"),
        ("$default", "0.1"),
        // What opens a connection pays for its minutes.
        ("$connect", "0.5"),
    ];
    let expected = expected.map(|(route, cost)| (route.to_owned(), usd(cost)));
    assert_eq!(found, BTreeMap::from(expected));
    let report = world.report("reconciliation", DAY.0, DAY.1).await;
    let minutes = report
        .table
        .rows()
        .find(|row| row.text("usage_type") == Some("EUC1-ApiGatewayMinute"))
        .unwrap();
    assert_eq!(minutes.decimal("to_routes_usd"), Some(usd("0.5")));
}

/// Whose the traced calls are; `-` is no route's.
async fn callers(more: Vec<Resource>) -> Vec<String> {
    let world = apis().await;
    world.add(Rows::Resources(more)).await;
    let spans = function_trace(1, "small", TS, ("items", "GetItem"));
    world.add(Rows::Spans(spans)).await;
    let calls = world.analyzer.sql("select route from traced_calls").await;
    let calls = calls.unwrap();
    calls
        .rows()
        .map(|row| row.text("route").unwrap_or("-").to_owned())
        .collect()
}

#[tokio::test]
async fn a_trace_without_a_gateway_is_its_functions_only_route() {
    assert_eq!(callers(Vec::new()).await, ["GET /small"]);
    let second = untraced_route("HTTP", "web", "GET /smaller", "small");
    assert_eq!(callers(vec![second]).await, ["-"], "two routes have it");
    let rest = route("shop", "GET /small", "small");
    assert_eq!(
        callers(vec![rest]).await,
        ["-"],
        "a REST API would be traced"
    );
    let queue = resource(
        "event-source-mapping",
        "3f1b",
        "2026-11-09 00:00",
        &[("function", "small"), ("source_kind", "sqs")],
    );
    assert_eq!(callers(vec![queue]).await, ["-"], "a queue starts it too");
}

#[tokio::test]
async fn a_function_behind_one_http_route_needs_no_trace() {
    let world = apis().await;
    let lines = vec![billed("AWS Lambda", "EUC1-Lambda-GB-Second", "4", "4")];
    settle(&world, lines).await;
    let report = world
        .report("cost-per-request-by-route", DAY.0, DAY.1)
        .await;
    let found: BTreeMap<_, _> = report
        .table
        .rows()
        .map(|row| {
            (
                row.text("route").unwrap().to_owned(),
                row.decimal("lambda_usd"),
            )
        })
        .collect();
    assert_eq!(found["GET /small"], Some(usd("3")));
    assert_eq!(found["GET /large"], Some(usd("1")));
}
