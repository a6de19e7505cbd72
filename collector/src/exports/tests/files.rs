//! Whole files, as far as the lake.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use millicent_lake::Outcome;

use super::samples::{Bench, csv, gzip, hour, parquet, pass};
use crate::exports::dialect::Dialect;

const FOCUS: &str =
    include_str!("../../../../tests/data/cost/focus_1_0_aws_serverless_excerpt.csv");

/// Splits a line of CSV that has no newline in a field.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    all.push(field);
    all
}

/// Units of 10⁻¹⁵.
fn units(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 15);
    format!("{whole}{fraction:0<15}").parse().unwrap()
}

#[tokio::test]
async fn the_focus_sample_adds_up_by_service() {
    let bench = Bench::new().await;
    bench.write("focus.csv", FOCUS.as_bytes());
    let summary = bench.pass(&["focus.csv"]).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");

    let mut expected: BTreeMap<String, i128> = BTreeMap::new();
    let mut lines = FOCUS.lines().map(fields);
    let header = lines.next().unwrap();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (service, cost) = (at("ServiceName"), at("BilledCost"));
    for line in lines {
        *expected.entry(line[service].clone()).or_default() += units(&line[cost]);
    }
    assert_eq!(expected.len(), 6);

    let mut found: BTreeMap<String, i128> = BTreeMap::new();
    let lines = bench.lines().await;
    for line in &lines {
        let units = units(&line.cost_usd.to_string());
        *found.entry(line.service.clone()).or_default() += units;
    }
    assert_eq!(found, expected);

    let hourly = lines.iter().filter(|line| line.granularity == "hourly");
    assert!(hourly.count() > 100);
    let line = lines
        .iter()
        .find(|line| {
            line.tags
                .get("application")
                .is_some_and(|tag| tag == "BlueVaultLite")
        })
        .unwrap();
    assert_eq!(line.source, Dialect::Focus.source());
    assert_eq!(line.service, "Amazon API Gateway");
    assert_eq!(line.account_id, "18938484842");
    assert_eq!(line.region.as_deref(), Some("us-west-2"));
    assert_eq!(line.ts.to_rfc3339(), "2024-09-30T06:00:00+00:00");
    assert_eq!(line.cost_usd.to_string(), "0.0000151837");
    assert_eq!(line.unit.as_deref(), Some("GB"));
    assert!(line.resource_id.as_ref().unwrap().contains("restapis"));
    assert!(!line.estimated, "two weeks after its end a period is final");
    assert!(
        lines.iter().any(|line| line.resource_id.is_none()),
        "NULL is null"
    );
}

#[tokio::test]
async fn a_period_of_cur_is_read_by_its_manifest() {
    let bench = Bench::new().await;
    let first = csv(&[hour(1, 0, "0.0000002", "1"), hour(1, 1, "0.0000004", "2")]);
    // The same hour's second tier is another line of the file, and the same of the bill.
    let second = csv(&[
        hour(1, 1, "0.00000000000000000001", "1"),
        hour(2, 5, "-0.5", "3.25"),
    ]);
    bench.deliver(
        "shop",
        "2026-11",
        &[
            ("shop-00001.csv.gz", gzip(&first)),
            ("shop-00002.csv.gz", gzip(&second)),
        ],
    );
    // Left over from an earlier refresh.
    bench.write(
        "shop/data/BILLING_PERIOD=2026-11/shop-00003.csv.gz",
        &gzip(&first),
    );
    let summary = bench.pass(&["shop"]).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");
    assert_eq!(summary.rows, 3);

    let lines = bench.lines().await;
    let costs: Vec<_> = lines.iter().map(|line| line.cost_usd.to_string()).collect();
    assert_eq!(costs, ["0.0000002", "0.0000004", "-0.5"]);
    assert_eq!(lines[1].quantity, Some(3.into()));
    let line = &lines[0];
    assert_eq!(line.service, "AWS Lambda");
    assert_eq!(line.usage_type.as_deref(), Some("EUC1-Request"));
    assert_eq!(line.operation.as_deref(), Some("Invoke"));
    assert_eq!(line.region.as_deref(), Some("eu-central-1"));
    assert_eq!(line.tags["user_team"], "orders");
    assert!(
        line.resource_id
            .as_ref()
            .unwrap()
            .ends_with(":function:get-order")
    );
    assert_eq!(
        (line.source.as_str(), line.granularity.as_str()),
        ("cur", "hourly")
    );
    assert!(
        line.estimated,
        "the period is open, and there is no invoice"
    );
}

#[tokio::test]
async fn parquet_says_the_same_as_csv() {
    let lines = csv(&[
        hour(1, 0, "0.1", "3"),
        hour(1, 1, "0.0000002000", "1e-7"),
        hour(3, 22, "-123456.789012345", "0.30000000000000004"),
    ]);
    let mut read = Vec::new();
    for bytes in [lines.clone(), gzip(&lines), parquet(&lines)] {
        let bench = Bench::new().await;
        bench.deliver("shop", "2026-11", &[("shop-00001", bytes)]);
        let summary = bench.pass(&["shop"]).await;
        assert!(summary.incidents.is_empty(), "{summary:#?}");
        read.push(bench.lines().await);
    }
    assert_eq!(read[0].len(), 3);
    assert_eq!(read[0][2].cost_usd.to_string(), "-123456.789012345");
    assert_eq!(read[0], read[1]);
    assert_eq!(read[0], read[2]);
}

#[tokio::test]
async fn a_period_is_replaced_whole_and_an_unchanged_one_is_not_read_again() {
    let bench = Bench::new().await;
    let one = |cost: &str| {
        vec![(
            "shop-00001.csv",
            csv(&[hour(1, 0, cost, "1"), hour(9, 0, cost, "1")]),
        )]
    };
    bench.deliver("shop", "2026-11", &one("1"));
    let october = csv(&[hour(1, 0, "10", "1")]);
    let october = String::from_utf8(october)
        .unwrap()
        .replace("2026-11", "2026-10");
    bench.deliver(
        "shop",
        "2026-10",
        &[("shop-00001.csv", october.into_bytes())],
    );
    let collector = bench.collector(&["shop"]).await;
    assert_eq!(pass(&collector, &bench.aws).await.windows, 2);
    assert_eq!(bench.total().await, "12");

    bench.aws.clock.advance(TimeDelta::hours(2));
    assert_eq!(pass(&collector, &bench.aws).await.windows, 0, "unchanged");
    assert_eq!(
        bench.pass(&["shop"]).await.windows,
        0,
        "also after a restart"
    );

    // A restated November with fewer lines.
    bench.deliver(
        "shop",
        "2026-11",
        &[("shop-00001.csv", csv(&[hour(2, 0, "3", "1")]))],
    );
    assert_eq!(
        pass(&collector, &bench.aws).await.windows,
        0,
        "looked for once an hour"
    );
    bench.aws.clock.advance(TimeDelta::hours(1));
    assert_eq!(pass(&collector, &bench.aws).await.windows, 1);
    assert_eq!(bench.total().await, "13");

    // A month in which nothing was used any more.
    bench.deliver("shop", "2026-11", &[("shop-00001.csv", csv(&[]))]);
    bench.aws.clock.advance(TimeDelta::hours(1));
    assert_eq!(pass(&collector, &bench.aws).await.rows, 0);
    assert_eq!(bench.total().await, "10");
}

#[tokio::test]
async fn charges_of_a_month_count_on_its_first_day_under_cost_explorers_record_types() {
    let bench = Bench::new().await;
    let charge = |kind: &str, start: &str, end: &str, cost: &str| {
        hour(1, 0, cost, "1")
            .replace(",Usage,", &format!(",{kind},"))
            .replace("2026-11-01T00:00:00Z", start)
            .replace("2026-11-01T01:00:00Z", end)
    };
    let (first, last) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    bench.deliver(
        "shop",
        "2026-11",
        &[(
            "shop-00001.csv",
            csv(&[
                charge("Tax", first, last, "1"),
                charge("Usage", first, last, "2"),
                charge(
                    "SavingsPlanCoveredUsage",
                    "2026-11-05T03:00:00Z",
                    "2026-11-05T04:00:00Z",
                    "3",
                ),
                charge(
                    "SavingsPlanNegation",
                    "2026-11-05T03:00:00Z",
                    "2026-11-05T04:00:00Z",
                    "-3",
                ),
                charge(
                    "DiscountedUsage",
                    "2026-11-06T00:00:00Z",
                    "2026-11-07T00:00:00Z",
                    "4",
                ),
                // Of last month, and of next year.
                charge(
                    "Refund",
                    "2026-10-03T00:00:00Z",
                    "2026-10-04T00:00:00Z",
                    "-5",
                ),
                charge("Fee", "2027-11-01T00:00:00Z", "2028-11-01T00:00:00Z", "6"),
            ]),
        )],
    );
    let summary = bench.pass(&["shop"]).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");
    let lines = bench.lines().await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let ts = line.ts.format("%m-%dT%H");
            let quantity = line.quantity.is_some();
            format!(
                "{ts} {} {} {} {quantity}",
                line.granularity, line.record_type, line.cost_usd
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "11-01T00 daily Refund -5 false",
            "11-01T00 daily Tax 1 false",
            "11-01T00 daily Usage 2 true",
            "11-05T03 hourly SavingsPlanNegation -3 false",
            "11-05T03 hourly Usage 3 true",
            "11-06T00 daily Usage 4 true",
            "11-30T00 daily Fee 6 false",
        ]
    );

    // Where all usage is by the month, no day is known of it.
    let monthly = Bench::new().await;
    monthly.deliver(
        "monthly",
        "2026-11",
        &[(
            "m-00001.csv",
            csv(&[
                charge("Usage", first, last, "2"),
                charge("Tax", first, last, "1"),
            ]),
        )],
    );
    monthly.pass(&["monthly"]).await;
    let lines = monthly.lines().await;
    let told: Vec<_> = lines.iter().map(|line| line.granularity.as_str()).collect();
    assert_eq!(told, ["daily", "monthly"]);
}

#[tokio::test]
async fn the_days_that_an_export_cannot_have_yet_are_recorded_as_not_there() {
    let bench = Bench::new().await;
    bench.deliver(
        "shop",
        "2026-11",
        &[("shop-00001.csv", csv(&[hour(1, 0, "1", "1")]))],
    );
    let manifest = bench.path("shop/metadata/BILLING_PERIOD=2026-11/shop-Manifest.json");
    let written: std::time::SystemTime = "2026-11-20T08:00:00Z"
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap()
        .into();
    std::fs::File::options()
        .write(true)
        .open(manifest)
        .unwrap()
        .set_modified(written)
        .unwrap();
    let summary = bench.pass(&["shop"]).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");
    let recorded = bench.recorded("shop").await;
    let told: Vec<_> = recorded
        .iter()
        .map(|row| {
            let day = |time: chrono::DateTime<chrono::Utc>| time.format("%m-%d").to_string();
            (day(row.ts), day(row.window_end), row.outcome, row.rows)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("11-01".to_owned(), "11-19".to_owned(), Outcome::Complete, 1),
            ("11-19".to_owned(), "11-24".to_owned(), Outcome::Partial, 0),
        ]
    );
    assert!(recorded[1].error.as_ref().unwrap().contains("2026-11-19"));
}
