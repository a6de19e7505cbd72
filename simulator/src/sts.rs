//! AWS STS: who is asking.

use crate::aws_errors::{AwsError, Refusal, escape};
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Answers an operation of STS.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    if ask.call.operation != "GetCallerIdentity" {
        return Err(Refusal::UnknownOperation.shaped(ask.call));
    }
    let account = escape(&ask.world.estate().account_id);
    Ok(Answer::xml(
        200,
        "text/xml",
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <GetCallerIdentityResult>\n    <Arn>arn:aws:iam::{account}:user/millicent</Arn>\n    \
             <UserId>AIDASIMULATEDMILLICENT</UserId>\n    <Account>{account}</Account>\n  \
             </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{id}</RequestId>\n  \
             </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
            id = ask.request_id
        ),
    ))
}
