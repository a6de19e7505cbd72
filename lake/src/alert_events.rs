//! `alert_events`: changes of an alert's state, and deliveries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::columns::columns;

/// One change of an alert's state, or one delivery of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEvent {
    /// When it happened.
    pub ts: DateTime<Utc>,
    /// Name of the rule, which is the name of its query.
    pub rule: String,
    /// What tells this alert from others of the rule, for example api, stage and route.
    pub labels: BTreeMap<String, String>,
    /// `firing`, `resolved`, `delivered`, `delivery-failed`.
    pub event: String,
    /// Value when it happened.
    pub value: Option<f64>,
    /// Threshold it was held against.
    pub threshold: Option<f64>,
    /// Since when it fires.
    pub since: Option<DateTime<Utc>>,
    /// Notifier of a delivery, for example `slack`.
    pub notifier: Option<String>,
    /// The message, or the error of a failed delivery.
    pub message: Option<String>,
}

columns!(AlertEvent, date of ts, [
    ts, rule, labels, event, value, threshold, since, notifier, message,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &["ts"];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &["rule", "ts"];
