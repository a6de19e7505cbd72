//! Amazon CloudWatch Logs: log groups, and Logs Insights over what Lambda reports in them.

mod answer;
mod groups;
mod insights;
mod language;
#[cfg(test)]
mod tests;

use crate::aws_errors::{AwsError, Refusal};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
pub(crate) use insights::Queries;

/// Answers an operation of CloudWatch Logs.
pub(crate) fn handle(ask: &Ask<'_>, queries: &Queries) -> Result<Answer, AwsError> {
    match ask.call.operation.as_str() {
        "DescribeLogGroups" => groups::describe(ask),
        "StartQuery" => insights::start(ask, queries),
        "GetQueryResults" => insights::results(ask, queries),
        "StopQuery" => insights::stop(ask, queries),
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidParameterException", message)
}
