//! `collections`: what every window of every source came to.

use std::fmt;
use std::str::FromStr;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::cells::{Cell, Value, cell, values};
use crate::columns::{ColumnError, columns};

/// What a window of a source came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Everything that AWS has for the window is in the lake.
    Complete,
    /// Some of it is; the error says what is missing.
    Partial,
    /// AWS refused the call for want of a permission or of credentials.
    Denied,
    /// AWS throttled the calls until the retries were used up.
    Throttled,
    /// Anything else went wrong.
    Failed,
    /// The daily budget for Millicent's own calls is spent; nothing was asked.
    OverBudget,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 6] = [
        Outcome::Complete,
        Outcome::Partial,
        Outcome::Denied,
        Outcome::Throttled,
        Outcome::Failed,
        Outcome::OverBudget,
    ];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Partial => "partial",
            Outcome::Denied => "denied",
            Outcome::Throttled => "throttled",
            Outcome::Failed => "failed",
            Outcome::OverBudget => "over-budget",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = ColumnError;

    fn from_str(text: &str) -> Result<Self, ColumnError> {
        let known = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text);
        known.ok_or_else(|| ColumnError::Unknown {
            value: text.to_owned(),
        })
    }
}

cell!(Outcome);

impl Value for Outcome {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn to_array<'a>(
        values: impl Iterator<Item = Option<&'a Self>>,
    ) -> Result<ArrayRef, ColumnError> {
        let texts: Vec<_> = values
            .map(|value| value.map(|value| value.as_str().to_owned()))
            .collect();
        Value::to_array(texts.iter().map(Option::as_ref))
    }

    fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError> {
        let texts: Vec<Option<String>> = Value::from_array(array)?;
        texts
            .into_iter()
            .map(|text| text.map(|text| text.parse()).transpose())
            .collect()
    }
}

/// One window of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// `discovery`, `lambda-metrics`, `apigateway-metrics`, `traces`, `cost`.
    pub source: String,
    /// Account, region ("global" for cost).
    pub account_id: String,
    /// Region; `global` where the source has none.
    pub region: String,
    /// Start of the window, inclusive.
    pub ts: DateTime<Utc>,
    /// End of the window, exclusive.
    pub window_end: DateTime<Utc>,
    /// What it came to.
    pub outcome: Outcome,
    /// Rows written to the lake.
    pub rows: i64,
    /// Calls made to AWS, retries included.
    pub calls: i64,
    /// What AWS bills for: metrics requested, traces scanned and retrieved, Cost Explorer requests.
    pub billed_units: i64,
    /// `billed_units` at list price.
    pub cost_usd: Decimal,
    /// What went wrong, for a person to read.
    pub error: Option<String>,
    /// Time from the first call to the commit.
    pub elapsed_ms: i64,
    /// When it was collected.
    pub collected_at: DateTime<Utc>,
}

columns!(Collection, date of ts, [
    source, account_id, region, ts, window_end, outcome, rows, calls, billed_units, cost_usd, error, elapsed_ms, collected_at,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &["source", "ts"];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &["source", "account_id", "region", "ts", "window_end"];
