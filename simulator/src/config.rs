//! What makes one simulated account: seed, birth, the time of its events, clock, size.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::Micros;

/// Tells the simulated now.
pub type ClockFn = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What exists in a Region of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The online shop.
    Shop,
    /// A place of a generated estate, which is for benchmarks.
    Large {
        /// Which, from 0.
        place: u16,
    },
    /// Nothing.
    Nothing,
}

/// Everything that a [`crate::World`] is built from. The same configuration gives the same
/// requests, minute by minute; the clock only decides how many of them are visible.
#[derive(Clone)]
pub struct SimConfig {
    /// Seed of every random draw.
    pub seed: u64,
    /// Nothing exists before. Taken back to its midnight, UTC.
    pub birth: DateTime<Utc>,
    /// The events of the scenario are placed relative to this time.
    pub anchor: DateTime<Utc>,
    /// The simulated now.
    pub clock: ClockFn,
    /// Twelve digits.
    pub account_id: String,
    /// The region of everything but the global services.
    pub region: String,
    /// What exists there.
    pub content: Content,
    /// It is the account's main Region, whose bill has what belongs to no Region: tax, credits, DNS.
    pub home: bool,
    /// Put at the end of names that only one account in the world may have: those of buckets.
    pub suffix: String,
    /// Traffic relative to the usual shop (about three requests a second on a weekday).
    pub scale: f64,
    /// How far the bill is behind the simulated now, in hours.
    pub bill_lag_hours: u32,
    /// At most so many raw requests are kept in memory; older minutes are computed again.
    pub cached_requests: usize,
    /// At most so many bytes of samples are kept in memory; older hours are computed again.
    pub cached_sample_bytes: usize,
}

impl SimConfig {
    /// The usual shop, with the clock standing still at `anchor`.
    pub fn new(seed: u64, birth: DateTime<Utc>, anchor: DateTime<Utc>) -> SimConfig {
        SimConfig {
            seed,
            birth,
            anchor,
            clock: Arc::new(move || anchor),
            account_id: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
            content: Content::Shop,
            home: true,
            suffix: String::new(),
            scale: 1.0,
            bill_lag_hours: 8,
            cached_requests: 150_000,
            cached_sample_bytes: 256 << 20,
        }
    }

    /// The same account under another clock.
    pub fn with_clock(mut self, clock: ClockFn) -> SimConfig {
        self.clock = clock;
        self
    }

    /// The first minute that exists: midnight of the birth.
    pub fn first_minute(&self) -> i64 {
        self.birth.timestamp().div_euclid(86_400) * 1_440
    }
}

impl std::fmt::Debug for SimConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimConfig")
            .field("seed", &self.seed)
            .field("birth", &self.birth)
            .field("anchor", &self.anchor)
            .field("scale", &self.scale)
            .finish_non_exhaustive()
    }
}

/// A time as microseconds since the epoch.
pub fn micros(at: DateTime<Utc>) -> Micros {
    at.timestamp_micros()
}

/// Microseconds since the epoch as a time.
pub fn time(at: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at).unwrap_or_default()
}
