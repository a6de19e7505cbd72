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
    // API Gateway has no metric of the connections that end.
    let counted = |key: &Key| key.2 != "$disconnect";
    let seen: BTreeMap<Key, i64> = report
        .table
        .rows()
        .filter(|row| counted(&key(row)))
        .map(|row| (key(&row), row.f64("requests").expect("requests") as i64))
        .collect();
    let known: BTreeMap<Key, i64> = truth
        .iter()
        .filter(|(key, _)| counted(key))
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

/// How much longer requests wait that find their function cold.
fn check_penalties(report: &Report, truth: &BTreeMap<Key, Value>, tally: &mut Tally) {
    for row in report.table.rows() {
        let route = key(&row);
        let known = truth[&route]["cold_start_penalty_ms"].as_f64();
        let bounds = row.f64("penalty_low_ms").zip(row.f64("penalty_high_ms"));
        // Three cold traces tell little; with fewer nothing is said.
        if let (Some(known), Some((low, high))) = (known, bounds) {
            tally.see((low..=high).contains(&known), || {
                format!("{route:?}: a cold start adds {known:.0} ms, not in {low:.0}..{high:.0}")
            });
        }
    }
}

/// The one deploy of the scenario is told, and what is more than the function's own cold starts is in the
/// stated interval.
async fn check_storm(
    collected: &Collected,
    account: &Account,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) {
    let report = collected.report("cold-start-storms", from, to).await;
    let of = |truth: &Value| {
        let functions = truth["functions"].as_array().expect("functions");
        let own = functions.iter().find(|own| own["name"] == "shop-catalog");
        let number = |name: &str| own.expect("it ran")[name].as_f64().expect("a number");
        (number("cold_starts"), number("invocations"))
    };
    let (usual_cold, usual) = of(&truth(account, from - TimeDelta::days(1), from));
    let mut hours = 0;
    for row in report.table.rows() {
        assert_eq!(row.text("function"), Some("shop-catalog"));
        assert_eq!(row.i64("hour"), Some(0), "the storm lasts half an hour");
        let time = |name| row.timestamp(name).expect("a time");
        let (cold, invocations) = of(&truth(account, time("starts"), time("ends")));
        let excess = cold - invocations * usual_cold / usual;
        let (low, high) = (row.f64("excess_low"), row.f64("excess_high"));
        let (low, high) = (low.expect("low"), high.expect("high"));
        assert!(
            (low..=high).contains(&excess),
            "{excess:.0} cold starts more, not in {low:.0}..{high:.0}"
        );
        hours += 1;
    }
    assert_eq!(hours, 1, "the deploy's storm, and no other");
}

/// What the requests cost that failed, of routes with enough of them.
fn check_errors(report: &Report, truth: &BTreeMap<Key, Value>, tally: &mut Tally) {
    let name = |key: &Key| format!("{}/{} {}", key.0, key.1, key.2);
    let truth: BTreeMap<String, &Value> = truth.iter().map(|(key, own)| (name(key), own)).collect();
    let routes = report.table.rows();
    for row in routes.filter(|row| row.text("kind") == Some("route")) {
        let route = row.text("name").expect("a name");
        let known = truth[route];
        assert_eq!(row.f64("failed"), known["errors_5xx"].as_f64(), "{route}");
        let failures = row.f64("failed").expect("counted");
        if failures < ENOUGH_FAILURES {
            continue;
        }
        let cost: Decimal = known["failed_usd"]
            .as_str()
            .expect("cost")
            .parse()
            .expect("a decimal");
        let said = row.decimal("failed_usd").expect("a cost");
        let bounds = row
            .decimal("failed_low_usd")
            .zip(row.decimal("failed_high_usd"));
        let basis = row.text("basis").expect("a basis");
        println!("{route}: {failures} failed cost {said} in {bounds:?} for {cost} USD, {basis}");
        // What they log more, and where none is traced what they leave out, nothing tells.
        tally.see((said - cost).abs() <= cost / Decimal::TWO, || {
            format!("{route}: {failures} failed requests cost {said} for {cost} USD, {basis}")
        });
    }
}

/// Of fewer nobody asks what they cost.
const ENOUGH_FAILURES: f64 = 50.0;

/// What a route with a handful of traces a day may be off.
const TENTH_OF_A_CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// How far a service's part of the routes' costs is off, over all routes and seeds.
#[derive(Default)]
struct Error {
    /// Σ |said − known| and Σ known, USD.
    off_usd: Decimal,
    known_usd: Decimal,
    worst_usd: Decimal,
    worst: String,
}

/// Holds each route's whole cost against the truth, no service left out, and measures each service.
async fn check_cost(
    collected: &Collected,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    truth: &BTreeMap<Key, Value>,
    whole: &mut Tally,
    services: &mut BTreeMap<String, Error>,
) {
    let report = collected
        .report("cost-by-route-and-service", from, to)
        .await;
    let mut said: BTreeMap<Key, BTreeMap<String, Decimal>> = BTreeMap::new();
    for row in report
        .table
        .rows()
        .filter(|row| row.text("route").is_some())
    {
        let cost = row.decimal("cost_usd").expect("cost");
        let service = row.text("service").expect("service").to_owned();
        *said
            .entry(key(&row))
            .or_default()
            .entry(service)
            .or_default() += cost;
    }
    let decimal = |cost: &Value| -> Decimal {
        let text = cost.as_str().expect("cost");
        text.parse().expect("a decimal")
    };
    for (route, truth) in truth {
        let mut parts = said.remove(route).unwrap_or_default();
        let said: Decimal = parts.values().sum();
        let known = decimal(&truth["cost_usd"]);
        let off = (said - known).abs();
        println!(
            "{route:?}: {said} for {known} USD, {:+.2}%",
            (said - known) / known * Decimal::ONE_HUNDRED
        );
        whole.see(
            off <= TENTH_OF_A_CENT || off <= known * Decimal::new(5, 2),
            || format!("{route:?}: {said} for {known} USD"),
        );
        let known = truth["cost_by_service"].as_object().expect("services");
        let known = known.iter().map(|(service, cost)| (service, decimal(cost)));
        let mut known: BTreeMap<String, Decimal> = known
            .map(|(service, cost)| (service.clone(), cost))
            .collect();
        for service in parts.keys() {
            known.entry(service.clone()).or_default();
        }
        for (service, known) in known {
            let said = parts.remove(&service).unwrap_or_default();
            let error = services.entry(service).or_default();
            error.off_usd += (said - known).abs();
            error.known_usd += known;
            if (said - known).abs() > error.worst_usd {
                error.worst_usd = (said - known).abs();
                error.worst = format!("{}: {said} for {known}", route.2);
            }
        }
    }
    assert!(said.is_empty(), "there are no such routes: {said:?}");
}

/// How often the interval that a route's cost is said to lie in holds the true cost.
fn check_intervals(report: &Report, truth: &BTreeMap<Key, Value>, tally: &mut Tally) {
    for row in report.table.rows() {
        let route = key(&row);
        let known = truth[&route]["cost_usd"].as_str().expect("cost");
        let known: Decimal = known.parse().expect("a decimal");
        let bound = |name| row.decimal(name).expect("a bound");
        let (low, high) = (bound("cost_low_usd"), bound("cost_high_usd"));
        tally.see((low..=high).contains(&known), || {
            format!("{route:?}: {known} not in {low}..{high} USD")
        });
    }
}

/// Holds what else starts work against the truth: how often it did, and its whole cost.
fn check_entry_points(report: &Report, truth: &Value, whole: &mut Tally, intervals: &mut Tally) {
    let mut known: BTreeMap<(&str, &str), &Value> = BTreeMap::new();
    for entry in truth["entry_points"].as_array().expect("entry points") {
        // The configuration shows no schedules: what it starts is told by the function.
        let kind = match entry["kind"].as_str().expect("kind") {
            "queue" => "sqs",
            "schedule" => "direct",
            kind => kind,
        };
        known.insert((kind, entry["name"].as_str().expect("name")), entry);
    }
    let rows = report.table.rows();
    for row in rows.filter(|row| row.text("kind") != Some("route")) {
        let key = (
            row.text("kind").expect("kind"),
            row.text("name").expect("name"),
        );
        let Some(entry) = known.remove(&key) else {
            panic!("there is no such entry point: {key:?}");
        };
        assert_eq!(
            row.f64("starts"),
            entry["starts"].as_f64(),
            "starts of {key:?}"
        );
        let cost: Decimal = entry["cost_usd"]
            .as_str()
            .expect("cost")
            .parse()
            .expect("a decimal");
        let value = |name| row.decimal(name).expect("a cost");
        let (said, low, high) = (
            value("cost_usd"),
            value("cost_low_usd"),
            value("cost_high_usd"),
        );
        println!("{key:?}: {said} in {low}..{high} for {cost} USD");
        let off = (said - cost).abs();
        whole.see(
            off <= TENTH_OF_A_CENT || off <= cost * Decimal::new(5, 2),
            || format!("{key:?}: {said} for {cost} USD"),
        );
        intervals.see((low..=high).contains(&cost), || {
            format!("{key:?}: {cost} not in {low}..{high} USD")
        });
    }
    assert!(known.is_empty(), "not told: {known:?}");
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
        let placed = part("to_routes_usd") + part("to_triggers_usd");
        let parts = placed + part("not_split_usd") + part("unexplained_usd");
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
    let (mut penalties, mut errors) = (Tally::default(), Tally::default());
    let mut costs = Tally::default();
    let (mut whole, mut services) = (Tally::default(), BTreeMap::new());
    let (mut estimated, mut estimated_services) = (Tally::default(), BTreeMap::new());
    let (mut entries, mut entry_intervals) = (Tally::default(), Tally::default());
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
        check_intervals(&report, &routes, &mut costs);
        check_cost(&collected, (from, to), &routes, &mut whole, &mut services).await;
        check_entry_points(
            &collected.report("entry-points", from, to).await,
            &truth,
            &mut entries,
            &mut entry_intervals,
        );
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
        let report = collected.report("cold-starts-by-route", from, to).await;
        check_penalties(&report, &routes, &mut penalties);
        check_storm(&collected, &account, from, to).await;

        // The day after has no final bill yet: what was used, at the prices learnt from those that have.
        let day = (to, to + TimeDelta::days(1));
        let truth = true_routes(&self::truth(&account, day.0, day.1));
        // The error burst is on it.
        let report = collected.report("cost-of-errors", day.0, day.1).await;
        check_errors(&report, &truth, &mut errors);
        check_cost(
            &collected,
            day,
            &truth,
            &mut estimated,
            &mut estimated_services,
        )
        .await;
    }
    if close.held + close.missed.len() > 0 {
        close.at_least(1.0, "p50 and p95 within 3% where there are 2,000 traces");
    }
    inside.at_least(0.9, "p50 and p95 inside their 95% interval");
    cold.at_least(0.9, "cold-start rates inside their 95% interval");
    penalties.at_least(0.9, "cold-start penalties inside their 95% interval");
    errors.at_least(1.0, "failed requests' cost within a half");
    costs.at_least(0.9, "a route's cost inside its 95% interval");
    entries.at_least(
        0.96,
        "another entry point's whole cost within 5% or a tenth of a cent",
    );
    entry_intervals.at_least(0.9, "another entry point's cost inside its 95% interval");
    for (what, services) in [("billed", &services), ("estimated", &estimated_services)] {
        for (service, error) in services {
            println!(
                "{what} {service}: off by {:.2}% of {} USD, most in {}",
                error.off_usd / error.known_usd * Decimal::ONE_HUNDRED,
                error.known_usd,
                error.worst
            );
            assert!(
                error.off_usd <= error.known_usd / Decimal::TEN,
                "{what} {service}: off by {} of {} USD",
                error.off_usd,
                error.known_usd
            );
        }
    }
    estimated.at_least(
        0.96,
        "a route's cost before its bill came within 5% or a tenth of a cent",
    );
    // A route of a few hundred requests a day has a few dozen traces, and misses now and then.
    whole.at_least(0.96, "a route's whole cost within 5% or a tenth of a cent");
}
