//! A line of a file, whatever the file is: its fields as texts, numbers, times and maps.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::dialect::Field;
use crate::cost::decimal;

/// A field that is not what it should be.
#[derive(Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) field: Field,
    /// As it is.
    pub(crate) found: String,
    /// What it should be.
    pub(crate) expected: &'static str,
}

/// A line of a file.
pub(crate) trait Row {
    /// The field as text; `None` where it is null, empty or not in the file.
    fn text(&self, field: Field) -> Option<Cow<'_, str>>;

    /// The field as a time; `None` as for [`Row::text`].
    fn time(&self, field: Field) -> Result<Option<DateTime<Utc>>, Wrong> {
        time_of(self.text(field), field)
    }

    /// The field's names and values; empty where it is null.
    fn map(&self, field: Field) -> Result<BTreeMap<String, String>, Wrong> {
        map_of(self.text(field), field)
    }

    /// The field as a number, exactly as it is written.
    fn decimal(&self, field: Field) -> Result<Option<Decimal>, Wrong> {
        let Some(text) = self.text(field) else {
            return Ok(None);
        };
        match decimal::parse(text.trim()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(field, &text, "a number")),
        }
    }
}

/// A text that is a time.
pub(crate) fn time_of(
    text: Option<Cow<'_, str>>,
    field: Field,
) -> Result<Option<DateTime<Utc>>, Wrong> {
    let Some(text) = text else { return Ok(None) };
    match time(&text) {
        Some(time) => Ok(Some(time)),
        None => Err(wrong(field, &text, "a time such as 2026-11-01T00:00:00Z")),
    }
}

/// A text that is a map.
pub(crate) fn map_of(
    text: Option<Cow<'_, str>>,
    field: Field,
) -> Result<BTreeMap<String, String>, Wrong> {
    let Some(text) = text else {
        return Ok(BTreeMap::new());
    };
    let expected = "a JSON object such as {\"team\": \"orders\"}";
    map(&text).ok_or_else(|| wrong(field, &text, expected))
}

fn wrong(field: Field, found: &str, expected: &'static str) -> Wrong {
    let cut: String = found.chars().take(60).collect();
    Wrong {
        field,
        found: format!("`{cut}`"),
        expected,
    }
}

/// `2026-11-01T00:00:00Z`, `2026-11-01 00:00:00.0` or `2026-11-01`; UTC, as AWS's bills are.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let local = text.strip_suffix(" UTC").unwrap_or(text);
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(local, format) {
            return Some(time.and_utc());
        }
    }
    let day: NaiveDate = local.parse().ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// A map as CSV has it: JSON. Values that are not texts are kept as JSON.
fn map(text: &str) -> Option<BTreeMap<String, String>> {
    let Value::Object(object) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let pairs = object.into_iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    });
    Some(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_however_they_are_written() {
        let expected: DateTime<Utc> = "2026-11-01T06:00:00Z".parse().unwrap();
        for text in [
            "2026-11-01T06:00:00Z",
            "2026-11-01T06:00:00.000Z",
            "2026-11-01 06:00:00",
            "2026-11-01 06:00:00.000 UTC",
            "2026-11-01T07:00:00+01:00",
        ] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        assert_eq!(
            time("2026-11-01"),
            Some("2026-11-01T00:00:00Z".parse().unwrap())
        );
        for text in ["", "yesterday", "2026-13-01", "1793512800"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_map_is_json() {
        let read = map(r#"{"team": "o\"r\nders", "n": 3, "none": null}"#).unwrap();
        let expected = [("n", "3"), ("team", "o\"r\nders")];
        assert_eq!(
            read.iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!(map("team=orders"), None);
        assert_eq!(map("[1]"), None);
    }
}
