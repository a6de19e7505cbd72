//! What FinOps asks: why it changed, what it will come to, who pays, what is idle or too large.

use chrono::{Datelike, NaiveDate};
use millicent_lake::{CostLine, MetricPoint, Outcome, Resource, Rows};

use crate::testing::{
    World, at, function, function_metric, line, requests, resource, route, usd, window,
};
use crate::{Params, Report};

const LAMBDA: &str = "AWS Lambda";
const SECONDS: &str = "EUC1-Lambda-GB-Second";

/// A bill that was read so late that all of it is final.
async fn settle(world: &World, lines: Vec<CostLine>, from: &str, to: &str) {
    world.add(Rows::Costs(lines)).await;
    let read = window("cost", from, to, Outcome::Complete);
    world.add(Rows::Collections(vec![read])).await;
}

fn near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() <= 1e-6 * expected.abs().max(1.0))
}

/// A day of one function with one route: so many requests, each with so many milliseconds.
fn busy(day: &str, count: f64, mean_ms: f64) -> Vec<MetricPoint> {
    let ts = format!("{day} 08:00");
    vec![
        requests("shop", Some("GET /a"), &ts, count),
        requests("shop", None, &ts, count),
        function_metric("work", "Invocations", &ts, count),
        // Half a millisecond of each is rounded up when it is billed.
        function_metric("work", "Duration", &ts, count * (mean_ms - 0.5)),
    ]
}

async fn one_route(memory_mb: &str) -> World {
    let world = World::empty().await;
    world
        .add(Rows::Resources(vec![
            function("work", "2026-11-01 00:00", memory_mb),
            route("shop", "GET /a", "work"),
        ]))
        .await;
    world
}

#[tokio::test]
async fn a_change_is_shared_among_its_causes_without_a_rest() {
    let world = one_route("1024").await;
    // A week later twice the requests run twice as long, and a GB-second costs half as much again.
    world
        .add(Rows::Metrics(
            [
                busy("2026-11-03", 100.0, 50.0),
                busy("2026-11-10", 200.0, 100.0),
            ]
            .concat(),
        ))
        .await;
    let lines = vec![
        line("2026-11-03", LAMBDA, SECONDS, "5", Some("5")),
        line("2026-11-10", LAMBDA, SECONDS, "30", Some("20")),
        line("2026-11-10", "Amazon Route 53", "DNS-Queries", "0.4", None),
    ];
    settle(&world, lines, "2026-11-01 00:00", "2026-11-20 00:00").await;
    let report = world
        .report("cost-change", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let rows: Vec<_> = report.table.rows().collect();
    let route = &rows[0];
    assert_eq!(route.text("route"), Some("GET /a"));
    assert!(near(route.f64("before_usd"), 5.0));
    assert!(near(route.f64("after_usd"), 30.0));
    // 25 USD over ln 6, of which traffic and duration are ln 2 each, and the price ln 1.5.
    let mean = 25.0 / 6.0_f64.ln();
    assert!(
        near(route.f64("traffic_usd"), mean * 2.0_f64.ln()),
        "{report:?}"
    );
    assert!(
        near(route.f64("duration_usd"), mean * 2.0_f64.ln()),
        "{report:?}"
    );
    assert!(
        near(route.f64("price_usd"), mean * 1.5_f64.ln()),
        "{report:?}"
    );
    let parts = ["traffic", "duration", "calls", "other", "price", "new"];
    for row in &rows {
        let sum: f64 = parts
            .iter()
            .map(|part| row.f64(&format!("{part}_usd")).unwrap())
            .sum();
        assert!(near(row.f64("change_usd"), sum), "{report:?}");
    }
    let none = rows.iter().find(|row| row.text("route").is_none()).unwrap();
    assert!(near(none.f64("new_usd"), 0.4));
    assert_eq!(none.text("driver"), Some("new, gone, or without usage"));
}

/// Two dollars a day, three on Saturdays and Sundays.
fn usual(day: NaiveDate) -> u32 {
    if day.weekday().number_from_monday() >= 6 {
        3
    } else {
        2
    }
}

async fn forecast(noise: impl Fn(NaiveDate) -> f64) -> Report {
    let world = World::empty().await;
    let first = NaiveDate::from_ymd_opt(2026, 10, 1).unwrap();
    let mut lines: Vec<CostLine> = first
        .iter_days()
        .take_while(|day| *day < NaiveDate::from_ymd_opt(2026, 11, 11).unwrap())
        .map(|day| {
            let cost = format!("{:.6}", f64::from(usual(day)) + noise(day));
            line(
                &day.to_string(),
                "Amazon Route 53",
                "DNS-Queries",
                &cost,
                None,
            )
        })
        .collect();
    lines.push(CostLine {
        record_type: "Tax".to_owned(),
        usage_type: None,
        ..line("2026-11-01", "Tax", "", "7", None)
    });
    settle(&world, lines, "2026-10-01 00:00", "2026-11-14 00:00").await;
    let params = Params::new().set("to", at("2026-11-11 00:00"));
    world.analyzer.report("forecast", &params).await.unwrap()
}

#[tokio::test]
async fn a_forecast_knows_weekends_and_does_not_repeat_the_tax() {
    let report = forecast(|_| 0.0).await;
    let row = report.table.rows().next().unwrap();
    // 1 to 10 November: two Sundays, one Saturday. 11 to 30: three of each.
    assert_eq!(row.decimal("month_to_date_usd"), Some(usd("30")));
    assert!(
        near(row.f64("forecast_usd"), 30.0 + 14.0 * 2.0 + 6.0 * 3.0),
        "{report:?}"
    );
    assert!(
        near(row.f64("low_usd"), 76.0) && near(row.f64("high_usd"), 76.0),
        "{report:?}"
    );
    // October has 31 days, of which five Saturdays and four Sundays.
    assert_eq!(row.decimal("last_month_usd"), Some(usd("71")));
    assert!(near(row.f64("days_left"), 20.0));
}

#[tokio::test]
async fn an_interval_is_as_wide_as_days_vary() {
    // By 30 cents up and down from week to week.
    let report = forecast(|day| {
        if day.iso_week().week() % 2 == 0 {
            0.3
        } else {
            -0.3
        }
    })
    .await;
    let row = report.table.rows().next().unwrap();
    let half = (row.f64("high_usd").unwrap() - row.f64("low_usd").unwrap()) / 2.0;
    // 28 days, seven weekdays: 0.3 × √(28 ÷ 21); twenty days to come.
    let expected = 1.96 * 0.3 * (28.0_f64 / 21.0).sqrt() * (20.0 + 400.0 / 28.0_f64).sqrt();
    assert!(
        (half / expected - 1.0).abs() < 1e-3,
        "{half} for {expected}"
    );
}

#[tokio::test]
async fn costs_by_tag_leave_nothing_out() {
    let world = one_route("1024").await;
    let tagged = |name: &str, team: Option<&str>| Resource {
        tags: team
            .map(|team| ("team".to_owned(), team.to_owned()))
            .into_iter()
            .collect(),
        ..function(name, "2026-11-02 00:00", "1024")
    };
    world
        .add(Rows::Resources(vec![
            tagged("work", Some("it's <b>payments</b>")),
            tagged("other", None),
        ]))
        .await;
    let mut metrics = busy("2026-11-10", 100.0, 50.0);
    metrics.push(function_metric(
        "other",
        "Invocations",
        "2026-11-10 09:00",
        100.0,
    ));
    metrics.push(function_metric(
        "other",
        "Duration",
        "2026-11-10 09:00",
        4_950.0,
    ));
    world.add(Rows::Metrics(metrics)).await;
    let lines = vec![
        line("2026-11-10", LAMBDA, SECONDS, "10", Some("10")),
        line("2026-11-10", "Amazon Route 53", "DNS-Queries", "0.4", None),
    ];
    settle(&world, lines, "2026-11-01 00:00", "2026-11-20 00:00").await;
    let params = Params::new()
        .set("from", at("2026-11-10 00:00"))
        .set("to", at("2026-11-11 00:00"))
        .set("tag", "team");
    let report = world.analyzer.report("cost-by-tag", &params).await.unwrap();
    let found: Vec<_> = report
        .table
        .rows()
        .map(|row| {
            (
                row.text("value").map(str::to_owned),
                row.text("state").unwrap().to_owned(),
                row.decimal("cost_usd").unwrap().normalize(),
            )
        })
        .collect();
    let tagged = Some("it's <b>payments</b>".to_owned());
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found.contains(&(tagged, "tagged".to_owned(), usd("5"))),
        "{found:?}"
    );
    assert!(
        found.contains(&(None, "without the tag".to_owned(), usd("5"))),
        "{found:?}"
    );
    assert!(
        found.contains(&(None, "on no resource".to_owned(), usd("0.4"))),
        "{found:?}"
    );
}

/// The function ran with half the memory until noon of the 10th.
async fn resized(mean_before: f64, mean_after: f64) -> World {
    let world = one_route("512").await;
    let changed = |memory: &str| {
        resource(
            "function",
            "work",
            "2026-11-10 12:05",
            &[
                ("memory_mb", memory),
                ("architecture", "x86_64"),
                ("last_modified", "2026-11-10T12:00:00.000+0000"),
            ],
        )
    };
    world.add(Rows::Resources(vec![changed("1024")])).await;
    let mut metrics = Vec::new();
    for (ts, mean) in [
        ("2026-11-10 08:00", mean_before),
        ("2026-11-10 16:00", mean_after),
    ] {
        metrics.push(function_metric("work", "Invocations", ts, 200.0));
        metrics.push(function_metric(
            "work",
            "Errors",
            ts,
            if ts.ends_with("16:00") { 20.0 } else { 0.0 },
        ));
        metrics.push(function_metric("work", "Duration", ts, 200.0 * mean));
    }
    world.add(Rows::Metrics(metrics)).await;
    let lines = vec![line("2026-11-10", LAMBDA, SECONDS, "3", Some("3"))];
    settle(&world, lines, "2026-11-01 00:00", "2026-11-20 00:00").await;
    world
}

#[tokio::test]
async fn a_deploy_is_held_against_the_hours_before_it() {
    let world = resized(100.0, 80.0).await;
    let report = world
        .report("deploy-effect", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let rows: Vec<_> = report.table.rows().collect();
    assert_eq!(rows.len(), 1, "{report:?}");
    let row = &rows[0];
    assert_eq!(row.timestamp("ts"), Some(at("2026-11-10 12:00")));
    assert_eq!(row.text("change"), Some("memory 512 → 1024 MB"));
    assert!(near(row.f64("mean_ms_before"), 100.0) && near(row.f64("mean_ms_after"), 80.0));
    assert!(near(row.f64("error_rate_before"), 0.0) && near(row.f64("error_rate_after"), 0.1));
    assert!(
        row.f64("cold_start_rate_before").is_none(),
        "no trace tells"
    );
    // 1024 MB for 80.5 ms against 512 MB for 100.5 ms.
    let ratio =
        row.f64("cost_per_1000_after_usd").unwrap() / row.f64("cost_per_1000_before_usd").unwrap();
    assert!(near(Some(ratio), 2.0 * 80.5 / 100.5), "{ratio}");
}

#[tokio::test]
async fn memory_is_judged_by_what_another_size_did() {
    for (after, elasticity, verdict) in [
        (100.0, 0.0, "less memory is cheaper and little slower"),
        (
            50.0,
            -1.0,
            "more memory costs about the same, and is faster",
        ),
    ] {
        let world = resized(100.0, after).await;
        let report = world
            .report(
                "memory-right-sizing",
                "2026-11-10 12:00",
                "2026-11-11 00:00",
            )
            .await;
        let row = report.table.rows().next().unwrap();
        assert!(near(row.f64("memory_mb"), 1024.0) && near(row.f64("other_mb"), 512.0));
        assert!(near(row.f64("elasticity"), elasticity), "{report:?}");
        assert_eq!(row.text("verdict"), Some(verdict));
        let cost = row.f64("duration_usd").unwrap();
        let saved = cost * (1.0 - 0.5_f64.powf(1.0 + elasticity));
        assert!(near(row.f64("half_saves_usd"), saved), "{report:?}");
    }
}

#[tokio::test]
async fn what_was_not_seen_is_not_called_idle() {
    let (from, to) = ("2026-11-10 00:00", "2026-11-11 00:00");
    for (outcome, idle) in [
        (Outcome::Complete, vec!["unused"]),
        (Outcome::Denied, vec![]),
    ] {
        let world = one_route("512").await;
        let found = function("unused", "2026-11-02 00:00", "128");
        world.add(Rows::Resources(vec![found])).await;
        world
            .add(Rows::Metrics(busy("2026-11-10", 10.0, 5.0)))
            .await;
        let read = window("lambda-metrics", from, to, outcome);
        world.add(Rows::Collections(vec![read])).await;
        let report = world.report("idle-resources", from, to).await;
        let names: Vec<_> = report
            .table
            .rows()
            .map(|row| row.text("name").unwrap().to_owned())
            .collect();
        assert_eq!(names, idle, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_route_is_explained_by_lines_prices_and_usage() {
    let world = one_route("1024").await;
    let mut metrics = busy("2026-11-10", 100.0, 50.0);
    // As much again by a function that no route calls.
    metrics.push(function_metric(
        "other",
        "Invocations",
        "2026-11-10 08:00",
        100.0,
    ));
    metrics.push(function_metric(
        "other",
        "Duration",
        "2026-11-10 08:00",
        4_950.0,
    ));
    world.add(Rows::Metrics(metrics)).await;
    let other = function("other", "2026-11-01 00:00", "1024");
    world.add(Rows::Resources(vec![other])).await;
    let lines = vec![line("2026-11-10", LAMBDA, SECONDS, "15", Some("10"))];
    settle(&world, lines, "2026-11-01 00:00", "2026-11-20 00:00").await;
    let params = Params::new()
        .set("from", at("2026-11-10 00:00"))
        .set("to", at("2026-11-11 00:00"))
        .set("route", "GET /a");
    let report = world
        .analyzer
        .report("explain-route", &params)
        .await
        .unwrap();
    let rows: Vec<_> = report.table.rows().collect();
    assert_eq!(rows.len(), 1, "{report:?}");
    let row = &rows[0];
    assert_eq!(row.text("usage_type"), Some(SECONDS));
    assert_eq!(row.text("resource"), Some("work"));
    assert_eq!(row.decimal("line_usd"), Some(usd("15")));
    assert_eq!(row.decimal("cost_usd"), Some(usd("7.5")));
    assert!(near(row.f64("used"), 5.0) && near(row.f64("used_by_all"), 10.0));
    assert!(near(row.f64("price_usd"), 1.5) && near(row.f64("share_of_line"), 0.5));
    let other = params.set("api", "another");
    let report = world
        .analyzer
        .report("explain-route", &other)
        .await
        .unwrap();
    assert_eq!(report.table.num_rows(), 0);
}

#[tokio::test]
async fn what_has_not_been_billed_for_a_month_is_missing_and_not_estimated() {
    let world = one_route("1024").await;
    let lines = vec![
        line("2024-09-01", "Amazon Route 53", "DNS-Queries", "1", None),
        line("2024-09-02", "Amazon Route 53", "DNS-Queries", "1", None),
    ];
    settle(&world, lines, "2024-09-01 00:00", "2026-11-20 00:00").await;
    let table = world
        .analyzer
        .sql("select min(hour) as first, count(distinct date) as days, sum(case when not estimated then cost_usd end) as usd from hourly_costs where date < '2026-10-01'")
        .await
        .unwrap();
    let row = table.rows().next().unwrap();
    assert_eq!(row.i64("days"), Some(2));
    assert_eq!(row.decimal("usd"), Some(usd("2")));
}

#[tokio::test]
async fn a_table_that_grows_is_no_deploy() {
    let world = World::empty().await;
    let table = |ts: &str, items: &str, mode: &str| {
        let pairs = [("item_count", items), ("billing_mode", mode)];
        resource("table", "orders", ts, &pairs)
    };
    world
        .add(Rows::Resources(vec![
            table("2026-11-10 08:00", "100", "PAY_PER_REQUEST"),
            table("2026-11-10 09:00", "200", "PAY_PER_REQUEST"),
            table("2026-11-10 10:00", "300", "PROVISIONED"),
            resource("collection-filter", "filter", "2026-11-10 10:00", &[]),
            resource("collection-filter", "filter", "2026-11-10 11:00", &[]),
        ]))
        .await;
    let report = world
        .report("deploys", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let found: Vec<_> = report
        .table
        .rows()
        .map(|row| {
            (
                row.timestamp("ts").unwrap(),
                row.text("name").unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(found, [(at("2026-11-10 10:00"), "orders".to_owned())]);
}
