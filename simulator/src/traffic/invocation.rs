//! One invocation: how it starts, what it calls, how it ends.

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;

use super::{
    Generator,
    draw::{between, draw_us},
    profile::{self, Behaviour, CallSpec, LogNormal, TargetSpec},
};
use crate::model::{Call, FunctionId, Invocation, Micros, Target};

/// Bytes of a line that a handler logs.
const CALL_LINE_BYTES: u64 = 140;
/// START, END and REPORT.
const PLATFORM_LINES: u64 = 3;
/// Their bytes.
const PLATFORM_BYTES: u64 = 330;

/// For every request that waits for an initialisation although environments are provisioned, so many
/// find all of those busy: the others run in environments that are still there from before.
const SPILLED_FOR_EACH_COLD: f64 = 3.0;
/// Percent of a restoration that is billed, inclusive: loading the runtime and its hooks, not the
/// snapshot. REPORT lines that were published have 8 to 59.
const RESTORE_BILLED_PERCENT: (i64, i64) = (15, 40);
/// Percent that a restoration takes of the initialisation that it stands for.
const RESTORE_PERCENT: i64 = 38;

/// What the handler does about its work.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Course {
    Usual,
    ClientError,
    Error,
    Throttled,
    Runaway,
}

/// What a function is asked to do.
pub(super) struct Asked<'a> {
    pub(super) function: FunctionId,
    pub(super) start: Micros,
    pub(super) behaviour: &'a Behaviour,
    pub(super) course: Course,
    /// Records that it is given at once, each of which it does its calls for.
    pub(super) records: u32,
}

/// A handler at work: the time that it is at, and the calls that it made.
struct Handler {
    cursor: Micros,
    calls: Vec<Call>,
}

impl Generator {
    pub(super) fn invocation(
        &self,
        rng: &mut ChaCha8Rng,
        asked: &Asked<'_>,
        cold: &[f64],
    ) -> Invocation {
        let &Asked {
            function,
            start,
            behaviour,
            course,
            records,
        } = asked;
        let profile = &profile::STARTS[usize::from(function.0)];
        let memory_mb = self.estate.memory_mb(function, start);
        if course == Course::Throttled {
            let (error, throttled, duration_us) = (false, true, 0);
            let (placement_us, init_us, calls) = (0, None, Vec::new());
            let (init_billed_us, provisioned) = (0, false);
            let (log_bytes, log_events) = (0, 0);
            return Invocation {
                function,
                start,
                placement_us,
                init_us,
                init_billed_us,
                provisioned,
                duration_us,
                error,
                throttled,
                memory_mb,
                log_bytes,
                log_events,
                calls,
            };
        }
        let configured = self.estate.function(function);
        let draw = rng.random::<f64>();
        let is_cold = draw < cold[usize::from(function.0)];
        let provisioned = configured.provisioned_concurrency > 0
            && draw >= SPILLED_FOR_EACH_COLD * cold[usize::from(function.0)];
        let (placement_us, init_us) = if is_cold {
            let placement = draw_us(
                rng,
                LogNormal {
                    median: 270.0,
                    sigma: 0.4,
                },
            )
            .clamp(160_000, 750_000);
            let init = draw_us(rng, profile.init_ms).clamp(200_000, 3_000_000);
            let restored = configured.snap_start;
            (
                placement,
                Some(if restored {
                    init * RESTORE_PERCENT / 100
                } else {
                    init
                }),
            )
        } else {
            (rng.random_range(4_000..10_000), None)
        };
        let init_billed_us = match init_us {
            Some(restore) if configured.snap_start => {
                let (least, most) = RESTORE_BILLED_PERCENT;
                restore * (least + restore % (most - least + 1)) / 100
            }
            init => init.unwrap_or(0),
        };
        // A fresh environment compiles and opens its connections in its first request.
        let slower = if is_cold { 1.7 } else { 1.0 };
        // More memory is more processor: what the deploy bought.
        let faster = if memory_mb > self.estate.memory_mb(function, 0) {
            0.72
        } else {
            1.0
        };
        let more = 1.0 + 0.4 * f64::from(records - 1);
        let compute_us =
            (draw_us(rng, behaviour.compute_ms) as f64 * slower * faster * more) as i64;

        let handler_start = start + placement_us + init_us.unwrap_or(0);
        let mut handler = Handler {
            cursor: handler_start + compute_us * 2 / 5,
            calls: Vec::new(),
        };
        let calls = match course {
            Course::ClientError => &behaviour.calls[..behaviour.calls.len().min(1)],
            _ => behaviour.calls,
        };
        let failing = if course == Course::Error {
            behaviour.failing_call()
        } else {
            None
        };
        let made = &calls[..failing.map_or(calls.len(), |index| index + 1)];
        let for_each_record = (0..records).flat_map(|_| made.iter().enumerate());
        for (index, spec) in for_each_record {
            let failed = Some(index) == failing;
            if failed || spec.probability >= 1.0 || rng.random::<f64>() < spec.probability {
                self.call(rng, &mut handler, spec, failed, cold);
                handler.cursor += rng.random_range(80..900);
            }
        }
        if course == Course::Runaway {
            let turns = rng.random_range(profile::RETRIES.0..=profile::RETRIES.1);
            handler.calls.reserve(turns as usize);
            for _ in 0..turns {
                handler.cursor += draw_us(rng, profile::BACK_OFF_MS);
                self.call(rng, &mut handler, &profile::RETRIED_UPDATE, false, cold);
            }
        }
        let end = handler.cursor + compute_us * 3 / 5;
        let error = course == Course::Error;
        // A line about each call, and a stack trace, which is one event, when it failed.
        let calls = handler.calls.len() as u64;
        let lines = CALL_LINE_BYTES * calls + if error { 2_600 } else { 0 };
        let own_lines = profile.log_bytes.saturating_sub(PLATFORM_BYTES) / CALL_LINE_BYTES;
        Invocation {
            function,
            start,
            placement_us,
            init_us,
            init_billed_us,
            provisioned,
            duration_us: end - handler_start,
            error,
            throttled: false,
            memory_mb,
            log_bytes: profile.log_bytes + lines,
            log_events: PLATFORM_LINES + own_lines + calls + u64::from(error),
            calls: handler.calls,
        }
    }

    fn call(
        &self,
        rng: &mut ChaCha8Rng,
        handler: &mut Handler,
        spec: &CallSpec,
        failed: bool,
        cold: &[f64],
    ) {
        let start = handler.cursor;
        let mut duration_us = draw_us(rng, spec.ms);
        let retries = if failed {
            2
        } else {
            u8::from(rng.random::<f64>() < 0.003)
        };
        if retries > 0 {
            duration_us += i64::from(retries) * (duration_us + 50_000);
        }
        let target = match spec.target {
            TargetSpec::Table {
                table,
                operation,
                read_halves,
                write,
                index,
                index_write,
            } => {
                let (read_milli_units, write_milli_units) = if failed {
                    (0, 0)
                } else {
                    (between(rng, read_halves) * 500, between(rng, write) * 1_000)
                };
                Target::Table {
                    table,
                    operation,
                    read_milli_units,
                    write_milli_units,
                    index,
                    index_write_milli_units: if failed { 0 } else { index_write * 1_000 },
                }
            }
            TargetSpec::Bucket {
                bucket,
                operation,
                bytes,
            } => Target::Bucket {
                bucket,
                operation,
                bytes: if failed { 0 } else { between(rng, bytes) },
            },
            TargetSpec::Queue { queue } => Target::Queue {
                queue,
                message: (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()),
            },
            TargetSpec::Machine { machine } => Target::Machine { machine },
            TargetSpec::Async {
                function,
                behaviour,
            } => {
                let dwell = draw_us(
                    rng,
                    LogNormal {
                        median: 38.0,
                        sigma: 0.6,
                    },
                )
                .min(5_000_000);
                let course = if rng.random::<f64>() < behaviour.error {
                    Course::Error
                } else {
                    Course::Usual
                };
                let asked = Asked {
                    function,
                    start: start + duration_us + dwell,
                    behaviour,
                    course,
                    records: 1,
                };
                let consumer = self.invocation(rng, &asked, cold);
                Target::AsyncFunction(Box::new(consumer))
            }
        };
        handler.cursor += duration_us;
        handler.calls.push(Call {
            start,
            duration_us,
            retries,
            failed,
            target,
        });
    }
}
