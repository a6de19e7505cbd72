//! The attributed bill in FOCUS's columns, by hand.

use std::collections::BTreeMap;

use millicent_lake::{CostLine, Outcome, Rows};
use rust_decimal::Decimal;

use crate::testing::{World, at, function, function_metric, line, requests, route, usd, window};
use crate::{Params, Row, Table};

const LAMBDA: &str = "AWS Lambda";

fn record(kind: &str, usage_type: Option<&str>, cost: &str) -> CostLine {
    CostLine {
        record_type: kind.to_owned(),
        usage_type: usage_type.map(str::to_owned),
        ..line("2026-11-10", "AWS Support", "", cost, None)
    }
}

/// A route with a function of its own: 10 GB-seconds in one hour and 5 in another, of 20 that are billed.
async fn world() -> World {
    let world = World::empty().await;
    let mut metrics = Vec::new();
    for (ts, count) in [("2026-11-10 08:00", 20.0), ("2026-11-10 21:00", 10.0)] {
        metrics.push(requests("shop", Some("GET /a"), ts, count));
        metrics.push(function_metric("own", "Invocations", ts, count));
        metrics.push(function_metric("own", "Duration", ts, 499.5 * count));
    }
    world.add(Rows::Metrics(metrics)).await;
    let mut own = function("own", "2026-11-09 00:00", "1024");
    own.tags = [("team", r#"a "b" \c"#), ("env", "prod")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let found = vec![own, route("shop", "GET /a", "own")];
    world.add(Rows::Resources(found)).await;
    let free = CostLine {
        unit: Some("Requests".to_owned()),
        ..line("2026-11-10", LAMBDA, "EUC1-Request", "0", Some("30"))
    };
    let seconds = CostLine {
        unit: Some("Second".to_owned()),
        ..line(
            "2026-11-10",
            LAMBDA,
            "EUC1-Lambda-GB-Second",
            "2",
            Some("20"),
        )
    };
    let lines = vec![
        seconds,
        free,
        record("Tax", None, "0.21"),
        record("Credit", None, "-0.5"),
        record("Refund", None, "-0.125"),
        record("SavingsPlanRecurringFee", None, "1"),
        record("SavingsPlanNegation", Some("EUC1-Request"), "-0.25"),
        CostLine {
            account_id: "210987654321".to_owned(),
            region: None,
            ..line("2026-11-11", "Amazon Nothing", "thing", "0.1", Some("1"))
        },
    ];
    world.add(Rows::Costs(lines)).await;
    let read = window(
        "cost",
        "2026-11-10 00:00",
        "2026-11-14 00:00",
        Outcome::Complete,
    );
    world.add(Rows::Collections(vec![read])).await;
    world
}

fn days() -> Params {
    Params::new()
        .set("from", at("2026-11-10 00:00"))
        .set("to", at("2026-11-12 00:00"))
}

fn of<'t>(table: &'t Table, usage_type: &str, place: &str) -> Vec<Row<'t>> {
    let rows = table.rows().filter(|row| {
        row.text("x_UsageType") == Some(usage_type) && row.text("x_Place") == Some(place)
    });
    rows.collect()
}

#[tokio::test]
async fn a_part_of_the_bill_is_a_row_of_focus() {
    let world = world().await;
    let report = world.analyzer.report("focus-export", &days()).await;
    let table = report.unwrap().table;

    let parts = of(&table, "EUC1-Lambda-GB-Second", "route");
    let [part] = parts.as_slice() else {
        panic!("{table:?}")
    };
    assert_eq!(part.decimal("BilledCost"), Some(usd("1.5")));
    assert_eq!(part.f64("ConsumedQuantity"), Some(15.0));
    for (column, text) in [
        ("ConsumedUnit", "Second"),
        ("BillingCurrency", "USD"),
        ("ChargeCategory", "Usage"),
        ("ChargeFrequency", "Usage-Based"),
        ("PricingCategory", "Standard"),
        ("ProviderName", "AWS"),
        ("RegionId", "eu-central-1"),
        ("RegionName", "Europe (Frankfurt)"),
        ("ResourceId", "arn:function::own"),
        ("ResourceName", "own"),
        ("ResourceType", "function"),
        ("ServiceCategory", "Compute"),
        ("ServiceName", LAMBDA),
        ("ServiceSubcategory", "Serverless Compute"),
        ("SubAccountId", "123456789012"),
        ("x_Api", "shop"),
        ("x_Route", "GET /a"),
        ("x_Stage", "prod"),
        ("x_Source", "cost-explorer"),
    ] {
        assert_eq!(part.text(column), Some(text), "{column}");
    }
    let tags: BTreeMap<String, String> =
        serde_json::from_str(part.text("Tags").unwrap()).expect("JSON");
    let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        tags,
        [
            ("env", "prod"),
            ("millicent:api", "shop"),
            ("millicent:route", "GET /a"),
            ("millicent:stage", "prod"),
            ("team", r#"a "b" \c"#),
        ]
    );
    for (column, ts) in [
        ("ChargePeriodStart", "2026-11-10 00:00"),
        ("ChargePeriodEnd", "2026-11-11 00:00"),
        ("BillingPeriodStart", "2026-11-01 00:00"),
        ("BillingPeriodEnd", "2026-12-01 00:00"),
    ] {
        assert_eq!(part.timestamp(column), Some(at(ts)), "{column}");
    }
    assert_eq!(part.bool("x_Settled"), Some(true));
    let rest = of(&table, "EUC1-Lambda-GB-Second", "unexplained");
    assert_eq!(rest[0].decimal("BilledCost"), Some(usd("0.5")));
    assert_eq!(rest[0].f64("ConsumedQuantity"), Some(5.0));
    assert_eq!(rest[0].text("ResourceId"), None);

    // What is free is told once, with what was used.
    let free = of(&table, "EUC1-Request", "not split");
    let free: Vec<_> = free
        .iter()
        .filter(|row| row.text("x_RecordType") == Some("Usage"))
        .collect();
    assert_eq!(free.len(), 1);
    assert_eq!(free[0].f64("ConsumedQuantity"), Some(30.0));
    assert_eq!(free[0].decimal("BilledCost"), Some(Decimal::ZERO));
}

#[tokio::test]
async fn every_record_type_has_its_charge_category_and_adds_up() {
    let world = world().await;
    let report = world.analyzer.report("focus-export", &days()).await;
    let table = report.unwrap().table;
    let found: BTreeMap<&str, (&str, &str)> = table
        .rows()
        .map(|row| {
            let text = |name| row.text(name).unwrap();
            let told = (text("ChargeCategory"), text("ChargeFrequency"));
            (text("x_RecordType"), told)
        })
        .collect();
    let expected = BTreeMap::from([
        ("Credit", ("Credit", "One-Time")),
        ("Refund", ("Adjustment", "One-Time")),
        ("SavingsPlanNegation", ("Adjustment", "One-Time")),
        ("SavingsPlanRecurringFee", ("Purchase", "Recurring")),
        ("Tax", ("Tax", "One-Time")),
        ("Usage", ("Usage", "Usage-Based")),
    ]);
    assert_eq!(found, expected);
    for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
        let sum: Decimal = table.rows().map(|row| row.decimal(cost).unwrap()).sum();
        assert_eq!(sum, usd("2.435"), "{cost}");
    }
    let accounts: BTreeMap<&str, Decimal> = table.rows().fold(BTreeMap::new(), |mut sums, row| {
        *sums.entry(row.text("SubAccountId").unwrap()).or_default() +=
            row.decimal("BilledCost").unwrap();
        sums
    });
    assert_eq!(accounts["210987654321"], usd("0.1"));
}

#[tokio::test]
async fn hours_are_told_apart_on_request_and_the_stream_has_every_row() {
    let world = world().await;
    let hourly = days().set("hourly", true);
    let report = world.analyzer.report("focus-export", &hourly).await;
    let table = report.unwrap().table;
    let parts = of(&table, "EUC1-Lambda-GB-Second", "route");
    let told: Vec<_> = parts
        .iter()
        .map(|row| {
            (
                row.timestamp("ChargePeriodStart").unwrap(),
                row.timestamp("ChargePeriodEnd").unwrap(),
                row.decimal("BilledCost").unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (at("2026-11-10 08:00"), at("2026-11-10 09:00"), usd("1")),
            (at("2026-11-10 21:00"), at("2026-11-10 22:00"), usd("0.5")),
        ]
    );
    let sum: Decimal = table
        .rows()
        .filter_map(|row| row.decimal("BilledCost"))
        .sum();
    assert_eq!(sum, usd("2.435"));

    let mut stream = world
        .analyzer
        .stream("focus-export", &hourly)
        .await
        .unwrap();
    assert_eq!(stream.schema(), table.schema());
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, table.num_rows());
    let unknown = world.analyzer.stream("focus-exports", &hourly).await;
    assert!(unknown.is_err_and(|error| error.to_string().contains("focus-export")));
}
