//! Trouble on demand: rules that make chosen calls fail, come late or come in pieces, and the
//! count of calls that were made.
//!
//! Which calls a rate hits follows from the seed and the number of the call, not from chance, so a
//! test that failed fails again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::server::service::{Call, Service};

/// What a rule does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with the service's throttling error.
    Throttle,
    /// Answered as if a policy lacked the action.
    Deny,
    /// Answered with the service's internal error, status 500.
    ServerError,
    /// Data of the last minutes are not there yet.
    Lag {
        /// How many minutes.
        minutes: u32,
    },
    /// Pages hold no more than so many items.
    CutPages {
        /// Items a page, at least 1.
        page_size: u32,
    },
    /// The connection closes when half of the body is sent.
    Truncate,
}

/// A rule: which calls, and what happens to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The service; every service if none.
    pub service: Option<Service>,
    /// The operation; every operation if none.
    pub operation: Option<String>,
    /// What happens.
    pub fault: Fault,
    /// The share of calls that it happens to, 0 to 1.
    pub rate: f64,
    /// Only the first so many matching calls.
    pub first: Option<u64>,
}

/// A rule and the account that it hits; every account if none.
pub type ScopedRule = (Option<String>, Rule);

/// A rule that cannot be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RuleError {
    /// Not JSON of the right shape.
    #[error(
        "fault rules must be a JSON list of {{account, service, operation, kind, minutes, page_size, rate, first}}: {0}"
    )]
    Shape(String),
    /// A service that is not simulated.
    #[error(
        "unknown service {0:?}: one of {names}",
        names = Service::ALL.map(Service::name).join(", ")
    )]
    Service(String),
    /// A kind that does not exist or lacks its number.
    #[error(
        "kind {0:?}: one of throttle, deny, server-error, lag (with minutes), cut-pages (with page_size), truncate"
    )]
    Kind(String),
    /// A rate outside 0 to 1.
    #[error("rate {0} is not between 0 and 1")]
    Rate(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    account: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    kind: String,
    minutes: Option<u32>,
    page_size: Option<u32>,
    rate: Option<f64>,
    first: Option<u64>,
}

impl Rule {
    /// A rule that hits every call of a service.
    pub fn always(service: Service, fault: Fault) -> Self {
        Rule {
            service: Some(service),
            operation: None,
            fault,
            rate: 1.0,
            first: None,
        }
    }

    /// Reads rules as `POST /_simulator/faults` takes them, each with its account if it has one.
    pub fn parse_list(json: &[u8]) -> Result<Vec<ScopedRule>, RuleError> {
        let raw: Vec<RawRule> =
            serde_json::from_slice(json).map_err(|e| RuleError::Shape(e.to_string()))?;
        raw.into_iter()
            .map(|mut raw| Ok((raw.account.take(), Rule::from_raw(raw)?)))
            .collect()
    }

    fn from_raw(raw: RawRule) -> Result<Rule, RuleError> {
        let service = match raw.service {
            None => None,
            Some(name) => match Service::ALL
                .into_iter()
                .find(|service| service.name() == name)
            {
                Some(service) => Some(service),
                None => return Err(RuleError::Service(name)),
            },
        };
        let fault = match (raw.kind.as_str(), raw.minutes, raw.page_size) {
            ("throttle", None, None) => Fault::Throttle,
            ("deny", None, None) => Fault::Deny,
            ("server-error", None, None) => Fault::ServerError,
            ("lag", Some(minutes), None) => Fault::Lag { minutes },
            ("cut-pages", None, Some(page_size)) if page_size > 0 => Fault::CutPages { page_size },
            ("truncate", None, None) => Fault::Truncate,
            _ => return Err(RuleError::Kind(raw.kind)),
        };
        let rate = raw.rate.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&rate) {
            return Err(RuleError::Rate(rate.to_string()));
        }
        Ok(Rule {
            service,
            operation: raw.operation,
            fault,
            rate,
            first: raw.first,
        })
    }

    fn matches(&self, call: &Call) -> bool {
        self.service.is_none_or(|service| service == call.service)
            && self
                .operation
                .as_ref()
                .is_none_or(|operation| *operation == call.operation)
    }
}

/// Calls of one operation, and how many of them a fault hit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Every call that was recognised, refused ones included.
    pub total: u64,
    /// Those answered with an error by a rule.
    pub refused: u64,
}

/// The rules in force and the calls so far.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<(ScopedRule, u64)>,
    calls: BTreeMap<(Service, String), Calls>,
}

/// What the rules in force mean for one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effects {
    /// Answer with this error instead.
    pub refuse: Option<Fault>,
    /// Minutes by which data are late.
    pub lag_minutes: u32,
    /// The most items that a page may hold.
    pub page_size: Option<u32>,
    /// Cut the body.
    pub truncate: bool,
}

impl Faults {
    /// No rules yet; the seed decides which calls a rate hits.
    pub fn new(seed: u64) -> Self {
        Faults {
            seed,
            state: Mutex::default(),
        }
    }

    /// Puts these rules in the place of all others, and counts their calls anew.
    pub fn replace(&self, rules: Vec<ScopedRule>) {
        self.lock().rules = rules.into_iter().map(|rule| (rule, 0)).collect();
    }

    /// The rules in force.
    pub fn rules(&self) -> Vec<ScopedRule> {
        self.lock()
            .rules
            .iter()
            .map(|(rule, _)| rule.clone())
            .collect()
    }

    /// Calls so far by service and operation.
    pub fn calls(&self) -> BTreeMap<(Service, String), Calls> {
        self.lock().calls.clone()
    }

    /// Counts a call of an account and decides what happens to it.
    pub fn effects(&self, account_id: &str, call: &Call) -> Effects {
        let mut effects = Effects::default();
        let mut state = self.lock();
        for (index, ((account, rule), matched)) in state.rules.iter_mut().enumerate() {
            if account.as_deref().is_some_and(|own| own != account_id) || !rule.matches(call) {
                continue;
            }
            let number = *matched;
            *matched += 1;
            if rule.first.is_some_and(|first| number >= first)
                || !hits(self.seed, index, number, rule.rate)
            {
                continue;
            }
            match rule.fault {
                Fault::Throttle | Fault::Deny | Fault::ServerError => {
                    effects.refuse.get_or_insert(rule.fault);
                }
                Fault::Lag { minutes } => effects.lag_minutes = effects.lag_minutes.max(minutes),
                Fault::CutPages { page_size } => {
                    effects.page_size = Some(
                        effects
                            .page_size
                            .map_or(page_size, |size| size.min(page_size)),
                    );
                }
                Fault::Truncate => effects.truncate = true,
            }
        }
        let calls = state
            .calls
            .entry((call.service, call.operation.clone()))
            .or_default();
        calls.total += 1;
        calls.refused += u64::from(effects.refuse.is_some());
        effects
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change under the lock is complete before it could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hits(seed: u64, rule: usize, number: u64, rate: f64) -> bool {
    let bits = crate::xray::ids::mix(
        seed ^ crate::xray::ids::mix(number.wrapping_add((rule as u64) << 48)),
    );
    ((bits >> 11) as f64) < rate * (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "123456789012";

    use crate::server::service::Wire;

    fn call(service: Service, operation: &str) -> Call {
        Call {
            service,
            operation: operation.to_owned(),
            wire: Wire::RestJson,
        }
    }

    #[test]
    fn a_rate_hits_its_share_and_the_same_calls_each_time() {
        let rule = Rule {
            rate: 0.3,
            ..Rule::always(Service::XRay, Fault::Throttle)
        };
        let run = || {
            let faults = Faults::new(7);
            faults.replace(vec![(None, rule.clone())]);
            (0..2_000)
                .map(|_| {
                    faults
                        .effects(ACCOUNT, &call(Service::XRay, "BatchGetTraces"))
                        .refuse
                        .is_some()
                })
                .collect()
        };
        let first: Vec<bool> = run();
        let share = first.iter().filter(|hit| **hit).count() as f64 / 2_000.0;
        assert!((share - 0.3).abs() < 0.03, "{share}");
        assert_eq!(first, run());
    }

    #[test]
    fn a_rule_touches_only_its_operation_and_only_the_first_calls() {
        let faults = Faults::new(1);
        let denied = Rule {
            operation: Some("GetTraceSummaries".into()),
            first: Some(2),
            ..Rule::always(Service::XRay, Fault::Deny)
        };
        let other = Rule::always(Service::XRay, Fault::Throttle);
        faults.replace(vec![
            (Some("999999999999".to_owned()), other),
            (None, denied),
        ]);
        let refused = |operation: &str| {
            faults
                .effects(ACCOUNT, &call(Service::XRay, operation))
                .refuse
        };
        assert_eq!(refused("BatchGetTraces"), None);
        assert_eq!(refused("GetTraceSummaries"), Some(Fault::Deny));
        assert_eq!(refused("GetTraceSummaries"), Some(Fault::Deny));
        assert_eq!(refused("GetTraceSummaries"), None);
        assert_eq!(
            faults.calls()[&(Service::XRay, "GetTraceSummaries".to_owned())],
            Calls {
                total: 3,
                refused: 2
            }
        );
    }

    #[test]
    fn effects_of_several_rules_add_up() {
        let faults = Faults::new(1);
        let rules = br#"[{"kind":"lag","minutes":5},{"service":"ce","kind":"lag","minutes":9},
                         {"kind":"cut-pages","page_size":3},{"kind":"truncate"}]"#;
        faults.replace(Rule::parse_list(rules).unwrap());
        let effects = faults.effects(ACCOUNT, &call(Service::CostExplorer, "GetCostAndUsage"));
        assert_eq!(
            effects,
            Effects {
                refuse: None,
                lag_minutes: 9,
                page_size: Some(3),
                truncate: true
            }
        );
    }

    #[test]
    fn rules_that_cannot_be_are_named() {
        let error = |json: &str| Rule::parse_list(json.as_bytes()).unwrap_err();
        assert_eq!(error(r#"[{"kind":"lag"}]"#), RuleError::Kind("lag".into()));
        assert_eq!(
            error(r#"[{"kind":"deny","service":"ec2"}]"#),
            RuleError::Service("ec2".into())
        );
        assert_eq!(
            error(r#"[{"kind":"deny","rate":1.5}]"#),
            RuleError::Rate("1.5".into())
        );
        assert!(matches!(
            error(r#"[{"kind":"deny","ratio":1}]"#),
            RuleError::Shape(_)
        ));
    }
}
