//! The account as the services see it: requests by the minute, and what follows from them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use chrono::{DateTime, Utc};

use crate::{
    config::{SimConfig, micros},
    estate::Estate,
    model::{Minute, Request},
    scenario::Scenario,
    traffic::Generator,
};

/// A simulated account. It is shared between threads; all of it is a pure function of the
/// configuration, and caches only save time.
#[derive(Debug)]
pub struct World {
    config: SimConfig,
    estate: Arc<Estate>,
    scenario: Scenario,
    generator: Generator,
    minutes: Cache<Minute>,
}

impl World {
    /// The account of that configuration.
    pub fn new(config: SimConfig) -> Arc<World> {
        let birth = crate::config::time(config.first_minute() * 60_000_000);
        let estate = Estate::shop(&config.account_id, &config.region, birth);
        let scenario = Scenario::new(config.anchor, &estate);
        let estate = Arc::new(estate.with_deploy(scenario.deploy_at));
        let generator = Generator::new(
            config.seed,
            config.scale,
            config.first_minute(),
            Arc::clone(&estate),
            scenario.clone(),
        );
        let minutes = Cache::new(config.cached_requests);
        Arc::new(World {
            config,
            estate,
            scenario,
            generator,
            minutes,
        })
    }

    /// What it was made from.
    pub fn config(&self) -> &SimConfig {
        &self.config
    }

    /// What exists.
    pub fn estate(&self) -> &Estate {
        &self.estate
    }

    /// What goes wrong when.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The simulated now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.config.clock)()
    }

    /// Every request that starts in that minute since the epoch, whether or not the clock has
    /// come to it: what is shown goes through [`World::visible`].
    pub fn minute(&self, minute: i64) -> Arc<Minute> {
        self.minutes.get(
            minute,
            || self.generator.minute(minute),
            |made| made.requests.len() + 1,
        )
    }

    /// Those of a minute's requests that have started by now.
    pub fn visible<'a>(&self, minute: &'a Minute) -> &'a [Request] {
        let now = micros(self.now());
        &minute.requests[..minute
            .requests
            .partition_point(|request| request.start <= now)]
    }
}

/// What was computed by the minute or the hour, up to a total size; what was not asked for the
/// longest goes first. Two threads that ask for the same compute it once.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    capacity: usize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    entries: HashMap<i64, Entry<T>>,
    size: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<T> {
    slot: Arc<OnceLock<Arc<T>>>,
    size: usize,
    used: u64,
}

impl<T> Cache<T> {
    pub(crate) fn new(capacity: usize) -> Cache<T> {
        Cache {
            capacity,
            state: Mutex::new(State {
                entries: HashMap::new(),
                size: 0,
                clock: 0,
            }),
        }
    }

    pub(crate) fn get(
        &self,
        key: i64,
        make: impl FnOnce() -> T,
        size_of: impl FnOnce(&T) -> usize,
    ) -> Arc<T> {
        let slot = {
            let mut state = self.lock();
            state.clock += 1;
            let used = state.clock;
            let entry = state.entries.entry(key).or_insert_with(|| Entry {
                slot: Arc::default(),
                size: 0,
                used,
            });
            entry.used = used;
            Arc::clone(&entry.slot)
        };
        let mut made = None;
        let value = Arc::clone(slot.get_or_init(|| {
            let value = Arc::new(make());
            made = Some(size_of(&value));
            value
        }));
        if let Some(size) = made {
            self.account(key, size);
        }
        value
    }

    /// Counts a new value in, and lets the oldest half go when there is too much.
    fn account(&self, key: i64, size: usize) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(&key) {
            entry.size = size;
            state.size += size;
        }
        if state.size <= self.capacity {
            return;
        }
        let mut by_use: Vec<(u64, i64)> = state
            .entries
            .iter()
            .map(|(key, entry)| (entry.used, *key))
            .collect();
        by_use.sort_unstable();
        for (_, old) in by_use {
            if state.size <= self.capacity / 2 || old == key {
                break;
            }
            if let Some(entry) = state.entries.remove(&old) {
                state.size -= entry.size;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        // The state is whole after every statement: a panic elsewhere leaves nothing half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
