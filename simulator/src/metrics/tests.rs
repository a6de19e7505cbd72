//! Metrics against the bill: two views that must come to the same.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{series::Period, statistic::Statistic, usage::Meter};
use crate::{SimConfig, World, bill::Origin, decimal::Decimal12, prices::GB};

const DAY: &str = "2026-11-23";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A world whose error burst and runaway loop are on the day that is compared.
fn world(seed: u64) -> Arc<World> {
    World::new(SimConfig {
        scale: 0.3,
        ..SimConfig::new(seed, at("2026-11-21T00:00:00Z"), at("2026-11-24T09:30:00Z"))
    })
}

/// The statistic of a series over the whole day.
fn over_day(
    world: &World,
    namespace: &str,
    metric: &str,
    dimensions: &[(&str, &str)],
    statistic: Statistic,
) -> Option<f64> {
    let dimensions = dimensions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let series = world.series().find(namespace, metric, dimensions).unwrap();
    let day: NaiveDate = DAY.parse().unwrap();
    let first = crate::bill::midnight(day).timestamp() / 3_600;
    let mut period = Period::default();
    for hour in first..first + 24 {
        for minute in &world.hour(hour).minutes {
            period.add(series, minute, false);
        }
    }
    period.take(statistic)
}

/// What the day's bill says that was used, in the meter's own unit.
fn billed(world: &World, meter: Meter) -> f64 {
    let day: NaiveDate = DAY.parse().unwrap();
    let lines = world.bill().settled(day, day + TimeDelta::days(1));
    let line = lines
        .iter()
        .find(|line| line.origin == Origin::Meter(meter));
    line.unwrap().quantity.0 as f64 / Decimal12::ONE as f64
}

#[test]
fn what_the_log_groups_take_in_is_billed() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let mut bytes = 0.0;
        for function in &world.estate().functions {
            let group = function.log_group();
            let sum = |metric| {
                over_day(
                    &world,
                    "AWS/Logs",
                    metric,
                    &[("LogGroupName", &group)],
                    Statistic::Sum,
                )
            };
            let (own, events) = (sum("IncomingBytes"), sum("IncomingLogEvents"));
            let (Some(own), Some(events)) = (own, events) else {
                continue;
            };
            // START, END and REPORT at least, and lines of a usual length.
            assert!(
                (60.0..400.0).contains(&(own / events)),
                "{group}: {own} in {events}"
            );
            let invocations = over_day(
                &world,
                "AWS/Lambda",
                "Invocations",
                &[("FunctionName", function.name)],
                Statistic::Sum,
            );
            assert!(events >= 3.0 * invocations.unwrap(), "{group}");
            bytes += own;
        }
        let billed = billed(&world, Meter::LogBytes) * GB as f64;
        assert!((bytes - billed).abs() < 1.0, "{bytes} {billed}");
    }
}
