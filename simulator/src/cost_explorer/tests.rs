use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::aws_errors::AwsError;
use crate::bill::BillLine;
use crate::server::ask::Ask;
use crate::server::service::{Call, Service, Wire};
use crate::{SimConfig, World};

fn now() -> DateTime<Utc> {
    "2026-03-12T12:00:00Z".parse().unwrap()
}

fn world() -> Arc<World> {
    let config = SimConfig {
        scale: 0.05,
        ..SimConfig::new(3, now() - TimeDelta::days(13), now())
    };
    World::new(config)
}

fn ask(world: &World, body: &Value, page_size: Option<u32>) -> Result<Value, AwsError> {
    let call = Call {
        service: Service::CostExplorer,
        operation: "GetCostAndUsage".to_owned(),
        wire: Wire::Json11,
    };
    let body = body.to_string();
    let answer = super::handle(&Ask {
        world,
        elsewhere: &[],
        caller: &Default::default(),
        range: None,
        call: &call,
        now: world.now(),
        lag_minutes: 0,
        page_size,
        path: "/",
        query: "",
        body: body.as_bytes(),
        request_id: "",
    })?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

/// The question that every test asks, with some of its fields replaced.
fn question(more: Value) -> Value {
    let mut body = json!({
        "TimePeriod": { "Start": "2026-03-02", "End": "2026-03-12" },
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost", "UsageQuantity"],
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn by(keys: &[&str]) -> Value {
    keys.iter()
        .map(|key| json!({ "Type": "DIMENSION", "Key": key }))
        .collect()
}

fn days(from: &str, to: &str) -> (NaiveDate, NaiveDate) {
    (from.parse().unwrap(), to.parse().unwrap())
}

fn lines(world: &World) -> Vec<BillLine> {
    let (from, to) = days("2026-03-02", "2026-03-12");
    world.bill().lines(from, to, world.now())
}

fn cost(line: &BillLine) -> Decimal {
    line.cost.to_string().parse().unwrap()
}

/// Every group by (start, keys), of all pages; a group that comes twice fails.
fn groups(
    world: &World,
    body: &Value,
    page_size: Option<u32>,
) -> (BTreeMap<(String, Vec<String>), Decimal>, usize) {
    let (mut body, mut found, mut pages) = (body.clone(), BTreeMap::new(), 0);
    loop {
        let page = ask(world, &body, page_size).unwrap();
        pages += 1;
        for period in page["ResultsByTime"].as_array().unwrap() {
            assert_eq!(period["Total"], json!({}));
            for group in period["Groups"].as_array().unwrap() {
                let keys = group["Keys"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|k| k.as_str().unwrap().to_owned())
                    .collect();
                let amount = group["Metrics"]["UnblendedCost"]["Amount"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                let start = period["TimePeriod"]["Start"].as_str().unwrap().to_owned();
                assert_eq!(found.insert((start, keys), amount), None, "a group twice");
            }
        }
        match page.get("NextPageToken") {
            Some(token) => body["NextPageToken"] = token.clone(),
            None => return (found, pages),
        }
    }
}

#[test]
fn groups_of_all_pages_are_the_bill() {
    let world = world();
    let mut expected = BTreeMap::new();
    for line in lines(&world) {
        let keys = vec![line.service.to_owned(), line.usage_type.clone()];
        *expected
            .entry((line.date.to_string(), keys))
            .or_insert(Decimal::ZERO) += cost(&line);
    }
    let body = question(json!({ "GroupBy": by(&["SERVICE", "USAGE_TYPE"]) }));
    for page_size in [None, Some(7)] {
        let (found, pages) = groups(&world, &body, page_size);
        assert_eq!(found, expected);
        assert!(
            page_size.is_none() || pages == expected.len().div_ceil(7),
            "{pages}"
        );
    }
}

#[test]
fn every_line_has_ten_decimals_at_most() {
    for line in lines(&world()) {
        assert!(cost(&line).normalize().scale() <= 10, "{line:?}");
        assert!(line.quantity == line.quantity.to_ten_decimals(), "{line:?}");
    }
}

#[test]
fn totals_agree_with_days_and_months() {
    let world = world();
    let whole: Decimal = lines(&world).iter().map(cost).sum();
    for granularity in ["DAILY", "MONTHLY"] {
        let answer = ask(
            &world,
            &question(json!({ "Granularity": granularity })),
            None,
        )
        .unwrap();
        let results = answer["ResultsByTime"].as_array().unwrap();
        assert_eq!(results.len(), if granularity == "DAILY" { 10 } else { 1 });
        let total: Decimal = results
            .iter()
            .map(|period| {
                period["Total"]["UnblendedCost"]["Amount"]
                    .as_str()
                    .unwrap()
                    .parse::<Decimal>()
                    .unwrap()
            })
            .sum();
        assert_eq!(total, whole, "{granularity}");
        assert_eq!(results[0]["Groups"], json!([]));
        assert!(answer.get("GroupDefinitions").is_none());
    }
    let months = ask(
        &world,
        &question(
            json!({ "Granularity": "MONTHLY", "TimePeriod": { "Start": "2026-02-20", "End": "2026-03-12" } }),
        ),
        None,
    );
    let periods: Vec<Value> = months.unwrap()["ResultsByTime"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["TimePeriod"].clone())
        .collect();
    assert_eq!(
        periods,
        [
            json!({ "Start": "2026-02-20", "End": "2026-03-01" }),
            json!({ "Start": "2026-03-01", "End": "2026-03-12" })
        ]
    );
}

#[test]
fn a_period_without_data_is_zero_without_unit() {
    let answer = ask(
        &world(),
        &question(json!({ "TimePeriod": { "Start": "2026-01-02", "End": "2026-01-03" } })),
        None,
    );
    let period = answer.unwrap()["ResultsByTime"][0].clone();
    assert_eq!(
        period["Total"]["UnblendedCost"],
        json!({ "Amount": "0", "Unit": "N/A" })
    );
}

#[test]
fn the_last_days_are_estimated_and_earlier_ones_are_not() {
    let answer = ask(&world(), &question(json!({})), None).unwrap();
    let estimated: Vec<bool> = answer["ResultsByTime"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["Estimated"].as_bool().unwrap())
        .collect();
    assert!(!estimated[0] && estimated[9], "{estimated:?}");
}

#[test]
fn filters_choose_lines() {
    let world = world();
    let sum = |filter: Value| {
        let body = question(json!({ "Filter": filter, "GroupBy": by(&["RECORD_TYPE"]) }));
        groups(&world, &body, None)
            .0
            .values()
            .copied()
            .sum::<Decimal>()
    };
    let of = |test: &dyn Fn(&BillLine) -> bool| {
        lines(&world)
            .iter()
            .filter(|l| test(l))
            .map(cost)
            .sum::<Decimal>()
    };
    let gateway = json!({ "Dimensions": { "Key": "SERVICE", "Values": ["Amazon API Gateway"] } });
    let usage = json!({ "Dimensions": { "Key": "RECORD_TYPE", "Values": ["Usage"] } });
    assert!(of(&|l| l.service == "Amazon API Gateway") > Decimal::ZERO);
    assert_eq!(
        sum(gateway.clone()),
        of(&|l| l.service == "Amazon API Gateway")
    );
    assert_eq!(
        sum(json!({ "Not": gateway.clone() })),
        of(&|l| l.service != "Amazon API Gateway")
    );
    assert_eq!(
        sum(json!({ "And": [gateway.clone(), usage.clone()] })),
        of(&|l| l.service == "Amazon API Gateway" && l.record_type == "Usage")
    );
    assert_eq!(
        sum(json!({ "Or": [gateway, usage] })),
        of(&|l| l.service == "Amazon API Gateway" || l.record_type == "Usage")
    );
    let gb_seconds = json!({ "Dimensions": { "Key": "USAGE_TYPE", "Values": ["gb-second"], "MatchOptions": ["CONTAINS", "CASE_INSENSITIVE"] } });
    assert_eq!(sum(gb_seconds), of(&|l| l.usage_type.contains("GB-Second")));
}

#[test]
fn bad_questions_are_refused() {
    let world = world();
    let code = |body: Value| ask(&world, &body, None).unwrap_err().code;
    for more in [
        json!({ "TimePeriod": { "Start": "2026-03-12", "End": "2026-03-12" } }),
        json!({ "TimePeriod": { "Start": "2026-03-02T00:00:00Z", "End": "2026-03-12" } }),
        json!({ "TimePeriod": { "Start": "2026-03-02", "End": "2026-04-02" } }),
        json!({ "TimePeriod": { "Start": "2024-03-02", "End": "2026-03-02" } }),
        json!({ "Granularity": "WEEKLY" }),
        json!({ "Metrics": [] }),
        json!({ "Metrics": ["Cost"] }),
        json!({ "GroupBy": by(&["SERVICE", "REGION", "OPERATION"]) }),
        json!({ "GroupBy": by(&["SERVICE", "SERVICE"]) }),
        json!({ "GroupBy": by(&["COLOUR"]) }),
        json!({ "Filter": { "Dimensions": { "Key": "SERVICE", "Values": [] } } }),
        json!({ "Filter": { "And": [] } }),
        json!({ "Filter": {} }),
    ] {
        assert_eq!(
            code(question(more.clone())),
            "ValidationException",
            "{more}"
        );
    }
    assert_eq!(
        code(question(json!({ "Granularity": "HOURLY" }))),
        "DataUnavailableException"
    );
    assert_eq!(
        code(question(json!({ "NextPageToken": "next" }))),
        "InvalidNextTokenException"
    );
    let body = question(json!({ "GroupBy": by(&["SERVICE"]) }));
    let token = ask(&world, &body, Some(3)).unwrap()["NextPageToken"].clone();
    assert_eq!(
        code(question(json!({ "NextPageToken": token }))),
        "RequestChangedException"
    );
}
