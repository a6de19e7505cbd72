//! Alert rules, their state and their notifiers.
//!
//! A rule is a query in `queries/alerts/`; a row that it returns is an alert, told from others by its
//! label columns. [`Alerts`] evaluates the rules, keeps every change and every delivery in the
//! lake's `alert_events`, and tells each notifier of each change once. Should the process die
//! between a delivery and its being stored, that one message is sent again: rather twice than never.

mod alerts;
mod judged;
mod message;
mod notify;
mod outcome;
mod rule;
mod slack;
mod state;
mod webhook;

pub use alerts::{Alerts, AlertsConfig, AlertsError, Clock};
pub use message::Message;
pub use notify::{DeliveryError, Notifier};
pub use outcome::{ActiveAlert, RuleSummary, Summary};
pub use rule::{Rule, Severity, Unit};
pub use slack::Slack;
pub use state::Labels;
pub use webhook::{JsonWebhook, SecretUrl, SecretUrlError, Webhook};
