//! What `millicent export` writes: read back by our own reader of FOCUS files it is the bill again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_collector::{CollectConfig, ExportConfig, Source};
use millicent_lake::{Collection, CostLine, Lake, Outcome, Rows};
use rust_decimal::Decimal;

use crate::account::{Account, Collected, pass};
use crate::binary::Place;

fn at(day: &str) -> DateTime<Utc> {
    format!("{day}T00:00:00Z").parse().expect("a day")
}

fn line(day: &str, service: &str, usage_type: &str, usd: &str) -> CostLine {
    CostLine {
        ts: at(day),
        granularity: "daily".to_owned(),
        account_id: "123456789012".to_owned(),
        region: Some("eu-central-1".to_owned()),
        service: service.to_owned(),
        usage_type: Some(usage_type.to_owned()),
        operation: None,
        record_type: "Usage".to_owned(),
        resource_id: None,
        tags: BTreeMap::new(),
        cost_usd: usd.parse().expect("an amount"),
        quantity: Some("3.25".parse().expect("a number")),
        unit: Some("Requests".to_owned()),
        estimated: true,
        source: "cost-explorer".to_owned(),
    }
}

/// Two days of two accounts, of the 10th and the 12th; the 12th is not settled.
fn bill() -> Vec<CostLine> {
    let record = |kind: &str, usd: &str| CostLine {
        record_type: kind.to_owned(),
        usage_type: None,
        region: None,
        quantity: None,
        unit: None,
        ..line("2026-11-10", "Amazon, \"Support\"", "", usd)
    };
    vec![
        line("2026-11-10", "AWS Lambda", "EUC1-Request", "1.000000000001"),
        line("2026-11-12", "AWS Lambda", "EUC1-Request", "0.000000000007"),
        line("2026-11-12", "Amazon Nothing", "EUC1-Thing", "0"),
        CostLine {
            account_id: "210987654321".to_owned(),
            ..line(
                "2026-11-10",
                "Amazon DynamoDB",
                "EUC1-ReadRequestUnits",
                "-0.5",
            )
        },
        record("Tax", "0.19"),
        record("Credit", "-0.123456789012"),
        record("Refund", "-0.01"),
    ]
}

async fn lake(place: &Place, lines: Vec<CostLine>) {
    let folder = place.lake();
    let lake = Lake::open(folder.to_str().expect("UTF-8")).await;
    let lake = lake.expect("a lake");
    lake.append(Rows::Costs(lines)).await.expect("rows");
    let read = |account: &str| Collection {
        source: "cost".to_owned(),
        account_id: account.to_owned(),
        region: "eu-central-1".to_owned(),
        ts: at("2026-11-10"),
        window_end: at("2026-11-13"),
        outcome: Outcome::Complete,
        rows: 1,
        calls: 1,
        billed_units: 1,
        cost_usd: Decimal::ZERO,
        error: None,
        elapsed_ms: 1,
        collected_at: at("2026-11-14"),
    };
    let windows = vec![read("123456789012"), read("210987654321")];
    lake.append(Rows::Collections(windows)).await.expect("rows");
}

type Sums = BTreeMap<String, (Decimal, Option<Decimal>)>;

fn sums<'l>(lines: impl IntoIterator<Item = &'l CostLine>) -> Sums {
    let mut sums = Sums::new();
    for line in lines {
        let key = format!(
            "{} {} {:?} {} {:?} {}",
            line.ts.date_naive(),
            line.account_id,
            line.region,
            line.service,
            line.usage_type,
            line.record_type
        );
        // Tax is a service of its own to the reader, as to Cost Explorer.
        let key = key.replace("Amazon, \"Support\" None Tax", "Tax None Tax");
        let sum = sums.entry(key).or_default();
        sum.0 += line.cost_usd;
        sum.1 = match (sum.1, line.quantity) {
            (Some(sum), Some(more)) => Some(sum + more),
            (sum, more) => sum.or(more),
        };
    }
    sums
}

/// The lines that our reader makes of a file.
async fn read_back(account: &Account, file: &Path) -> Sums {
    let collected = Collected::empty().await;
    let config = CollectConfig {
        sources: vec![Source::Exports],
        exports: vec![ExportConfig {
            path: file.to_str().expect("UTF-8").to_owned(),
        }],
        history: TimeDelta::days(20),
        ..account.collect_config()
    };
    let summary = pass(config, &collected.lake).await;
    assert!(summary.is_complete(), "{summary:#?}");
    let sql = "select date, account_id, region, service, usage_type, record_type, cost_usd, quantity from costs";
    let table = collected.analyzer.sql(sql).await.expect("lines");
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let lines: Vec<CostLine> = table
        .rows()
        .map(|row| CostLine {
            ts: at(&row.display(0)),
            account_id: row.text("account_id").expect("an account").to_owned(),
            region: owned(row.text("region")),
            usage_type: owned(row.text("usage_type")),
            record_type: row.text("record_type").expect("a type").to_owned(),
            cost_usd: row.decimal("cost_usd").expect("an amount"),
            quantity: row.decimal("quantity"),
            ..line(
                "2026-11-10",
                row.text("service").expect("a service"),
                "",
                "0",
            )
        })
        .collect();
    sums(&lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_the_bill_when_it_is_read_back() {
    let place = Place::new();
    lake(&place, bill()).await;
    let account = Account::start(7, 1, 0.01);
    let expected = sums(&bill());
    for name in ["bill.parquet", "bill.csv", "bill.csv.gz"] {
        let arguments = [
            "export",
            "--lake",
            "lake",
            "--from",
            "2026-11-09",
            "--to",
            "2026-11-14",
        ];
        let arguments = [&arguments[..], &["--output", name]].concat();
        place.run(&arguments).expect(
            0,
            &[
                "$0.556543210996 as billed, of 2 days",
                "No bill yet, so left out: 2026-11-09, 2026-11-11, 2026-11-13.",
                "Not settled, so they can still change (x_Settled is false): 2026-11-12.",
            ],
        );
        let found = read_back(&account, &place.path().join(name)).await;
        assert_eq!(found, expected, "{name}");
    }
    let start = fs::read(place.path().join("bill.csv.gz")).expect("a file");
    assert!(start.starts_with(&[0x1f, 0x8b]));
    // Nothing half written is left behind.
    let names = fs::read_dir(place.path()).expect("a folder");
    assert_eq!(names.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_told_with_what_to_do() {
    let place = Place::new();
    lake(&place, bill()).await;
    let export = |more: &[&str]| place.run(&[&["export", "--lake", "lake"], more].concat());
    let days = ["--from", "2026-11-10", "--to", "2026-11-11"];
    export(&["--from", "2026-11-11", "--to", "2026-11-10"]).expect(
        2,
        &[
            "--from 2026-11-11 --to 2026-11-10",
            "the day after the last",
        ],
    );
    export(&["--from", "2026-11-31"]).expect(2, &["2026-11-31"]);
    export(&["--from", "2026-10-01", "--to", "2026-10-03"])
        .expect(1, &["no day from 2026-10-01 to 2026-10-02 has a bill"]);
    export(&[&days[..], &["--output", "none/bill.csv"]].concat())
        .expect(1, &["cannot write into the folder none"]);
    export(&[&days[..], &["--output", "lake"]].concat()).expect(2, &["it is a folder"]);

    let mine = place.path().join("mine.csv");
    fs::write(&mine, "mine").expect("a file");
    let over = [&days[..], &["--output", "mine.csv"]].concat();
    export(&over).expect(2, &["mine.csv is there already", "--force"]);
    assert_eq!(fs::read_to_string(&mine).expect("a file"), "mine");
    export(&[&over[..], &["--force"]].concat()).expect(0, &["Wrote", "mine.csv"]);
    let text = fs::read_to_string(&mine).expect("a file");
    assert!(text.starts_with("AvailabilityZone,BilledCost,"), "{text}");
    let none = place.run(&["export", "--lake", "nowhere"]);
    assert_ne!(none.code, Some(0), "{none:#?}");
}
