//! The answer of a query: the reports of invocations, grouped and counted.

use std::collections::{BTreeMap, HashMap};

use chrono::DateTime;

use super::language::{Aggregate, Expression, Lines, PARSED_RESTORE, Query};
use crate::estate::{Function, LogFormat};
use crate::metrics::events::{Event, visit};
use crate::metrics::statistic::rank;
use crate::model::{Invocation, Micros};
use crate::world::World;

const MINUTE: Micros = 60_000_000;
/// What a work does starts within its minute or the next, and an invocation takes no longer than
/// its timeout; a report comes at its end.
const MINUTES_BEFORE: i64 = 3;

/// Rows and what it took to find them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    /// Fields and their texts.
    pub(super) rows: Vec<Vec<(String, String)>>,
    pub(super) matched: u64,
    pub(super) scanned: u64,
    /// Bytes of all events of the groups within the time.
    pub(super) bytes: u64,
    pub(super) groups: usize,
}

/// Answers a query over log groups (by name) and a time, both ends of which are in it, in seconds.
/// Nothing after `until` is there yet.
pub(super) fn answer(
    world: &World,
    query: &Query,
    groups: &[String],
    seconds: (i64, i64),
    until: Micros,
) -> Answer {
    let wanted = match query.lines {
        Lines::Reports => LogFormat::Text,
        Lines::PlatformReports => LogFormat::Json,
    };
    let functions = world.estate().functions.iter();
    let names: Vec<Option<String>> = functions
        .map(|function| Some(function.log_group()).filter(|name| groups.contains(name)))
        .collect();
    let (from, to) = (seconds.0 * 1_000_000, seconds.1 * 1_000_000 + 999);
    let mut answer = Answer {
        groups: groups.len(),
        ..Answer::default()
    };
    let mut found: BTreeMap<(Option<&str>, Option<i64>), Vec<Report>> = BTreeMap::new();
    let first = from.div_euclid(MINUTE) - MINUTES_BEFORE;
    for minute in first..=to.min(until).div_euclid(MINUTE) {
        let minute = world.minute(minute);
        for work in minute.all() {
            visit(work, &mut |_, event| {
                let Event::Invocation(invocation) = event else {
                    return;
                };
                let index = usize::from(invocation.function.0);
                let at = invocation.end();
                let Some(name) = names[index].as_deref() else {
                    return;
                };
                if invocation.throttled || at < from || at > to || at > until {
                    return;
                }
                answer.bytes += invocation.log_bytes;
                answer.scanned += invocation.log_events;
                if world.estate().functions[index].log_format != wanted {
                    return;
                }
                answer.matched += 1;
                let bin = query.bin.as_ref().map(|(length, _)| {
                    let seconds = at.div_euclid(1_000_000);
                    seconds.div_euclid(*length) * length
                });
                let group = query.by_log.then_some(name);
                found
                    .entry((group, bin))
                    .or_default()
                    .push(Report::of(invocation, &world.estate().functions[index]));
            });
        }
    }
    let account_id = &world.estate().account_id;
    answer.rows = found
        .iter()
        .map(|((group, bin), reports)| {
            let mut row = Vec::new();
            if let Some(group) = group {
                row.push(("@log".to_owned(), format!("{account_id}:{group}")));
            }
            if let (Some(bin), Some((_, name))) = (bin, &query.bin) {
                row.push((name.clone(), time(*bin)));
            }
            for (name, aggregate) in &query.columns {
                // What is nowhere in the group has no field.
                if let Some(value) = value(aggregate, reports) {
                    row.push((name.clone(), number(value)));
                }
            }
            row
        })
        .collect();
    answer
}

/// The numbers of one report.
struct Report {
    duration_ms: f64,
    billed_ms: f64,
    init_ms: Option<f64>,
    restore_ms: Option<f64>,
    memory_mb: f64,
}

impl Report {
    fn of(invocation: &Invocation, function: &Function) -> Report {
        let milliseconds = |us: i64| us as f64 / 1_000.0;
        let waited_ms = invocation.init_us.map(milliseconds);
        Report {
            duration_ms: milliseconds(invocation.duration_us),
            billed_ms: invocation.billed_ms() as f64,
            init_ms: waited_ms.filter(|_| !function.snap_start),
            restore_ms: waited_ms.filter(|_| function.snap_start),
            memory_mb: f64::from(invocation.memory_mb),
        }
    }

    fn value(&self, expression: &Expression) -> Option<f64> {
        match expression {
            Expression::Number(number) => Some(*number),
            Expression::Coalesce(options) => options.iter().find_map(|one| self.value(one)),
            Expression::Sum(terms) => terms.iter().map(|term| self.value(term)).sum(),
            Expression::Field(name) => match name.as_str() {
                "@duration" | "record.metrics.durationMs" => Some(self.duration_ms),
                "@billedDuration" | "record.metrics.billedDurationMs" => Some(self.billed_ms),
                "@initDuration" | "record.metrics.initDurationMs" => self.init_ms,
                PARSED_RESTORE | "record.metrics.restoreDurationMs" => self.restore_ms,
                // Bytes, of thousands.
                "@memorySize" => Some(self.memory_mb * 1e6),
                "record.metrics.memorySizeMB" => Some(self.memory_mb),
                _ => None,
            },
        }
    }
}

fn value(aggregate: &Aggregate, reports: &[Report]) -> Option<f64> {
    let values = |of: &Expression| -> Vec<f64> {
        reports
            .iter()
            .filter_map(|report| report.value(of))
            .collect()
    };
    match aggregate {
        Aggregate::Lines => Some(reports.len() as f64),
        Aggregate::Count(of) => Some(values(of).len() as f64),
        Aggregate::Sum(of) => Some(values(of))
            .filter(|v| !v.is_empty())
            .map(|v| v.iter().sum()),
        Aggregate::Average(of) => {
            let values = values(of);
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        }
        Aggregate::Least(of) => values(of).into_iter().reduce(f64::min),
        Aggregate::Greatest(of) => values(of).into_iter().reduce(f64::max),
        Aggregate::Percentile(of, percent) => {
            let mut values = values(of);
            values.sort_unstable_by(f64::total_cmp);
            values.get(rank(values.len(), *percent)).copied()
        }
    }
}

/// At most four decimals, no zeros at the end.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn time(seconds: i64) -> String {
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// The names of log groups by name or ARN, as `logGroupIdentifiers` has them.
pub(super) fn names(world: &World, identifiers: &[String]) -> Result<Vec<String>, String> {
    let groups = world.estate().log_groups();
    let known: HashMap<&str, &str> = groups
        .iter()
        .flat_map(|group| {
            let name = group.name.as_str();
            [(name, name), (group.arn.as_str(), name)]
        })
        .collect();
    identifiers
        .iter()
        .map(|identifier| {
            let found = known.get(identifier.trim_end_matches(":*"));
            found
                .map(|name| (*name).to_owned())
                .ok_or_else(|| identifier.clone())
        })
        .collect()
}
