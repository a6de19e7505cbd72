//! Amazon CloudWatch Logs: log groups.

mod groups;

use crate::aws_errors::{AwsError, Refusal};
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Answers an operation of CloudWatch Logs.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    match ask.call.operation.as_str() {
        "DescribeLogGroups" => groups::describe(ask),
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidParameterException", message)
}
