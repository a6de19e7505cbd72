//! Which invocations waited for an initialisation.
//!
//! A function segment carries an `Initialization` (newer: `Init`; SnapStart: `Restore`) subsegment
//! when its environment was made for it. The request waited only if that initialisation overlaps
//! the `AWS::Lambda` segment, or the `Attempt` of an asynchronous invocation, that the function
//! segment hangs on. With provisioned concurrency, and when Lambda initialises ahead of need, it
//! lies seconds to hours before: then `init_ms` is kept and `cold_start` is false.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::Span;

/// The clocks of `AWS::Lambda` and of the function segment differ by up to about 3 ms.
const CLOCK_SKEW: TimeDelta = TimeDelta::milliseconds(3);

/// Where the parent never arrived: an initialisation that a request waited for ends 1 to 11 ms
/// before the function's segment starts, one ahead of need seconds before.
const GAP_WITHOUT_PARENT: TimeDelta = TimeDelta::milliseconds(500);

/// Sets `cold_start` and `init_ms` of every function segment in the spans of one trace.
pub fn mark_cold_starts(spans: &mut [Span]) {
    let mut initialisations: HashMap<&str, (DateTime<Utc>, Option<f64>)> = HashMap::new();
    let mut times: HashMap<&str, (DateTime<Utc>, Option<DateTime<Utc>>)> = HashMap::new();
    for span in spans.iter() {
        times.insert(&span.span_id, (span.ts, end(span)));
        let is_init = matches!(span.name.as_str(), "Initialization" | "Init" | "Restore");
        if let (true, "subsegment", Some(parent)) = (is_init, span.kind.as_str(), &span.parent_id) {
            initialisations.insert(parent, (span.ts, span.duration_ms));
        }
    }

    let marks: Vec<Option<(bool, Option<f64>)>> = spans
        .iter()
        .map(|span| {
            if span.origin.as_deref() != Some("AWS::Lambda::Function") || span.kind != "segment" {
                return None;
            }
            let Some(&(init_start, init_ms)) = initialisations.get(span.span_id.as_str()) else {
                return Some((false, None));
            };
            let init_end = init_ms.map(|ms| init_start + milliseconds(ms));
            let waited = match span.parent_id.as_deref().and_then(|id| times.get(id)) {
                Some(&(start, end)) => {
                    init_end.is_none_or(|init_end| init_end + CLOCK_SKEW >= start)
                        && end.is_none_or(|end| init_start <= end + CLOCK_SKEW)
                }
                None => init_end.is_some_and(|init_end| span.ts - init_end <= GAP_WITHOUT_PARENT),
            };
            Some((waited, init_ms))
        })
        .collect();

    for (span, mark) in spans.iter_mut().zip(marks) {
        if let Some((cold, init_ms)) = mark {
            span.cold_start = Some(cold);
            span.init_ms = init_ms;
        }
    }
}

fn end(span: &Span) -> Option<DateTime<Utc>> {
    span.duration_ms.map(|ms| span.ts + milliseconds(ms))
}

fn milliseconds(ms: f64) -> TimeDelta {
    TimeDelta::microseconds((ms * 1_000.0).round() as i64)
}
