//! Buckets of latency: log-spaced, each bound about 1.26 times the one before, and counts add up over
//! time, routes and functions. Where the median, p95 or p99 of an hour lies, a bucket is parted into
//! five, so that a percentile read from them is off by about 2%; and where that of a longer window
//! lies, such a part into five again, of about 1% each.
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

/// A bucket, by its place, or a fifth of one, or a fifth of that: as many as a unit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bucket {
    at: u8,
    part: Option<u8>,
    fine: Option<u8>,
}

static GROUPS: [[Statistic; IN_A_UNIT]; UNITS] = groups();
static PARTS: [[Statistic; IN_A_UNIT]; BOUNDS_MS.len()] = parts();
static FINE_PARTS: [[Statistic; IN_A_UNIT]; BOUNDS_MS.len() * IN_A_UNIT] = fine_parts();

const fn groups() -> [[Statistic; IN_A_UNIT]; UNITS] {
    let mut groups = [[Statistic::Sum; IN_A_UNIT]; UNITS];
    let mut at = 0;
    while at < COUNT {
        groups[at / IN_A_UNIT][at % IN_A_UNIT] = Statistic::Within(Bucket::whole(at as u8));
        at += 1;
    }
    groups
}

const fn parts() -> [[Statistic; IN_A_UNIT]; BOUNDS_MS.len()] {
    let mut parts = [[Statistic::Sum; IN_A_UNIT]; BOUNDS_MS.len()];
    let mut nth = 0;
    while nth < BOUNDS_MS.len() * IN_A_UNIT {
        parts[nth / IN_A_UNIT][nth % IN_A_UNIT] = Statistic::Within(Bucket {
            at: (nth / IN_A_UNIT) as u8,
            part: Some((nth % IN_A_UNIT) as u8),
            fine: None,
        });
        nth += 1;
    }
    parts
}

const fn fine_parts() -> [[Statistic; IN_A_UNIT]; BOUNDS_MS.len() * IN_A_UNIT] {
    let mut parts = [[Statistic::Sum; IN_A_UNIT]; BOUNDS_MS.len() * IN_A_UNIT];
    let mut nth = 0;
    while nth < BOUNDS_MS.len() * IN_A_UNIT * IN_A_UNIT {
        let part = nth / IN_A_UNIT;
        parts[part][nth % IN_A_UNIT] = Statistic::Within(Bucket {
            at: (part / IN_A_UNIT) as u8,
            part: Some((part % IN_A_UNIT) as u8),
            fine: Some((nth % IN_A_UNIT) as u8),
        });
        nth += 1;
    }
    parts
}

impl Bucket {
    const fn whole(at: u8) -> Bucket {
        Bucket {
            at,
            part: None,
            fine: None,
        }
    }

    fn of(ms: f64) -> Bucket {
        Bucket::whole(BOUNDS_MS.partition_point(|bound| *bound < ms) as u8)
    }

    /// The bucket that it is a part of; itself if it is whole.
    pub(super) fn parted(self) -> Bucket {
        match self.fine {
            Some(_) => Bucket { fine: None, ..self },
            None => Bucket::whole(self.at),
        }
    }

    /// Whether it is a fifth of a bucket.
    pub(super) fn is_part(self) -> bool {
        self.part.is_some() && self.fine.is_none()
    }

    /// Its parts, one billed unit; none where it has no upper bound, or is a part of a part.
    pub(super) fn parts(self) -> Option<&'static [Statistic]> {
        let parts = match (self.part, self.fine) {
            (_, Some(_)) => None,
            (Some(part), None) => {
                FINE_PARTS.get(usize::from(self.at) * IN_A_UNIT + usize::from(part))
            }
            (None, None) => PARTS.get(usize::from(self.at)),
        };
        parts.map(|parts| &parts[..])
    }

    /// Exclusive; 0 for the first.
    pub(super) fn lower_ms(self) -> f64 {
        self.bounds_ms().0
    }

    /// Inclusive; none for the last.
    pub(super) fn upper_ms(self) -> Option<f64> {
        self.bounds_ms().1
    }

    fn bounds_ms(self) -> (f64, Option<f64>) {
        let at = usize::from(self.at);
        let mut lower = at.checked_sub(1).map_or(0.0, |below| BOUNDS_MS[below]);
        let Some(mut upper) = BOUNDS_MS.get(at).copied() else {
            return (lower, None);
        };
        for part in [self.part, self.fine].into_iter().flatten() {
            (lower, upper) = (
                division(lower, upper, part),
                division(lower, upper, part + 1),
            );
        }
        (lower, Some(upper))
    }

    /// As `GetMetricData` spells it: a bound that is left out is open.
    pub(super) fn statistic(self) -> String {
        let lower = match self.lower_ms() {
            0.0 => String::new(),
            ms => ms.to_string(),
        };
        let upper = self
            .upper_ms()
            .map_or_else(String::new, |ms| ms.to_string());
        format!("TC({lower}:{upper})")
    }
}

/// A bound of a fifth: log-spaced, to four digits.
fn division(lower: f64, upper: f64, nth: u8) -> f64 {
    if nth == 0 {
        return lower;
    }
    if usize::from(nth) == IN_A_UNIT {
        return upper;
    }
    let share = f64::from(nth) / IN_A_UNIT as f64;
    let bound = match lower {
        0.0 => upper * share,
        _ => lower * (upper / lower).powf(share),
    };
    format!("{bound:.3e}").parse().unwrap_or(bound)
}

/// The buckets between two latencies, a billed unit each.
pub(super) fn between(least_ms: f64, greatest_ms: f64) -> &'static [[Statistic; IN_A_UNIT]] {
    let group = |ms| usize::from(Bucket::of(ms).at) / IN_A_UNIT;
    &GROUPS[group(least_ms)..=group(greatest_ms.max(least_ms))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_spelled_as_cloudwatch_reads_them() {
        assert_eq!(Bucket::whole(0).statistic(), "TC(:1)");
        assert_eq!(Bucket::whole(1).statistic(), "TC(1:1.26)");
        assert_eq!(Bucket::whole(48).statistic(), "TC(47700:60000)");
        assert_eq!(Bucket::whole(49).statistic(), "TC(60000:)");
    }

    #[test]
    fn every_bucket_stands_in_one_unit_of_five() {
        let all: Vec<Statistic> = between(0.0, f64::INFINITY).concat();
        let buckets: Vec<Statistic> = (0..COUNT as u8)
            .map(|n| Statistic::Within(Bucket::whole(n)))
            .collect();
        assert_eq!(all, buckets);
    }

    #[test]
    fn the_parts_of_a_bucket_are_spelled_in_four_digits_and_cover_it() {
        let spelled = |at: u8| -> Vec<String> {
            let parts = Bucket::whole(at).parts().unwrap();
            parts.iter().map(|part| part.name().into_owned()).collect()
        };
        assert_eq!(
            spelled(0),
            [
                "TC(:0.2)",
                "TC(0.2:0.4)",
                "TC(0.4:0.6)",
                "TC(0.6:0.8)",
                "TC(0.8:1)"
            ]
        );
        // 60,000^(1/240) is 1.0469.
        assert_eq!(
            spelled(21),
            [
                "TC(97.9:102.5)",
                "TC(102.5:107.3)",
                "TC(107.3:112.3)",
                "TC(112.3:117.5)",
                "TC(117.5:123)"
            ]
        );
        assert_eq!(Bucket::whole(49).parts(), None);
        for at in 0..49 {
            let whole = Bucket::whole(at);
            for part in covered(whole) {
                for fine in covered(part) {
                    assert_eq!(fine.parts(), None);
                    let (lower, upper) = (fine.lower_ms(), fine.upper_ms().unwrap());
                    assert!(lower == 0.0 || upper < 1.011 * lower || part.lower_ms() < 1.0);
                }
            }
        }
    }

    /// The parts of a bucket, which follow each other from its lower bound to its upper.
    fn covered(bucket: Bucket) -> Vec<Bucket> {
        let mut lower = bucket.lower_ms();
        let mut parts = Vec::new();
        for part in bucket.parts().unwrap() {
            let Statistic::Within(part) = *part else {
                panic!("{part:?} is no bucket");
            };
            assert_eq!((part.parted(), part.lower_ms()), (bucket, lower));
            lower = part.upper_ms().unwrap();
            assert!(part.lower_ms() < lower);
            parts.push(part);
        }
        assert_eq!(Some(lower), bucket.upper_ms());
        parts
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
            prop_assert_eq!(Bucket::of(BOUNDS_MS[at]), Bucket::whole(at as u8));
        }
    }
}
