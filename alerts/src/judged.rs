//! How far the data goes that rules are judged by.

use chrono::{DateTime, Utc};
use millicent_analyzer::Coverage;

/// Sources that say whether the judged time is complete. The bill is a day late by nature and
/// traces are a sample, so neither is waited for.
const JUDGED_BY: [&str; 2] = ["apigateway-metrics", "lambda-metrics"];

/// Until when every source that judges is complete.
pub(crate) fn complete_until(coverage: &Coverage) -> Option<DateTime<Utc>> {
    let sources = JUDGED_BY.iter().filter_map(|name| coverage.source(name));
    sources.map(|source| source.complete_until).min().flatten()
}

/// What is missing of the time that was judged.
pub(crate) fn gap(coverage: &Coverage) -> Option<String> {
    let mut known = JUDGED_BY
        .iter()
        .filter_map(|name| coverage.source(name))
        .peekable();
    if known.peek().is_none() {
        return Some("no metrics have been collected".to_owned());
    }
    known
        .find(|source| source.complete_share < 0.999_999)
        .map(|source| {
            let error = source
                .last_error
                .as_deref()
                .map(|error| format!(" ({error})"));
            format!(
                "{} has {:.1}% of the judged time{}",
                source.source,
                source.complete_share * 100.0,
                error.unwrap_or_default()
            )
        })
}
