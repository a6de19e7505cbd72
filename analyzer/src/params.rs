//! Parameters of a report: typed values, bound and never formatted into SQL.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use crate::catalog::{Kind, Query};
use crate::error::AnalyzeError;

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// Text.
    Text(String),
    /// UTC.
    Timestamp(DateTime<Utc>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// True or false.
    Boolean(bool),
}

impl From<&str> for ParamValue {
    fn from(value: &str) -> Self {
        ParamValue::Text(value.to_owned())
    }
}
impl From<String> for ParamValue {
    fn from(value: String) -> Self {
        ParamValue::Text(value)
    }
}
impl From<DateTime<Utc>> for ParamValue {
    fn from(value: DateTime<Utc>) -> Self {
        ParamValue::Timestamp(value)
    }
}
impl From<i64> for ParamValue {
    fn from(value: i64) -> Self {
        ParamValue::Integer(value)
    }
}
impl From<f64> for ParamValue {
    fn from(value: f64) -> Self {
        ParamValue::Double(value)
    }
}
impl From<bool> for ParamValue {
    fn from(value: bool) -> Self {
        ParamValue::Boolean(value)
    }
}

/// Values by the parameters' names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(pub BTreeMap<String, ParamValue>);

impl Params {
    /// No values.
    pub fn new() -> Params {
        Params::default()
    }

    /// With one more value; the report checks name and type.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<ParamValue>) -> Params {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.0.get(name)
    }

    /// Reads values given as text, as a URL or a command line has them.
    ///
    /// Timestamps are RFC 3339 or `YYYY-MM-DD` (midnight UTC). An empty value is no value.
    ///
    /// # Errors
    /// [`AnalyzeError::Parameter`] names the unknown, missing or ill-typed parameter.
    pub fn parse(
        query: &Query,
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Params, AnalyzeError> {
        let mut params = Params::default();
        for (name, text) in pairs {
            let spec = query.param(&name).ok_or_else(|| unknown(query, &name))?;
            if text.is_empty() && spec.kind != Kind::Text {
                continue;
            }
            let value = read(spec.kind, &text).map_err(|expected| {
                parameter(
                    query,
                    &name,
                    format!("parameter \"{name}\" is {expected}, not \"{text}\""),
                )
            })?;
            params.0.insert(name, value);
        }
        params.complete(query)?;
        Ok(params)
    }

    /// The value of each parameter of the query: given, default, or none.
    ///
    /// # Errors
    /// As [`Params::parse`].
    pub(crate) fn complete(
        &self,
        query: &Query,
    ) -> Result<Vec<(String, Kind, Option<ParamValue>)>, AnalyzeError> {
        if let Some(name) = self.0.keys().find(|name| query.param(name).is_none()) {
            return Err(unknown(query, name));
        }
        let mut values = Vec::with_capacity(query.params.len());
        for spec in &query.params {
            let problem = |text: String| parameter(query, &spec.name, text);
            let value = match (self.0.get(&spec.name), &spec.default) {
                (Some(value), _) => Some(fit(spec.kind, value).ok_or_else(|| {
                    problem(format!(
                        "parameter \"{}\" is of type {}",
                        spec.name,
                        spec.kind.name()
                    ))
                })?),
                (None, Some(default)) => Some(read(spec.kind, default).map_err(|expected| {
                    problem(format!(
                        "the default of \"{}\" is not {expected}",
                        spec.name
                    ))
                })?),
                (None, None) if spec.required => {
                    return Err(problem(format!(
                        "parameter \"{}\" is missing ({}, {})",
                        spec.name,
                        spec.kind.name(),
                        spec.doc
                    )));
                }
                (None, None) => None,
            };
            values.push((spec.name.clone(), spec.kind, value));
        }
        Ok(values)
    }
}

/// The value as the kind wants it; a whole number is a number too.
fn fit(kind: Kind, value: &ParamValue) -> Option<ParamValue> {
    match (kind, value) {
        (Kind::Text, ParamValue::Text(_))
        | (Kind::Timestamp, ParamValue::Timestamp(_))
        | (Kind::Integer, ParamValue::Integer(_))
        | (Kind::Double, ParamValue::Double(_))
        | (Kind::Boolean, ParamValue::Boolean(_)) => Some(value.clone()),
        (Kind::Double, ParamValue::Integer(number)) => Some(ParamValue::Double(*number as f64)),
        _ => None,
    }
}

/// Reads text as a kind; the error says what is expected.
fn read(kind: Kind, text: &str) -> Result<ParamValue, &'static str> {
    match kind {
        Kind::Text => Ok(ParamValue::Text(text.to_owned())),
        Kind::Timestamp => timestamp(text)
            .map(ParamValue::Timestamp)
            .ok_or("a time such as 2026-11-23T08:00:00Z or 2026-11-23"),
        Kind::Integer => text
            .parse()
            .map(ParamValue::Integer)
            .map_err(|_| "a whole number"),
        Kind::Double => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(ParamValue::Double)
            .ok_or("a number"),
        Kind::Boolean => text
            .parse()
            .map(ParamValue::Boolean)
            .map_err(|_| "true or false"),
        Kind::Decimal | Kind::Date => Err("of a type that only columns have"),
    }
}

fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(NaiveDateTime::new(day, NaiveTime::MIN).and_utc())
}

fn unknown(query: &Query, name: &str) -> AnalyzeError {
    let known: Vec<_> = query.params.iter().map(|p| p.name.as_str()).collect();
    let known = if known.is_empty() {
        "it takes none".to_owned()
    } else {
        format!("it takes: {}", known.join(", "))
    };
    parameter(
        query,
        name,
        format!("there is no parameter \"{name}\"; {known}"),
    )
}

fn parameter(query: &Query, name: &str, problem: String) -> AnalyzeError {
    AnalyzeError::Parameter {
        report: query.name.clone(),
        name: name.to_owned(),
        problem,
    }
}
