//! CBOR as Smithy RPC v2 uses it: a reader of small inputs, and a writer that is fast enough for
//! hundreds of thousands of points.

use chrono::{DateTime, Utc};
use ciborium::Value;

use super::invalid;
use crate::aws_errors::AwsError;

/// A map of the input.
#[derive(Debug, Clone)]
pub(super) struct Input(Vec<(Value, Value)>);

impl Input {
    pub(super) fn parse(body: &[u8]) -> Result<Input, AwsError> {
        if body.is_empty() {
            return Ok(Input(Vec::new()));
        }
        match ciborium::from_reader(body) {
            Ok(Value::Map(map)) => Ok(Input(map)),
            _ => Err(AwsError::bad_request(
                "SerializationException",
                "The body is not a CBOR map.",
            )),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(key, _)| key.as_text() == Some(name));
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, AwsError> {
        self.typed(name, "a string", Value::as_text)
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, AwsError> {
        self.typed(name, "an integer", |value| {
            value
                .as_integer()
                .and_then(|number| i64::try_from(number).ok())
        })
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, AwsError> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    pub(super) fn map(&self, name: &str) -> Result<Option<Input>, AwsError> {
        self.typed(name, "a structure", |value| {
            value.as_map().map(|map| Input(map.clone()))
        })
    }

    /// A list of structures; none if it is left out.
    pub(super) fn maps(&self, name: &str) -> Result<Option<Vec<Input>>, AwsError> {
        self.typed(name, "a list of structures", |value| {
            value
                .as_array()?
                .iter()
                .map(|item| item.as_map().map(|map| Input(map.clone())))
                .collect()
        })
    }

    /// Tag 1: seconds since the epoch, whole or not.
    pub(super) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, AwsError> {
        self.typed(name, "a timestamp", |value| {
            let Value::Tag(1, seconds) = value else {
                return None;
            };
            match &**seconds {
                Value::Integer(seconds) => {
                    DateTime::from_timestamp(i64::try_from(*seconds).ok()?, 0)
                }
                Value::Float(seconds) => {
                    DateTime::from_timestamp_millis((seconds * 1_000.0).round() as i64)
                }
                _ => None,
            }
        })
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        kind: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, AwsError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        convert(value)
            .map(Some)
            .ok_or_else(|| invalid(format!("The value of parameter {name} is not {kind}.")))
    }
}

/// Writes CBOR of definite lengths.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn with_capacity(bytes: usize) -> Writer {
        Writer(Vec::with_capacity(bytes))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn map(&mut self, entries: usize) {
        self.head(5, entries as u64);
    }

    pub(super) fn array(&mut self, items: usize) {
        self.head(4, items as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn double(&mut self, value: f64) {
        self.0.push(0xfb);
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// Tag 1 and seconds since the epoch.
    pub(super) fn time(&mut self, seconds: i64) {
        self.0.push(0xc1);
        self.head(0, seconds.unsigned_abs());
    }

    fn head(&mut self, major: u8, number: u64) {
        let major = major << 5;
        if let Ok(small) = u8::try_from(number) {
            if small < 24 {
                self.0.push(major | small);
            } else {
                self.0.extend_from_slice(&[major | 24, small]);
            }
        } else if let Ok(number) = u16::try_from(number) {
            self.0.push(major | 25);
            self.0.extend_from_slice(&number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.0.push(major | 26);
            self.0.extend_from_slice(&number.to_be_bytes());
        } else {
            self.0.push(major | 27);
            self.0.extend_from_slice(&number.to_be_bytes());
        }
    }
}
