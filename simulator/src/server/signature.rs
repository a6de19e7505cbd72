//! Signature Version 4, as far as a simulated account needs it: who signed, for which service and
//! Region. The signature itself is not verified: there is no secret to verify it with.

use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::aws_errors::Refusal;
use crate::server::service::{Call, Service};
use crate::sts::Caller;

/// An access key that begins so is unknown to the account; for tests of wrong credentials.
pub const UNKNOWN_KEY_PREFIX: &str = "AKIAUNKNOWN";
/// An access key that begins so belongs to a session that has ended; for tests of stale ones.
pub const EXPIRED_KEY_PREFIX: &str = "ASIAEXPIRED";

/// What a signature says.
#[derive(Debug)]
pub(super) struct Signed {
    /// Who signed.
    pub(super) caller: Caller,
    /// The Region in its scope.
    pub(super) region: String,
    /// When, by the clock of whoever signed.
    pub(super) at: DateTime<Utc>,
}

/// Whether the call is signed for its service, and by whom; `now` is when it is taken to be signed
/// if it does not say.
///
/// Cost Explorer is signed for us-east-1 wherever the account lives.
pub(super) fn check(
    headers: &HeaderMap,
    call: &Call,
    now: DateTime<Utc>,
) -> Result<Signed, Refusal> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str());
    let header = text("authorization")
        .ok_or(Refusal::MissingToken)?
        .map_err(|_| incomplete("Authorization header is not text"))?;
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| {
        incomplete("Authorization header requires the algorithm AWS4-HMAC-SHA256.")
    })?;
    let field = |name: &str| {
        fields
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .ok_or_else(|| {
                incomplete(&format!(
                    "Authorization header requires '{name}' parameter."
                ))
            })
    };
    let signature = field("Signature")?;
    if signature.len() != 64 || !signature.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(incomplete(
            "Authorization header requires 'Signature' parameter of 64 hexadecimal digits.",
        ));
    }
    if !field("SignedHeaders")?
        .split(';')
        .any(|name| name == "host")
    {
        return Err(incomplete(
            "'Host' must be a 'SignedHeader' in the AWS Authorization.",
        ));
    }
    let scope: Vec<&str> = field("Credential")?.split('/').collect();
    let [key, date, region, service, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete(
            "Credential must have exactly 5 slash-delimited elements, ending in aws4_request.",
        ));
    };
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
        return Err(incomplete("Date in Credential scope must be YYYYMMDD."));
    }
    if key.starts_with(UNKNOWN_KEY_PREFIX) || key.is_empty() {
        return Err(Refusal::UnknownKey);
    }
    if key.starts_with(EXPIRED_KEY_PREFIX) {
        return Err(Refusal::ExpiredToken);
    }
    let token = text("x-amz-security-token").and_then(Result::ok);
    let caller = Caller::of_key(key, token).ok_or(Refusal::UnknownKey)?;
    if *service != call.service.signing_name() {
        return Err(Refusal::WrongService);
    }
    let right = match call.service {
        Service::CostExplorer => *region == GLOBAL,
        _ => is_region(region),
    };
    if !right {
        return Err(Refusal::WrongRegion {
            got: (*region).to_owned(),
            expected: GLOBAL.to_owned(),
        });
    }
    let at = text("x-amz-date").and_then(Result::ok);
    let at = at.and_then(|at| NaiveDateTime::parse_from_str(at, "%Y%m%dT%H%M%SZ").ok());
    Ok(Signed {
        caller,
        region: (*region).to_owned(),
        at: at.map_or(now, |at| at.and_utc()),
    })
}

/// Where the services live that are not in a Region.
const GLOBAL: &str = "us-east-1";

/// Whether it is named as Regions are: `eu-central-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, middle @ .., number] = parts.as_slice() else {
        return false;
    };
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    area.len() == 2
        && letters(area)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn incomplete(what: &str) -> Refusal {
    Refusal::IncompleteSignature(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::is_region;

    #[test]
    fn regions_are_told_from_other_words() {
        assert!(
            ["eu-central-1", "us-gov-west-1", "ap-southeast-7"]
                .into_iter()
                .all(is_region)
        );
        assert!(
            !["", "global", "eu-1", "nowhere-1", "eu-central-x", "eu--1"]
                .into_iter()
                .any(is_region)
        );
    }
}
