//! What an evaluation found.

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::rule::{Severity, Unit};
use crate::state::Labels;

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ActiveAlert {
    /// Name of the rule.
    pub rule: String,
    /// What the rule watches, in words.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// What tells it from others of the rule.
    pub labels: Labels,
    /// What was measured when it began to fire, in `unit`.
    pub value: Option<f64>,
    /// What it was held against, in `unit`.
    pub threshold: Option<f64>,
    /// Unit of both.
    pub unit: Unit,
    /// Since when it holds.
    pub since: Option<DateTime<Utc>>,
    /// When it began to fire.
    pub fired_at: DateTime<Utc>,
    /// The whole of it in one line.
    pub line: String,
    /// What the query says besides: name and value.
    pub details: Vec<(String, String)>,
    /// Every notifier has been told.
    pub delivered: bool,
}

/// What an evaluation came to.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// End of the time that was judged; `None` if there is no complete data yet.
    pub judged_until: Option<DateTime<Utc>>,
    /// Rules, by name.
    pub rules: Vec<RuleSummary>,
    /// Messages that were delivered.
    pub delivered: usize,
    /// Deliveries that failed, and why; they are tried again.
    pub undelivered: Vec<String>,
}

/// What the evaluation of one rule came to.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct RuleSummary {
    /// Name of the rule.
    pub rule: String,
    /// Alerts that hold.
    pub firing: usize,
    /// Alerts that began.
    pub fired: usize,
    /// Alerts that ended.
    pub resolved: usize,
    /// Why the rule was not evaluated, or why its alerts cannot end now.
    pub note: Option<String>,
    /// Its query failed: its alerts are as they were.
    pub error: Option<String>,
}

impl Summary {
    /// Logs what a person should know of; nothing where nothing happened.
    pub(crate) fn log(&self) {
        for rule in &self.rules {
            if let Some(error) = &rule.error {
                warn!(
                    rule = rule.rule,
                    error, "an alert rule cannot be evaluated; its alerts stay as they are"
                );
            }
            if rule.fired + rule.resolved > 0 {
                info!(
                    rule = rule.rule,
                    fired = rule.fired,
                    resolved = rule.resolved,
                    "alerts changed"
                );
            }
        }
        for error in &self.undelivered {
            warn!(error, "an alert was not delivered; it is tried again");
        }
    }
}
