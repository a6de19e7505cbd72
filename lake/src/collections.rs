//! `collections`: what every window of every source came to.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

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
