//! Percentiles from histograms, held against the simulator's own latencies: of every route, also of those
//! that leave no trace, and of every function.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use millicent_analyzer::{Report, Row};
use millicent_collector::{CollectConfig, Source, System};
use serde_json::Value;

use crate::account::{Account, Collected, now, pass};

/// A percentile that fewer are above is one of a handful of requests.
const ABOVE_IT: f64 = 10.0;

/// Holds percentiles against the truth, and tells how many.
fn check(
    report: &Report,
    known: &BTreeMap<String, (f64, &Value)>,
    name: impl Fn(&Row<'_>) -> String,
    basis: &str,
) -> usize {
    let mut held = 0;
    for row in report.table.rows() {
        let name = name(&row);
        let (requests, truth) = known[&name];
        for (column, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            if requests * (1.0 - q) < ABOVE_IT {
                continue;
            }
            assert_eq!(row.text(basis), Some("histograms"), "{name}");
            let truth = truth[column].as_f64().expect("a percentile");
            let said = row.f64(&format!("{column}_ms")).expect("a percentile");
            held += 1;
            let bound = |end: &str| row.f64(&format!("{column}_{end}_ms"));
            let bounds = (bound("low"), bound("high"));
            let error = (said / truth - 1.0).abs();
            assert!(
                error < 0.02,
                "{name} {column}: {said:.4} in {bounds:?} for {truth:.4} ms of {requests}"
            );
            // What the buckets bound is certain.
            if let (Some(low), Some(high)) = bounds {
                assert!(
                    (low..=high).contains(&truth),
                    "{name} {column}: {truth} is not in {low}..{high} ms"
                );
            }
        }
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn percentiles_from_histograms_are_within_two_percent_of_the_truth() {
    let to = now()
        .date_naive()
        .and_hms_opt(0, 0, 0)
        .expect("midnight")
        .and_utc();
    let from = to - TimeDelta::days(1);
    for seed in [4, 5] {
        let account = Account::start(seed, 2, 1.0);
        let collected = Collected::empty().await;
        let config = CollectConfig {
            sources: vec![
                Source::Discovery,
                Source::Metrics(System::Lambda),
                Source::Metrics(System::ApiGateway),
                Source::Histograms,
            ],
            histograms: true,
            ..account.collect_config()
        };
        let summary = pass(config, &collected.lake).await;
        assert!(summary.is_complete(), "{summary:?}");

        let truth = serde_json::to_value(account.world.truth(from, to)).expect("JSON");
        let list = |name: &str| truth[name].as_array().expect("a list").iter();
        let text = |one: &Value, name: &str| one[name].as_str().expect("text").to_owned();
        let routes: BTreeMap<String, (f64, &Value)> = list("routes")
            .map(|one| {
                let key = format!("{} {}", text(one, "api"), text(one, "route"));
                let requests = one["requests"].as_f64().expect("requests");
                (key, (requests, &one["latency_ms"]))
            })
            .collect();
        let functions: BTreeMap<String, (f64, &Value)> = list("functions")
            .map(|one| {
                let invocations = one["invocations"].as_f64().expect("invocations");
                (text(one, "name"), (invocations, &one["duration_ms"]))
            })
            .collect();

        let of_route = |row: &Row<'_>| {
            let text = |name| row.text(name).expect("a route's key");
            format!("{} {}", text("api"), text("route"))
        };
        let report = collected.report("latency-by-route", from, to).await;
        assert_eq!(
            report.table.num_rows(),
            routes.len(),
            "every route is there"
        );
        let held = check(&report, &routes, of_route, "basis");
        let report = collected.report("routes", from, to).await;
        assert_eq!(check(&report, &routes, of_route, "latency_basis"), held);
        let report = collected.report("functions", from, to).await;
        let of_function = |row: &Row<'_>| row.text("function").expect("function").to_owned();
        let more = check(&report, &functions, of_function, "duration_basis");
        println!("seed {seed}: {held} percentiles of routes, {more} of functions");
        assert!(held > 40 && more > 40, "{held} {more}");
    }
}
