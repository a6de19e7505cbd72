//! Signature Version 4, as far as a simulated account needs it: who signed, for which service and
//! Region. The signature itself is not verified: there is no secret to verify it with.

use axum::http::HeaderMap;

use crate::aws_errors::Refusal;
use crate::server::service::{Call, Service};

/// An access key that begins so is unknown to the account; for tests of wrong credentials.
pub const UNKNOWN_KEY_PREFIX: &str = "AKIAUNKNOWN";
/// An access key that begins so belongs to a session that has ended; for tests of stale ones.
pub const EXPIRED_KEY_PREFIX: &str = "ASIAEXPIRED";

/// Whether the call is signed for its service and Region.
///
/// `region` is the account's; Cost Explorer is signed for us-east-1 wherever the account lives,
/// and S3's list of buckets and STS for either.
pub(super) fn check(headers: &HeaderMap, call: &Call, region: &str) -> Result<(), Refusal> {
    let header = headers.get("authorization").ok_or(Refusal::MissingToken)?;
    let header = header
        .to_str()
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
    let [key, date, scoped_region, service, "aws4_request"] = scope.as_slice() else {
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
    if *service != call.service.signing_name() {
        return Err(Refusal::WrongService);
    }
    let global = "us-east-1";
    let right = match call.service {
        Service::CostExplorer => *scoped_region == global,
        Service::Sts | Service::S3 => *scoped_region == region || *scoped_region == global,
        _ => *scoped_region == region,
    };
    if right {
        return Ok(());
    }
    let expected = if call.service == Service::CostExplorer {
        global
    } else {
        region
    };
    Err(Refusal::WrongRegion {
        got: (*scoped_region).to_owned(),
        expected: expected.to_owned(),
    })
}

fn incomplete(what: &str) -> Refusal {
    Refusal::IncompleteSignature(what.to_owned())
}
