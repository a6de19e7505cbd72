//! The estate: every configured account and region, collected into one lake.
//!
//! Each account and region has a [`Collector`] of its own, with token buckets of its own, because
//! AWS's quotas are an account's in a region. One purse pays for all, a few of them work at a time,
//! and the bill, which is an account's, is read in the first of its regions. An account that can't
//! be reached holds up no other: what it misses is recorded, and it is tried again.

mod account;
mod claims;
#[cfg(test)]
mod tests;
mod waiting;

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use millicent_lake::{Lake, Outcome};
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::collector::Progress;
use crate::config::CollectConfig;
use crate::error::CollectError;
use crate::exports;
use crate::gate::Gate;
use crate::meter::Purse;
use crate::plan::Plan;
use crate::summary::PassSummary;
use account::Account;
use claims::Claims;

/// Accounts that are named when none can be reached.
const NAMED: usize = 5;

/// One account: how to reach it, and what to collect in which regions.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountConfig {
    /// What messages call it.
    pub name: String,
    /// Its twelve digits, where they are known beforehand; other credentials are then refused.
    pub account_id: Option<String>,
    /// Its regions; at least one.
    pub regions: Vec<String>,
    /// Everything else. Its region and budget are not used.
    pub collect: CollectConfig,
}

/// Every account, and what they may cost together.
#[derive(Debug, Clone, PartialEq)]
pub struct EstateConfig {
    /// At least one.
    pub accounts: Vec<AccountConfig>,
    /// What Millicent's own calls may cost in a UTC day, over all accounts: a hard stop. `None`: no limit.
    pub budget_usd_per_day: Option<Decimal>,
}

/// One region of one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The account's name in the configuration.
    pub account: String,
    /// Its twelve digits; the name again while they are not known.
    pub account_id: String,
    /// Region.
    pub region: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.account, self.region)
    }
}

/// Why nothing could be asked for in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// How it counts.
    pub outcome: Outcome,
    /// What happened, to what, and what to do.
    pub message: String,
}

/// What a pass came to in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceSummary {
    /// Which.
    pub place: Place,
    /// Why nothing was collected, if so; the windows of the sources are then recorded as this.
    pub unreached: Option<Unreached>,
    /// By source.
    pub pass: PassSummary,
}

/// A pass over every place.
#[derive(Debug, Clone, PartialEq)]
pub struct EstateSummary {
    /// In the order of the configuration.
    pub places: Vec<PlaceSummary>,
}

impl EstateSummary {
    /// Every window of every place that was tried was collected whole.
    pub fn is_complete(&self) -> bool {
        self.places
            .iter()
            .all(|place| place.unreached.is_none() && place.pass.is_complete())
    }

    /// It was cancelled before every due window was tried.
    pub fn cancelled(&self) -> bool {
        self.places.iter().any(|place| place.pass.cancelled)
    }

    /// What it cost at list price.
    pub fn cost_usd(&self) -> Decimal {
        self.places.iter().map(|place| place.pass.cost_usd()).sum()
    }
}

/// The next pass over every place.
#[derive(Debug, Clone, PartialEq)]
pub struct EstatePlan {
    /// Of those that can be reached.
    pub places: Vec<(Place, Plan)>,
    /// The others.
    pub unreached: Vec<(Place, Unreached)>,
    /// The daily budget, if there is one.
    pub budget_usd_per_day: Option<Decimal>,
    /// Spent of it today.
    pub spent_today_usd: Decimal,
}

impl EstatePlan {
    /// What is known of the pass's cost.
    pub fn cost_usd(&self) -> Decimal {
        self.places.iter().map(|(_, plan)| plan.cost_usd()).sum()
    }
}

/// What all accounts share.
struct Shared {
    lake: Lake,
    clock: Arc<dyn Clock>,
    purse: Arc<Purse>,
    /// Bounds how many places work at once.
    gate: Arc<Gate>,
    claims: Mutex<Claims>,
    /// Which export of the bill each billing period is of.
    exports: Arc<exports::Claims>,
}

/// Collects every account and region into a lake.
pub struct Estate {
    shared: Arc<Shared>,
    accounts: Vec<Account>,
}

impl Estate {
    /// Tries to reach every account, and reads from the lake what was spent today.
    ///
    /// # Errors
    /// A configuration that can't be worked with, a lake that can't be read, or not one account
    /// that can be reached.
    pub async fn connect(
        config: EstateConfig,
        lake: Lake,
        clock: Arc<dyn Clock>,
    ) -> Result<Estate, CollectError> {
        let today = clock.now().date_naive();
        let purse = Purse::new(config.budget_usd_per_day, today, Decimal::ZERO);
        let shared = Arc::new(Shared {
            lake,
            clock,
            purse: Arc::new(purse),
            gate: Arc::default(),
            claims: Mutex::default(),
            exports: Arc::default(),
        });
        let mut accounts = Vec::new();
        for account in config.accounts {
            account.collect.validate()?;
            accounts.push(Account::new(account, Arc::clone(&shared)));
        }
        let reached = join_all(accounts.iter().map(Account::open)).await;
        // In the order of the file, so that of two that are the same the first one stays.
        let mut errors = Vec::new();
        for (account, opened) in accounts.iter().zip(reached) {
            if let Err(error) = account.settle(opened).await? {
                errors.push((account.name().to_owned(), error));
            }
        }
        if errors.len() == accounts.len() {
            return Err(none_reached(errors));
        }
        Ok(Estate { shared, accounts })
    }

    /// The lake that it collects into.
    pub fn lake(&self) -> &Lake {
        &self.shared.lake
    }

    /// What the next pass would ask for, and what it would cost. Writes nothing.
    ///
    /// # Errors
    /// If the lake can't be read.
    pub async fn plan(&self, until: DateTime<Utc>) -> Result<EstatePlan, CollectError> {
        let mut plan = EstatePlan {
            places: Vec::new(),
            unreached: Vec::new(),
            budget_usd_per_day: self.shared.purse.limit(),
            spent_today_usd: Decimal::ZERO,
        };
        for planned in join_all(self.accounts.iter().map(|a| a.plan(until))).await {
            let (places, unreached) = planned?;
            plan.places.extend(places);
            plan.unreached.extend(unreached);
        }
        let today = self.shared.clock.now().date_naive();
        plan.spent_today_usd = self.shared.purse.spent(today);
        Ok(plan)
    }

    /// Collects every window that is due at `until` in every place, once. What goes wrong in one
    /// place is in the summary and in `collections`; the others go on. Cancelled, it ends after the
    /// windows that are under way.
    ///
    /// # Errors
    /// If the lake can't be read or written; the other places are finished first.
    pub async fn pass(
        &self,
        until: DateTime<Utc>,
        cancel: &CancellationToken,
        progress: &(dyn Fn(&Place, Progress) + Send + Sync),
    ) -> Result<EstateSummary, CollectError> {
        let passes = self
            .accounts
            .iter()
            .map(|account| account.pass(until, cancel, progress));
        let mut places = Vec::new();
        for done in join_all(passes).await {
            places.extend(done?);
        }
        Ok(EstateSummary { places })
    }

    /// Passes for ever, in every place one each time that new minutes are due there, until
    /// cancelled. An account that can't be reached is tried again, less often each time.
    ///
    /// # Errors
    /// None that lasts: the lake may be back by the next pass.
    pub async fn run(
        &self,
        cancel: &CancellationToken,
        progress: &(dyn Fn(&Place, Progress) + Send + Sync),
    ) -> Result<(), CollectError> {
        let running = self
            .accounts
            .iter()
            .map(|account| account.run(cancel, progress));
        join_all(running).await.into_iter().collect()
    }
}

fn none_reached(mut errors: Vec<(String, CollectError)>) -> CollectError {
    if errors.len() == 1 {
        return errors.remove(0).1;
    }
    let mut text = errors
        .iter()
        .take(NAMED)
        .map(|(name, error)| format!("\n  {name}: {error}"))
        .collect::<String>();
    if errors.len() > NAMED {
        text.push_str(&format!("\n  and {} more", errors.len() - NAMED));
    }
    CollectError::NoAccount(text)
}
