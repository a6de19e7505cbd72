//! What exists in the account, as each service lists it at the simulated now.

pub(crate) mod apigateway;
pub(crate) mod apigateway_v2;
mod domains;
pub(crate) mod dynamodb;
pub(crate) mod lambda;
mod objects;
pub(crate) mod s3;
pub(crate) mod states;
pub(crate) mod tagging;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::estate::{Api, Tag};
use crate::server::ask::Ask;
use crate::xray::ids::mix;

/// When everything that exists was made, but for what a deploy changes.
pub(crate) fn created(ask: &Ask<'_>) -> DateTime<Utc> {
    ask.world.estate().birth - chrono::TimeDelta::days(400)
}

/// Six letters and digits that identify a part of an API.
fn derived_id(api: &Api, part: &str) -> String {
    let mut bits = api
        .id
        .bytes()
        .chain(part.bytes())
        .fold(0, |bits, byte| mix(bits ^ u64::from(byte)));
    (0..6)
        .map(|_| {
            let letter = b"abcdefghijklmnopqrstuvwxyz0123456789"[(bits % 36) as usize];
            bits /= 36;
            char::from(letter)
        })
        .collect()
}

/// Tags as a JSON map.
fn tag_map(tags: &[Tag]) -> Value {
    Value::Object(
        tags.iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect::<Map<_, _>>(),
    )
}

/// The part of a list that a page holds, and the index at which the next one begins.
pub(crate) fn page_of<T>(items: &[T], from: usize, size: usize) -> (&[T], Option<usize>) {
    let from = from.min(items.len());
    let to = items.len().min(from.saturating_add(size));
    (&items[from..to], (to < items.len()).then_some(to))
}

/// A token for the page that begins at an index; what clients get is not meant to be read.
pub(crate) fn token(prefix: &str, at: usize) -> String {
    let text: String = format!("{prefix}{at}")
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    text
}

/// The index of a token.
pub(crate) fn index_of(prefix: &str, token: &str) -> Option<usize> {
    let bytes: Option<Vec<u8>> = (0..token.len())
        .step_by(2)
        .map(|at| {
            token
                .get(at..at + 2)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        })
        .collect();
    String::from_utf8(bytes?)
        .ok()?
        .strip_prefix(prefix)?
        .parse()
        .ok()
}
