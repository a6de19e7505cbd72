//! Reports by resource, and lines of the bill that go to resources although no route is known.

use std::collections::BTreeMap;

use millicent_lake::{CostLine, MetricPoint, Outcome, Rows};
use rust_decimal::Decimal;

use crate::testing::{
    World, bucket_size, function, function_metric, line, log_bytes, machine_metric, resource,
    route, table_calls, table_units, usd, window,
};
use crate::{Report, Row};

const DAY: (&str, &str) = ("2026-11-10 00:00", "2026-11-11 00:00");
const TS: &str = "2026-11-10 08:00";
const FOUND: &str = "2026-11-09 00:00";
const READS: &str = "ConsumedReadCapacityUnits";

/// The bill of the day, read so late that it is final.
async fn settle(world: &World, lines: &[(&str, &str, &str, &str)]) {
    let lines: Vec<CostLine> = lines
        .iter()
        .map(|(service, usage_type, cost, quantity)| {
            line("2026-11-10", service, usage_type, cost, Some(quantity))
        })
        .collect();
    let bill: Decimal = lines.iter().map(|line| line.cost_usd).sum();
    world.add(Rows::Costs(lines)).await;
    let read = window("cost", DAY.0, "2026-11-14 00:00", Outcome::Complete);
    world.add(Rows::Collections(vec![read])).await;
    let report = world.report("reconciliation", DAY.0, DAY.1).await;
    let mut sum = Decimal::ZERO;
    for row in report.table.rows() {
        let part = |name: &str| row.decimal(name).unwrap();
        sum += part("to_routes_usd") + part("to_triggers_usd");
        sum += part("not_split_usd") + part("unexplained_usd");
    }
    assert_eq!(sum, bill, "what is of resources adds up to the bill too");
}

fn row<'a>(report: &'a Report, column: &str, name: &str) -> Row<'a> {
    let found = report
        .table
        .rows()
        .find(|row| row.text(column) == Some(name));
    found.unwrap_or_else(|| panic!("no row for {name}"))
}

#[tokio::test]
async fn tables_show_what_they_served_and_cost() {
    let world = World::empty().await;
    let mut items = resource(
        "table",
        "items",
        FOUND,
        &[
            ("billing_mode", "PAY_PER_REQUEST"),
            ("size_bytes", "1073741824"),
        ],
    );
    items.tags = BTreeMap::from([
        ("team".to_owned(), "shop".to_owned()),
        ("env".to_owned(), "live".to_owned()),
    ]);
    let old = resource(
        "table",
        "old",
        FOUND,
        &[
            ("billing_mode", "PROVISIONED"),
            ("read_capacity", "10"),
            ("size_bytes", "3221225472"),
        ],
    );
    world.add(Rows::Resources(vec![items, old])).await;
    let metrics = vec![
        table_units("items", READS, TS, 500.0),
        table_units("items/index/by-name", READS, TS, 100.0),
        table_units("items", "ReadThrottleEvents", TS, 7.0),
        table_calls("items", "Query", TS, 50.0),
        table_calls("items", "GetItem", TS, 150.0),
        table_units("old", READS, TS, 18_000.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    const TABLES: &str = "Amazon DynamoDB";
    let lines = [
        (TABLES, "EUC1-ReadRequestUnits", "6", "600"),
        // Ten units for 24 hours, of which five were used for one.
        (TABLES, "EUC1-ReadCapacityUnit-Hrs", "2.4", "240"),
        (TABLES, "EUC1-TimedStorage-ByteHrs", "0.4", "0.13"),
    ];
    settle(&world, &lines).await;
    let report = world.report("tables", DAY.0, DAY.1).await;
    let items = row(&report, "table_name", "items");
    assert_eq!(items.text("billing"), Some("on demand"));
    assert_eq!(items.f64("requests"), Some(200.0));
    assert_eq!(items.f64("mean_ms"), Some(4.0));
    assert_eq!(items.f64("read_units"), Some(600.0));
    assert_eq!(items.f64("throttles"), Some(7.0));
    assert_eq!(items.f64("size_gb"), Some(1.0));
    assert_eq!(items.text("tags"), Some("env=live, team=shop"));
    let cost = items.f64("cost_usd").unwrap();
    assert!((cost - 6.1).abs() < 1e-9, "{cost}");
    let old = row(&report, "table_name", "old");
    assert_eq!(old.text("billing"), Some("provisioned"));
    assert_eq!(old.f64("requests"), None, "missing is not zero");
    let cost = old.f64("cost_usd").unwrap();
    assert!((cost - 2.7).abs() < 1e-9, "{cost}");
    let reasons = world.report("reconciliation", DAY.0, DAY.1).await;
    let capacity = row(&reasons, "usage_type", "EUC1-ReadCapacityUnit-Hrs");
    let reason = capacity.text("reason").unwrap();
    assert!(reason.contains("provisioned and not used"), "{reason}");
}

#[tokio::test]
async fn buckets_show_what_they_keep_and_cost() {
    let world = World::empty().await;
    let gb = 1_073_741_824.0;
    let metrics = vec![
        bucket_size("media", "BucketSizeBytes", "2026-11-09", 2.0 * gb),
        bucket_size("media", "BucketSizeBytes", "2026-11-10", 3.0 * gb),
        bucket_size("media", "NumberOfObjects", "2026-11-10", 12.0),
        // Measured the day before, and not yet today.
        bucket_size("invoices", "BucketSizeBytes", "2026-11-09", gb),
    ];
    world.add(Rows::Metrics(metrics)).await;
    const S3: &str = "Amazon Simple Storage Service";
    settle(&world, &[(S3, "EUC1-TimedStorage-ByteHrs", "0.4", "0.13")]).await;
    let report = world.report("buckets", DAY.0, DAY.1).await;
    let media = row(&report, "bucket", "media");
    assert_eq!(media.f64("size_gb"), Some(3.0));
    assert_eq!(media.f64("objects"), Some(12.0));
    assert_eq!(
        media.f64("requests"),
        None,
        "S3 counts none without a configuration"
    );
    let cost = |name| row(&report, "bucket", name).f64("cost_usd").unwrap();
    assert!((cost("media") - 0.3).abs() < 1e-9, "{}", cost("media"));
    assert!(
        (cost("invoices") - 0.1).abs() < 1e-9,
        "{}",
        cost("invoices")
    );
}

#[tokio::test]
async fn state_machines_show_how_they_ended_and_what_they_cost() {
    let world = World::empty().await;
    let found = vec![
        resource("state-machine", "fulfil", FOUND, &[("type", "STANDARD")]),
        resource("state-machine", "import", FOUND, &[("type", "EXPRESS")]),
    ];
    world.add(Rows::Resources(found)).await;
    let mut metrics = Vec::new();
    for (machine, metric, sum) in [
        ("fulfil", "ExecutionsStarted", 10.0),
        ("fulfil", "ExecutionsSucceeded", 8.0),
        ("fulfil", "ExecutionsFailed", 1.0),
        ("fulfil", "ExecutionsTimedOut", 1.0),
        ("import", "ExecutionsStarted", 4.0),
        ("import", "ExecutionsSucceeded", 4.0),
        ("import", "ExpressExecutionBilledDuration", 4_000.0),
        ("import", "ExpressExecutionBilledMemory", 4.0 * 67_108_864.0),
    ] {
        metrics.push(machine_metric(machine, metric, TS, sum));
    }
    let mut time = machine_metric("fulfil", "ExecutionTime", TS, 5_000.0);
    time.sample_count = Some(10.0);
    metrics.push(time);
    world.add(Rows::Metrics(metrics)).await;
    const STATES: &str = "AWS Step Functions";
    let lines = [
        (STATES, "EUC1-StateTransition", "0.5", "70"),
        (STATES, "EUC1-StepFunctions-Request", "0.4", "4"),
        (STATES, "EUC1-StepFunctions-GB-Second", "0.1", "0.25"),
    ];
    settle(&world, &lines).await;
    let report = world.report("state-machines", DAY.0, DAY.1).await;
    let fulfil = row(&report, "state_machine", "fulfil");
    assert_eq!(fulfil.text("workflow"), Some("standard"));
    assert_eq!(fulfil.f64("failure_rate"), Some(0.2));
    assert_eq!(fulfil.f64("mean_ms"), Some(500.0));
    assert_eq!(fulfil.decimal("cost_usd"), Some(usd("0.5")));
    let import = row(&report, "state_machine", "import");
    assert_eq!(import.text("workflow"), Some("express"));
    assert_eq!(import.decimal("cost_usd"), Some(usd("0.5")));
}

#[tokio::test]
async fn log_groups_show_whose_they_are() {
    let world = World::empty().await;
    let found = vec![
        resource(
            "log-group",
            "/shop/orders",
            FOUND,
            &[("function", "orders")],
        ),
        resource("log-group", "/shop/audit", FOUND, &[]),
    ];
    world.add(Rows::Resources(found)).await;
    let metrics = vec![
        function_metric("orders", "Invocations", TS, 10.0),
        log_bytes("/shop/orders", TS, 3_000.0),
        log_bytes("/shop/audit", TS, 1_000.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let lines = [("AmazonCloudWatch", "EUC1-VendedLog-Bytes", "4", "0.000004")];
    settle(&world, &lines).await;
    let report = world.report("log-groups", DAY.0, DAY.1).await;
    let orders = row(&report, "log_group", "/shop/orders");
    assert_eq!(orders.text("function"), Some("orders"));
    assert_eq!(orders.f64("bytes_per_run"), Some(300.0));
    assert_eq!(orders.decimal("cost_usd"), Some(usd("3")));
    let audit = row(&report, "log_group", "/shop/audit");
    assert_eq!(
        (audit.text("function"), audit.f64("bytes_per_run")),
        (None, None)
    );
    assert_eq!(audit.decimal("cost_usd"), Some(usd("1")));
}

#[tokio::test]
async fn what_starts_functions_is_read_from_the_configuration() {
    let world = World::empty().await;
    let found = vec![
        route("shop", "POST /orders", "orders"),
        resource(
            "event-source-mapping",
            "3f1b",
            FOUND,
            &[
                ("function", "mails"),
                ("source_kind", "sqs"),
                ("source", "mails"),
            ],
        ),
        resource(
            "bucket",
            "invoices",
            FOUND,
            &[(
                "notifications",
                r#"[{"event":"s3:ObjectCreated:*","function":"index"},{"event":"s3:ObjectRemoved:*","queue":"gone"}]"#,
            )],
        ),
        resource("bucket", "media", FOUND, &[]),
        resource(
            "state-machine",
            "fulfil",
            FOUND,
            &[("invokes", "pick, orders")],
        ),
    ];
    world.add(Rows::Resources(found)).await;
    let metrics = vec![
        function_metric("orders", "Invocations", TS, 10.0),
        function_metric("index", "Invocations", TS, 4.0),
        function_metric("index", "Errors", TS, 1.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let report = world.report("entry-points", DAY.0, DAY.1).await;
    let found = report.table.rows().map(|row| {
        let text = |name| row.text(name).unwrap_or("-").to_owned();
        (
            text("kind"),
            text("name"),
            text("functions"),
            row.f64("starts"),
        )
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("route", "shop/prod POST /orders", "orders", None),
        ("s3-event", "invoices", "index", Some(4.0)),
        ("sqs", "mails", "mails", None),
        ("state-machine", "fulfil", "orders, pick", None),
    ];
    let expected = expected.map(|(kind, name, functions, starts)| {
        (
            kind.to_owned(),
            name.to_owned(),
            functions.to_owned(),
            starts,
        )
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_runs_in_provisioned_environments_has_a_price_of_its_own() {
    let world = World::empty().await;
    let ready = [("function", "fast"), ("provisioned_concurrency", "2")];
    let found = vec![
        function("fast", FOUND, "1024"),
        function("slow", FOUND, "1024"),
        resource("alias", "fast:live", FOUND, &ready),
        route("shop", "GET /fast", "fast"),
        route("shop", "GET /slow", "slow"),
    ];
    world.add(Rows::Resources(found)).await;
    // Of 40 invocations of `fast` 30 found an environment ready; both took 100 ms each, and one of the
    // others waited 800 ms for an initialisation.
    let mut metrics = vec![function_metric(
        "fast",
        "ProvisionedConcurrencyInvocations",
        TS,
        30.0,
    )];
    for name in ["fast", "slow"] {
        metrics.push(function_metric(name, "Invocations", TS, 40.0));
        metrics.push(function_metric(name, "Duration", TS, 4_000.0));
    }
    for (metric, samples, sum) in [
        ("ColdStarts", 40.0, 1.0),
        ("InitDuration", 1.0, 800.0),
        ("BilledDuration", 40.0, 4_800.0),
    ] {
        metrics.push(MetricPoint {
            service: "lambda-reports".to_owned(),
            sample_count: Some(samples),
            ..function_metric("fast", metric, TS, sum)
        });
    }
    world.add(Rows::Metrics(metrics)).await;
    let lines = [
        ("AWS Lambda", "EUC1-Lambda-GB-Second", "5.82", "5.82"),
        ("AWS Lambda", "EUC1-Lambda-Provisioned-GB-Second", "3", "3"),
        (
            "AWS Lambda",
            "EUC1-Lambda-Provisioned-Concurrency",
            "7",
            "172800",
        ),
    ];
    settle(&world, &lines).await;
    let sql = "select usage_type, coalesce(route, place) as whose, sum(cost_usd) as usd from bill_shares \
               group by usage_type, route, place order by 1, 2";
    let told = world.analyzer.sql(sql).await.unwrap();
    let told: Vec<_> = told
        .rows()
        .map(|row| {
            let text = |name| row.text(name).unwrap().to_owned();
            (
                text("usage_type"),
                text("whose"),
                row.decimal("usd").unwrap().round_dp(6),
            )
        })
        .collect();
    let part = |usage_type: &str, whose: &str, cost: &str| {
        (
            format!("EUC1-{usage_type}"),
            whose.to_owned(),
            usd(cost).round_dp(6),
        )
    };
    assert_eq!(
        told,
        [
            part("Lambda-GB-Second", "GET /fast", "1.8"),
            part("Lambda-GB-Second", "GET /slow", "4.02"),
            part("Lambda-Provisioned-Concurrency", "not split", "7"),
            part("Lambda-Provisioned-GB-Second", "GET /fast", "3"),
        ]
    );
}
