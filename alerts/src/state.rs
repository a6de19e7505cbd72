//! What becomes of an alert: pure rules from earlier events and the rows of now to changes.
//!
//! The state is nothing but a fold over `alert_events`, so a restart knows what the process
//! before it knew. Per alert the changes alternate, `firing` first; each is delivered to each
//! notifier until that succeeds, and a `resolved` only goes to who was told of the `firing`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use millicent_lake::AlertEvent;

/// Label columns of an alert and their values.
pub type Labels = BTreeMap<String, String>;

/// What tells one alert from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AlertKey {
    /// Name of the rule.
    pub rule: String,
    /// Values of its label columns.
    pub labels: Labels,
}

/// One row of a rule's query: an alert that holds now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AlertRow {
    /// Values of the label columns.
    pub labels: Labels,
    /// What was measured, in the rule's unit.
    pub value: Option<f64>,
    /// What it is held against, in the rule's unit.
    pub threshold: Option<f64>,
    /// Since when it holds; `None` where the query does not say.
    pub since: Option<DateTime<Utc>>,
    /// Further columns as `Name: value`, a line each.
    pub details: String,
}

/// A change of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It began to hold.
    Firing,
    /// It no longer holds.
    Resolved,
}

impl Change {
    /// As it is stored in `alert_events`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Change::Firing => "firing",
            Change::Resolved => "resolved",
        }
    }
}

/// Whether a row's presence, and its absence, can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trust {
    /// A row that is there is an alert.
    pub(crate) presence: bool,
    /// A row that is not there means that the alert is over. Never so while data of the judged
    /// window is missing: missing is not zero.
    pub(crate) absence: bool,
}

/// A change that a notifier has not been told of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Due {
    /// Whose.
    pub key: AlertKey,
    /// Whom to tell.
    pub notifier: String,
    /// What to tell: the event of the change.
    pub event: AlertEvent,
    /// Which change it is.
    pub change: Change,
}

/// What one notifier knows of an alert.
#[derive(Debug, Clone, Default, PartialEq)]
struct Told {
    /// It was told of the firing that this resolution ends.
    knew: bool,
    /// It was told of the latest change.
    delivered: bool,
    /// Attempts to tell it of the latest change that failed, and when the last of them did.
    failures: u32,
    failed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Standing {
    change: Change,
    /// The event of the latest change.
    event: AlertEvent,
    told: BTreeMap<String, Told>,
}

/// Every alert that fires, or whose end somebody has not been told of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    alerts: BTreeMap<AlertKey, Standing>,
    last: Option<DateTime<Utc>>,
}

impl State {
    /// The state after these events, in any order.
    pub(crate) fn from_events(mut events: Vec<AlertEvent>) -> State {
        events.sort_by_key(|event| event.ts);
        let mut state = State::default();
        for event in &events {
            state.apply(event);
        }
        state
    }

    /// Takes in one event, which must not be older than those before it.
    pub(crate) fn apply(&mut self, event: &AlertEvent) {
        self.last = self.last.max(Some(event.ts));
        let key = AlertKey {
            rule: event.rule.clone(),
            labels: event.labels.clone(),
        };
        match event.event.as_str() {
            "firing" => {
                let standing = Standing {
                    change: Change::Firing,
                    event: event.clone(),
                    told: BTreeMap::new(),
                };
                self.alerts.insert(key, standing);
            }
            "resolved" => {
                if let Some(standing) = self.alerts.get_mut(&key) {
                    standing.change = Change::Resolved;
                    standing.event = event.clone();
                    standing.told.retain(|_, told| told.delivered);
                    for told in standing.told.values_mut() {
                        *told = Told {
                            knew: true,
                            ..Told::default()
                        };
                    }
                }
            }
            "delivered" | "delivery-failed" => {
                if let (Some(standing), Some(notifier)) =
                    (self.alerts.get_mut(&key), event.notifier.as_ref())
                {
                    let told = standing.told.entry(notifier.clone()).or_default();
                    if event.event == "delivered" {
                        told.delivered = true;
                    } else {
                        told.failures = told.failures.saturating_add(1);
                        told.failed_at = Some(event.ts);
                    }
                }
            }
            // An event of a later version says nothing about what this one knows.
            _ => {}
        }
        self.alerts.retain(|_, standing| {
            standing.change == Change::Firing
                || standing
                    .told
                    .values()
                    .any(|told| told.knew && !told.delivered)
        });
    }

    /// A time for the next event: now, but always after the event before, so that the order of
    /// events can be told from their times even where a clock is set back.
    pub(crate) fn stamp(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.last {
            Some(last) if now <= last => last + Duration::microseconds(1),
            _ => now,
        }
    }

    /// The changes that these rows of a rule mean. They count once they are applied.
    pub(crate) fn judge(
        &self,
        rule: &str,
        rows: &[AlertRow],
        trust: Trust,
        now: DateTime<Utc>,
    ) -> Vec<AlertEvent> {
        let ts = self.stamp(now);
        let mut present = BTreeMap::new();
        for row in rows {
            // The first row of an alert speaks for it.
            present.entry(&row.labels).or_insert(row);
        }
        let mut changes = Vec::new();
        if trust.presence {
            for row in present.values() {
                let key = AlertKey {
                    rule: rule.to_owned(),
                    labels: row.labels.clone(),
                };
                if !self.is_firing(&key) {
                    changes.push(AlertEvent {
                        ts,
                        rule: key.rule,
                        labels: key.labels,
                        event: Change::Firing.as_str().to_owned(),
                        value: row.value,
                        threshold: row.threshold,
                        since: Some(row.since.unwrap_or(now)),
                        notifier: None,
                        message: (!row.details.is_empty()).then(|| row.details.clone()),
                    });
                }
            }
        }
        if trust.absence {
            for (key, fired) in self.firing() {
                if key.rule == rule && !present.contains_key(&key.labels) {
                    changes.push(AlertEvent {
                        ts,
                        event: Change::Resolved.as_str().to_owned(),
                        ..fired.clone()
                    });
                }
            }
        }
        changes
    }

    /// Whether this alert fires.
    pub(crate) fn is_firing(&self, key: &AlertKey) -> bool {
        self.alerts
            .get(key)
            .is_some_and(|standing| standing.change == Change::Firing)
    }

    /// Every alert that fires, with the event of its firing.
    pub(crate) fn firing(&self) -> impl Iterator<Item = (&AlertKey, &AlertEvent)> {
        self.alerts
            .iter()
            .filter(|(_, standing)| standing.change == Change::Firing)
            .map(|(key, standing)| (key, &standing.event))
    }

    /// Whether this notifier has been told of the alert's latest change.
    pub(crate) fn is_delivered(&self, key: &AlertKey, notifier: &str) -> bool {
        self.alerts
            .get(key)
            .and_then(|standing| standing.told.get(notifier))
            .is_some_and(|told| told.delivered)
    }

    /// What these notifiers are to be told now, oldest change first.
    pub(crate) fn due<'a>(
        &self,
        notifiers: impl Iterator<Item = &'a str> + Clone,
        now: DateTime<Utc>,
    ) -> Vec<Due> {
        let mut due = Vec::new();
        for (key, standing) in &self.alerts {
            for notifier in notifiers.clone() {
                let told = standing.told.get(notifier).cloned().unwrap_or_default();
                let unknown = standing.change == Change::Resolved && !told.knew;
                let waits = told
                    .failed_at
                    .is_some_and(|at| now < at + pause(told.failures));
                if !told.delivered && !unknown && !waits {
                    due.push(Due {
                        key: key.clone(),
                        notifier: notifier.to_owned(),
                        event: standing.event.clone(),
                        change: standing.change,
                    });
                }
            }
        }
        due.sort_by_key(|due| due.event.ts);
        due
    }
}

/// How long to leave a notifier alone after so many failed deliveries of one change: half a
/// minute, doubled each time, an hour at most.
fn pause(failures: u32) -> Duration {
    Duration::seconds(30_i64 << failures.saturating_sub(1).min(7)).min(Duration::hours(1))
}
