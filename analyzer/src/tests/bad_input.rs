//! What is not as it should be: each has a stated result, nothing is lost and nothing is a silent zero.

use chrono::TimeDelta;
use millicent_lake::{MetricPoint, Outcome, Resource, Rows, Span};
use rust_decimal::Decimal;

use crate::testing::{
    Trace, World, at, function, function_metric, function_span, function_trace, line, requests,
    resource, route, usd, window,
};

const LAMBDA: &str = "AWS Lambda";
const SECONDS: &str = "EUC1-Lambda-GB-Second";
const TS: &str = "2026-11-10 08:00";

fn trace(id: u32, api: &'static str) -> Trace<'static> {
    Trace {
        id,
        api,
        route: "GET /a",
        function: "f",
        ts: "2026-11-10 08:01",
        ms: 100.0,
        init_ms: None,
        calls: &[],
    }
}

/// A function that ran `count` times for 100 ms each, in five minutes.
fn ran(ts: &str, count: f64) -> Vec<MetricPoint> {
    vec![
        function_metric("f", "Invocations", ts, count),
        function_metric("f", "Duration", ts, 100.0 * count),
    ]
}

/// A world in which the 10th's bill has one line of 6 USD for the function's time, and nothing says how much
/// was used, so that the parts are shares of it.
async fn world(metrics: Vec<MetricPoint>, spans: Vec<Span>, found: Vec<Resource>) -> World {
    let world = World::empty().await;
    world.add(Rows::Metrics(metrics)).await;
    world.add(Rows::Spans(spans)).await;
    world.add(Rows::Resources(found)).await;
    let billed = line("2026-11-10", LAMBDA, SECONDS, "6", Some("0.000001"));
    world.add(Rows::Costs(vec![billed])).await;
    let read = window(
        "cost",
        "2026-11-10 00:00",
        "2026-11-14 00:00",
        Outcome::Complete,
    );
    world.add(Rows::Collections(vec![read])).await;
    world
}

/// `api route place: cost (basis)` of each part of the day's bill; the trigger stands where there is no API.
async fn parts(world: &World) -> Vec<String> {
    let sql = "select coalesce(api, trigger, '-') || ' ' || coalesce(route, '-') || ' ' || place || ': ' \
                      || cast(round(sum(cost_usd), 6) as decimal(10, 2)) || ' (' || basis || ')' as told, \
                      sum(cost_usd) as usd \
               from bill_shares group by api, route, trigger, place, basis order by told";
    let table = world.analyzer.sql(sql).await.unwrap();
    let sum: Decimal = table.rows().map(|row| row.decimal("usd").unwrap()).sum();
    let bill = "select sum(cost_usd) as usd from bill";
    let bill = world.analyzer.sql(bill).await.unwrap();
    assert_eq!(Some(sum), bill.rows().next().unwrap().decimal("usd"));
    let told = table.rows().map(|row| row.text("told").unwrap().to_owned());
    told.collect()
}

fn one_route() -> Vec<Resource> {
    vec![
        function("f", "2026-11-01 00:00", "1024"),
        route("shop", "GET /a", "f"),
    ]
}

#[tokio::test]
async fn a_usage_type_that_was_never_seen_stays_on_its_line_and_says_so() {
    let world = world(ran(TS, 60.0), vec![], one_route()).await;
    let unknown = [
        line("2026-11-10", "Amazon Nothing", "EUC1-New:thing", "1", None),
        line("2026-11-10", LAMBDA, "EUC1-Lambda-Quantum", "2", Some("7")),
    ];
    world.add(Rows::Costs(unknown.to_vec())).await;
    assert_eq!(
        parts(&world).await,
        [
            "- - not split: 3.00 (no usage is collected for this usage type)",
            "shop GET /a route: 6.00 (the only route that calls it)",
        ]
    );
}

#[tokio::test]
async fn a_bill_without_usage_and_usage_without_a_bill_are_told_apart() {
    let world = world(vec![], vec![], one_route()).await;
    assert_eq!(
        parts(&world).await,
        ["- - unexplained: 6.00 (no usage was seen)"]
    );
    // The 12th was used and is not billed: a cost at the list price, and no zero.
    world
        .add(Rows::Metrics(ran("2026-11-12 08:00", 60.0)))
        .await;
    let report = world
        .report(
            "cost-by-route-and-service",
            "2026-11-12 00:00",
            "2026-11-13 00:00",
        )
        .await;
    let row = report.table.rows().next().unwrap();
    assert_eq!(row.text("route"), Some("GET /a"));
    assert!(row.f64("cost_usd").unwrap() > 0.0);
    assert_eq!(row.f64("cost_estimated"), Some(1.0));
}

#[tokio::test]
async fn a_route_that_was_deleted_keeps_what_its_traces_show() {
    let gone = Resource {
        deleted: true,
        ts: at("2026-11-13 00:00"),
        ..route("shop", "GET /a", "f")
    };
    let mut metrics = ran(TS, 60.0);
    metrics.push(requests("shop", Some("GET /a"), TS, 60.0));
    let mut found = one_route();
    found.push(gone);
    let traced = world(metrics.clone(), trace(1, "shop").spans(), found.clone()).await;
    assert_eq!(
        parts(&traced).await,
        ["shop GET /a route: 6.00 (the only route that calls it)"]
    );
    let report = traced
        .report("routes", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let row = report.table.rows().next().unwrap();
    assert_eq!(row.f64("requests"), Some(60.0));
    // Without a trace nothing says any more whose the function was.
    let untraced = world(metrics, vec![], found).await;
    assert_eq!(
        parts(&untraced).await,
        ["- - not split: 6.00 (no traced call of it)"]
    );
}

#[tokio::test]
async fn a_function_of_two_apis_and_a_queue_is_shared_among_the_three() {
    let mut metrics = ran(TS, 60.0);
    metrics.push(requests("shop", Some("GET /a"), TS, 30.0));
    metrics.push(requests("back", Some("GET /a"), TS, 10.0));
    let mut found = one_route();
    found.push(Resource {
        arn: "arn:route:back".to_owned(),
        ..route("back", "GET /a", "f")
    });
    found.push(resource(
        "event-source-mapping",
        "uuid",
        "2026-11-01 00:00",
        &[
            ("function", "f"),
            ("source_kind", "sqs"),
            ("source", "mails"),
        ],
    ));
    let mut spans = trace(1, "shop").spans();
    spans.extend(trace(2, "back").spans());
    // The function's own segment of 10 ms, which stands for a third of its 60 invocations.
    spans.extend(function_trace(
        3,
        "f",
        "2026-11-10 08:02",
        ("orders", "PutItem"),
    ));
    let world = world(metrics, spans, found).await;
    // 30 × 100 ms, 10 × 100 ms and 20 × 10 ms of 4,200 ms.
    assert_eq!(
        parts(&world).await,
        [
            "back GET /a route: 1.43 (traced time of the hour)",
            "shop GET /a route: 4.29 (traced time of the hour)",
            "sqs/mails - trigger: 0.29 (traced time of the hour)",
        ]
    );
}

#[tokio::test]
async fn a_trace_that_is_there_twice_changes_nothing() {
    let mut metrics = ran(TS, 60.0);
    metrics.push(requests("shop", Some("GET /a"), TS, 40.0));
    metrics.push(requests("shop", Some("GET /b"), TS, 20.0));
    let mut found = one_route();
    found.push(route("shop", "GET /b", "f"));
    let b = Trace {
        route: "GET /b",
        ms: 50.0,
        ..trace(2, "shop")
    };
    let spans = [trace(1, "shop").spans(), b.spans()].concat();
    let once = world(metrics.clone(), spans.clone(), found.clone()).await;
    let twice = world(metrics, [spans.clone(), spans].concat(), found).await;
    assert_eq!(parts(&once).await, parts(&twice).await);
    // 40 × 100 ms to 20 × 50 ms.
    assert_eq!(
        parts(&twice).await,
        [
            "shop GET /a route: 4.80 (traced time of the hour)",
            "shop GET /b route: 1.20 (traced time of the hour)",
        ]
    );
}

#[tokio::test]
async fn a_trace_without_its_root_is_nobodys_and_stays_visible() {
    let mut metrics = ran(TS, 60.0);
    metrics.push(requests("shop", Some("GET /a"), TS, 60.0));
    let mut spans = trace(1, "shop").spans();
    // The gateway's segment never arrived.
    let mut lost = function_span(2, 2, "f", at("2026-11-10 08:02"), 100.0, None);
    lost.parent_id = Some("ffffffffffffffff".to_owned());
    spans.push(lost);
    let world = world(metrics, spans, one_route()).await;
    // 60 requests that are known to be the route's, and one of two traced invocations of 60 that is not.
    assert_eq!(
        parts(&world).await,
        [
            "- - not split: 2.00 (traced time of the hour)",
            "shop GET /a route: 4.00 (traced time of the hour)",
        ]
    );
}

#[tokio::test]
async fn clocks_that_differ_move_no_cost_to_another_day_or_route() {
    let ts = "2026-11-10 00:00";
    let mut metrics = ran(ts, 60.0);
    metrics.push(requests("shop", Some("GET /a"), ts, 45.0));
    metrics.push(requests("shop", Some("GET /b"), ts, 15.0));
    let mut found = one_route();
    found.push(route("shop", "GET /b", "f"));
    let spans = |skew: TimeDelta| {
        let a = Trace {
            ts: "2026-11-10 00:01",
            ..trace(1, "shop")
        };
        let b = Trace {
            id: 2,
            route: "GET /b",
            ..a.clone()
        };
        let mut spans = [a.spans(), b.spans()].concat();
        for span in &mut spans {
            if span.origin.as_deref() == Some("AWS::Lambda::Function") {
                // The function's clock is behind its gateway's, or ahead of it.
                span.ts += skew;
            }
        }
        spans
    };
    for skew in [TimeDelta::minutes(-3), TimeDelta::days(40)] {
        let world = world(metrics.clone(), spans(skew), found.clone()).await;
        assert_eq!(
            parts(&world).await,
            [
                "shop GET /a route: 4.50 (traced time of the hour)",
                "shop GET /b route: 1.50 (traced time of the hour)",
            ],
            "{skew}"
        );
        let days = "select count(distinct date) as days, sum(cost_usd) as usd from bill_shares";
        let days = world.analyzer.sql(days).await.unwrap();
        let row = days.rows().next().unwrap();
        assert_eq!(
            (row.i64("days"), row.decimal("usd")),
            (Some(1), Some(usd("6")))
        );
    }
}

#[tokio::test]
async fn a_segment_that_ends_before_it_began_worked_for_no_time() {
    let mut metrics = ran(TS, 60.0);
    metrics.push(requests("shop", Some("GET /a"), TS, 45.0));
    metrics.push(requests("shop", Some("GET /b"), TS, 15.0));
    let mut found = one_route();
    found.push(route("shop", "GET /b", "f"));
    let b = Trace {
        route: "GET /b",
        ms: -80.0,
        ..trace(2, "shop")
    };
    let spans = [trace(1, "shop").spans(), b.spans()].concat();
    let world = world(metrics, spans, found).await;
    assert_eq!(
        parts(&world).await,
        ["shop GET /a route: 6.00 (traced time of the hour)"]
    );
}
