//! Evaluating rules and telling of their changes.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use millicent_analyzer::{AnalyzeError, Analyzer, Coverage, Params};
use millicent_lake::{AlertEvent, Lake, LakeError, Rows};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use url::Url;

use crate::judged::{complete_until, gap};
use crate::message::Message;
use crate::notify::{DeliveryError, Notifier};
use crate::outcome::{ActiveAlert, RuleSummary, Summary};
use crate::rule::{Rule, Severity, Unit};
use crate::state::{Change, Due, State, Trust};

/// What is looked at for the newest complete data.
const LOOK_BACK: chrono::Duration = chrono::Duration::days(2);
/// Time before the newest complete data that has to be complete for an alert to end: longer than
/// the hours that a rule judges together.
const JUDGED: chrono::Duration = chrono::Duration::hours(6);
/// Messages that are sent in one evaluation; the rest follows with the next.
const MESSAGES_AT_ONCE: usize = 20;
/// Time that an evaluation under way has to end once the process is to.
const GRACE: Duration = Duration::from_secs(5);

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What to evaluate, how often, and where links lead.
#[derive(Debug, Clone)]
pub struct AlertsConfig {
    /// Time from one evaluation to the next.
    pub every: Duration,
    /// Address of the pages, for links in messages.
    pub base_url: Option<Url>,
    /// Parameters by the name of the rule. A rule that lacks a required one is off.
    pub params: BTreeMap<String, Params>,
}

/// Why alerts cannot be evaluated at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertsError {
    /// The earlier events cannot be read, or new ones not be stored.
    #[error("the state of the alerts cannot be read or stored: {0}")]
    Lake(#[from] LakeError),
    /// How much data there is cannot be told.
    #[error("the coverage cannot be read: {0}")]
    Coverage(#[from] AnalyzeError),
    /// The configuration names a rule that there is not.
    #[error("there is no alert rule \"{name}\"; there are: {known}")]
    UnknownRule {
        /// As configured.
        name: String,
        /// Names of the rules, separated by commas.
        known: String,
    },
}

/// The rules of one lake, and who is told.
#[derive(Clone)]
pub struct Alerts {
    inner: Arc<Inner>,
}

struct Inner {
    analyzer: Analyzer,
    lake: Lake,
    config: AlertsConfig,
    rules: Vec<Rule>,
    notifiers: Vec<Box<dyn Notifier>>,
    clock: Clock,
    state: Mutex<State>,
    /// One evaluation at a time; holds events that are true and could not be stored yet.
    evaluation: tokio::sync::Mutex<Evaluation>,
}

#[derive(Default)]
struct Evaluation {
    unsaved: Vec<AlertEvent>,
}

impl Alerts {
    /// Rules are the catalog's, with the parameters of the configuration.
    pub fn new(
        analyzer: Analyzer,
        lake: Lake,
        config: AlertsConfig,
        notifiers: Vec<Box<dyn Notifier>>,
        clock: Clock,
    ) -> Result<Alerts, AlertsError> {
        let rules: Vec<Rule> = analyzer
            .catalog()
            .alerts()
            .filter_map(|query| {
                Rule::of(
                    query,
                    config.params.get(&query.name).cloned().unwrap_or_default(),
                )
            })
            .collect();
        for name in config.params.keys() {
            if !rules.iter().any(|rule| rule.query.name == *name) {
                let known: Vec<_> = rules.iter().map(|rule| rule.query.name.as_str()).collect();
                return Err(AlertsError::UnknownRule {
                    name: name.clone(),
                    known: known.join(", "),
                });
            }
        }
        Ok(Alerts {
            inner: Arc::new(Inner {
                analyzer,
                lake,
                config,
                rules,
                notifiers,
                clock,
                state: Mutex::default(),
                evaluation: tokio::sync::Mutex::default(),
            }),
        })
    }

    /// The rules, whether they are on or off.
    pub fn rules(&self) -> &[Rule] {
        &self.inner.rules
    }

    /// Evaluates until cancelled. What fails is logged and tried again with the next evaluation.
    pub async fn run(&self, cancel: CancellationToken) {
        let mut ticks = interval(self.inner.config.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let mut evaluation = pin!(self.evaluate_once());
            let result = tokio::select! {
                result = &mut evaluation => result,
                // It may just have told somebody and not stored that yet.
                () = cancel.cancelled() => match timeout(GRACE, evaluation).await {
                    Ok(result) => result,
                    Err(_) => return,
                },
            };
            match result {
                Ok(summary) => summary.log(),
                Err(error) => warn!(%error, "alerts were not evaluated"),
            }
        }
    }

    /// Reads the state anew: what another process has found, for pages of this one.
    pub async fn refresh(&self) -> Result<(), AlertsError> {
        let mut evaluation = self.inner.evaluation.lock().await;
        self.load(&mut evaluation).await
    }

    /// Evaluates every rule that is on, stores the changes, and tells of them.
    pub async fn evaluate_once(&self) -> Result<Summary, AlertsError> {
        let mut evaluation = self.inner.evaluation.lock().await;
        // Another process may have found or told something since.
        self.load(&mut evaluation).await?;
        let mut summary = Summary::default();
        let now = (self.inner.clock)();
        summary.judged_until = complete_until(&self.coverage(now - LOOK_BACK, now).await?);
        let gap = match summary.judged_until {
            Some(until) => gap(&self
                .coverage(midnight(until).min(until - JUDGED), until)
                .await?),
            None => None,
        };
        for rule in &self.inner.rules {
            let result = self
                .evaluate(rule, summary.judged_until, gap.as_deref())
                .await?;
            summary.rules.push(result);
        }
        self.deliver(&mut summary, &mut evaluation).await;
        // What was sent and is not stored would be sent again after a restart.
        let unsaved = std::mem::take(&mut evaluation.unsaved);
        if let Err(error) = self.store(&unsaved).await {
            evaluation.unsaved = unsaved;
            return Err(error);
        }
        Ok(summary)
    }

    /// The alerts that fire, as of the last evaluation or [`Alerts::refresh`].
    pub fn active(&self) -> Vec<ActiveAlert> {
        let state = self.state();
        let alert = |(key, event): (_, &AlertEvent)| {
            let due = Due {
                key: Clone::clone(key),
                notifier: String::new(),
                event: event.clone(),
                change: Change::Firing,
            };
            let message = self.message(&due);
            ActiveAlert {
                line: message.line(),
                rule: message.rule,
                title: message.title,
                severity: message.severity,
                labels: message.labels,
                value: message.value,
                threshold: message.threshold,
                unit: message.unit,
                since: message.since,
                fired_at: event.ts,
                details: message.details,
                delivered: self
                    .inner
                    .notifiers
                    .iter()
                    .all(|n| state.is_delivered(key, n.name())),
            }
        };
        state.firing().map(alert).collect()
    }

    async fn load(&self, evaluation: &mut Evaluation) -> Result<(), AlertsError> {
        let mut events = self.inner.lake.alert_events(DateTime::UNIX_EPOCH).await?;
        events.extend(evaluation.unsaved.iter().cloned());
        *self.state() = State::from_events(events);
        Ok(())
    }

    async fn evaluate(
        &self,
        rule: &Rule,
        until: Option<DateTime<Utc>>,
        gap: Option<&str>,
    ) -> Result<RuleSummary, AlertsError> {
        let name = &rule.query.name;
        let mut summary = RuleSummary {
            rule: name.clone(),
            ..RuleSummary::default()
        };
        if let Some(parameter) = rule.missing() {
            summary.note = Some(format!("off: no value for {parameter} is configured"));
            return Ok(summary);
        }
        let Some(until) = until else {
            summary.note = Some("waits for complete data".to_owned());
            return Ok(summary);
        };
        let report = match self.inner.analyzer.report(name, &window(rule, until)).await {
            Ok(report) => report,
            Err(error) => {
                summary.error = Some(error.to_string());
                return Ok(summary);
            }
        };
        let gap = if report.table.is_truncated() {
            Some("it has more rows than a query may return")
        } else {
            gap
        };
        let trust = Trust {
            presence: gap.is_none() || rule.only_adds_up(),
            absence: gap.is_none(),
        };
        let rows = rule.rows(&report.table);
        let changes = self.state().judge(name, &rows, trust, (self.inner.clock)());
        if !changes.is_empty() {
            // Before anybody is told: what is not stored would be told again after a restart.
            self.store(&changes).await?;
        }
        let mut state = self.state();
        for change in &changes {
            state.apply(change);
            match change.event.as_str() {
                "firing" => summary.fired += 1,
                _ => summary.resolved += 1,
            }
        }
        summary.firing = state.firing().filter(|(key, _)| key.rule == *name).count();
        summary.note = match gap {
            Some(gap) if !trust.presence => Some(format!("not judged now: {gap}")),
            Some(gap) if summary.firing > 0 => Some(format!("its alerts cannot end now: {gap}")),
            _ => None,
        };
        drop(state);
        Ok(summary)
    }

    async fn coverage(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Coverage, AlertsError> {
        let params = Params::new().set("from", from).set("to", to);
        Ok(self
            .inner
            .analyzer
            .report("coverage", &params)
            .await?
            .coverage)
    }

    async fn deliver(&self, summary: &mut Summary, evaluation: &mut Evaluation) {
        let names = self.inner.notifiers.iter().map(|notifier| notifier.name());
        let due = self.state().due(names, (self.inner.clock)());
        let mut silent = BTreeSet::new();
        for due in due.iter().take(MESSAGES_AT_ONCE) {
            let notifier = self
                .inner
                .notifiers
                .iter()
                .find(|notifier| notifier.name() == due.notifier);
            let Some(notifier) = notifier.filter(|notifier| !silent.contains(notifier.name()))
            else {
                continue;
            };
            let result = notifier.deliver(&self.message(due)).await;
            let mut state = self.state();
            let event = AlertEvent {
                ts: state.stamp((self.inner.clock)()),
                event: if result.is_ok() {
                    "delivered"
                } else {
                    "delivery-failed"
                }
                .to_owned(),
                notifier: Some(due.notifier.clone()),
                message: result.as_ref().err().map(ToString::to_string),
                ..due.event.clone()
            };
            state.apply(&event);
            drop(state);
            evaluation.unsaved.push(event);
            match result {
                Ok(()) => summary.delivered += 1,
                Err(error) => {
                    summary
                        .undelivered
                        .push(format!("{}: {error}", due.notifier));
                    if let DeliveryError::Unreachable { .. } = error {
                        silent.insert(notifier.name());
                    }
                }
            }
        }
    }

    async fn store(&self, events: &[AlertEvent]) -> Result<(), AlertsError> {
        if !events.is_empty() {
            self.inner
                .lake
                .append(Rows::AlertEvents(events.to_vec()))
                .await?;
        }
        Ok(())
    }

    fn message(&self, due: &Due) -> Message {
        let rule = self
            .inner
            .rules
            .iter()
            .find(|rule| rule.query.name == due.key.rule);
        let (title, severity, unit) = match rule {
            Some(rule) => (rule.query.title.as_str(), rule.severity, rule.unit),
            // A rule that is gone, with an alert that was not.
            None => (due.key.rule.as_str(), Severity::Warning, Unit::Number),
        };
        Message::of(
            due,
            title,
            severity,
            unit,
            self.inner.config.base_url.as_ref(),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rule's parameters with the time that is judged: the UTC day of the newest complete data,
/// up to it.
fn window(rule: &Rule, until: DateTime<Utc>) -> Params {
    let mut params = rule.params.clone();
    for (name, time) in [("from", midnight(until)), ("to", until)] {
        if rule.query.param(name).is_some() && params.get(name).is_none() {
            params = params.set(name, time);
        }
    }
    params
}

/// Start of the UTC day that ends with, or has, this time.
fn midnight(until: DateTime<Utc>) -> DateTime<Utc> {
    let newest = until - chrono::Duration::microseconds(1);
    newest
        .date_naive()
        .and_time(chrono::NaiveTime::MIN)
        .and_utc()
}
