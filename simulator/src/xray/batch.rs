//! `BatchGetTraces`: whole traces by their ids.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::aws_errors::AwsError;
use crate::model::Micros;
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::world::World;
use crate::xray::segment::quoted;
use crate::xray::trace::Trace;
use crate::xray::{ids, invalid, readable};

/// Ids of a call, by the API reference.
const MOST_IDS: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    trace_ids: Option<Vec<String>>,
    next_token: Option<String>,
}

pub(super) fn batch_get_traces(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let input: Input =
        serde_json::from_slice(ask.body).map_err(|error| invalid(error.to_string()))?;
    let wanted = input
        .trace_ids
        .ok_or_else(|| invalid("TraceIds is required"))?;
    if wanted.is_empty() || wanted.len() > MOST_IDS {
        return Err(invalid(format!(
            "The number of trace IDs must be between 1 and {MOST_IDS}, got {}",
            wanted.len()
        )));
    }
    for (index, id) in wanted.iter().enumerate() {
        if ids::parse_trace_id(id).is_none() {
            return Err(invalid(format!("Invalid trace id {id:?}")));
        }
        if wanted[..index].contains(id) {
            return Err(invalid(format!("Duplicate trace id {id}")));
        }
    }
    let first = match input.next_token {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .ok()
            .filter(|at| *at < wanted.len())
            .ok_or_else(|| invalid("Invalid NextToken"))?,
    };
    let a_page = ask.page(MOST_IDS);
    let page = &wanted[first..wanted.len().min(first + a_page)];

    let mut out = String::from("{\"Traces\":[");
    let mut unprocessed = Vec::new();
    let mut any = false;
    for id in page {
        match find(ask.world, id, ask.now_us()) {
            Some(trace) => {
                if std::mem::replace(&mut any, true) {
                    out.push(',');
                }
                write_trace(&mut out, &trace);
            }
            None => unprocessed.push(id),
        }
    }
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "],\"UnprocessedTraceIds\":{}",
        serde_json::json!(unprocessed)
    );
    if first + page.len() < wanted.len() {
        let _ = write!(out, ",\"NextToken\":\"{}\"", first + page.len());
    }
    out.push('}');
    Ok(ask.json_text(out))
}

/// A trace by its id, whose second says where to look.
fn find(world: &World, id: &str, now: Micros) -> Option<Trace> {
    let (second, random) = ids::parse_trace_id(id)?;
    let started = world.started(second.div_euclid(60));
    started
        .iter()
        .filter(|work| ids::second(work.start) == second)
        .find(|work| ids::is_of(work, random) && readable(work, now))
        .map(|work| Trace::of(work, world.estate()))
}

fn write_trace(out: &mut String, trace: &Trace) {
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "{{\"Id\":\"{}\",\"Duration\":{},\"LimitExceeded\":false,\"Segments\":[",
        trace.id,
        (trace.duration_us() as f64 / 1e3).round() / 1e3,
    );
    // Segments come in no particular order; the root's place says nothing.
    let shift = trace.segments.len() / 2;
    for index in 0..trace.segments.len() {
        let segment = &trace.segments[(index + shift) % trace.segments.len()];
        if index > 0 {
            out.push(',');
        }
        let _ = write!(
            out,
            "{{\"Id\":\"{:016x}\",\"Document\":{}}}",
            segment.id,
            quoted(&segment.document(&trace.id))
        );
    }
    out.push_str("]}");
}
