//! One call as a service's handler sees it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::aws_errors::AwsError;
use crate::model::Micros;
use crate::server::answer::Answer;
use crate::server::service::Call;
use crate::sts::Caller;
use crate::world::World;

/// What was asked, and of which account at what time.
pub(crate) struct Ask<'a> {
    /// What the account has in the Region of the call; all of the account's home for services
    /// that are in no Region.
    pub(crate) world: &'a World,
    /// The account's other Regions that are not empty.
    pub(crate) elsewhere: &'a [Arc<World>],
    pub(crate) caller: &'a Caller,
    pub(crate) call: &'a Call,
    /// The account's now, or earlier when a fault makes data come late.
    pub(crate) now: DateTime<Utc>,
    /// By how much a fault makes it earlier; the account's real now is the world's.
    pub(crate) lag_minutes: u32,
    /// A fault's limit to the items of a page.
    pub(crate) page_size: Option<u32>,
    /// Path as it came, percent-encoded.
    pub(crate) path: &'a str,
    /// Query as it came.
    pub(crate) query: &'a str,
    /// The header `range`.
    pub(crate) range: Option<&'a str>,
    pub(crate) body: &'a [u8],
    pub(crate) request_id: &'a str,
}

impl Ask<'_> {
    /// Every Region of the account that is not empty, and this one.
    pub(crate) fn everywhere(&self) -> impl Iterator<Item = &World> {
        std::iter::once(self.world).chain(self.elsewhere.iter().map(|world| &**world))
    }

    /// The account's now in microseconds.
    pub(crate) fn now_us(&self) -> Micros {
        self.now.timestamp_micros()
    }

    /// Items of a page, where the service would put `usual` on it.
    pub(crate) fn page(&self, usual: usize) -> usize {
        self.page_size
            .map_or(usual, |size| usual.min(size as usize))
            .max(1)
    }

    /// A parameter of the query.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.params(name).next()
    }

    /// Every value of a parameter that may come several times.
    pub(crate) fn params(&self, name: &str) -> impl Iterator<Item = String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The parts of the path, decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.trim_matches('/').split('/').map(decode).collect()
    }

    /// An answer in the call's flavour of JSON.
    pub(crate) fn json(&self, body: &serde_json::Value) -> Answer {
        Answer::json(200, self.call.wire, body)
    }

    /// The input of an awsJson operation.
    pub(crate) fn input<T: DeserializeOwned>(&self) -> Result<T, AwsError> {
        serde_json::from_slice(self.body)
            .map_err(|error| AwsError::bad_request("SerializationException", error.to_string()))
    }

    /// An answer in JSON that is written already.
    pub(crate) fn json_text(&self, body: String) -> Answer {
        Answer::json_bytes(200, self.call.wire, body.into_bytes())
    }
}

/// Decodes `%xx`; anything else stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_decoded() {
        assert_eq!(
            super::decode("arn%3Aaws%3Alambda%2Fx%"),
            "arn:aws:lambda/x%"
        );
        assert_eq!(super::decode("50%é"), "50%é");
    }
}
