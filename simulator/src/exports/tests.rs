use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use flate2::read::GzDecoder;
use rust_decimal::Decimal;

use super::{Exports, Object};
use crate::{SimConfig, World};

/// Four days of November and eight of December; the last days of December are not settled.
fn world() -> Arc<World> {
    let anchor: DateTime<Utc> = "2026-12-08T13:30:00Z".parse().unwrap();
    World::new(SimConfig {
        scale: 0.02,
        ..SimConfig::new(9, anchor - TimeDelta::days(11), anchor)
    })
}

fn objects(world: &World, at: &str) -> Vec<Object> {
    let months = Exports::default().objects(&[world], at.parse().unwrap());
    months.iter().flat_map(|month| month.to_vec()).collect()
}

fn manifests(objects: &[Object]) -> Vec<&Object> {
    objects
        .iter()
        .filter(|o| o.key.ends_with("-Manifest.json"))
        .collect()
}

/// The lines of the files that the manifest names, as columns by name.
fn lines(objects: &[Object], manifest: &Object) -> Vec<BTreeMap<String, String>> {
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    let mut lines = Vec::new();
    for file in manifest["dataFiles"].as_array().unwrap() {
        let key = file
            .as_str()
            .unwrap()
            .strip_prefix("s3://millicent-exports/")
            .unwrap();
        let object = objects.iter().find(|object| object.key == key).unwrap();
        let mut text = String::new();
        GzDecoder::new(object.body.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        let mut rows = text.lines().map(fields);
        let header = rows.next().unwrap();
        for row in rows {
            assert_eq!(row.len(), header.len(), "{row:?}");
            lines.push(header.iter().cloned().zip(row).collect());
        }
    }
    lines
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = fields.last_mut().unwrap();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                last.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => last.push(other),
        }
    }
    fields
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn an_export_has_the_bill_of_its_refresh() {
    let world = world();
    let objects = objects(&world, "2026-12-08T13:30:00Z");
    let refresh: DateTime<Utc> = "2026-12-08T08:00:00Z".parse().unwrap();
    for (manifest, days) in manifests(&objects)
        .into_iter()
        .zip([("2026-11-01", "2026-12-01"), ("2026-12-01", "2027-01-01")])
    {
        assert_eq!(manifest.written, refresh);
        let day = |text: &str| -> NaiveDate { text.parse().unwrap() };
        let bill = world.bill().lines(day(days.0), day(days.1), refresh);
        let mut expected: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for line in &bill {
            let key = (line.date.to_string(), line.usage_type.clone());
            *expected.entry(key).or_default() += number(&line.cost.to_string());
        }
        let mut told: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for line in lines(&objects, manifest) {
            let day = line["line_item_usage_start_date"][..10].to_owned();
            *told
                .entry((day, line["line_item_usage_type"].clone()))
                .or_default() += number(&line["line_item_unblended_cost"]);
        }
        assert!(expected.len() > 30);
        assert_eq!(told, expected, "parts add up, to the last digit");
    }
}

#[test]
fn lines_name_their_resources() {
    let world = world();
    let objects = objects(&world, "2026-12-08T13:30:00Z");
    let november = lines(&objects, manifests(&objects)[0]);
    let of = |kind: &str| -> Vec<&BTreeMap<String, String>> {
        november
            .iter()
            .filter(|line| line["line_item_usage_type"].ends_with(kind))
            .collect()
    };
    let id = |line: &BTreeMap<String, String>| line["line_item_resource_id"].clone();
    assert!(
        of("Lambda-GB-Second-ARM")
            .iter()
            .all(|line| id(line).contains(":function:"))
    );
    assert!(
        of("EUC1-ApiGatewayRequest")
            .iter()
            .any(|line| id(line).ends_with("::/restapis/a1b2c3shop"))
    );
    assert!(
        of("WriteRequestUnits")
            .iter()
            .any(|line| id(line).ends_with(":table/shop-orders"))
    );
    assert!(
        of("DataProcessing-Bytes")
            .iter()
            .all(|line| id(line).contains(":log-group:/aws/lambda/"))
    );
    assert!(of("Requests-Tier1").iter().all(|line| id(line).is_empty()));
    let catalog = of("Lambda-GB-Second-ARM")
        .into_iter()
        .find(|line| id(line).ends_with(":shop-catalog"));
    assert_eq!(
        catalog.unwrap()["resource_tags"],
        r#"{"user_service":"catalog","user_team":"storefront"}"#
    );
}

#[test]
fn a_month_is_written_until_it_is_finishedand_then_stands() {
    let world = world();
    let before = objects(&world, "2026-12-08T13:30:00Z");
    let same = objects(&world, "2026-12-08T15:59:59Z");
    assert_eq!(before, same, "between two refreshes nothing changes");
    let finished = objects(&world, "2026-12-16T00:00:00Z");
    assert_eq!(
        manifests(&finished)[0].written.to_rfc3339(),
        "2026-12-16T00:00:00+00:00"
    );
    let later = objects(&world, "2027-01-20T00:00:00Z");
    assert_eq!(manifests(&later)[0], manifests(&finished)[0]);
    let left: Vec<&Object> = later
        .iter()
        .filter(|object| object.body.is_empty())
        .collect();
    assert!(!left.is_empty(), "a file of no manifest is left over");
}
