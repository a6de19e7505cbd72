//! `alert_events`: changes of an alert's state, and deliveries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

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
