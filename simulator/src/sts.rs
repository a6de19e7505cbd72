//! AWS STS: who is asking, and who else they may be.

use chrono::{DateTime, TimeDelta, Utc};

use crate::aws_errors::{AwsError, Refusal, escape};
use crate::organisation::Organisation;
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// A key that names its account: these letters, then the account's twelve digits.
const LONG_TERM: &str = "AKIASIMA";
/// The same of an assumed role, whose session token names the role and the session.
const SESSION: &str = "ASIASIMA";
/// What a session token begins with.
const TOKEN: &str = "simulated-session/";

/// Who signed a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account that the key names; none for any other key, which is the first account's.
    pub(crate) account_id: Option<String>,
    /// Role and session name, of an assumed role.
    session: Option<(String, String)>,
}

impl Caller {
    /// Whose key it is; none if a session's key comes without its token.
    pub(crate) fn of_key(key: &str, token: Option<&str>) -> Option<Caller> {
        let account = |prefix: &str| {
            let digits = key.strip_prefix(prefix)?;
            let right = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit());
            right.then(|| digits.to_owned())
        };
        if let Some(account_id) = account(SESSION) {
            let (role, session) = token?.strip_prefix(TOKEN)?.split_once('/')?;
            return Some(Caller {
                account_id: Some(account_id),
                session: Some((role.to_owned(), session.to_owned())),
            });
        }
        Some(Caller {
            account_id: account(LONG_TERM),
            session: None,
        })
    }

    /// Its ARN in the account.
    pub(crate) fn arn(&self, account_id: &str) -> String {
        match &self.session {
            None => format!("arn:aws:iam::{account_id}:user/millicent"),
            Some((role, session)) => {
                format!("arn:aws:sts::{account_id}:assumed-role/{role}/{session}")
            }
        }
    }

    fn user_id(&self) -> String {
        match &self.session {
            None => "AIDASIMULATEDMILLICENT".to_owned(),
            Some((_, session)) => format!("AROASIMULATEDMILLICENT:{session}"),
        }
    }
}

/// Answers an operation of STS.
pub(crate) fn handle(
    ask: &Ask<'_>,
    organisation: &Organisation,
    signed_at: DateTime<Utc>,
) -> Result<Answer, AwsError> {
    match ask.call.operation.as_str() {
        "GetCallerIdentity" => {
            let account_id = &ask.world.estate().account_id;
            Ok(answer(
                ask,
                &format!(
                    "<Arn>{}</Arn><UserId>{}</UserId><Account>{account_id}</Account>",
                    escape(&ask.caller.arn(account_id)),
                    escape(&ask.caller.user_id()),
                ),
            ))
        }
        "AssumeRole" => assume_role(ask, organisation, signed_at),
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn assume_role(
    ask: &Ask<'_>,
    organisation: &Organisation,
    signed_at: DateTime<Utc>,
) -> Result<Answer, AwsError> {
    let parameter = |name: &str| {
        url::form_urlencoded::parse(ask.body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let invalid = |what: String| AwsError::bad_request("ValidationError", what);
    let arn = parameter("RoleArn").unwrap_or_default();
    let session = parameter("RoleSessionName").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session.len()) || !session.chars().all(allowed) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{session}' at 'roleSessionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        )));
    }
    let seconds = match parameter("DurationSeconds") {
        None => 3_600,
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| {
                invalid(format!(
                    "DurationSeconds {text} is not between 900 and 43200"
                ))
            })?,
    };
    let (account_id, role) = arn
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.split_once(":role/"))
        .ok_or_else(|| invalid(format!("{arn} is invalid")))?;
    // Of a role with a path only the name is in the session's ARN.
    let role = role.rsplit('/').next().unwrap_or(role);
    let member = organisation.account(Some(account_id));
    // A wrong external id and a role that is not there look the same.
    if !member.is_some_and(|m| {
        m.external_id()
            .is_none_or(|id| parameter("ExternalId").as_deref() == Some(id))
    }) {
        let caller = ask.caller.arn(&ask.world.estate().account_id);
        return Err(AwsError::new(
            403,
            "AccessDenied",
            format!(
                "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            ),
        ));
    }
    let until = signed_at + TimeDelta::seconds(seconds);
    let user = format!("arn:aws:sts::{account_id}:assumed-role/{role}/{session}");
    Ok(answer(
        ask,
        &format!(
            "<Credentials><AccessKeyId>{SESSION}{account_id}</AccessKeyId>\
             <SecretAccessKey>simulated-secret</SecretAccessKey>\
             <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>AROASIMULATEDMILLICENT:{}</AssumedRoleId>\
             <Arn>{}</Arn></AssumedRoleUser>",
            escape(&format!("{TOKEN}{role}/{session}")),
            until.format("%Y-%m-%dT%H:%M:%SZ"),
            escape(&session),
            escape(&user),
        ),
    ))
}

fn answer(ask: &Ask<'_>, result: &str) -> Answer {
    let operation = &ask.call.operation;
    Answer::xml(
        200,
        "text/xml",
        format!(
            "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <{operation}Result>{result}</{operation}Result>\n  <ResponseMetadata>\n    \
             <RequestId>{id}</RequestId>\n  </ResponseMetadata>\n</{operation}Response>\n",
            id = ask.request_id
        ),
    )
}
