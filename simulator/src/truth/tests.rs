use chrono::{DateTime, Utc};

use crate::{SimConfig, World, decimal::Decimal12};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn world(seed: u64) -> std::sync::Arc<World> {
    let mut config = SimConfig::new(seed, at("2026-10-29T00:00:00Z"), at("2026-11-04T09:30:00Z"));
    config.scale = 0.3;
    World::new(config)
}

#[test]
fn routes_and_the_rest_come_to_the_bill() {
    let windows = [
        ("2026-10-29T00:00:00Z", "2026-11-04T00:00:00Z"),
        ("2026-10-31T13:07:00Z", "2026-11-02T04:41:00Z"),
        ("2026-11-03T10:00:00Z", "2026-11-03T10:01:00Z"),
        ("2026-11-03T10:00:00Z", "2026-11-03T10:00:00Z"),
        ("2026-10-20T10:00:00Z", "2026-10-30T10:00:00Z"),
    ];
    for seed in [1, 2, 3] {
        let world = world(seed);
        for (from, to) in windows {
            let truth = world.truth(at(from), at(to));
            let routes: Decimal12 = truth.routes.iter().map(|route| route.cost_usd).sum();
            let rest: Decimal12 = truth.not_routes.iter().map(|line| line.cost_usd).sum();
            let lines: Decimal12 = truth.bill.iter().map(|line| line.cost_usd).sum();
            assert_eq!(routes + rest, truth.bill_usd, "seed {seed}, {from}");
            assert_eq!(lines, truth.bill_usd, "seed {seed}, {from}");
            let of_functions: Decimal12 = truth
                .functions
                .iter()
                .map(|function| function.cost_usd)
                .sum();
            let lambda: Decimal12 = truth
                .routes
                .iter()
                .filter_map(|route| route.cost_by_service.get("AWS Lambda"))
                .copied()
                .sum();
            assert_eq!(of_functions, lambda, "seed {seed}, {from}");
            for route in &truth.routes {
                assert_eq!(
                    route.cost_by_service.values().copied().sum::<Decimal12>(),
                    route.cost_usd
                );
            }
        }
    }
}

#[test]
fn print() {
    let world = World::new(SimConfig::new(
        7,
        at("2026-11-09T00:00:00Z"),
        at("2026-11-24T09:30:00Z"),
    ));
    let begun = std::time::Instant::now();
    let truth = world.truth(at("2026-11-09T00:00:00Z"), at("2026-11-24T00:00:00Z"));
    println!("{:?}", begun.elapsed());
    println!("{}", serde_json::to_string_pretty(&truth.routes).unwrap());
    println!(
        "{}",
        serde_json::to_string_pretty(&truth.functions).unwrap()
    );
    println!(
        "{}",
        serde_json::to_string_pretty(&truth.not_routes).unwrap()
    );
    for line in truth
        .bill
        .iter()
        .filter(|l| [10, 23].contains(&chrono::Datelike::day(&l.date)))
    {
        println!("{line:?}")
    }
    println!("{}", truth.bill_usd);
    for h in ["2026-11-23T10:00:00Z", "2026-11-23T15:00:00Z"] {
        let t = world.truth(at(h), at(h) + chrono::TimeDelta::hours(3));
        let r = t
            .routes
            .iter()
            .find(|r| r.route.contains("webhook"))
            .unwrap();
        println!("{} {} {}", h, r.requests, r.cost_usd);
    }
}
