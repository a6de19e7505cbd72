//! Buckets of latency: log-spaced, each bound about 1.26 times the one before, so that a percentile
//! read from them is at most that far off and counts add up over time, routes and functions.
//!
//! Reference: "CloudWatch statistics definitions" in Amazon CloudWatch's user guide. A trimmed count
//! `TC(a:b)` is the number of samples above `a` and up to `b`.

use super::series::Statistic;

/// Upper bounds, inclusive, in milliseconds: 60,000^(n/48), to three digits. What is above the last
/// has a bucket of its own.
const BOUNDS_MS: [f64; 49] = [
    1.0, 1.26, 1.58, 1.99, 2.5, 3.15, 3.96, 4.98, 6.26, 7.87, 9.9, 12.4, 15.7, 19.7, 24.8, 31.1,
    39.1, 49.2, 61.9, 77.9, 97.9, 123.0, 155.0, 195.0, 245.0, 308.0, 387.0, 487.0, 613.0, 771.0,
    969.0, 1220.0, 1530.0, 1930.0, 2420.0, 3050.0, 3830.0, 4820.0, 6060.0, 7630.0, 9590.0, 12100.0,
    15200.0, 19100.0, 24000.0, 30200.0, 37900.0, 47700.0, 60000.0,
];

/// Buckets, and how many of them AWS bills as one metric.
const COUNT: usize = BOUNDS_MS.len() + 1;
const IN_A_UNIT: usize = 5;
/// Units that all buckets of a metric cost.
pub(super) const UNITS: usize = COUNT / IN_A_UNIT;

/// A bucket, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bucket(u8);

static GROUPS: [[Statistic; IN_A_UNIT]; UNITS] = groups();

const fn groups() -> [[Statistic; IN_A_UNIT]; UNITS] {
    let mut groups = [[Statistic::Sum; IN_A_UNIT]; UNITS];
    let mut at = 0;
    while at < COUNT {
        groups[at / IN_A_UNIT][at % IN_A_UNIT] = Statistic::Within(Bucket(at as u8));
        at += 1;
    }
    groups
}

impl Bucket {
    fn of(ms: f64) -> Bucket {
        Bucket(BOUNDS_MS.partition_point(|bound| *bound < ms) as u8)
    }

    /// Exclusive; 0 for the first.
    pub(super) fn lower_ms(self) -> f64 {
        usize::from(self.0)
            .checked_sub(1)
            .map_or(0.0, |below| BOUNDS_MS[below])
    }

    /// Inclusive; none for the last.
    pub(super) fn upper_ms(self) -> Option<f64> {
        BOUNDS_MS.get(usize::from(self.0)).copied()
    }

    /// As `GetMetricData` spells it: a bound that is left out is open.
    pub(super) fn statistic(self) -> String {
        let lower = match self.0 {
            0 => String::new(),
            _ => self.lower_ms().to_string(),
        };
        let upper = self
            .upper_ms()
            .map_or_else(String::new, |ms| ms.to_string());
        format!("TC({lower}:{upper})")
    }
}

/// The buckets between two latencies, a billed unit each.
pub(super) fn between(least_ms: f64, greatest_ms: f64) -> &'static [[Statistic; IN_A_UNIT]] {
    let group = |ms| usize::from(Bucket::of(ms).0) / IN_A_UNIT;
    &GROUPS[group(least_ms)..=group(greatest_ms.max(least_ms))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_spelled_as_cloudwatch_reads_them() {
        assert_eq!(Bucket(0).statistic(), "TC(:1)");
        assert_eq!(Bucket(1).statistic(), "TC(1:1.26)");
        assert_eq!(Bucket(48).statistic(), "TC(47700:60000)");
        assert_eq!(Bucket(49).statistic(), "TC(60000:)");
    }

    #[test]
    fn every_bucket_stands_in_one_unit_of_five() {
        let all: Vec<Statistic> = between(0.0, f64::INFINITY).concat();
        let buckets: Vec<Statistic> = (0..COUNT as u8)
            .map(|n| Statistic::Within(Bucket(n)))
            .collect();
        assert_eq!(all, buckets);
    }

    proptest! {
        #[test]
        fn a_latency_is_in_its_bucket_and_between_what_it_lies_between(
            ms in 0.001f64..100_000.0, less in 0.0f64..1.0, more in 0.0f64..50_000.0,
        ) {
            let bucket = Bucket::of(ms);
            prop_assert!(bucket.lower_ms() < ms);
            prop_assert!(bucket.upper_ms().is_none_or(|upper| ms <= upper));
            let asked = between(ms * less, ms + more).concat();
            prop_assert!(asked.contains(&Statistic::Within(bucket)));
        }

        #[test]
        fn bounds_belong_to_the_bucket_below(at in 0usize..49) {
            prop_assert_eq!(Bucket::of(BOUNDS_MS[at]), Bucket(at as u8));
        }
    }
}
