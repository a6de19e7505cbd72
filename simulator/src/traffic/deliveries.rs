//! What functions are given by schedules, queues, streams and buckets.

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;

use super::{
    Generator,
    draw::draw_us,
    invocation::{Asked, Course},
    profile::{self, LogNormal},
    sampling::Sampling,
    shape,
};
use crate::{
    estate::{self, Source},
    metrics::events::{Event, visit},
    model::{BucketId, Delivery, Doing, EntryPoint, FunctionId, Micros, Sender, Target, Work},
};

const SECOND: Micros = 1_000_000;

/// How long an event waits until it is delivered, ms: S3's notifications, and Lambda's own queue.
const NOTIFICATION_MS: LogNormal = LogNormal {
    median: 620.0,
    sigma: 0.5,
};
const DWELL_MS: LogNormal = LogNormal {
    median: 41.0,
    sigma: 0.6,
};

/// Something that waits to be delivered to a function.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    by: EntryPoint,
    since: Micros,
    /// The traced call that sent it.
    sender: Option<Sender>,
    /// Records that it is.
    records: u32,
}

impl Generator {
    /// Runs of the schedules that are due in the minute.
    pub(super) fn scheduled(&self, rng: &mut ChaCha8Rng, minute: i64, cold: &[f64]) -> Vec<Work> {
        let mut runs = Vec::new();
        for (index, schedule) in (0..).zip(&self.estate.schedules) {
            let due = minute.rem_euclid(i64::from(schedule.every_min)) == 0;
            if !due {
                continue;
            }
            if let estate::Target::Function(function) = schedule.target {
                let start = shape::start_of(minute) + rng.random_range(2 * SECOND..9 * SECOND);
                let own = Waiting {
                    by: EntryPoint::Schedule(index),
                    since: start,
                    sender: None,
                    records: 1,
                };
                runs.extend(self.deliver(rng, function, start, &[own], cold));
            }
        }
        self.sample_deliveries(rng, &mut runs);
        runs
    }

    /// What the work, executions included, passes on to other functions, by start. Nothing of it is
    /// passed on again.
    pub(super) fn passed_on<'a>(
        &self,
        rng: &mut ChaCha8Rng,
        work: impl Iterator<Item = &'a Work>,
        cold: &[f64],
    ) -> Vec<Work> {
        let mut waiting = Vec::new();
        for work in work {
            visit(work, &mut |_, event| {
                if let Event::Call(call) = event
                    && !call.failed
                {
                    waiting.extend(passed(work, &call.target, call.start + call.duration_us));
                }
            });
        }
        waiting.sort_by_key(|own: &Waiting| own.since);
        let mut caused = Vec::new();
        for source in &self.estate.event_sources {
            let by = match source.source {
                Source::Queue(queue) => EntryPoint::Queue(queue),
                Source::Stream(table) => EntryPoint::Stream(table),
            };
            let own: Vec<Waiting> = waiting.iter().filter(|own| own.by == by).copied().collect();
            let window = Micros::from(source.window_s) * SECOND;
            for batch in batches(&own, window, source.batch_size) {
                let full = batch.len() as u32 >= source.batch_size;
                let (first, last) = (batch[0].since, batch[batch.len() - 1].since);
                let closed = if full { last } else { first + window };
                let start = closed + rng.random_range(20_000..90_000);
                caused.extend(self.deliver(rng, source.function, start, batch, cold));
            }
        }
        for (index, bucket) in (0..).map(BucketId).zip(&self.estate.buckets) {
            let by = EntryPoint::Bucket(index);
            for notification in bucket.notifications {
                for own in waiting.iter().filter(|own| own.by == by) {
                    let start = own.since + draw_us(rng, NOTIFICATION_MS).min(20 * SECOND);
                    caused.extend(self.deliver(rng, notification.function, start, &[*own], cold));
                }
            }
        }
        caused.sort_by_key(|work| work.start);
        self.sample_deliveries(rng, &mut caused);
        caused
    }

    /// The delivery of what waited, which Lambda accepts at `start`.
    fn deliver(
        &self,
        rng: &mut ChaCha8Rng,
        function: FunctionId,
        start: Micros,
        batch: &[Waiting],
        cold: &[f64],
    ) -> Option<Work> {
        let behaviour = profile::without_api(function)?;
        let first = batch.first()?;
        let asynchronous = matches!(first.by, EntryPoint::Schedule(_) | EntryPoint::Bucket(_));
        let dwell = if asynchronous {
            draw_us(rng, DWELL_MS).min(5 * SECOND)
        } else {
            0
        };
        let course = if rng.random::<f64>() < behaviour.error {
            Course::Error
        } else {
            Course::Usual
        };
        let records = batch.iter().map(|own| own.records).sum();
        let asked = Asked {
            function,
            start: start + dwell,
            behaviour,
            course,
            records,
        };
        let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let invocation = self.invocation(rng, &asked, cold);
        let delivery = Delivery {
            by: first.by,
            records,
            age_us: invocation.start - first.since,
            senders: batch.iter().filter_map(|own| own.sender).collect(),
            invocation,
        };
        Some(Work {
            id,
            start,
            sampled: false,
            doing: Doing::Delivery(delivery),
        })
    }

    /// Lambda's sampling of deliveries, which are in the order of their starts.
    fn sample_deliveries(&self, rng: &mut ChaCha8Rng, deliveries: &mut [Work]) {
        let mut sampling = Sampling::new();
        for work in deliveries {
            if let Doing::Delivery(delivery) = &work.doing {
                work.sampled = sampling.takes(rng, delivery.invocation.function, work.start);
            }
        }
    }
}

/// What a call leaves to be delivered.
fn passed(work: &Work, target: &Target, since: Micros) -> Option<Waiting> {
    let (by, sender, records) = match *target {
        Target::Queue { queue, message } => {
            let sender = work.sampled.then_some(Sender {
                work: work.id,
                start: work.start,
                message,
            });
            (EntryPoint::Queue(queue), sender, 1)
        }
        Target::Table {
            table,
            operation,
            write_milli_units,
            ..
        } if write_milli_units > 0 => {
            // A transaction changes several items, each of which is a record.
            let records = if operation == "TransactWriteItems" {
                2
            } else {
                1
            };
            (EntryPoint::Stream(table), None, records)
        }
        Target::Bucket {
            bucket,
            operation: "PutObject",
            ..
        } => (EntryPoint::Bucket(bucket), None, 1),
        _ => return None,
    };
    Some(Waiting {
        by,
        since,
        sender,
        records,
    })
}

/// Cuts what waits, by time, into batches: one is full or its first has waited for the window.
fn batches(waiting: &[Waiting], window: Micros, size: u32) -> Vec<&[Waiting]> {
    let mut rest = waiting;
    let mut cut = Vec::new();
    while let Some(first) = rest.first() {
        let within = rest.partition_point(|own| own.since < first.since + window);
        let (batch, after) = rest.split_at(within.clamp(1, size.max(1) as usize));
        cut.push(batch);
        rest = after;
    }
    cut
}
