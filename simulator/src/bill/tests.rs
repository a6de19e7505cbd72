use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{BillLine, Origin, midnight};
use crate::{SimConfig, World, decimal::Decimal12, metrics::usage::Meter, prices};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn world(seed: u64) -> std::sync::Arc<World> {
    let mut config = SimConfig::new(seed, at("2026-10-28T00:00:00Z"), at("2026-11-06T09:30:00Z"));
    config.scale = 0.2;
    World::new(config)
}

fn total(lines: &[BillLine]) -> Decimal12 {
    lines.iter().map(|line| line.cost).sum()
}

#[test]
fn a_day_comes_late_low_and_is_restated() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let bill = world.bill();
        let (d, next) = (day("2026-11-03"), day("2026-11-04"));
        let settled = bill.settled(d, next);
        let as_of = |text: &str| bill.lines(d, next, at(text));
        assert!(
            as_of("2026-11-03T08:59:00Z").is_empty(),
            "eight hours behind"
        );
        let totals: Vec<Decimal12> = [
            "2026-11-03T09:00:00Z",
            "2026-11-03T19:00:00Z",
            "2026-11-04T06:00:00Z",
            "2026-11-04T08:00:00Z",
        ]
        .iter()
        .map(|text| total(&as_of(text)))
        .collect();
        assert!(totals.is_sorted() && totals[0] < totals[3], "{totals:?}");
        let estimated = as_of("2026-11-06T07:59:00Z");
        assert_eq!(total(&estimated), totals[3]);
        assert!(estimated.iter().all(|line| line.estimated));
        assert_eq!(estimated.len(), settled.len());
        for (early, late) in estimated.iter().zip(&settled) {
            assert_eq!(
                (early.service, &early.usage_type),
                (late.service, &late.usage_type)
            );
            if let Origin::Meter(_) = early.origin {
                let known = early.quantity.0 as f64 / late.quantity.0 as f64;
                assert!((0.9399..0.9901).contains(&known), "{known}");
            } else {
                assert_eq!(early.cost, late.cost);
            }
        }
        assert_eq!(as_of("2026-11-06T08:00:00Z"), settled);
        assert!(settled.iter().all(|line| !line.estimated));
        assert_eq!(
            bill.lines(d, next, at("2026-11-04T06:00:00Z")),
            as_of("2026-11-04T06:00:00Z"),
            "pure"
        );
    }
}

#[test]
fn quantities_are_the_usage_and_prices_are_net_of_the_discount() {
    let world = world(4);
    let (from, to) = (day("2026-10-28"), day("2026-11-06"));
    let lines = world.bill().settled(from, to);
    let minutes = |day| midnight(day).timestamp() / 60;
    let usage = world.usage(minutes(from), minutes(to));
    let of = |meter| {
        lines
            .iter()
            .filter(move |line| line.origin == Origin::Meter(meter))
    };
    for meter in Meter::ALL {
        let whole: Decimal12 = of(meter).map(|line| line.quantity).sum();
        let exact = usage.total(meter) as f64 / prices::rate(meter).in_a_unit as f64;
        assert!(
            (whole.0 as f64 / 1e12 - exact).abs() < 1e-6 * exact.max(1.0),
            "{meter:?}"
        );
    }
    // 7% less than $3.50 a million, and exactly so.
    for line in of(Meter::ApiRequests) {
        assert_eq!(line.cost.0, line.quantity.0 * 3_255_000 / Decimal12::ONE);
        assert_eq!(line.usage_type, "EUC1-ApiGatewayRequest");
    }
    assert_eq!(
        of(Meter::LambdaMbMsX86).next().unwrap().cost,
        Decimal12(0),
        "the first days of an account are free"
    );
}

#[test]
fn free_tiers_are_used_up_once_a_month() {
    let mut config = SimConfig::new(4, at("2026-10-31T00:00:00Z"), at("2026-11-06T09:30:00Z"));
    config.scale = 2.0;
    let world = World::new(config);
    let lines = world.bill().settled(day("2026-10-31"), day("2026-11-04"));
    let cost = |date: &str, suffix: &str| {
        let found = lines
            .iter()
            .filter(|l| l.date == day(date) && l.usage_type == format!("EUC1-{suffix}"));
        found
            .map(|line| (line.quantity.0 as f64 / 1e12, line.cost.0 as f64 / 1e12))
            .next()
            .unwrap()
    };
    for month in [["2026-10-31", "2026-10-31"], ["2026-11-01", "2026-11-03"]] {
        let (from, to) = (day(month[0]), day(month[1]));
        let mut billable = 0.0;
        let mut used = 0.0;
        for date in from.iter_days().take_while(|date| *date <= to) {
            let date = date.to_string();
            for suffix in ["Request", "Request-ARM"] {
                let (quantity, cost) = cost(&date, suffix);
                used += quantity;
                billable += cost / (2e-7 * 0.93);
            }
        }
        assert!(
            (used - billable - 20_000.0).abs() < 1e-3,
            "{month:?}: {used} {billable}"
        );
    }
    // Once it is used up, the price is that of the list less 7%, to the last digit.
    for (suffix, price) in [
        ("Lambda-GB-Second", 0.0000166667),
        ("Lambda-GB-Second-ARM", 0.0000133334),
    ] {
        let (quantity, cost) = cost("2026-11-03", suffix);
        assert!((cost / quantity / price - 0.93).abs() < 1e-9, "{suffix}");
    }
}

#[test]
fn what_is_not_ours_is_there_once() {
    let world = world(4);
    let lines = world.bill().settled(day("2026-10-28"), day("2026-11-06"));
    let tax: Vec<_> = lines
        .iter()
        .filter(|line| line.record_type == "Tax")
        .collect();
    assert_eq!(tax.len(), 1);
    assert_eq!((tax[0].date, tax[0].service), (day("2026-11-01"), "Tax"));
    let credits: Vec<_> = lines
        .iter()
        .filter(|line| line.record_type == "Credit")
        .collect();
    assert_eq!(credits.len(), 1);
    assert!(credits[0].cost < Decimal12(0));
    assert_eq!(
        credits[0].date,
        (world.config().anchor - TimeDelta::days(6)).date_naive()
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.usage_type == "HostedZone")
            .count(),
        1
    );
    for date in day("2026-10-28").iter_days().take(9) {
        let of_day: Vec<_> = lines.iter().filter(|line| line.date == date).collect();
        assert!(
            of_day
                .iter()
                .any(|line| line.usage_type == "EUC1-NatGateway-Hours")
        );
        assert!(of_day.iter().any(|line| line.service == "Amazon Route 53"));
    }
    assert!(
        world
            .bill()
            .settled(day("2026-10-01"), day("2026-10-28"))
            .is_empty(),
        "nothing before the birth"
    );
}
