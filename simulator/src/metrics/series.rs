//! A metric of CloudWatch: where its samples come from, and what a period of them comes to.

use crate::{
    estate::Estate,
    metrics::{samples::MinuteSamples, statistic::Statistic},
    model::BucketId,
};

/// A dimension's name and value.
pub type Dimension = (String, String);

/// One metric: a namespace, a name and an exact set of dimensions.
#[derive(Debug, Clone)]
pub struct Series {
    /// For example `AWS/Lambda`.
    pub namespace: &'static str,
    /// For example `Duration`.
    pub metric: &'static str,
    /// Ordered by name.
    pub dimensions: Vec<Dimension>,
    /// CloudWatch's name of the unit.
    pub unit: &'static str,
    pub(super) source: Source,
}

/// Where the samples come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Microseconds, told as milliseconds.
    Times(Vec<u16>),
    /// Every sample of the slots counts one.
    Ones(Vec<u16>),
    /// Every sample of the slot counts one, and has a zero beside it.
    Doubled(u16),
    /// Zero for every sample of the slots, one for what the counters count. Counts that have no
    /// sample of their own (throttled invocations) are `besides`.
    Flags {
        slots: Vec<u16>,
        counters: Vec<u16>,
        besides: bool,
    },
    /// One sample a minute.
    Gauge(u16),
    /// One sample a minute, as a fraction of a whole.
    Share(u16, u64),
    /// Thousandths of capacity units: their sum and, as DynamoDB emits it, a zero beside it.
    Units(u16),
    /// A bucket's bytes, or its objects: one sample a day.
    Bucket(BucketId, bool),
}

impl Series {
    /// The daily value of a series that has one a day, by days after the birth; none for others.
    pub fn daily(&self, estate: &Estate, days: i64) -> Option<f64> {
        let Source::Bucket(id, bytes) = self.source else {
            return None;
        };
        let (size, objects) = estate.bucket_size(id, days);
        Some(if bytes { size as f64 } else { objects as f64 })
    }

    /// It has one sample a day.
    pub fn is_daily(&self) -> bool {
        matches!(self.source, Source::Bucket(..))
    }

    /// It has a sample in that minute.
    pub fn is_active(&self, minute: &MinuteSamples) -> bool {
        let mut period = Period::default();
        period.add(self, minute, false);
        period.count > 0
    }
}

/// The samples of one series in one period. Values are thousandths, so that sums are exact.
#[derive(Debug, Default)]
pub struct Period {
    count: u64,
    sum: u64,
    least: u64,
    greatest: u64,
    /// All of them, where the statistic needs their order.
    values: Vec<u64>,
}

impl Period {
    /// Adds a minute's samples; `keep` them if the statistic needs their order.
    pub fn add(&mut self, series: &Series, minute: &MinuteSamples, keep: bool) {
        let count_of = |slots: &[u16]| {
            slots
                .iter()
                .map(|slot| minute.slot(*slot).len() as u64)
                .sum::<u64>()
        };
        match &series.source {
            Source::Times(slots) => {
                for slot in slots {
                    self.add_slice(minute.slot(*slot), keep);
                }
            }
            Source::Ones(slots) => self.add_times(1_000, count_of(slots), keep),
            Source::Doubled(slot) => {
                let samples = minute.slot(*slot).len() as u64;
                self.add_times(1_000, samples, keep);
                self.add_times(0, samples, keep);
            }
            Source::Flags {
                slots,
                counters,
                besides,
            } => {
                let ones = counters
                    .iter()
                    .map(|counter| minute.counter(*counter))
                    .sum::<u64>();
                let zeros = if *besides {
                    count_of(slots)
                } else {
                    count_of(slots) - ones
                };
                self.add_times(0, zeros, keep);
                self.add_times(1_000, ones, keep);
            }
            Source::Gauge(counter) => {
                let value = minute.counter(*counter);
                self.add_times(value * 1_000, u64::from(value > 0), keep);
            }
            Source::Share(counter, whole) => {
                let value = minute.counter(*counter);
                self.add_times(value * 1_000 / whole, u64::from(value > 0), keep);
            }
            Source::Units(counter) => {
                let value = minute.counter(*counter);
                self.add_times(value, u64::from(value > 0), keep);
                self.add_times(0, u64::from(value > 0), keep);
            }
            Source::Bucket(..) => {}
        }
    }

    fn add_slice(&mut self, ascending: &[u32], keep: bool) {
        let (Some(first), Some(last)) = (ascending.first(), ascending.last()) else {
            return;
        };
        let (first, last) = (u64::from(*first), u64::from(*last));
        self.least = if self.count == 0 {
            first
        } else {
            self.least.min(first)
        };
        self.greatest = self.greatest.max(last);
        self.count += ascending.len() as u64;
        self.sum += ascending.iter().map(|value| u64::from(*value)).sum::<u64>();
        if keep {
            self.values
                .extend(ascending.iter().map(|value| u64::from(*value)));
        }
    }

    fn add_times(&mut self, value: u64, times: u64, keep: bool) {
        if times == 0 {
            return;
        }
        self.least = if self.count == 0 {
            value
        } else {
            self.least.min(value)
        };
        self.greatest = self.greatest.max(value);
        self.count += times;
        self.sum += value * times;
        if keep {
            self.values
                .extend(std::iter::repeat_n(value, times as usize));
        }
    }

    /// The statistic over the period, and an empty period for the next one; none without samples.
    pub fn take(&mut self, statistic: Statistic) -> Option<f64> {
        let told = if self.count == 0 {
            None
        } else {
            match statistic {
                Statistic::SampleCount => Some(self.count as f64),
                Statistic::Sum => Some(self.sum as f64 / 1_000.0),
                Statistic::Average => Some(self.sum as f64 / 1_000.0 / self.count as f64),
                Statistic::Minimum => Some(self.least as f64 / 1_000.0),
                Statistic::Maximum => Some(self.greatest as f64 / 1_000.0),
                _ => {
                    self.values.sort_unstable();
                    let values: Vec<f64> = self
                        .values
                        .iter()
                        .map(|value| *value as f64 / 1_000.0)
                        .collect();
                    statistic.over(&values)
                }
            }
        };
        (self.count, self.sum, self.least, self.greatest) = (0, 0, 0, 0);
        self.values.clear();
        told
    }
}
