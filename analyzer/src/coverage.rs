//! Coverage: how much of a report's time the collector has, and until when.

use chrono::{DateTime, Utc};

/// What stands behind a report, source by source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coverage {
    /// Every source that has ever been collected, by name.
    pub sources: Vec<SourceCoverage>,
    /// When the newest window of any source was collected; none for an empty lake.
    pub as_of: Option<DateTime<Utc>>,
}

/// Coverage of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceCoverage {
    /// For example `lambda-metrics`.
    pub source: String,
    /// Share of the report's time, up to now, that complete windows cover: 0 to 1.
    pub complete_share: f64,
    /// End of the newest complete window.
    pub complete_until: Option<DateTime<Utc>>,
    /// Outcome of the window that was collected last, for example `complete` or `throttled`.
    pub last_outcome: String,
    /// Its error.
    pub last_error: Option<String>,
}

impl Coverage {
    /// The source of that name.
    pub fn source(&self, name: &str) -> Option<&SourceCoverage> {
        self.sources.iter().find(|source| source.source == name)
    }
}
