//! The collector: passes over everything that is due.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{Collection, Lake, Outcome, Resource};
use rust_decimal::Decimal;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::aws::Aws;
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::config::CollectConfig;
use crate::discovery::Inventory;
use crate::error::CollectError;
use crate::estate::Unreached;
use crate::exports;
use crate::gate::Gate;
use crate::knowledge::Knowledge;
use crate::meter::Purse;
use crate::metrics::Active;
use crate::pace::Pace;
use crate::plan::{Plan, plan};
use crate::source::Source;
use crate::summary::{PassSummary, SourceSummary};
use crate::task::Task;
use crate::trouble::{Trouble, chain};
use crate::windows::floor;

/// How far a source is in a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Name of the source.
    pub source: &'static str,
    /// Windows done.
    pub done: u64,
    /// Windows due.
    pub total: u64,
    /// What was done last, for a person to read; empty at the start.
    pub detail: String,
}

/// Collects one account and region into a lake.
#[derive(Clone)]
pub struct Collector {
    inner: Arc<Inner>,
}

/// What is recorded of each source.
#[derive(Default)]
pub(crate) struct Seen(HashMap<Source, Vec<Collection>>);

impl Seen {
    /// What is recorded of one, which is taken out.
    pub(crate) fn of(&mut self, source: Source) -> Vec<Collection> {
        self.0.remove(&source).unwrap_or_default()
    }
}

/// What all sources share.
pub(crate) struct Inner {
    pub(crate) config: CollectConfig,
    pub(crate) lake: Lake,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) aws: Aws,
    pub(crate) pace: Pace,
    pub(crate) purse: Arc<Purse>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) active: Active,
    pub(crate) backoff: Mutex<Backoff>,
    pub(crate) exports: exports::Checked,
    pub(crate) claims: Arc<exports::Claims>,
}

impl Collector {
    /// The lake that it collects into.
    pub fn lake(&self) -> &Lake {
        &self.inner.lake
    }

    /// Finds credentials, asks AWS whose they are, and reads from the lake what was spent today.
    ///
    /// # Errors
    /// A configuration that can't be worked with, no credentials, nobody at the endpoint,
    /// credentials that AWS refuses, a lake that can't be read.
    pub async fn connect(
        config: CollectConfig,
        lake: Lake,
        clock: Arc<dyn Clock>,
    ) -> Result<Collector, CollectError> {
        config.validate()?;
        let access = Access::open(&config).await?;
        let aws = Aws::new(&access, &config.region);
        let today = clock.now().date_naive();
        let purse = Purse::new(config.budget_usd_per_day, today, Decimal::ZERO);
        let (purse, gate) = (Arc::new(purse), Arc::default());
        let (spending, exports) = (Arc::clone(&purse), Arc::default());
        let collector = Collector::new(config, lake, clock, aws, spending, gate, exports);
        purse.add(today, collector.spent_today().await?);
        Ok(collector)
    }

    /// One account and region of several, which share a purse and a gate.
    pub(crate) fn new(
        config: CollectConfig,
        lake: Lake,
        clock: Arc<dyn Clock>,
        aws: Aws,
        purse: Arc<Purse>,
        gate: Arc<Gate>,
        claims: Arc<exports::Claims>,
    ) -> Collector {
        Collector {
            inner: Arc::new(Inner {
                config,
                lake,
                clock,
                aws,
                pace: Pace::default(),
                purse,
                gate,
                active: Active::default(),
                backoff: Mutex::default(),
                exports: exports::Checked::default(),
                claims,
            }),
        }
    }

    /// What the lake says was spent here today, in UTC.
    pub(crate) async fn spent_today(&self) -> Result<Decimal, CollectError> {
        let now = self.inner.clock.now();
        let today = |row: &&Collection| row.collected_at.date_naive() == now.date_naive();
        let mut spent = Decimal::ZERO;
        let mut seen = self.inner.all_seen(now).await?;
        for source in &self.inner.config.sources {
            let seen = seen.of(*source);
            let costs = seen.iter().filter(today).map(|row| row.cost_usd);
            spent += costs.sum::<Decimal>();
        }
        Ok(spent)
    }

    /// Records what is missed while the account can't be reached.
    pub(crate) async fn record_absent(
        &self,
        until: DateTime<Utc>,
        why: &Unreached,
    ) -> Result<PassSummary, CollectError> {
        let trouble = Trouble {
            outcome: why.outcome,
            message: why.message.clone(),
        };
        let (told, _telling) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let mut sources = Vec::new();
        let mut seen = self.inner.all_seen(until).await?;
        for source in &self.inner.config.sources {
            let seen = seen.of(*source);
            let task = Task::new(&self.inner, *source, seen, until, &cancel, &told);
            sources.push(task.refuse(&trouble).await?);
        }
        Ok(PassSummary {
            sources,
            cancelled: false,
        })
    }

    /// The account that the credentials belong to: twelve digits.
    pub fn account_id(&self) -> &str {
        &self.inner.aws.account_id
    }

    /// The configuration in use.
    pub fn config(&self) -> &CollectConfig {
        &self.inner.config
    }

    /// What the next pass would ask for, and what it would cost. Writes nothing.
    ///
    /// # Errors
    /// If the lake can't be read.
    pub async fn plan(&self, until: DateTime<Utc>) -> Result<Plan, CollectError> {
        plan(&self.inner, until).await
    }

    /// Collects every window that is due at `until`, of every source, once. Sources run at the same
    /// time and fail on their own: what goes wrong with one is in the summary and in `collections`.
    /// Cancelled, it ends after the windows that are under way.
    ///
    /// # Errors
    /// If the lake can't be read or written; the other sources are finished first.
    pub async fn pass(
        &self,
        until: DateTime<Utc>,
        cancel: &CancellationToken,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<PassSummary, CollectError> {
        let inner = &self.inner;
        let _permit = inner.gate.places.acquire().await;
        let wanted = |source: Source| inner.config.sources.contains(&source);
        let (told, mut telling) = mpsc::unbounded_channel();
        let mut tasks: JoinSet<Result<Done, CollectError>> = JoinSet::new();
        let task_of = |source, seen: &mut Seen| {
            Task::new(inner, source, seen.of(source), until, cancel, &told)
        };
        let mut seen = inner.all_seen(until).await?;

        if wanted(Source::Cost) {
            let task = task_of(Source::Cost, &mut seen);
            let nothing = Knowledge::new(Inventory::known(Vec::new()), &inner.config.filter);
            tasks.spawn(async move { task.run(nothing).await.map(Done::Source) });
        }
        if wanted(Source::Exports) && !inner.config.exports.is_empty() {
            let (inner, cancel, told) = (Arc::clone(inner), cancel.clone(), told.clone());
            tasks.spawn(async move {
                exports::collect(inner, cancel, told)
                    .await
                    .map(Done::Source)
            });
        }
        if wanted(Source::Discovery) {
            let task = task_of(Source::Discovery, &mut seen);
            tasks.spawn(async move {
                let (summary, known) = task.run_discovery().await?;
                Ok(Done::Discovery(summary, known))
            });
        } else {
            let known = self.knowledge_without_discovery().await?;
            tasks.spawn(async move { Ok(Done::Known(known)) });
        }

        let mut sources = Vec::new();
        let mut failure = None;
        loop {
            let done = tokio::select! {
                Some(step) = telling.recv() => {
                    progress(step);
                    continue;
                }
                done = tasks.join_next() => done,
            };
            let known = match done {
                None => break,
                Some(Err(error)) => {
                    failure.get_or_insert(CollectError::Task(error.to_string()));
                    continue;
                }
                Some(Ok(Err(error))) => {
                    failure.get_or_insert(error);
                    continue;
                }
                Some(Ok(Ok(Done::Source(summary)))) => {
                    sources.push(summary);
                    continue;
                }
                Some(Ok(Ok(Done::Known(known)))) => known,
                Some(Ok(Ok(Done::Discovery(summary, known)))) => {
                    sources.push(summary);
                    known
                }
            };
            // What there is is known: now what it did. Another collector may have read it meanwhile.
            let mut seen = inner.all_seen(until).await?;
            for source in Source::ALL {
                if wanted(source) && source.needs_resources() {
                    let task = task_of(source, &mut seen);
                    let known = known.clone();
                    tasks.spawn(async move { task.run(known).await.map(Done::Source) });
                }
            }
        }
        while let Ok(step) = telling.try_recv() {
            progress(step);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        sources.sort_by_key(|summary| summary.source);
        Ok(PassSummary {
            sources,
            cancelled: cancel.is_cancelled(),
        })
    }

    /// Passes for ever, one each time that new minutes are due, until cancelled. A pass that fails
    /// on the lake is logged and tried again with the next one.
    ///
    /// # Errors
    /// None that lasts: the lake may be back by the next pass.
    pub async fn run(
        &self,
        cancel: &CancellationToken,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), CollectError> {
        let config = &self.inner.config;
        while !cancel.is_cancelled() {
            let started = self.inner.clock.now();
            if let Err(error) = self.pass(started, cancel, progress).await {
                tracing::error!(
                    error = chain(&error),
                    "pass failed; it is tried again with the next one"
                );
            }
            let settle = config.metrics_settle;
            let next = floor(started - settle, config.freshness) + config.freshness + settle;
            let wait = (next - self.inner.clock.now()).max(TimeDelta::seconds(1));
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(wait.to_std().unwrap_or_default()) => {}
            }
        }
        Ok(())
    }

    async fn knowledge_without_discovery(&self) -> Result<Knowledge, CollectError> {
        let resources = self.inner.known_resources().await?;
        let unknown = resources.is_empty().then(|| Trouble {
            outcome: Outcome::Failed,
            message: "discovery is switched off and the lake knows no resource. Add `discovery` to the sources".to_owned(),
        });
        let known = Inventory::known(resources);
        Ok(Knowledge::new(known, &self.inner.config.filter).doubted(unknown))
    }
}

/// A source that is an account's as a whole, and not one of its regions'.
pub(crate) fn is_global(source: Source) -> bool {
    matches!(source, Source::Cost | Source::Exports)
}

enum Done {
    Source(SourceSummary),
    Known(Knowledge),
    Discovery(SourceSummary, Knowledge),
}

impl Inner {
    /// Region under which a source stands in `collections`.
    pub(crate) fn region_of(&self, source: Source) -> &str {
        match source {
            source if is_global(source) => "global",
            _ => &self.config.region,
        }
    }

    /// Everything recorded of a source that can matter at that time.
    pub(crate) async fn seen(
        &self,
        source: Source,
        at: DateTime<Utc>,
    ) -> Result<Vec<Collection>, CollectError> {
        let region = self.region_of(source);
        let (account_id, since) = (&self.aws.account_id, self.matters_since(at));
        Ok(self
            .lake
            .collections(source.name(), account_id, region, since)
            .await?)
    }

    /// The same of every source, at the price of one.
    pub(crate) async fn all_seen(&self, at: DateTime<Utc>) -> Result<Seen, CollectError> {
        let (account_id, since) = (&self.aws.account_id, self.matters_since(at));
        let mut seen = Seen::default();
        for row in self.lake.collections_of(account_id, since).await? {
            let is_of =
                |own: &Source| own.name() == row.source && self.region_of(*own) == row.region;
            if let Some(source) = Source::ALL.into_iter().find(is_of) {
                seen.0.entry(source).or_default().push(row);
            }
        }
        Ok(seen)
    }

    /// A window may begin before the history does: by a chunk, or by a month of the bill.
    fn matters_since(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at - self.config.history - TimeDelta::days(45)
    }

    /// Resources as the lake knows them.
    pub(crate) async fn known_resources(&self) -> Result<Vec<Resource>, CollectError> {
        let account_id = &self.aws.account_id;
        Ok(self
            .lake
            .current_resources(account_id, &self.config.region)
            .await?)
    }
}
