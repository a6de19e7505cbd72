//! Metrics against the bill: two views that must come to the same.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    events::{Event, visit},
    series::Period,
    statistic::Statistic,
    usage::Meter,
};
use crate::{SimConfig, World, bill::Origin, decimal::Decimal12, model::Target, prices::GB};

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

/// Every series of the namespace with all of its dimensions' names, summed over the day.
fn sums(world: &World, namespace: &str, metric: &str, names: &[&str], of: Statistic) -> f64 {
    let mut sum = 0.0;
    let own = world
        .series()
        .all()
        .iter()
        .filter(|s| s.namespace == namespace && s.metric == metric);
    for series in own {
        let dimensions: Vec<(&str, &str)> = series
            .dimensions
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if dimensions
            .iter()
            .map(|(name, _)| *name)
            .eq(names.iter().copied())
        {
            sum += over_day(world, namespace, metric, &dimensions, of).unwrap_or(0.0);
        }
    }
    sum
}

#[test]
fn what_tables_and_indexes_consume_is_billed() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let consumed = |metric: &str, names: &[&str]| {
            sums(&world, "AWS/DynamoDB", metric, names, Statistic::Sum)
        };
        for (metric, meter) in [
            ("ConsumedReadCapacityUnits", Meter::TableReadMilliUnits),
            ("ConsumedWriteCapacityUnits", Meter::TableWriteMilliUnits),
        ] {
            let tables = consumed(metric, &["TableName"]);
            let indexes = consumed(metric, &["GlobalSecondaryIndexName", "TableName"]);
            assert!(tables > 0.0 && indexes > 0.0, "{metric}");
            let billed = billed(&world, meter);
            let sum = tables + indexes;
            assert!((sum - billed).abs() < 1e-3, "{metric}: {sum} {billed}");
        }
    }
}

/// What calls of tables and buckets came to in a day, by a walk of its own.
#[derive(Default)]
struct Calls {
    table_successes: u64,
    table_attempts_throttled: u64,
    writes_throttled: u64,
    media_requests: u64,
    media_bytes: u64,
}

fn calls(world: &World) -> Calls {
    let day: NaiveDate = DAY.parse().unwrap();
    let first = crate::bill::midnight(day).timestamp() / 60;
    let within = first * 60_000_000..(first + 1_440) * 60_000_000;
    let mut found = Calls::default();
    for minute in first - 1..first + 1_440 {
        for work in world.minute(minute).all() {
            visit(work, &mut |at, event| {
                let Event::Call(call) = event else { return };
                if !within.contains(&at) {
                    return;
                }
                let attempts = 1 + u64::from(call.retries);
                match &call.target {
                    Target::Table { operation, .. } if call.failed => {
                        found.table_attempts_throttled += attempts;
                        let write = operation.contains("Write")
                            || operation.starts_with("P")
                            || operation.starts_with("U");
                        found.writes_throttled += attempts * u64::from(write);
                    }
                    Target::Table { .. } => found.table_successes += 1,
                    Target::Bucket { bucket, bytes, .. } if bucket.0 == 0 => {
                        found.media_requests += attempts;
                        found.media_bytes += bytes;
                    }
                    Target::Bucket { .. }
                    | Target::Queue { .. }
                    | Target::Machine { .. }
                    | Target::AsyncFunction(_) => {}
                }
            });
        }
    }
    found
}

#[test]
fn tables_and_buckets_count_their_calls() {
    let world = world(2);
    let calls = calls(&world);
    let sum = |metric: &str, names: &[&str], of| sums(&world, "AWS/DynamoDB", metric, names, of);
    let operation = ["Operation", "TableName"];
    let successes = sum(
        "SuccessfulRequestLatency",
        &operation,
        Statistic::SampleCount,
    );
    assert_eq!(successes, calls.table_successes as f64);
    let throttled = sum("ThrottledRequests", &operation, Statistic::Sum);
    assert!(calls.writes_throttled > 0 && throttled > calls.writes_throttled as f64);
    assert_eq!(throttled, calls.table_attempts_throttled as f64);
    let events = |metric| sum(metric, &["TableName"], Statistic::Sum);
    assert_eq!(events("WriteThrottleEvents"), calls.writes_throttled as f64);
    assert_eq!(
        events("WriteKeyRangeThroughputThrottleEvents"),
        calls.writes_throttled as f64
    );
    assert_eq!(
        events("ReadThrottleEvents"),
        (calls.table_attempts_throttled - calls.writes_throttled) as f64
    );
    assert!(sum("ReturnedItemCount", &operation, Statistic::Sum) > successes);

    let media = |metric: &str| {
        sums(
            &world,
            "AWS/S3",
            metric,
            &["BucketName", "FilterId"],
            Statistic::Sum,
        )
    };
    assert_eq!(media("AllRequests"), calls.media_requests as f64);
    assert_eq!(media("GetRequests"), calls.media_requests as f64);
    assert_eq!(media("BytesDownloaded"), calls.media_bytes as f64);
    assert!(media("5xxErrors") < 0.05 * media("AllRequests"));
}

#[test]
fn events_are_received_once() {
    let world = world(3);
    let received = |function: &str| {
        let dimensions = [("FunctionName", function)];
        let sum = |metric, of| over_day(&world, "AWS/Lambda", metric, &dimensions, of).unwrap();
        let invocations = sum("Invocations", Statistic::Sum);
        let events = sum("AsyncEventsReceived", Statistic::Sum);
        assert_eq!(events, sum("AsyncEventAge", Statistic::SampleCount));
        assert!(sum("AsyncEventAge", Statistic::Average) > 5.0);
        // Each event is one invocation, at the edges of the day maybe on the other side.
        assert!(
            (events - invocations).abs() <= 2.0,
            "{function}: {events} {invocations}"
        );
        events
    };
    assert!(received("shop-invoice-writer") >= received("shop-invoice-index"));
    assert_eq!(received("shop-cleanup"), 288.0);
    let dimensions = [("FunctionName", "shop-projector")];
    let age = over_day(
        &world,
        "AWS/Lambda",
        "IteratorAge",
        &dimensions,
        Statistic::Maximum,
    );
    assert!((1_000.0..3_000.0).contains(&age.unwrap()), "{age:?}");
}

#[test]
fn executions_are_counted_and_billed() {
    let world = world(2);
    let arns = ["order-fulfilment", "price-import"].map(|name| {
        let machines = &world.estate().state_machines;
        let machine = machines.iter().find(|own| own.name == name).unwrap();
        machine.arn.as_str()
    });
    let sum = |arn: &str, metric: &str, of| {
        over_day(
            &world,
            "AWS/States",
            metric,
            &[("StateMachineArn", arn)],
            of,
        )
        .unwrap_or(0.0)
    };
    for arn in arns {
        let started = sum(arn, "ExecutionsStarted", Statistic::Sum);
        assert_eq!(
            sum(arn, "ExecutionsStarted", Statistic::SampleCount),
            2.0 * started,
            "each start is told twice"
        );
        let ended = sum(arn, "ExecutionsSucceeded", Statistic::Sum)
            + sum(arn, "ExecutionsFailed", Statistic::Sum);
        assert!((started - ended).abs() <= 1.0 && started > 90.0);
        assert_eq!(ended, sum(arn, "ExecutionTime", Statistic::SampleCount));
    }
    // Four transitions when all goes well, fewer when it does not.
    let started = sum(arns[0], "ExecutionsStarted", Statistic::Sum);
    let transitions = billed(&world, Meter::StateTransitions);
    assert!(transitions < 4.0 * started && transitions > 3.8 * started);
    assert_eq!(billed(&world, Meter::ExpressRequests), 96.0);
    let ms = sum(arns[1], "ExpressExecutionBilledDuration", Statistic::Sum);
    assert_eq!(ms % 100.0, 0.0);
    let bytes = sum(arns[1], "ExpressExecutionBilledMemory", Statistic::Sum);
    assert_eq!(bytes, 96.0 * f64::from(64 << 20));
    let gb_s = billed(&world, Meter::ExpressMbMs);
    assert!((ms / 1_000.0 / 16.0 - gb_s).abs() < 1e-6, "{ms} {gb_s}");
}

/// What finds an environment ready is billed at its own price, and costs beside that for every hour.
#[test]
fn provisioned_environments_are_counted_and_billed() {
    for seed in [1, 2] {
        let world = world(seed);
        let alias = [
            ("FunctionName", "shop-search"),
            ("Resource", "shop-search:live"),
        ];
        let told = |metric, of| over_day(&world, "AWS/Lambda", metric, &alias, of).unwrap();
        let sum = |metric| told(metric, Statistic::Sum);
        let ran = sum("ProvisionedConcurrencyInvocations");
        let spilled = sum("ProvisionedConcurrencySpilloverInvocations");
        assert_eq!(ran + spilled, sum("Invocations"));
        assert!(spilled > 0.0 && spilled < ran / 5.0, "{spilled} of {ran}");
        let most = told("ProvisionedConcurrentExecutions", Statistic::Maximum);
        assert!((1.0..=2.0).contains(&most), "{most}");
        let busy = told("ProvisionedConcurrencyUtilization", Statistic::Maximum);
        assert_eq!(busy, most / 2.0);

        let (mut gb_s, mut colds) = (0.0, 0);
        let first = at("2026-11-23T00:00:00Z").timestamp() / 60;
        for minute in first..first + 24 * 60 {
            for (_, request) in world.minute(minute).requests() {
                let invocation = &request.invocation;
                if invocation.provisioned {
                    let ms = (invocation.duration_us as f64 / 1_000.0).ceil();
                    gb_s += ms / 1_000.0 * f64::from(invocation.memory_mb) / 1_024.0;
                    colds += u64::from(invocation.init_us.is_some());
                }
            }
        }
        assert_eq!(colds, 0, "a ready environment is initialised");
        let billed = billed(&world, Meter::LambdaProvisionedMbMsX86);
        assert!((billed / gb_s - 1.0).abs() < 1e-3, "{billed} of {gb_s}");
        let day = "2026-11-23".parse().unwrap();
        let lines = world.bill().settled(day, day + TimeDelta::days(1));
        let ready: Vec<_> = lines
            .iter()
            .filter(|line| line.usage_type.contains("Provisioned-Concurrency"))
            .map(|line| (line.usage_type.as_str(), line.quantity.to_string()))
            .collect();
        // Two environments of 2 GB for a day.
        let kept = ("EUC1-Lambda-Provisioned-Concurrency", "345600".to_owned());
        assert_eq!(ready, [kept]);
    }
}
