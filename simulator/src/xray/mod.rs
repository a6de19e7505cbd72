//! AWS X-Ray: traces of the sampled requests, found by time or by id.
//!
//! Limits and errors are those of the X-Ray API reference; the window of six hours is the one
//! measured for `GetServiceGraph`. A trace can be read from when its last part ended, for 30 days.

mod batch;
mod call;
#[cfg(test)]
mod conformance;
mod execution;
mod filter;
mod function;
mod gateway;
pub(crate) mod ids;
mod lexer;
mod segment;
mod summaries;
#[cfg(test)]
mod tests;
mod trace;

use serde_json::json;

use crate::aws_errors::{AwsError, Refusal};
use crate::model::{Micros, Work};
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// How long a trace is kept.
const RETENTION_US: Micros = 30 * 86_400 * 1_000_000;

/// Answers an operation of X-Ray.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    match ask.call.operation.as_str() {
        "GetTraceSummaries" => summaries::get_trace_summaries(ask),
        "BatchGetTraces" => batch::batch_get_traces(ask),
        "GetTraceSegmentDestination" => {
            Ok(ask.json(&json!({ "Destination": "XRay", "Status": "ACTIVE" })))
        }
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidRequestException", message)
}

/// Whether work has a trace that can be read.
fn readable(work: &Work, now: Micros) -> bool {
    work.sampled && work.start > now - RETENTION_US && trace::last_end(work) <= now
}
