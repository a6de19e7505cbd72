//! One account of the estate: reached or not yet, and its regions.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use millicent_lake::{Outcome, Rows, Slice, Table};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::waiting::{FIRST_WAIT, Waiting};
use super::{AccountConfig, Place, PlaceSummary, Shared, Unreached};
use crate::access::Access;
use crate::aws::Aws;
use crate::collector::{Collector, Progress, is_global};
use crate::config::CollectConfig;
use crate::error::CollectError;
use crate::plan::Plan;
use crate::source::Source;
use crate::summary::PassSummary;
use crate::trouble::chain;

pub(super) struct Account {
    config: AccountConfig,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

enum State {
    /// Not tried yet, or failed so often.
    Waiting(Waiting),
    Reached(Reached),
}

#[derive(Clone, Default)]
struct Reached {
    places: Vec<(Place, Collector)>,
    /// Regions that another entry of the configuration collects.
    refused: Vec<(Place, Unreached)>,
}

impl Account {
    pub(super) fn new(config: AccountConfig, shared: Arc<Shared>) -> Account {
        Account {
            config,
            shared,
            state: Mutex::new(State::Waiting(Waiting::default())),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// Finds credentials and asks AWS whose they are.
    pub(super) async fn open(&self) -> Result<Access, CollectError> {
        let _permit = self.shared.gate.places.acquire().await;
        let access = Access::open(&self.config.collect).await?;
        match &self.config.account_id {
            Some(expected) if *expected != access.account_id => Err(CollectError::OtherAccount {
                expected: expected.clone(),
                found: access.account_id,
            }),
            _ => Ok(access),
        }
    }

    /// Takes in what [`Account::open`] gave: collectors for its regions, or a later try.
    ///
    /// # Errors
    /// If the lake can't be read. The inner error is why it could not be reached.
    pub(super) async fn settle(
        &self,
        opened: Result<Access, CollectError>,
    ) -> Result<Result<(), CollectError>, CollectError> {
        let mut state = self.state.lock().await;
        match opened {
            Ok(access) => {
                let reached = self.reached(&access).await?;
                *state = State::Reached(reached);
                Ok(Ok(()))
            }
            Err(error) => {
                let unreached = self.unreached(&error);
                tracing::warn!(
                    account = self.name(),
                    error = unreached.message,
                    "account can't be reached; it is tried again later"
                );
                let State::Waiting(waiting) = &mut *state else {
                    return Ok(Err(error));
                };
                waiting.failed(unreached, self.shared.clock.now());
                if waiting.absent.is_empty() {
                    waiting.absent = self.absent().await;
                }
                Ok(Err(error))
            }
        }
    }

    fn unreached(&self, error: &CollectError) -> Unreached {
        Unreached {
            outcome: match error {
                CollectError::NoCredentials { .. }
                | CollectError::Identity(_)
                | CollectError::Role { .. }
                | CollectError::OtherAccount { .. } => Outcome::Denied,
                _ => Outcome::Failed,
            },
            message: format!("account `{}`: {}", self.name(), chain(error)),
        }
    }

    /// The account's id as far as it is known without asking.
    fn presumed_id(&self) -> &str {
        let config = &self.config;
        let of_role = config.collect.role.as_ref().and_then(|r| r.account_id());
        let known = config.account_id.as_deref().or(of_role);
        known.unwrap_or(&config.name)
    }

    async fn absent(&self) -> Vec<(Place, Collector)> {
        let access = Access::none(&self.config.collect, self.presumed_id().to_owned()).await;
        let regions = self.config.regions.iter().enumerate();
        regions
            .map(|(at, region)| self.collector(&access, region, at == 0))
            .collect()
    }

    async fn reached(&self, access: &Access) -> Result<Reached, CollectError> {
        let mut reached = Reached::default();
        if self.presumed_id() == self.name() {
            self.forget_name().await?;
        }
        for region in &self.config.regions {
            let with_bill = {
                let claims = &self.shared.claims;
                let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
                match claims.place(&access.account_id, region, self.name()) {
                    Ok(()) => {
                        let billed = self.config.collect.sources.iter().any(|s| is_global(*s));
                        billed && claims.bill(&access.account_id)
                    }
                    Err(other) => {
                        let unreached = self.collected_by(&other, access, region);
                        reached
                            .refused
                            .push((self.place(access, region), unreached));
                        continue;
                    }
                }
            };
            let (place, collector) = self.collector(access, region, with_bill);
            let today = self.shared.clock.now().date_naive();
            let spent = collector.spent_today().await?;
            self.shared.purse.add(today, spent);
            reached.places.push((place, collector));
        }
        Ok(reached)
    }

    fn collected_by(&self, other: &str, access: &Access, region: &str) -> Unreached {
        let message = format!(
            "account `{}`: {} in {region} is collected as account `{other}` already: both have credentials of the \
             same account. Take one of them out of the configuration",
            self.name(),
            access.account_id
        );
        tracing::warn!("{message}");
        Unreached {
            outcome: Outcome::Failed,
            message,
        }
    }

    /// What was recorded under the account's name, while its id was not known, says nothing any
    /// more.
    async fn forget_name(&self) -> Result<(), CollectError> {
        let lake = &self.shared.lake;
        for source in &self.config.collect.sources {
            let regions = self.config.regions.iter().map(String::as_str);
            for region in regions.chain(is_global(*source).then_some("global")) {
                let recorded = lake
                    .collections(source.name(), self.name(), region, DateTime::UNIX_EPOCH)
                    .await?;
                let (Some(first), Some(last)) = (recorded.first(), recorded.last()) else {
                    continue;
                };
                let slice = Slice {
                    table: Table::Collections,
                    equal: vec![
                        ("source", source.name().to_owned()),
                        ("account_id", self.name().to_owned()),
                        ("region", region.to_owned()),
                    ],
                    from: first.ts,
                    to: last.ts + TimeDelta::microseconds(1),
                };
                lake.replace(&slice, Rows::Collections(Vec::new())).await?;
            }
        }
        Ok(())
    }

    fn place(&self, access: &Access, region: &str) -> Place {
        Place {
            account: self.config.name.clone(),
            account_id: access.account_id.clone(),
            region: region.to_owned(),
        }
    }

    fn collector(&self, access: &Access, region: &str, with_bill: bool) -> (Place, Collector) {
        let collect = &self.config.collect;
        let wanted = |source: &Source| with_bill || !is_global(*source);
        let config = CollectConfig {
            region: region.to_owned(),
            sources: collect.sources.iter().copied().filter(wanted).collect(),
            ..collect.clone()
        };
        let shared = &self.shared;
        let collector = Collector::new(
            config,
            shared.lake.clone(),
            Arc::clone(&shared.clock),
            Aws::new(access, region),
            Arc::clone(&shared.purse),
            Arc::clone(&shared.gate),
            Arc::clone(&shared.exports),
        );
        (self.place(access, region), collector)
    }

    /// The account's regions; tries to reach it if that is due. True with what is missed if that
    /// was tried now.
    async fn reach(&self) -> Result<Result<Reached, Waiting>, CollectError> {
        {
            let state = self.state.lock().await;
            match &*state {
                State::Reached(reached) => return Ok(Ok(reached.clone())),
                State::Waiting(waiting) => {
                    let now = self.shared.clock.now();
                    if waiting.next.is_some_and(|next| now < next) {
                        return Ok(Err(waiting.clone()));
                    }
                }
            }
        }
        let opened = self.open().await;
        // Why not is in the state.
        let _ = self.settle(opened).await?;
        Ok(match &*self.state.lock().await {
            State::Reached(reached) => Ok(reached.clone()),
            State::Waiting(waiting) => Err(waiting.clone()),
        })
    }

    pub(super) async fn plan(
        &self,
        until: DateTime<Utc>,
    ) -> Result<(Vec<(Place, Plan)>, Vec<(Place, Unreached)>), CollectError> {
        match self.reach().await? {
            Ok(reached) => {
                let planned = reached.places.iter().map(async |(place, collector)| {
                    Ok::<_, CollectError>((place.clone(), collector.plan(until).await?))
                });
                let planned = join_all(planned)
                    .await
                    .into_iter()
                    .collect::<Result<_, _>>()?;
                Ok((planned, reached.refused))
            }
            Err(waiting) => {
                let why = waiting.why();
                let places = waiting.absent.into_iter();
                Ok((
                    Vec::new(),
                    places.map(|(place, _)| (place, why.clone())).collect(),
                ))
            }
        }
    }

    pub(super) async fn pass(
        &self,
        until: DateTime<Utc>,
        cancel: &CancellationToken,
        progress: &(dyn Fn(&Place, Progress) + Send + Sync),
    ) -> Result<Vec<PlaceSummary>, CollectError> {
        match self.reach().await? {
            Ok(reached) => {
                let passes = reached.places.iter().map(async |(place, collector)| {
                    let told = |step| progress(place, step);
                    Ok::<_, CollectError>(PlaceSummary {
                        place: place.clone(),
                        unreached: None,
                        pass: collector.pass(until, cancel, &told).await?,
                    })
                });
                let mut places: Vec<PlaceSummary> = join_all(passes)
                    .await
                    .into_iter()
                    .collect::<Result<_, _>>()?;
                places.extend(
                    reached
                        .refused
                        .into_iter()
                        .map(|(place, unreached)| PlaceSummary {
                            place,
                            unreached: Some(unreached),
                            pass: PassSummary::default(),
                        }),
                );
                Ok(places)
            }
            Err(waiting) => waiting.record(until).await,
        }
    }

    pub(super) async fn run(
        &self,
        cancel: &CancellationToken,
        progress: &(dyn Fn(&Place, Progress) + Send + Sync),
    ) -> Result<(), CollectError> {
        while !cancel.is_cancelled() {
            let now = self.shared.clock.now();
            let next = match self.reach().await {
                Ok(Ok(reached)) => {
                    let running = reached.places.iter().map(async |(place, collector)| {
                        let told = |step| progress(place, step);
                        collector.run(cancel, &told).await
                    });
                    return join_all(running).await.into_iter().collect();
                }
                Ok(Err(waiting)) => {
                    if let Err(error) = waiting.record(now).await {
                        tracing::error!(
                            account = self.name(),
                            error = chain(&error),
                            "what the account misses could not be recorded"
                        );
                    }
                    waiting.next.unwrap_or(now + FIRST_WAIT)
                }
                Err(error) => {
                    tracing::error!(
                        account = self.name(),
                        error = chain(&error),
                        "the account could not be started; it is tried again"
                    );
                    now + FIRST_WAIT
                }
            };
            let wait = (next - self.shared.clock.now()).max(TimeDelta::seconds(1));
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(wait.to_std().unwrap_or_default()) => {}
            }
        }
        Ok(())
    }
}
