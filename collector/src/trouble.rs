//! What kept a window from being collected: an outcome, and a message that says what happened, to
//! what, and what to do.

use std::error::Error;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use millicent_lake::Outcome;

/// Why a window, or a part of it, could not be collected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Trouble {
    /// How it counts in `collections`.
    pub(crate) outcome: Outcome,
    /// For a person to read.
    pub(crate) message: String,
}

impl Trouble {
    /// Anything that is neither a denial nor a throttle.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            message: message.into(),
        }
    }
}

/// An operation of AWS, as IAM names it: `cloudwatch:GetMetricData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation(pub(crate) &'static str);

impl Operation {
    /// Names what an SDK error came to. To be used as `.map_err(|e| OPERATION.trouble(e))`.
    pub(crate) fn trouble<E>(self, error: SdkError<E, HttpResponse>) -> Trouble
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let name = self.0;
        if let Some(said) = clock_is_off(&error) {
            return Trouble::failed(format!("{name} was refused: {said}. It is tried again"));
        }
        match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("no error code");
                let status = service.raw().status().as_u16();
                let said = service.err().message().map_or_else(String::new, |message| {
                    format!(": {}", message.trim_end_matches('.'))
                });
                self.answered(code, status, &said)
            }
            SdkError::TimeoutError(_) => {
                Trouble::failed(format!("{name} did not answer in time. It is tried again"))
            }
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_)
                if role_refused(&error).is_some() =>
            {
                Trouble {
                    outcome: Outcome::Denied,
                    message: format!(
                        "{name} could not be sent: the role can't be assumed any more ({}). Check its trust policy",
                        role_refused(&error).unwrap_or_default()
                    ),
                }
            }
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
                Trouble::failed(format!(
                    "{name} could not be sent: {}. It is tried again",
                    chain(&error)
                ))
            }
            _ => Trouble::failed(format!(
                "{name} answered what can't be read: {}. It is tried again",
                chain(&error)
            )),
        }
    }

    fn answered(self, code: &str, status: u16, said: &str) -> Trouble {
        let name = self.0;
        if is_throttle(code) || status == 429 {
            Trouble {
                outcome: Outcome::Throttled,
                message: format!(
                    "{name} was throttled until the retries were used up ({code}{said}). It is tried again later; \
                     if it lasts, raise the account's quota or collect less often"
                ),
            }
        } else if is_credentials(code) {
            Trouble {
                outcome: Outcome::Denied,
                message: format!(
                    "{name} refused the credentials ({code}{said}). Renew them, for example with `aws sso login`"
                ),
            }
        } else if is_denial(code) || status == 403 {
            Trouble {
                outcome: Outcome::Denied,
                message: format!(
                    "{name} was denied ({code}{said}). Allow the action {name} to the credentials in use"
                ),
            }
        } else if code == "DataUnavailableException" {
            Trouble::failed(format!(
                "{name} has no data yet ({code}{said}). Cost Explorer prepares it within a day of being enabled"
            ))
        } else {
            Trouble::failed(format!(
                "{name} failed ({code}, HTTP {status}{said}). It is tried again"
            ))
        }
    }
}

/// That the clock of this machine and AWS's are too far apart, if that is what AWS answered. AWS
/// allows 5 to 15 minutes, and says so by a code of its own or in the words of another.
pub(crate) fn clock_is_off<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
) -> Option<String> {
    let SdkError::ServiceError(answer) = error else {
        return None;
    };
    let code = answer.err().code().unwrap_or_default();
    let said = answer.err().message().unwrap_or_default();
    let date = answer.raw().headers().get("date");
    is_clock(code, said).then(|| {
        let theirs = date.map_or_else(String::new, |date| format!(", AWS's says {date}"));
        format!(
            "the clock of this machine is off{theirs} ({code}: {}). Set the clock, for example by turning on NTP",
            said.trim_end_matches('.')
        )
    })
}

fn is_clock(code: &str, said: &str) -> bool {
    matches!(
        code,
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture"
    ) || (matches!(
        code,
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "AuthFailure"
    ) && ["Signature expired", "Signature not yet current"]
        .iter()
        .any(|words| said.contains(words)))
}

/// What STS answered, where an error comes of a role that could not be assumed.
pub(crate) fn role_answer<'e>(
    error: &'e (dyn Error + 'static),
) -> Option<&'e SdkError<AssumeRoleError, HttpResponse>> {
    let mut cause = Some(error);
    let mut answer = None;
    while let (None, Some(error)) = (answer, cause) {
        answer = error.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>();
        cause = error.source();
    }
    answer
}

fn role_refused(error: &(dyn Error + 'static)) -> Option<String> {
    let answer = role_answer(error)?.as_service_error()?;
    Some(format!(
        "{}: {}",
        answer.code().unwrap_or("no error code"),
        answer.message().unwrap_or_default().trim_end_matches('.')
    ))
}

fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "BandwidthLimitExceeded"
            | "SlowDown"
            | "PriorRequestNotComplete"
    )
}

fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "UnauthorizedException"
            | "AuthorizationError"
            | "OptInRequired"
            | "SubscriptionRequiredException"
    )
}

fn is_credentials(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

/// Every error of the chain, outermost first, without saying the same thing twice.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATION: Operation = Operation("cloudwatch:GetMetricData");

    #[test]
    fn a_denial_names_the_action_to_allow() {
        let trouble = OPERATION.answered("AccessDeniedException", 400, ": not authorized");
        assert_eq!(trouble.outcome, Outcome::Denied);
        assert!(
            trouble
                .message
                .contains("Allow the action cloudwatch:GetMetricData")
        );
    }

    #[test]
    fn every_spelling_of_a_throttle_is_one() {
        for (code, status) in [
            ("ThrottlingException", 400),
            ("ThrottledException", 429),
            ("LimitExceededException", 400),
            ("TooManyRequestsException", 429),
            ("no error code", 429),
        ] {
            assert_eq!(
                OPERATION.answered(code, status, "").outcome,
                Outcome::Throttled,
                "{code}"
            );
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_from_a_wrong_key() {
        let expired = "Signature expired: 20261124T120000Z is now earlier than 20261124T120500Z";
        let early =
            "Signature not yet current: 20261124T121000Z is still later than 20261124T120500Z";
        for (code, said) in [
            ("RequestTimeTooSkewed", "The difference is too large"),
            ("RequestExpired", "Request has expired"),
            ("InvalidSignatureException", expired),
            ("SignatureDoesNotMatch", early),
        ] {
            assert!(is_clock(code, said), "{code}");
        }
        let wrong_key =
            "The request signature we calculated does not match the signature you provided";
        for (code, said) in [
            ("SignatureDoesNotMatch", wrong_key),
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            ("AccessDenied", expired),
        ] {
            assert!(!is_clock(code, said), "{code}");
        }
    }

    #[test]
    fn the_rest_has_failed() {
        let trouble = OPERATION.answered("InternalServiceFault", 500, "");
        assert_eq!(trouble.outcome, Outcome::Failed);
        assert!(trouble.message.contains("HTTP 500"));
    }

    /// The sources, by file, without their tests.
    fn sources(folder: &std::path::Path, found: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
            }
        }
    }

    #[test]
    fn the_readme_s_policy_has_every_action_that_is_asked_for_and_no_other() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let readme = std::fs::read_to_string(here.join("../README.md")).unwrap();
        let section = readme.split("## Permissions").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let mut code = String::new();
        sources(&here.join("src"), &mut code);

        let asked: Vec<&str> = code
            .split("Operation(\"")
            .skip(1)
            .filter_map(|rest| rest.split(['"', ' ']).next())
            .collect();
        assert!(asked.len() > 20, "{asked:?}");
        for action in &asked {
            assert!(
                section.contains(&format!("\"{action}\""))
                    || section.contains(&format!("`{action}`")),
                "{action} is asked for and not in the README"
            );
        }
        let policy = section.split("```").nth(1).unwrap();
        let policy: serde_json::Value =
            serde_json::from_str(policy.trim_start_matches("json")).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            for action in statement["Action"].as_array().into_iter().flatten() {
                let action = action.as_str().unwrap();
                assert!(asked.contains(&action), "{action} is never asked for");
            }
        }
    }
}
