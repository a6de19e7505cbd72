//! What is passed on is delivered once, soon, and to whom it is configured for.

use std::collections::BTreeMap;

use super::{minute_of, world};
use crate::{
    metrics::events::{Event, visit},
    model::{Delivery, Doing, EntryPoint, Minute, Target, Work},
};

fn deliveries(minute: &Minute) -> impl Iterator<Item = (&Work, &Delivery)> {
    minute.all().filter_map(|work| match &work.doing {
        Doing::Delivery(delivery) => Some((work, delivery)),
        _ => None,
    })
}

/// Messages, changed rows' writes, and objects that the minute's work leaves, counted apart.
fn left(minute: &Minute) -> (Vec<u128>, u64, u64) {
    let (mut messages, mut records, mut objects) = (Vec::new(), 0, 0);
    for work in minute.all() {
        visit(work, &mut |_, event| {
            let Event::Call(call) = event else { return };
            match &call.target {
                Target::Queue { message, .. } if work.sampled => messages.push(*message),
                Target::Table {
                    table,
                    operation,
                    write_milli_units,
                    ..
                } if table.0 == 2 && *write_milli_units > 0 => {
                    records += 1 + u64::from(*operation == "TransactWriteItems");
                }
                Target::Bucket {
                    bucket, operation, ..
                } if bucket.0 == 1 && *operation == "PutObject" && !call.failed => objects += 1,
                _ => {}
            }
        });
    }
    messages.sort_unstable();
    (messages, records, objects)
}

#[test]
fn what_is_passed_on_is_delivered_once() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let mut batched = 0;
        let mut by_kind: BTreeMap<&str, u64> = BTreeMap::new();
        for number in minute_of("2026-11-22T09:00:00Z")..minute_of("2026-11-22T11:00:00Z") {
            let minute = world.minute(number);
            let (messages, records, objects) = left(&minute);
            let mut received: Vec<u128> = deliveries(&minute)
                .flat_map(|(_, delivery)| delivery.senders.iter().map(|sender| sender.message))
                .collect();
            received.sort_unstable();
            assert_eq!(received, messages);
            let sum = |kind: &str| {
                deliveries(&minute)
                    .filter(|(_, own)| own.by.kind() == kind)
                    .map(|(_, own)| u64::from(own.records))
                    .sum::<u64>()
            };
            assert_eq!(sum("dynamodb-stream"), records);
            assert_eq!(sum("s3-event"), objects);
            assert_eq!(sum("schedule"), u64::from(number % 5 == 0));
            for (work, delivery) in deliveries(&minute) {
                *by_kind.entry(delivery.by.kind()).or_default() += 1;
                batched += u32::from(delivery.records > 1);
                let after = work.start - number * 60_000_000;
                assert!(
                    (0..120_000_000).contains(&after),
                    "in this minute or the next"
                );
                assert!(delivery.age_us >= 0 && delivery.age_us < 60_000_000);
                let waits = delivery.invocation.start - work.start;
                assert_eq!(waits > 0, delivery.is_asynchronous());
                assert_eq!(
                    delivery.by.function(world.estate()),
                    Some(delivery.invocation.function)
                );
            }
            assert!(minute.caused.is_sorted_by_key(|work| work.start));
        }
        assert!(batched > 100, "{batched}");
        assert_eq!(by_kind.len(), 4, "{by_kind:?}");
        assert!(by_kind.values().all(|count| *count >= 24), "{by_kind:?}");
    }
}

/// The minute that something is asked for by is that in which it starts.
#[test]
fn everything_starts_in_one_minute() {
    let world = world(1);
    let first = minute_of("2026-11-23T17:00:00Z");
    let mut seen: Vec<u128> = Vec::new();
    for minute in first..first + 30 {
        let started = world.started(minute);
        assert!(started.iter().is_sorted_by_key(|work| work.start));
        assert!(
            started
                .iter()
                .all(|work| work.start.div_euclid(60_000_000) == minute)
        );
        seen.extend(started.iter().map(|work| work.id));
    }
    let mut made: Vec<u128> = (first - 1..first + 30)
        .flat_map(|minute| {
            let minute = world.minute(minute);
            minute
                .all()
                .map(|work| (work.start, work.id))
                .collect::<Vec<_>>()
        })
        .filter(|(start, _)| (first..first + 30).contains(&start.div_euclid(60_000_000)))
        .map(|(_, id)| id)
        .collect();
    seen.sort_unstable();
    made.sort_unstable();
    assert_eq!(seen, made);
}

#[test]
fn batches_do_the_work_of_each_record() {
    let world = world(1);
    let mut compared = 0;
    for number in minute_of("2026-11-22T18:00:00Z")..minute_of("2026-11-22T18:30:00Z") {
        let minute = world.minute(number);
        for (_, delivery) in deliveries(&minute) {
            if let (EntryPoint::Stream(_), false) = (delivery.by, delivery.invocation.error) {
                assert_eq!(delivery.invocation.calls.len(), delivery.records as usize);
                compared += u32::from(delivery.records > 1);
            }
        }
    }
    assert!(compared > 20, "{compared}");
}

/// By another walk: every start of an order's fulfilment is one execution, which runs its tasks in
/// their order until one fails.
#[test]
fn executions_run_their_tasks_one_after_another() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let (mut failed, mut scheduled) = (0, 0);
        for number in minute_of("2026-11-22T16:00:00Z")..minute_of("2026-11-22T19:00:00Z") {
            let minute = world.minute(number);
            let (mut started, mut executions) = (0, 0);
            for work in minute.all() {
                visit(work, &mut |_, event| {
                    if let Event::Call(call) = event {
                        let is_start = matches!(call.target, Target::Machine { .. });
                        started += u32::from(is_start && !call.failed);
                    }
                });
                let Doing::Execution(execution) = &work.doing else {
                    continue;
                };
                let machine = world.estate().machine(execution.machine);
                executions += u32::from(!machine.express);
                scheduled += u32::from(machine.express);
                failed += u32::from(execution.failed);
                assert!(work.start < (number + 2) * 60_000_000);
                let mut at = work.start;
                for (run, task) in execution.tasks.iter().zip(machine.tasks) {
                    let invocation = &run.invocation;
                    assert_eq!(invocation.function, task.function);
                    assert!(at < run.start && run.start < invocation.start);
                    assert!(invocation.end() < run.end);
                    at = run.end;
                }
                assert!(at < execution.end && execution.end < at + 1_000_000);
                let complete = execution.tasks.len() == machine.tasks.len();
                assert!(complete || execution.failed);
                // Into Pick, to Ship, to Done and to the end.
                if !machine.express && !execution.failed {
                    assert_eq!(execution.transitions(), 4);
                }
            }
            assert_eq!(started, executions);
        }
        assert_eq!(scheduled, 12, "every quarter of an hour");
        assert!(failed > 0);
    }
}
