//! Several accounts behind one door: a world for every account and Region.
//!
//! Which account a call is for follows from its access key, which Region from the scope of its
//! signature. A Region in which an account has nothing is an empty world.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{SimConfig, World, config::Content, estate::PLACES};

/// The accounts that one simulator serves. The first is the one whose keys everybody has.
#[derive(Debug)]
pub struct Organisation {
    accounts: Vec<Member>,
    empty: Mutex<HashMap<(String, String), Arc<World>>>,
}

/// An account and its Regions.
#[derive(Debug)]
pub struct Member {
    account_id: String,
    /// What whoever assumes one of its roles must know.
    external_id: Option<String>,
    /// The first is home: its clock is the account's.
    worlds: Vec<Arc<World>>,
}

impl From<Arc<World>> for Organisation {
    fn from(world: Arc<World>) -> Organisation {
        let none = Organisation {
            accounts: Vec::new(),
            empty: Mutex::default(),
        };
        none.with(world)
    }
}

/// The second account of [`Organisation::shops`].
pub const SECOND_ACCOUNT: &str = "210987654321";
/// The second Region of [`Organisation::shops`].
pub const SECOND_REGION: &str = "us-east-1";
/// What its roles ask for.
pub const EXTERNAL_ID: &str = "millicent-reads";

impl Organisation {
    /// Three shops: the account of the configuration with a smaller one in a second Region, and a
    /// second account whose roles ask for [`EXTERNAL_ID`]. Each has its own traffic.
    pub fn shops(config: &SimConfig) -> Organisation {
        let cached_sample_bytes = config.cached_sample_bytes / 2;
        let second_region = SimConfig {
            region: SECOND_REGION.to_owned(),
            seed: config.seed ^ 0x2e61,
            home: false,
            suffix: "us".to_owned(),
            scale: config.scale * 0.3,
            cached_sample_bytes,
            ..config.clone()
        };
        let second_account = SimConfig {
            account_id: SECOND_ACCOUNT.to_owned(),
            seed: config.seed ^ 0x2acc,
            suffix: "second".to_owned(),
            scale: config.scale * 0.5,
            cached_sample_bytes,
            ..config.clone()
        };
        Organisation::from(World::new(config.clone()))
            .with(World::new(second_region))
            .with(World::new(second_account))
            .guarded(SECOND_ACCOUNT, EXTERNAL_ID)
    }

    /// The generated estate: two accounts with two Regions each, which have 1,000 functions, three
    /// APIs with 300 routes, 200 tables and 100 buckets between them.
    pub fn large(config: &SimConfig) -> Organisation {
        let worlds = (0..PLACES).map(|place| {
            let home = place % 2 == 0;
            World::new(SimConfig {
                account_id: if place < 2 {
                    config.account_id.clone()
                } else {
                    SECOND_ACCOUNT.to_owned()
                },
                region: if home {
                    config.region.clone()
                } else {
                    SECOND_REGION.to_owned()
                },
                seed: config.seed ^ u64::from(place),
                content: Content::Large { place },
                home,
                cached_requests: config.cached_requests / usize::from(PLACES),
                cached_sample_bytes: config.cached_sample_bytes / usize::from(PLACES),
                ..config.clone()
            })
        });
        let none = Organisation {
            accounts: Vec::new(),
            empty: Mutex::default(),
        };
        worlds
            .fold(none, Organisation::with)
            .guarded(SECOND_ACCOUNT, EXTERNAL_ID)
    }

    /// With one more account, or one more Region of an account that is there.
    pub fn with(mut self, world: Arc<World>) -> Organisation {
        let account_id = &world.config().account_id;
        match self
            .accounts
            .iter_mut()
            .find(|member| member.account_id == *account_id)
        {
            Some(member) => member.worlds.push(world),
            None => self.accounts.push(Member {
                account_id: account_id.clone(),
                external_id: None,
                worlds: vec![world],
            }),
        }
        self
    }

    /// The same, but the roles of one account ask for an external id.
    pub fn guarded(mut self, account_id: &str, external_id: &str) -> Organisation {
        for member in &mut self.accounts {
            if member.account_id == account_id {
                member.external_id = Some(external_id.to_owned());
            }
        }
        self
    }

    /// The first Region of the first account: its clock is everybody's.
    pub fn home(&self) -> &Arc<World> {
        self.accounts[0].home()
    }

    /// Every account.
    pub fn accounts(&self) -> &[Member] {
        &self.accounts
    }

    /// The account of that id; the first one if none is asked for.
    pub fn account(&self, account_id: Option<&str>) -> Option<&Member> {
        match account_id {
            None => self.accounts.first(),
            Some(id) => self.accounts.iter().find(|member| member.account_id == id),
        }
    }

    /// What an account has in a Region.
    pub(crate) fn world(&self, member: &Member, region: &str) -> Arc<World> {
        if let Some(world) = member.worlds.iter().find(|w| w.config().region == region) {
            return Arc::clone(world);
        }
        let key = (member.account_id.clone(), region.to_owned());
        let mut empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        let world = empty.entry(key).or_insert_with(|| {
            World::new(SimConfig {
                region: region.to_owned(),
                content: Content::Nothing,
                ..member.home().config().clone()
            })
        });
        Arc::clone(world)
    }
}

impl Member {
    /// Twelve digits.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// What whoever assumes one of its roles must tell, if anything.
    pub fn external_id(&self) -> Option<&str> {
        self.external_id.as_deref()
    }

    /// Its Regions that are not empty.
    pub fn worlds(&self) -> &[Arc<World>] {
        &self.worlds
    }

    /// Its first Region. An account is made with one.
    pub(crate) fn home(&self) -> &Arc<World> {
        &self.worlds[0]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::{
        decimal::Decimal12,
        metrics::{series::Period, statistic::Statistic},
    };

    fn config() -> SimConfig {
        let anchor: DateTime<Utc> = "2026-03-12T12:00:00Z".parse().unwrap();
        SimConfig::new(4, anchor - TimeDelta::days(2), anchor)
    }

    #[test]
    fn the_generated_estate_is_as_large_as_it_says_and_names_nothing_twice() {
        let organisation = Organisation::large(&config());
        let accounts = organisation.accounts();
        assert_eq!(accounts.len(), 2);
        let worlds = || accounts.iter().flat_map(Member::worlds);
        let estates = || worlds().map(|world| world.estate());
        let regions: BTreeSet<&str> = estates().map(|estate| estate.region.as_str()).collect();
        assert_eq!((worlds().count(), regions.len()), (4, 2));
        let functions: BTreeSet<&str> = estates()
            .flat_map(|e| &e.functions)
            .map(|f| f.arn.as_str())
            .collect();
        let tables: BTreeSet<&str> = estates()
            .flat_map(|e| &e.tables)
            .map(|t| t.arn.as_str())
            .collect();
        let buckets: BTreeSet<&str> = estates().flat_map(|e| &e.buckets).map(|b| b.name).collect();
        let apis: BTreeSet<&str> = estates().flat_map(|e| &e.apis).map(|a| a.id).collect();
        let routes: usize = estates().map(|estate| estate.routes.len()).sum();
        assert_eq!(
            (
                functions.len(),
                tables.len(),
                buckets.len(),
                apis.len(),
                routes
            ),
            (1_000, 200, 100, 3, 300)
        );
    }

    #[test]
    fn metrics_truth_and_bill_of_the_generated_estate_agree() {
        let organisation = Organisation::large(&config());
        let world = Arc::clone(organisation.home());
        let to = world.now() - TimeDelta::hours(1);
        let from = to - TimeDelta::hours(2);
        let truth = world.truth(from, to);
        let hours = from.timestamp() / 3_600..to.timestamp() / 3_600;
        for function in truth.functions.iter().take(20) {
            let dimension = vec![("FunctionName".to_owned(), function.name.to_owned())];
            let series = world
                .series()
                .find("AWS/Lambda", "Invocations", dimension)
                .unwrap();
            let mut period = Period::default();
            for hour in hours.clone() {
                for minute in &world.hour(hour).minutes {
                    period.add(series, minute, false);
                }
            }
            let told = period.take(Statistic::Sum).unwrap();
            assert_eq!(told, function.invocations as f64, "{}", function.name);
        }
        assert!(truth.functions.len() > 200 && truth.routes.len() == 100);
        let requests: u64 = truth.routes.iter().map(|route| route.requests).sum();
        assert!((20_000..28_000).contains(&requests), "{requests}");
        assert!(truth.bill_usd > Decimal12(0));
    }
}
