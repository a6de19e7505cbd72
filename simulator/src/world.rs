//! The account as the services see it: requests by the minute, and what follows from them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};

use crate::{
    config::{Content, SimConfig, micros},
    estate::Estate,
    metrics::{
        entry_points::EntryPoints, layout::Layout, registry::Registry, samples::Hour, usage::Usage,
    },
    model::{Micros, Minute, Work},
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
    layout: Layout,
    entry_points: EntryPoints,
    series: Registry,
    minutes: Cache<Minute>,
    hours: Cache<Hour>,
    /// Usage of every hour that was computed; a kilobyte each, so all are kept.
    usage: Mutex<HashMap<i64, Arc<Usage>>>,
}

impl World {
    /// The account of that configuration.
    pub fn new(config: SimConfig) -> Arc<World> {
        let birth = crate::config::time(config.first_minute() * 60_000_000);
        let estate = Estate::new(&config, birth);
        let scenario = Scenario::new(config.anchor, &estate);
        let estate = Arc::new(estate.with_deploy(scenario.deploy_at));
        let generator = Generator::new(
            config.seed,
            config.scale,
            match config.content {
                Content::Shop | Content::Large { .. } => config.first_minute(),
                Content::Nothing => i64::MAX,
            },
            Arc::clone(&estate),
            scenario.clone(),
        );
        let layout = Layout::new(&estate);
        let entry_points = EntryPoints::of(&estate);
        let series = Registry::new(&estate, &layout);
        let minutes = Cache::new(config.cached_requests);
        let hours = Cache::new(config.cached_sample_bytes);
        let usage = Mutex::default();
        Arc::new(World {
            config,
            estate,
            scenario,
            generator,
            layout,
            entry_points,
            series,
            minutes,
            hours,
            usage,
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
            |made| made.all().count() + 1,
        )
    }

    /// All work that started in that minute, of itself or caused, by start.
    pub fn started(&self, minute: i64) -> Started {
        let minutes = [self.minute(minute), self.minute(minute - 1)];
        let within = minute * 60_000_000..(minute + 1) * 60_000_000;
        let mut order: Vec<(Micros, usize, usize)> = Vec::new();
        for (which, made) in minutes.iter().enumerate() {
            let all = made.all().enumerate();
            let started = all.filter(|(_, work)| within.contains(&work.start));
            order.extend(started.map(|(index, work)| (work.start, which, index)));
        }
        order.sort_unstable();
        Started { minutes, order }
    }

    /// What starts work without being a route.
    pub fn entry_points(&self) -> &EntryPoints {
        &self.entry_points
    }

    /// Those of a minute's work that have started by now.
    pub fn visible<'a>(&self, minute: &'a Minute) -> &'a [Work] {
        let now = micros(self.now());
        &minute.work[..minute.work.partition_point(|work| work.start <= now)]
    }

    /// Every metric of the account.
    pub fn series(&self) -> &Registry {
        &self.series
    }

    /// Where a series' samples are in an hour.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Samples and usage of an hour since the epoch, all of its sixty minutes, visible or not.
    pub fn hour(&self, hour: i64) -> Arc<Hour> {
        let make = || {
            Hour::new(&self.estate, &self.layout, hour, |minute| {
                self.generator.minute(minute)
            })
        };
        let made = self.hours.get(hour, make, Hour::bytes);
        self.lock_usage()
            .entry(hour)
            .or_insert_with(|| Arc::new(made.usage.clone()));
        made
    }

    /// Usage of the minutes from the one up to, not including, the other.
    pub fn usage(&self, from_minute: i64, to_minute: i64) -> Usage {
        let mut sum = Usage::none(&self.estate);
        let from_minute = from_minute.max(self.config.first_minute());
        let (first, last) = (
            from_minute.div_euclid(60) + i64::from(from_minute % 60 != 0),
            to_minute.div_euclid(60),
        );
        if first > last {
            self.add_minutes(&mut sum, from_minute, to_minute);
            return sum;
        }
        self.add_minutes(&mut sum, from_minute, first * 60);
        self.prepare_usage(first, last);
        for hour in first..last {
            sum += &*self.usage_of_hour(hour);
        }
        self.add_minutes(&mut sum, last * 60, to_minute);
        sum
    }

    /// Calls `work` with every hour from the first up to, not including, the last, on all processors.
    pub fn each_hour<T: Send>(
        &self,
        first: i64,
        last: i64,
        work: impl Fn(i64, &Hour) -> T + Sync,
    ) -> Vec<T> {
        in_parallel(first, last, |hour| work(hour, &self.hour(hour)))
    }

    /// Computes hours that are about to be asked for, on all processors.
    pub fn prepare_hours(&self, first: i64, last: i64) {
        if last - first > 1 {
            in_parallel(first, last, |hour| drop(self.hour(hour)));
        }
    }

    fn usage_of_hour(&self, hour: i64) -> Arc<Usage> {
        let known = self.lock_usage().get(&hour).cloned();
        known.unwrap_or_else(|| Arc::new(self.hour(hour).usage.clone()))
    }

    fn prepare_usage(&self, first: i64, last: i64) {
        let missing: Vec<i64> = {
            let known = self.lock_usage();
            (first..last)
                .filter(|hour| !known.contains_key(hour))
                .collect()
        };
        if missing.len() > 1 {
            in_parallel(0, missing.len() as i64, |index| {
                drop(self.hour(missing[index as usize]))
            });
        }
    }

    /// Usage of part of an hour, from its requests.
    fn add_minutes(&self, sum: &mut Usage, from: i64, to: i64) {
        if from < to {
            let within = from * 60_000_000..to * 60_000_000;
            for minute in from - 1..to {
                let made = self.minute(minute);
                sum.add_minute(&self.estate, &self.entry_points, &made, &within);
            }
        }
    }

    fn lock_usage(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Arc<Usage>>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All work that started in a minute.
#[derive(Debug)]
pub struct Started {
    /// The minute, and the one before, which causes some of it.
    minutes: [Arc<Minute>; 2],
    /// Start, which minute, and the place in it.
    order: Vec<(Micros, usize, usize)>,
}

impl Started {
    /// How much there is.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Nothing started.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// All of it, by start.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Work> + ExactSizeIterator {
        self.order.iter().map(|&(_, which, index)| {
            let made = &self.minutes[which];
            let own = made.work.len();
            if index < own {
                &made.work[index]
            } else {
                &made.caused[index - own]
            }
        })
    }
}

/// The results of `work` for `first..last` in order, on all processors.
fn in_parallel<T: Send>(first: i64, last: i64, work: impl Fn(i64) -> T + Sync) -> Vec<T> {
    let next = AtomicI64::new(first);
    let run = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= last {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min((last - first).max(1) as usize);
    let mut done: Vec<(i64, T)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for handle in handles {
            match handle.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
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
