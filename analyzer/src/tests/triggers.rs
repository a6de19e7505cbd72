//! What starts work besides routes, and what that costs.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use millicent_lake::{CostLine, Outcome, Resource, Rows, Span};

use crate::testing::{
    Trace, World, at, function, function_metric, function_span, function_trace, line, log_bytes,
    machine_metric, resource, route, span, table_calls, table_units, untraced_route, window,
};

const DAY: (&str, &str) = ("2026-11-10 00:00", "2026-11-11 00:00");
const TS: &str = "2026-11-10 08:00";
const FOUND: &str = "2026-11-09 00:00";
const LAMBDA: (&str, &str, &str) = ("AWS Lambda", "EUC1-Request", "6");

fn polls(queue: &str, function: &str) -> Resource {
    let pairs = [
        ("function", function),
        ("source_kind", "sqs"),
        ("source", queue),
    ];
    resource("event-source-mapping", queue, FOUND, &pairs)
}

fn notifies(bucket: &str, function: &str) -> Resource {
    let event = format!(r#"[{{"event":"s3:ObjectCreated:*","function":"{function}"}}]"#);
    resource("bucket", bucket, FOUND, &[("notifications", &event)])
}

/// A trace of a state machine that runs a function.
fn execution(trace: u32, machine: &str, function: &str) -> Vec<Span> {
    let began = Span {
        name: machine.to_owned(),
        origin: Some("AWS::StepFunctions::StateMachine".to_owned()),
        duration_ms: Some(50.0),
        ..span(trace, 1, "segment", at(TS))
    };
    let mut ran = function_span(
        trace,
        2,
        function,
        at(TS) + TimeDelta::seconds(1),
        10.0,
        None,
    );
    ran.parent_id = Some(began.span_id.clone());
    vec![began, ran]
}

/// What each entry point has of each service, in cents of a bill of which a line is `(service, usage type, USD)`.
async fn shares(world: &World, bill: &[(&str, &str, &str)]) -> BTreeMap<(String, String), i64> {
    let lines: Vec<CostLine> = bill
        .iter()
        .map(|(service, usage_type, cost)| {
            line("2026-11-10", service, usage_type, cost, Some("60"))
        })
        .collect();
    world.add(Rows::Costs(lines)).await;
    let read = window("cost", DAY.0, "2026-11-14 00:00", Outcome::Complete);
    world.add(Rows::Collections(vec![read])).await;
    let report = world
        .report("cost-by-route-and-service", DAY.0, DAY.1)
        .await;
    let rows = report.table.rows().map(|row| {
        let entry = row
            .text("route")
            .or(row.text("trigger"))
            .or(row.text("place"));
        let cents = (row.f64("cost_usd").unwrap() * 100.0).round() as i64;
        let service = row.text("service").unwrap().to_owned();
        ((entry.unwrap().to_owned(), service), cents)
    });
    rows.collect()
}

fn expected<const N: usize>(parts: [(&str, &str, i64); N]) -> BTreeMap<(String, String), i64> {
    let parts =
        parts.map(|(entry, service, cents)| ((entry.to_owned(), service.to_owned()), cents));
    parts.into()
}

#[tokio::test]
async fn a_queue_has_the_cost_of_its_function_and_of_what_that_calls_and_logs() {
    let world = World::empty().await;
    let found = vec![
        function("mails", "2026-11-01 00:00", "1024"),
        resource("table", "sent", FOUND, &[]),
        polls("outbox", "mails"),
    ];
    world.add(Rows::Resources(found)).await;
    let metrics = vec![
        function_metric("mails", "Invocations", TS, 60.0),
        function_metric("mails", "Duration", TS, 600.0),
        table_units("sent", "ConsumedWriteCapacityUnits", TS, 60.0),
        table_calls("sent", "PutItem", TS, 60.0),
        log_bytes("/aws/lambda/mails", TS, 900.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let traced = function_trace(1, "mails", TS, ("sent", "PutItem"));
    world.add(Rows::Spans(traced)).await;
    let bill = [
        LAMBDA,
        ("Amazon DynamoDB", "EUC1-WriteRequestUnits", "3"),
        ("AmazonCloudWatch", "EUC1-VendedLog-Bytes", "1"),
    ];
    let found = shares(&world, &bill).await;
    assert_eq!(
        found.get(&("sqs/outbox".to_owned(), "AWS Lambda".to_owned())),
        Some(&600)
    );
    assert_eq!(
        found.get(&("sqs/outbox".to_owned(), "Amazon DynamoDB".to_owned())),
        Some(&300)
    );
    let report = world.report("entry-points", DAY.0, DAY.1).await;
    let row = report.table.rows().next().unwrap();
    assert_eq!(
        (row.text("kind"), row.text("name")),
        (Some("sqs"), Some("outbox"))
    );
    assert_eq!(row.text("functions"), Some("mails"));
    assert_eq!(row.f64("starts"), Some(60.0));
    assert_eq!(row.f64("lambda_usd"), Some(6.0));
    assert_eq!(row.f64("dynamodb_usd"), Some(3.0));
}

#[tokio::test]
async fn a_state_machine_has_its_transitions_and_the_functions_of_its_executions() {
    let world = World::empty().await;
    let found = vec![
        function("pick", "2026-11-01 00:00", "1024"),
        resource(
            "state-machine",
            "fulfil",
            FOUND,
            &[("type", "STANDARD"), ("invokes", "pick")],
        ),
        // A route calls the same function; its stage is traced.
        route("shop", "POST /pick", "pick"),
    ];
    world.add(Rows::Resources(found)).await;
    let metrics = vec![
        function_metric("pick", "Invocations", TS, 60.0),
        function_metric("pick", "Duration", TS, 600.0),
        machine_metric("fulfil", "ExecutionsStarted", TS, 30.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let route = Trace {
        id: 9,
        api: "shop",
        route: "POST /pick",
        function: "pick",
        ts: TS,
        ms: 10.0,
        init_ms: None,
        calls: &[],
    };
    let spans = [execution(1, "fulfil", "pick"), route.spans()].concat();
    world.add(Rows::Spans(spans)).await;
    let bill = [LAMBDA, ("AWS Step Functions", "EUC1-StateTransition", "2")];
    // One of two traced invocations each; the route's requests are not counted, so its trace stands for itself.
    let found = shares(&world, &bill).await;
    assert_eq!(
        found[&(
            "state-machine/fulfil".to_owned(),
            "AWS Step Functions".to_owned()
        )],
        200
    );
    let by = |entry: &str| found[&(entry.to_owned(), "AWS Lambda".to_owned())];
    assert_eq!(by("state-machine/fulfil") + by("POST /pick"), 600);
    assert!(
        by("state-machine/fulfil") > 500,
        "it stands for 30 invocations: {found:?}"
    );
}

#[tokio::test]
async fn what_nothing_configured_starts_is_direct_and_two_sources_are_not_told_apart() {
    let world = World::empty().await;
    let found = vec![
        function("report", "2026-11-01 00:00", "1024"),
        function("both", "2026-11-01 00:00", "1024"),
        polls("orders", "both"),
        notifies("invoices", "both"),
    ];
    world.add(Rows::Resources(found)).await;
    let metrics = vec![
        function_metric("report", "Invocations", TS, 20.0),
        function_metric("report", "Duration", TS, 200.0),
        function_metric("both", "Invocations", TS, 40.0),
        function_metric("both", "Duration", TS, 400.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let spans = [
        function_trace(1, "report", TS, ("t", "GetItem")),
        function_trace(2, "both", TS, ("t", "GetItem")),
    ];
    world.add(Rows::Spans(spans.concat())).await;
    assert_eq!(
        shares(&world, &[LAMBDA]).await,
        expected([
            ("direct/report", "AWS Lambda", 200),
            ("not split", "AWS Lambda", 400),
        ])
    );
}

#[tokio::test]
async fn a_route_that_leaves_no_trace_is_not_taken_for_the_bucket_beside_it() {
    let world = World::empty().await;
    let found = vec![
        function("index", "2026-11-01 00:00", "1024"),
        untraced_route("HTTP", "shop", "POST /index", "index"),
        notifies("invoices", "index"),
    ];
    world.add(Rows::Resources(found)).await;
    let metrics = vec![
        function_metric("index", "Invocations", TS, 60.0),
        function_metric("index", "Duration", TS, 600.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    world
        .add(Rows::Spans(function_trace(
            1,
            "index",
            TS,
            ("t", "GetItem"),
        )))
        .await;
    // An HTTP API traces nothing, so the function's traces may be of either.
    assert_eq!(
        shares(&world, &[LAMBDA]).await,
        expected([("not split", "AWS Lambda", 600)])
    );
}
