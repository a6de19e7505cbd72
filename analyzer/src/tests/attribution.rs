//! From the bill to a route: by hand where it is small, as an invariant where it is not.

use std::collections::BTreeMap;

use millicent_lake::{CostLine, Outcome, Rows};
use rust_decimal::Decimal;

use crate::testing::{
    Trace, World, function, function_metric, function_span, line, requests, route, usd, window,
};
use crate::{Report, testing::at};

const LAMBDA: &str = "AWS Lambda";
const GATEWAY: &str = "Amazon API Gateway";
const TABLES: &str = "Amazon DynamoDB";
const DAY: (&str, &str) = ("2026-11-10 00:00", "2026-11-11 00:00");

/// Two routes: `GET /a` with 60 requests and `GET /b` with 40, both served by `shared`, each traced
/// once, 100 and 50 ms. `GET /a` also has `own` run for it, asynchronously.
async fn shop() -> World {
    let world = World::empty().await;
    let ts = "2026-11-10 08:00";
    let mut metrics = vec![
        requests("shop", Some("GET /a"), ts, 60.0),
        requests("shop", Some("GET /b"), ts, 40.0),
        requests("shop", None, ts, 100.0),
    ];
    for (name, count, ms) in [("shared", 100.0, 9_950.0), ("own", 60.0, 4_970.0)] {
        metrics.push(function_metric(name, "Invocations", ts, count));
        metrics.push(function_metric(name, "Duration", ts, ms));
    }
    world.add(Rows::Metrics(metrics)).await;
    let a = Trace {
        id: 1,
        api: "shop",
        route: "GET /a",
        function: "shared",
        ts: "2026-11-10 08:01",
        ms: 100.0,
        init_ms: None,
        calls: &[("orders", "PutItem"), ("orders", "PutItem")],
    };
    let b = Trace {
        id: 2,
        route: "GET /b",
        ms: 50.0,
        calls: &[("orders", "PutItem")],
        ..a.clone()
    };
    let mut spans = a.spans();
    spans.push(function_span(
        1,
        60,
        "own",
        at("2026-11-10 08:02"),
        80.0,
        None,
    ));
    spans.extend(b.spans());
    world.add(Rows::Spans(spans)).await;
    let found = vec![
        function("shared", "2026-11-09 00:00", "1024"),
        function("own", "2026-11-09 00:00", "2048"),
        route("shop", "GET /a", "shared"),
        route("shop", "GET /b", "shared"),
    ];
    world.add(Rows::Resources(found)).await;
    world
}

/// The bill of the 10th, read so late that it is final.
async fn settle(world: &World, lines: Vec<CostLine>) {
    world.add(Rows::Costs(lines)).await;
    let read = window(
        "cost",
        "2026-11-10 00:00",
        "2026-11-14 00:00",
        Outcome::Complete,
    );
    world.add(Rows::Collections(vec![read])).await;
}

fn costs(report: &Report) -> BTreeMap<(String, String), Decimal> {
    let text = |row: &crate::Row<'_>, name: &str| row.text(name).unwrap_or("-").to_owned();
    report
        .table
        .rows()
        .map(|row| {
            (
                (text(&row, "route"), text(&row, "service")),
                row.decimal("cost_usd").unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn the_bill_goes_where_the_usage_was() {
    let world = shop().await;
    let lines = vec![
        // 20 GB-seconds are used: 10 by `shared`, 10 by `own`; 40 are billed.
        line(
            "2026-11-10",
            LAMBDA,
            "EUC1-Lambda-GB-Second",
            "4",
            Some("40"),
        ),
        // 160 are used, 80 are billed: in proportion.
        line("2026-11-10", LAMBDA, "EUC1-Request", "0.16", Some("80")),
        line(
            "2026-11-10",
            GATEWAY,
            "EUC1-ApiGatewayRequest",
            "1",
            Some("100"),
        ),
        // 60 × 2 calls to 40 × 1.
        line(
            "2026-11-10",
            TABLES,
            "EUC1-WriteRequestUnits",
            "1.6",
            Some("999"),
        ),
        line(
            "2026-11-10",
            TABLES,
            "EUC1-ReadRequestUnits",
            "0.3",
            Some("5"),
        ),
        line(
            "2026-11-10",
            "AmazonCloudWatch",
            "EUC1-CW:AlarmMonitorUsage",
            "0.1",
            Some("1"),
        ),
    ];
    settle(&world, lines).await;
    let report = world
        .report("cost-by-route-and-service", DAY.0, DAY.1)
        .await;
    let found = costs(&report);
    let cost = |route: &str, service: &str| found[&(route.to_owned(), service.to_owned())];
    // shared: 10 GB-s = 1 USD, 6,000 to 2,000 ms. own: 1 USD. Requests: 0.10 by calls 60 to 40, and 0.06.
    assert_eq!(
        cost("GET /a", LAMBDA),
        usd("0.75") + usd("1") + usd("0.06") + usd("0.06")
    );
    assert_eq!(cost("GET /b", LAMBDA), usd("0.25") + usd("0.04"));
    assert_eq!(cost("-", LAMBDA), usd("2"));
    assert_eq!(
        (cost("GET /a", GATEWAY), cost("GET /b", GATEWAY)),
        (usd("0.6"), usd("0.4"))
    );
    assert_eq!(
        (cost("GET /a", TABLES), cost("GET /b", TABLES)),
        (usd("1.2"), usd("0.4"))
    );
    assert_eq!(cost("-", TABLES), usd("0.3"));

    let report = world.report("reconciliation", DAY.0, DAY.1).await;
    let row = |usage_type: &str| {
        report
            .table
            .rows()
            .find(|row| row.text("usage_type") == Some(usage_type))
            .unwrap()
    };
    let seconds = row("EUC1-Lambda-GB-Second");
    assert_eq!(seconds.decimal("unexplained_usd"), Some(usd("2")));
    assert_eq!(
        seconds.text("reason"),
        Some("more was billed than was seen")
    );
    assert_eq!(
        row("EUC1-ReadRequestUnits").text("reason"),
        Some("no usage was seen")
    );
    let alarms = row("EUC1-CW:AlarmMonitorUsage");
    assert_eq!(alarms.decimal("not_split_usd"), Some(usd("0.1")));
    assert_eq!(
        alarms.text("reason"),
        Some("monitoring is not caused by a request")
    );
    assert!(
        report
            .table
            .rows()
            .all(|row| row.bool("settled") == Some(true))
    );

    // A third of the only hour with requests has a third of its cost.
    let part = world
        .report(
            "cost-by-route-and-service",
            "2026-11-10 08:20",
            "2026-11-10 08:40",
        )
        .await;
    let part = costs(&part)[&("GET /a".to_owned(), GATEWAY.to_owned())];
    assert_eq!(part.round_dp(9), usd("0.2"));
}

#[tokio::test]
async fn what_is_not_billed_yet_is_estimated() {
    let world = shop().await;
    // The same day again, two days later, of which there is no bill yet.
    let ts = "2026-11-12 08:00";
    let metrics = vec![
        requests("shop", Some("GET /a"), ts, 30.0),
        function_metric("own", "Invocations", ts, 30.0),
        function_metric("own", "Duration", ts, 985.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let none = world
        .report("routes", "2026-11-12 00:00", "2026-11-13 00:00")
        .await;
    let row = none.table.rows().next().unwrap();
    // List prices: 30 requests, and 30 invocations of 1 s at 2 GB in all. X-Ray takes the first request of a second and 5% of
    // the rest: at a tenth of a request a second nearly all.
    let traced = 30.0 * (0.05 + 0.95 * (1.0 - (-0.1_f64).exp()) / 0.1);
    let listed = 30.0 * 3.5e-6 + 2.0 * 1.66667e-5 + 30.0 * 2e-7 + traced * 5e-6;
    assert!(
        (row.f64("cost_usd").unwrap() - listed).abs() < 1e-10,
        "{:?}",
        row.f64("cost_usd")
    );
    assert_eq!(row.f64("cost_estimated"), Some(1.0));

    let lines = vec![
        line(
            "2026-11-10",
            LAMBDA,
            "EUC1-Lambda-GB-Second",
            "2",
            Some("20"),
        ),
        line(
            "2026-11-10",
            GATEWAY,
            "EUC1-ApiGatewayRequest",
            "1",
            Some("100"),
        ),
        line(
            "2026-11-10",
            "Amazon EC2",
            "EUC1-BoxUsage",
            "2.4",
            Some("24"),
        ),
        // A bill that is read too early counts only where no usage tells better.
        line(
            "2026-11-12",
            GATEWAY,
            "EUC1-ApiGatewayRequest",
            "0.001",
            Some("1"),
        ),
    ];
    world.add(Rows::Costs(lines)).await;
    let read = window(
        "cost",
        "2026-11-10 00:00",
        "2026-11-13 12:00",
        Outcome::Complete,
    );
    world.add(Rows::Collections(vec![read])).await;
    let live = world
        .report("routes", "2026-11-12 00:00", "2026-11-13 00:00")
        .await;
    let row = live.table.rows().next().unwrap();
    // At the settled day's prices: 0.01 a request, 0.1 a GB-second; Lambda's requests were not on its bill.
    assert!((row.f64("cost_usd").unwrap() - (0.3 + 0.2)).abs() < 1e-9);
    assert_eq!(row.f64("cost_estimated"), Some(1.0));
    let days = world
        .report(
            "cost-by-day-and-service",
            "2026-11-10 00:00",
            "2026-11-13 12:00",
        )
        .await;
    let ec2: Vec<_> = days
        .table
        .rows()
        .filter(|row| row.text("service") == Some("Amazon EC2"))
        .map(|row| (row.f64("cost_usd").unwrap(), row.bool("estimated").unwrap()))
        .collect();
    let expected = [(2.4, false), (2.4, true), (2.4, true), (1.2, true)];
    for ((cost, estimated), expected) in ec2.iter().zip(expected) {
        assert!(
            (cost - expected.0).abs() < 1e-9 && *estimated == expected.1,
            "{ec2:?}"
        );
    }
    assert_eq!(ec2.len(), 4, "one a day, the running one as far as it goes");
}

#[tokio::test]
async fn yesterdays_estimate_stands_beside_the_bill_that_came() {
    let world = World::empty().await;
    let days = [
        ("2026-11-09", 10.0),
        ("2026-11-10", 100.0),
        ("2026-11-14", 50.0),
    ];
    let metrics =
        days.map(|(day, count)| requests("shop", Some("GET /a"), &format!("{day} 08:00"), count));
    world.add(Rows::Metrics(metrics.to_vec())).await;
    let gateway =
        |day, cost, count| line(day, GATEWAY, "EUC1-ApiGatewayRequest", cost, Some(count));
    let lines = vec![
        gateway("2026-11-10", "1", "100"),
        gateway("2026-11-14", "0.4", "50"),
        line(
            "2026-11-10",
            "Amazon EC2",
            "EUC1-BoxUsage",
            "2.4",
            Some("24"),
        ),
        line("2026-11-14", "Amazon EC2", "EUC1-BoxUsage", "3", Some("24")),
    ];
    world.add(Rows::Costs(lines)).await;
    let read = window(
        "cost",
        "2026-11-09 00:00",
        "2026-11-20 00:00",
        Outcome::Complete,
    );
    world.add(Rows::Collections(vec![read])).await;
    let report = world
        .report(
            "estimate-against-bill",
            "2026-11-10 00:00",
            "2026-11-15 00:00",
        )
        .await;
    let found: Vec<_> = report
        .table
        .rows()
        .map(|row| {
            let off = row.f64("off").map(|off| (off * 1e6).round() / 1e6);
            (
                row.text("service").unwrap().to_owned(),
                row.f64("estimated_usd"),
                off,
            )
        })
        .collect();
    let expected = [
        // No older day was settled.
        ("Amazon EC2", None, None),
        (GATEWAY, None, None),
        // What no usage explains, by its average; requests at 0.01.
        ("Amazon EC2", Some(2.4), Some(-0.2)),
        (GATEWAY, Some(0.5), Some(0.25)),
    ];
    let expected = expected.map(|(service, usd, off)| (service.to_owned(), usd, off));
    assert_eq!(found, expected);
}
