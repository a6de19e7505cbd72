//! What the reports say, held against what the simulator knows.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_analyzer::Report;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::account::{Account, Collected, now, pass};

/// Five days before [`now`]: three whole days of the bill are settled.
const DAYS: i64 = 5;

/// A route's key.
type Key = (String, String, String);

fn truth(account: &Account, from: DateTime<Utc>, to: DateTime<Utc>) -> Value {
    serde_json::to_value(account.world.truth(from, to)).expect("the truth is JSON")
}

fn true_routes(truth: &Value) -> BTreeMap<Key, Value> {
    truth["routes"]
        .as_array()
        .expect("routes")
        .iter()
        .map(|route| {
            let text = |name: &str| route[name].as_str().expect(name).to_owned();
            ((text("api"), text("stage"), text("route")), route.clone())
        })
        .collect()
}

fn key(row: &millicent_analyzer::Row<'_>) -> Key {
    let text = |name| row.text(name).expect("a route's key").to_owned();
    (text("api"), text("stage"), text("route"))
}

/// Counts how often something held, and fails below a share.
#[derive(Default)]
struct Tally {
    held: usize,
    missed: Vec<String>,
}

impl Tally {
    fn see(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if holds {
            self.held += 1;
        } else {
            self.missed.push(what());
        }
    }

    fn at_least(&self, share: f64, what: &str) {
        let cases = self.held + self.missed.len();
        println!(
            "{what}: {} of {cases}; missed: {:#?}",
            self.held, self.missed
        );
        assert!(cases > 0, "{what}: no case was seen");
        assert!(
            self.held as f64 >= share * cases as f64,
            "{what}: {} of {cases}",
            self.held
        );
    }
}

/// A day whose bill is settled at [`now`], with the deploy and its cold-start storm in it.
fn settled_day() -> (DateTime<Utc>, DateTime<Utc>) {
    let to = now()
        .date_naive()
        .and_hms_opt(0, 0, 0)
        .expect("midnight")
        .and_utc()
        - TimeDelta::days(2);
    (to - TimeDelta::days(1), to)
}

fn check_requests(report: &Report, truth: &BTreeMap<Key, Value>) {
    let seen: BTreeMap<Key, i64> = report
        .table
        .rows()
        .map(|row| (key(&row), row.f64("requests").expect("requests") as i64))
        .collect();
    let known: BTreeMap<Key, i64> = truth
        .iter()
        .map(|(key, route)| (key.clone(), route["requests"].as_i64().expect("requests")))
        .collect();
    assert_eq!(
        seen, known,
        "requests by route are counted by the API's metrics, exactly"
    );
}

fn check_latency(
    report: &Report,
    truth: &BTreeMap<Key, Value>,
    close: &mut Tally,
    inside: &mut Tally,
) {
    for row in report.table.rows() {
        let route = key(&row);
        let traces = row.f64("traces").expect("traces");
        for quantile in ["p50", "p95"] {
            let known = truth[&route]["latency_ms"][quantile]
                .as_f64()
                .expect("a quantile");
            let value = |suffix: &str| row.f64(&format!("{quantile}_{suffix}"));
            let said = value("ms").expect("a quantile");
            if traces >= 2_000.0 {
                close.see((said / known - 1.0).abs() <= 0.03, || {
                    format!(
                        "{route:?} {quantile}: {said:.1} for {known:.1} ms from {traces} traces"
                    )
                });
            } else {
                // No bound where too few traces give one.
                let low = value("low_ms").unwrap_or(0.0);
                let high = value("high_ms").unwrap_or(f64::INFINITY);
                inside.see((low..=high).contains(&known), || {
                    format!("{route:?} {quantile}: {known:.1} not in {low:.1}..{high:.1} ms, {traces} traces")
                });
            }
        }
    }
}

fn check_cold_starts(report: &Report, truth: &Value, tally: &mut Tally) {
    let known: BTreeMap<&str, f64> = truth["functions"]
        .as_array()
        .expect("functions")
        .iter()
        .map(|f| {
            (
                f["name"].as_str().expect("name"),
                f["cold_start_rate"].as_f64().expect("rate"),
            )
        })
        .collect();
    assert_eq!(
        report.table.num_rows(),
        known.len(),
        "every function is in the report"
    );
    for row in report.table.rows() {
        let function = row.text("function").expect("function");
        let rate = known[function];
        let (low, high) = (
            row.f64("cold_start_rate_low"),
            row.f64("cold_start_rate_high"),
        );
        let (low, high) = (low.expect("low"), high.expect("high"));
        tally.see((low..=high).contains(&rate), || {
            format!("{function}: {rate:.5} not in {low:.5}..{high:.5}")
        });
    }
}

/// DynamoDB bills units where X-Ray shows calls, and logs are billed by bytes where invocations are counted: what a call
/// takes and what an invocation writes is not collected yet, so their lines are held to a wider bound.
const NOT_MEASURED_BY_ROUTE: [&str; 2] = ["Amazon DynamoDB", "AmazonCloudWatch"];

/// What a route with a handful of traces a day may be off.
const TENTH_OF_A_CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// Holds each route's cost against the truth: what metrics and weighted traces decide, and all of it.
async fn check_cost(
    collected: &Collected,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    truth: &BTreeMap<Key, Value>,
    decided: &mut Tally,
    whole: &mut Tally,
) {
    let report = collected
        .report("cost-by-route-and-service", from, to)
        .await;
    let mut said: BTreeMap<Key, (Decimal, Decimal)> = BTreeMap::new();
    for row in report
        .table
        .rows()
        .filter(|row| row.text("route").is_some())
    {
        let cost = row.decimal("cost_usd").expect("cost");
        let service = row.text("service").expect("service");
        let known = truth[&key(&row)]["cost_by_service"][service].as_str();
        // For whoever looks for the cause of a miss.
        println!(
            "{:?} {service}: {cost} for {} USD",
            key(&row),
            known.unwrap_or("nothing")
        );
        let (decided, whole) = said.entry(key(&row)).or_default();
        *whole += cost;
        if !NOT_MEASURED_BY_ROUTE.contains(&service) {
            *decided += cost;
        }
    }
    for (route, truth) in truth {
        let known =
            |cost: &Value| -> Decimal { cost.as_str().expect("cost").parse().expect("a decimal") };
        let known_whole = known(&truth["cost_usd"]);
        let looser: Decimal = NOT_MEASURED_BY_ROUTE
            .iter()
            .filter_map(|service| truth["cost_by_service"].get(service))
            .map(known)
            .sum();
        let known_decided = known_whole - looser;
        let (said_decided, said_whole) = said.get(route).copied().unwrap_or_default();
        for (tally, said, known, bound) in [
            (
                &mut *decided,
                said_decided,
                known_decided,
                Decimal::new(5, 2),
            ),
            (&mut *whole, said_whole, known_whole, Decimal::new(20, 2)),
        ] {
            let off = (said - known) / known;
            let near = (said - known).abs() <= TENTH_OF_A_CENT;
            println!(
                "{route:?}: {said} for {known} USD, {:+.2}%",
                off * Decimal::ONE_HUNDRED
            );
            tally.see(near || off.abs() <= bound, || {
                format!("{route:?}: {said} for {known} USD")
            });
        }
    }
}

/// Σ over the reconciliation is the bill in the lake, and the settled days are the true bill.
async fn check_reconciliation(
    collected: &Collected,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    truth: &Value,
) {
    let report = collected.report("reconciliation", from, to).await;
    let mut sum = Decimal::ZERO;
    for row in report.table.rows() {
        let part = |name| {
            row.decimal(name)
                .unwrap_or_else(|| panic!("{name} is missing"))
        };
        let parts = part("to_routes_usd") + part("not_split_usd") + part("unexplained_usd");
        assert_eq!(
            parts,
            part("billed_usd"),
            "{:?} {:?}",
            row.text("service"),
            row.text("usage_type")
        );
        sum += part("billed_usd");
    }
    let bill: Decimal = truth["bill_usd"]
        .as_str()
        .expect("bill")
        .parse()
        .expect("a decimal");
    assert_eq!(sum, bill, "the reconciliation is the bill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_seeds_agree_with_the_simulators_truth() {
    let (mut close, mut inside) = (Tally::default(), Tally::default());
    let mut cold = Tally::default();
    let (mut decided, mut whole) = (Tally::default(), Tally::default());
    for seed in [1, 2, 3] {
        let account = Account::start(seed, DAYS, 1.0);
        let collected = Collected::empty().await;
        let summary = pass(account.collect_config(), &collected.lake).await;
        assert!(summary.is_complete(), "{summary:?}");

        let (from, to) = settled_day();
        let truth = truth(&account, from, to);
        let routes = true_routes(&truth);
        let report = collected.report("routes", from, to).await;
        // An inventory tells of the time that it was made at, not of the past.
        for source in report
            .coverage
            .sources
            .iter()
            .filter(|source| source.source != "discovery")
        {
            assert!(source.complete_share > 0.999, "{source:?}");
        }
        check_requests(&report, &routes);
        check_cost(&collected, (from, to), &routes, &mut decided, &mut whole).await;
        check_latency(
            &collected.report("latency-by-route", from, to).await,
            &routes,
            &mut close,
            &mut inside,
        );
        check_cold_starts(
            &collected.report("cold-starts-by-function", from, to).await,
            &truth,
            &mut cold,
        );
        check_reconciliation(&collected, from, to, &truth).await;
    }
    if close.held + close.missed.len() > 0 {
        close.at_least(1.0, "p50 and p95 within 3% where there are 2,000 traces");
    }
    inside.at_least(0.9, "p50 and p95 inside their 95% interval");
    cold.at_least(0.9, "cold-start rates inside their 95% interval");
    decided.at_least(
        1.0,
        "a route's cost, DynamoDB and logs apart, within 5% or a tenth of a cent",
    );
    whole.at_least(1.0, "a route's whole cost within 20%");
}
