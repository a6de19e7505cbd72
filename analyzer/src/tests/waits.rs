//! What requests wait for, by route: computed by hand.

use chrono::TimeDelta;
use millicent_lake::{LatencyBucket, Rows, Span};

use crate::testing::{
    ACCOUNT, REGION, World, api_metric, at, function, function_metric, function_span, requests,
    resource, route, span, untraced_route,
};
use crate::{Params, Report};

const DAY: (&str, &str) = ("2026-11-10 00:00", "2026-11-11 00:00");

/// A request: API Gateway, AWS::Lambda within it, the function within that, and a failed call or none.
/// Milliseconds: the gateway 5 on each side, placement `placed`, the initialisation, then the handler.
fn request(
    id: u32,
    time: &str,
    placed: i64,
    init: Option<i64>,
    handler: i64,
    fault: bool,
) -> Vec<Span> {
    let ts = at(time);
    let after = |ms: i64| ts + TimeDelta::milliseconds(ms);
    let began = 5 + placed + init.unwrap_or(0);
    let gateway = Span {
        name: "shop/prod".to_owned(),
        origin: Some("AWS::ApiGateway::Stage".to_owned()),
        resource: Some("shop".to_owned()),
        stage: Some("prod".to_owned()),
        route: Some("GET /a".to_owned()),
        duration_ms: Some((began + handler + 5) as f64),
        http_status: Some(if fault { 500 } else { 200 }),
        fault,
        ..span(id, 1, "segment", ts)
    };
    let lambda = Span {
        parent_id: Some(gateway.span_id.clone()),
        origin: Some("AWS::Lambda".to_owned()),
        resource: Some("f".to_owned()),
        duration_ms: Some((began + handler - 5) as f64),
        ..span(id, 2, "segment", after(5))
    };
    let function = Span {
        parent_id: Some(lambda.span_id.clone()),
        origin: Some("AWS::Lambda::Function".to_owned()),
        resource: Some("f".to_owned()),
        duration_ms: Some(handler as f64),
        cold_start: Some(init.is_some()),
        init_ms: init.map(|ms| ms as f64),
        fault,
        ..span(id, 3, "segment", after(began))
    };
    let initialisation = init.map(|ms| Span {
        parent_id: Some(function.span_id.clone()),
        segment_id: function.span_id.clone(),
        name: "Init".to_owned(),
        duration_ms: Some(ms as f64),
        ..span(id, 4, "subsegment", after(5 + placed))
    });
    let spans = [gateway, lambda, function]
        .into_iter()
        .chain(initialisation);
    let trace_ts = ts;
    spans.map(|span| Span { trace_ts, ..span }).collect()
}

/// Four hundred requests, each trace of four standing for a hundred of them: three warm, one of which
/// failed, and one cold.
async fn shop() -> World {
    let world = traced().await;
    let ts = "2026-11-10 08:00";
    world
        .add(Rows::Metrics(vec![
            requests("shop", Some("GET /a"), ts, 400.0),
            function_metric("f", "Invocations", ts, 400.0),
        ]))
        .await;
    world
}

/// The same, of which nothing was counted.
async fn traced() -> World {
    let world = World::empty().await;
    let mut spans = request(1, "2026-11-10 08:01", 10, None, 80, false);
    spans.extend(request(2, "2026-11-10 08:02", 10, None, 100, false));
    spans.extend(request(3, "2026-11-10 08:03", 10, None, 120, true));
    spans.extend(request(4, "2026-11-10 08:04", 200, Some(300), 100, false));
    world.add(Rows::Spans(spans)).await;
    let found = vec![
        function("f", "2026-11-09 00:00", "1024"),
        route("shop", "GET /a", "f"),
    ];
    world.add(Rows::Resources(found)).await;
    world
}

#[tokio::test]
async fn a_rate_of_requests_that_nothing_counts_is_that_of_a_sample() {
    let world = traced().await;
    let report = world.report("cold-starts-by-route", DAY.0, DAY.1).await;
    let row = report.table.rows().next().unwrap();
    assert_eq!(row.f64("requests"), None);
    near(row.f64("cold_start_rate"), 0.25, "rate");
    // Wilson's interval of one in four, as statistics packages print it.
    let bound = |column: &str| row.f64(column).unwrap();
    let (low, high) = (bound("cold_start_rate_low"), bound("cold_start_rate_high"));
    assert!((low - 0.0456).abs() < 1e-4, "{low}");
    assert!((high - 0.6994).abs() < 1e-4, "{high}");
}

fn near(found: Option<f64>, expected: f64, what: &str) {
    let found = found.unwrap_or_else(|| panic!("{what} is missing"));
    assert!(
        (found - expected).abs() < 1e-6,
        "{what}: {found} is not {expected}"
    );
}

#[tokio::test]
async fn the_parts_of_a_route_add_up_to_what_its_clients_wait() {
    let world = shop().await;
    let report = world.report("where-time-goes", DAY.0, DAY.1).await;
    let mean = |kind: &str| {
        let row = report
            .table
            .rows()
            .find(|row| row.text("kind") == Some(kind));
        row.unwrap().f64("mean_ms")
    };
    near(mean("gateway"), 10.0, "gateway");
    near(mean("placement"), (3.0 * 10.0 + 200.0) / 4.0, "placement");
    near(mean("init"), 300.0 / 4.0, "init");
    near(
        mean("handler"),
        (80.0 + 100.0 + 120.0 + 100.0) / 4.0,
        "handler",
    );
    let of = |column: &str| {
        report
            .table
            .rows()
            .filter_map(|row| row.f64(column))
            .sum::<f64>()
    };
    near(
        Some(of("mean_ms")),
        (100.0 + 120.0 + 140.0 + 610.0) / 4.0,
        "all of it",
    );
    near(Some(of("share")), 1.0, "shares");
    // The slowest twentieth is the cold one.
    near(Some(of("slow_mean_ms")), 610.0, "slow");
}

#[tokio::test]
async fn a_cold_request_waits_longer_by_placement_and_initialisation() {
    let world = shop().await;
    let report = world.report("cold-starts-by-route", DAY.0, DAY.1).await;
    let row = report.table.rows().next().unwrap();
    near(row.f64("cold_start_rate"), 0.25, "rate");
    near(row.f64("cold_starts"), 100.0, "cold starts");
    near(row.f64("warm_ms"), 120.0, "warm");
    near(row.f64("penalty_ms"), 490.0, "penalty");
    near(row.f64("placement_ms"), 190.0, "placement");
    near(row.f64("init_ms"), 300.0, "init");
    near(row.f64("per_request_ms"), 490.0 / 4.0, "per request");
    assert_eq!(row.f64("penalty_low_ms"), None, "one trace bounds nothing");
    assert_eq!(row.f64("ahead_rate"), Some(0.0));
    assert_eq!(row.text("ahead_by"), None);
}

fn bucket(
    api: &str,
    key: &str,
    hour: &str,
    bounds: (f64, Option<f64>),
    count: f64,
) -> LatencyBucket {
    LatencyBucket {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        service: "apigateway".to_owned(),
        resource: api.to_owned(),
        stage: Some("prod".to_owned()),
        route: Some(key.to_owned()),
        ts: at(hour),
        period_s: 3_600,
        lower_ms: bounds.0,
        upper_ms: bounds.1,
        count,
    }
}

async fn latency(world: &World, from: &str, to: &str) -> Report {
    let params = Params::new().set("from", at(from)).set("to", at(to));
    world
        .analyzer
        .report("latency-by-route", &params)
        .await
        .unwrap()
}

#[tokio::test]
async fn buckets_that_come_after_an_answer_change_the_next_one() {
    let world = shop().await;
    let whole = |hour| bucket("shop", "GET /a", hour, (195.0, Some(245.0)), 1_000.0);
    world
        .add(Rows::LatencyHistograms(vec![whole("2026-11-10 08:00")]))
        .await;
    let median = |report: &Report| report.table.rows().next().unwrap().f64("p50_ms");
    let before = latency(&world, "2026-11-10 08:00", "2026-11-10 09:00").await;
    let even = median(&before).unwrap();
    assert!((213.0..222.0).contains(&even), "{even}");
    // Another hour was read in parts, and all lie in the first of them: so do this one's.
    let first = bucket(
        "shop",
        "GET /a",
        "2026-11-10 09:00",
        (195.0, Some(204.0)),
        1_000.0,
    );
    world.add(Rows::LatencyHistograms(vec![first])).await;
    let after = latency(&world, "2026-11-10 08:00", "2026-11-10 09:00").await;
    let parted = median(&after).unwrap();
    assert!((195.0..204.0).contains(&parted), "{parted}");
}

#[tokio::test]
async fn a_bucket_is_shared_over_parts_and_their_parts_as_other_hours_of_the_day_have_them() {
    let world = World::empty().await;
    let (nine, ten) = ("2026-11-10 09:00", "2026-11-10 10:00");
    let of = |hour: &str, lower: f64, upper: f64, count: f64| {
        bucket("shop", "GET /a", hour, (lower, Some(upper)), count)
    };
    let eight = [
        (97.9, 98.8, 0.0),
        (98.8, 99.71, 30.0),
        (99.71, 100.6, 0.0),
        (100.6, 101.6, 10.0),
        (101.6, 102.5, 0.0),
        (117.5, 118.6, 0.0),
        (118.6, 119.7, 0.0),
        (119.7, 120.8, 0.0),
        (120.8, 121.9, 0.0),
        (121.9, 123.0, 60.0),
    ];
    let eight = eight.map(|(lower, upper, count)| of("2026-11-10 08:00", lower, upper, count));
    let others = [
        of(nine, 97.9, 102.5, 40.0),
        of(ten, 97.9, 123.0, 140.0),
        of(ten, 123.0, 155.0, 7.0),
        // The fifth parts of two buckets, one of them below a millisecond.
        of(nine, 0.8, 1.0, 5.0),
        of(nine, 1.203, 1.214, 3.0),
    ];
    world
        .add(Rows::LatencyHistograms([&eight[..], &others].concat()))
        .await;
    let sql = "select hour, lower_ms, low_ms, high_ms, requests from histogram_buckets order by hour, lower_ms";
    let table = world.analyzer.sql(sql).await.unwrap();
    let found: Vec<(f64, f64, f64, f64)> = table
        .rows()
        .map(|row| {
            let number = |name| row.f64(name).unwrap();
            (
                number("lower_ms"),
                number("low_ms"),
                number("high_ms"),
                (number("requests") * 1e6).round() / 1e6,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (98.8, 98.8, 99.71, 30.0),
            (100.6, 100.6, 101.6, 10.0),
            (121.9, 121.9, 123.0, 60.0),
            (0.8, 0.8, 1.0, 5.0),
            (1.203, 1.203, 1.214, 3.0),
            (98.8, 97.9, 102.5, 30.0),
            (100.6, 97.9, 102.5, 10.0),
            // Of 140, 80 are in the first part and 60 in the last.
            (98.8, 97.9, 123.0, 60.0),
            (100.6, 97.9, 123.0, 20.0),
            (121.9, 97.9, 123.0, 60.0),
            (123.0, 123.0, 155.0, 7.0),
        ]
    );
}

#[tokio::test]
async fn histograms_are_taken_where_they_cover_the_period_and_traces_elsewhere() {
    let world = shop().await;
    let (whole, lower, upper) = (
        (97.9, Some(123.0)),
        (97.9, Some(102.5)),
        (117.5, Some(123.0)),
    );
    world
        .add(Rows::LatencyHistograms(vec![
            bucket(
                "shop",
                "GET /a",
                "2026-11-10 08:00",
                (79.9, Some(97.9)),
                200.0,
            ),
            bucket("shop", "GET /a", "2026-11-10 08:00", lower, 60.0),
            bucket("shop", "GET /a", "2026-11-10 08:00", upper, 140.0),
            // An hour whose percentiles lay elsewhere has the bucket whole.
            bucket("shop", "GET /a", "2026-11-10 09:00", whole, 200.0),
            bucket(
                "front",
                "GET /b",
                "2026-11-10 08:00",
                (60_000.0, None),
                10.0,
            ),
        ]))
        .await;
    let ts = "2026-11-10 09:10";
    world
        .add(Rows::Metrics(vec![requests(
            "shop",
            Some("GET /a"),
            ts,
            200.0,
        )]))
        .await;
    let front = vec![untraced_route("HTTP", "front", "GET /b", "g")];
    world.add(Rows::Resources(front)).await;

    let report = latency(&world, "2026-11-10 08:00", "2026-11-10 10:00").await;
    let row = report
        .table
        .rows()
        .find(|row| row.text("api") == Some("shop"))
        .unwrap();
    assert_eq!(row.text("basis"), Some("histograms"));
    near(row.f64("covered"), 1.0, "covered");
    // Of 600 requests 200 are below 97.9 ms, 120 more below 102.5 and 280 more below 123: a third of the
    // whole bucket's 200 goes where 60 of its parts' 200 are. The median is the 300th: the odds of 1 between
    // those of 200 and of 320 of 600, on the way from 97.9 to 102.5.
    let odds = |below: f64| (below / (600.0 - below)).ln();
    let share = (0.0 - odds(200.0)) / (odds(320.0) - odds(200.0));
    near(
        row.f64("p50_ms"),
        97.9 * (102.5_f64 / 97.9).powf(share),
        "p50",
    );
    // What is certain of the whole bucket's requests is only that they are in it.
    assert_eq!(
        (row.f64("p50_low_ms"), row.f64("p50_high_ms")),
        (Some(97.9), Some(123.0))
    );
    // The last bucket has no odds above it: 570 is 250 of its 280.
    near(row.f64("p95_ms"), 117.5 + 5.5 * 250.0 / 280.0, "p95");

    // Beyond a minute nothing bounds it: at least that.
    let row = report
        .table
        .rows()
        .find(|row| row.text("api") == Some("front"))
        .unwrap();
    assert_eq!(
        (row.f64("p95_ms"), row.f64("p95_high_ms")),
        (Some(60_000.0), None)
    );
    assert_eq!(row.text("basis"), Some("histograms"));
    assert_eq!(row.f64("requests"), None, "nothing counted them");

    // So does the whole account, hour by hour: 190 is 130 of the 140 that its last part has.
    let params = Params::new()
        .set("from", at("2026-11-10 09:00"))
        .set("to", at("2026-11-10 10:00"));
    let report = world.analyzer.report("overview-series", &params).await;
    let table = report.unwrap().table;
    let hour = table.rows().next().unwrap();
    near(hour.f64("p95_ms"), 117.5 + 5.5 * 130.0 / 140.0, "p95");
    assert_eq!(hour.text("latency_basis"), Some("histograms"));

    // A part of an hour has no histogram.
    let report = latency(&world, "2026-11-10 08:00", "2026-11-10 08:30").await;
    let row = report
        .table
        .rows()
        .find(|row| row.text("api") == Some("shop"))
        .unwrap();
    assert_eq!(row.text("basis"), Some("weighted traces"));
    assert_eq!((row.f64("p50_ms"), row.f64("covered")), (Some(120.0), None));
}

/// A function that is deployed at 10:00: at each time, how many invocations, traces and cold traces it has.
async fn deployed(times: &[(&str, u32, u32, u32)]) -> World {
    let world = World::empty().await;
    let mut metrics = Vec::new();
    let mut spans = Vec::new();
    for &(time, invocations, traces, colds) in times {
        let ts = format!("2026-11-{time}");
        metrics.push(function_metric("f", "Invocations", &ts, invocations.into()));
        for nth in 0..traces {
            let id = u32::try_from(spans.len()).unwrap() + 1;
            let init = (nth < colds).then_some(250.0);
            let mut ran = function_span(id, 1, "f", at(&ts), 20.0, init);
            ran.trace_ts = at(&ts);
            spans.push(ran);
        }
    }
    world.add(Rows::Metrics(metrics)).await;
    world.add(Rows::Spans(spans)).await;
    let mut deployed = function("f", "2026-11-10 12:00", "1024");
    let modified = (
        "last_modified".to_owned(),
        "2026-11-10T10:00:00.000+0000".to_owned(),
    );
    deployed.configuration.extend([modified]);
    world.add(Rows::Resources(vec![deployed])).await;
    world
}

#[tokio::test]
async fn what_chance_does_is_no_storm_though_every_invocation_is_traced() {
    // Four of two hundred before, five of a hundred after: certain, and nothing unusual.
    let usual = [("09 08:00", 200, 200, 4), ("10 10:10", 100, 100, 5)];
    let world = deployed(&usual).await;
    let report = world.report("cold-start-storms", DAY.0, DAY.1).await;
    assert_eq!(report.table.num_rows(), 0);
    let storm = [("09 08:00", 200, 200, 4), ("10 10:10", 100, 100, 20)];
    let world = deployed(&storm).await;
    let report = world.report("cold-start-storms", DAY.0, DAY.1).await;
    assert_eq!(report.table.num_rows(), 1);
}

#[tokio::test]
async fn a_storm_is_what_is_above_the_functions_own_rate_and_nothing_else() {
    // One in a hundred the day before, 40 in the first hour, and one again in the second.
    let world = deployed(&[
        ("09 08:00", 1_000, 100, 1),
        ("09 09:00", 1_000, 100, 1),
        ("10 10:10", 1_000, 100, 40),
        ("10 11:10", 1_000, 100, 1),
    ])
    .await;

    let report = world.report("cold-start-storms", DAY.0, DAY.1).await;
    assert_eq!(
        report.table.num_rows(),
        1,
        "the second hour is as any other"
    );
    let row = report.table.rows().next().unwrap();
    assert_eq!(
        (row.text("function"), row.i64("hour")),
        (Some("f"), Some(0))
    );
    near(row.f64("cold_start_rate"), 0.4, "rate");
    near(row.f64("usual_rate"), 0.01, "usual rate");
    near(row.f64("excess_cold_starts"), 390.0, "excess");
    near(row.f64("init_ms"), 250.0, "initialisation");
    // At the list price, as there is no bill: 0.0000166667 USD for a GB-second.
    near(row.f64("cost_usd"), 390.0 * 0.25 * 0.000_016_666_7, "cost");
}

#[tokio::test]
async fn what_fails_and_what_is_attempted_again_has_its_part_of_the_cost() {
    let world = shop().await;
    let ts = "2026-11-10 08:00";
    world
        .add(Rows::Metrics(vec![
            function_metric("f", "Errors", ts, 40.0),
            api_metric("shop", Some("GET /a"), "5XXError", ts, 40.0),
            function_metric("consumer", "Invocations", ts, 130.0),
            function_metric("consumer", "AsyncEventsReceived", ts, 100.0),
            function_metric("consumer", "Duration", ts, 13_000.0),
            function_metric("poller", "Invocations", ts, 10.0),
            function_metric("poller", "Errors", ts, 2.0),
            function_metric("poller", "Duration", ts, 1_000.0),
            function_metric("f", "Duration", ts, 40_000.0),
        ]))
        .await;
    world
        .add(Rows::Spans(vec![function_span(
            9,
            1,
            "poller",
            at(ts),
            100.0,
            None,
        )]))
        .await;
    let found = "2026-11-09 00:00";
    let polls = [
        ("function", "poller"),
        ("source_kind", "sqs"),
        ("source", "mails"),
    ];
    world
        .add(Rows::Resources(vec![
            function("consumer", found, "1024"),
            function("poller", found, "1024"),
            resource("event-source-mapping", "mails", found, &polls),
        ]))
        .await;
    let report = world.report("cost-of-errors", DAY.0, DAY.1).await;
    let row = |name: &str| {
        let row = report
            .table
            .rows()
            .find(|row| row.text("name") == Some(name));
        row.unwrap_or_else(|| panic!("{name} is missing"))
    };
    let share = |name: &str, column: &str| {
        let usd = |column: &str| row(name).decimal(column).unwrap().try_into().unwrap();
        let (part, whole): (f64, f64) = (usd(column), usd("cost_usd"));
        part / whole
    };
    for name in ["f", "shop/prod GET /a"] {
        assert_eq!(row(name).f64("failed"), Some(40.0));
        assert_eq!(
            row(name).text("basis"),
            Some("counted, at the mean of all"),
            "one trace failed"
        );
        assert!((share(name, "failed_usd") - 0.1).abs() < 1e-6, "{name}");
    }
    // A hundred events were invoked for a hundred and thirty times.
    assert_eq!(row("consumer").f64("retried"), Some(30.0));
    assert_eq!(row("consumer").text("retried_basis"), Some("counted"));
    assert!((share("consumer", "retried_usd") - 30.0 / 130.0).abs() < 1e-6);
    assert_eq!(
        row("f").text("retried_basis"),
        None,
        "a route's function has no events"
    );
    assert_eq!(row("consumer").f64("failed"), Some(0.0));
    assert_eq!(row("f").f64("retried"), Some(0.0), "traces show none");
    assert_eq!(row("poller").f64("failed"), Some(2.0));
    assert_eq!(
        row("poller").f64("retried"),
        None,
        "what a queue delivers again no trace shows"
    );
    assert_eq!(row("poller").decimal("retried_usd"), None);
}
