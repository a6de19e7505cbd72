//! Several accounts behind one door: a world for every account and Region.
//!
//! Which account a call is for follows from its access key, which Region from the scope of its
//! signature. A Region in which an account has nothing is an empty world.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{SimConfig, World, config::Content};

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
