//! CloudWatch: `ListMetrics` and `GetMetricData` over Smithy RPC v2 CBOR.
//!
//! Rules and limits as the API reference states them; shapes and errors as botocore's model does.

mod cbor;
mod evaluate;
mod get_metric_data;
mod list_metrics;
mod query;
mod token;

use chrono::{DateTime, Utc};

use crate::{World, aws_errors::AwsError};

/// How much of the world a call sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The time of the call.
    pub(crate) now: DateTime<Utc>,
    /// So many of the last minutes have not come in yet.
    pub(crate) lag_minutes: u32,
    /// Pages hold at most so many metrics or points, if this is less than CloudWatch's own limit.
    pub(crate) page_size: Option<u32>,
}

impl View {
    /// The first minute whose points are not visible yet: a minute shows when it is over.
    fn end_minute(&self) -> i64 {
        self.now.timestamp().div_euclid(60) - i64::from(self.lag_minutes)
    }
}

/// Answers a call: the body of the request, and that of the answer, are CBOR.
///
/// # Errors
/// What CloudWatch refuses, with its own code.
pub(crate) fn handle(
    world: &World,
    operation: &str,
    body: &[u8],
    view: &View,
) -> Result<Vec<u8>, AwsError> {
    let input = cbor::Input::parse(body)?;
    match operation {
        "GetMetricData" => get_metric_data::handle(world, &input, view),
        "ListMetrics" => list_metrics::handle(world, &input, view),
        _ => Err(AwsError::new(404, "UnknownOperationException", "")),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidParameterValueException", message)
}

fn missing(parameter: &str) -> AwsError {
    AwsError::bad_request(
        "MissingRequiredParameterException",
        format!("The parameter {parameter} is required."),
    )
}

#[cfg(test)]
mod tests;
