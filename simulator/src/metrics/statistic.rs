//! CloudWatch's statistics: their names and what they come to over the samples of a period.
//!
//! Names and ranges as in "CloudWatch statistics definitions" of the user guide: bounds of a range
//! in values exclude the lower and include the upper one.

/// A statistic that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Number of samples.
    SampleCount,
    /// Their sum.
    Sum,
    /// Sum over number.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// `p95`: the value that so many percent do not exceed (nearest rank).
    Percentile(f64),
    /// `TM`, `TC`, `TS`: mean, count, sum of those within the range.
    Trimmed(Trim, Bounds),
    /// `WM`: the mean when those outside of the range are put on its bounds.
    Winsorized(Bounds),
    /// `PR`: percent of the samples within a range of values.
    PercentileRank(Bounds),
}

/// What of the samples within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Their mean.
    Mean,
    /// Their number.
    Count,
    /// Their sum.
    Sum,
}

/// A range of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// By rank, in percent.
    Percent(f64, f64),
    /// By value: above the first, up to the second.
    Values(f64, f64),
}

impl Statistic {
    /// The statistic of that name, as CloudWatch spells it; none if there is no such.
    pub fn parse(name: &str) -> Option<Statistic> {
        Some(match name {
            "SampleCount" => Statistic::SampleCount,
            "Sum" => Statistic::Sum,
            "Average" => Statistic::Average,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            "IQM" => Statistic::Trimmed(Trim::Mean, Bounds::Percent(25.0, 75.0)),
            _ => return Self::parse_extended(name),
        })
    }

    fn parse_extended(name: &str) -> Option<Statistic> {
        let lower = name.to_ascii_lowercase();
        if let Some(digits) = lower
            .strip_prefix('p')
            .filter(|rest| !rest.starts_with('r'))
        {
            return percent(digits).map(Statistic::Percentile);
        }
        let (kind, rest) = lower.split_at_checked(2)?;
        let bounds = match rest.strip_prefix('(') {
            Some(range) => range_of(range.strip_suffix(')')?)?,
            None if kind == "pr" => return None,
            None => Bounds::Percent(0.0, percent(rest)?),
        };
        Some(match kind {
            "tm" => Statistic::Trimmed(Trim::Mean, bounds),
            "tc" => Statistic::Trimmed(Trim::Count, bounds),
            "ts" => Statistic::Trimmed(Trim::Sum, bounds),
            "wm" => Statistic::Winsorized(bounds),
            "pr" if matches!(bounds, Bounds::Values(..)) => Statistic::PercentileRank(bounds),
            _ => return None,
        })
    }

    /// It needs the samples in order; the others only need number, sum and extremes.
    pub fn needs_order(&self) -> bool {
        !matches!(
            self,
            Statistic::SampleCount
                | Statistic::Sum
                | Statistic::Average
                | Statistic::Minimum
                | Statistic::Maximum
        )
    }

    /// Over ascending samples; none if there is nothing to tell.
    pub fn over(&self, samples: &[f64]) -> Option<f64> {
        let (first, last) = (*samples.first()?, *samples.last()?);
        let count = samples.len() as f64;
        Some(match *self {
            Statistic::SampleCount => count,
            Statistic::Sum => samples.iter().sum(),
            Statistic::Average => samples.iter().sum::<f64>() / count,
            Statistic::Minimum => first,
            Statistic::Maximum => last,
            Statistic::Percentile(p) => samples[rank(samples.len(), p)],
            Statistic::Trimmed(trim, bounds) => {
                let kept = bounds.of(samples);
                match trim {
                    Trim::Count => kept.len() as f64,
                    Trim::Sum => kept.iter().sum(),
                    Trim::Mean if kept.is_empty() => return None,
                    Trim::Mean => kept.iter().sum::<f64>() / kept.len() as f64,
                }
            }
            Statistic::Winsorized(bounds) => {
                let (low, high) = match bounds {
                    Bounds::Values(low, high) => (low, high),
                    Bounds::Percent(..) => match bounds.of(samples) {
                        [] => return None,
                        kept => (kept[0], kept[kept.len() - 1]),
                    },
                };
                samples
                    .iter()
                    .map(|value| value.max(low).min(high))
                    .sum::<f64>()
                    / count
            }
            Statistic::PercentileRank(bounds) => bounds.of(samples).len() as f64 / count * 100.0,
        })
    }
}

impl Bounds {
    fn of(self, samples: &[f64]) -> &[f64] {
        let (from, to) = match self {
            Bounds::Percent(low, high) => {
                let at = |percent: f64| samples.len() as f64 * percent / 100.0;
                (at(low).floor() as usize, at(high).ceil() as usize)
            }
            Bounds::Values(low, high) => (
                samples.partition_point(|v| *v <= low),
                samples.partition_point(|v| *v <= high),
            ),
        };
        &samples[from.min(to)..to]
    }
}

/// Place of a percentile among so many ascending samples, by nearest rank.
pub fn rank(count: usize, percent: f64) -> usize {
    ((count as f64 * percent / 100.0).ceil() as usize).clamp(1, count.max(1)) - 1
}

/// `99.9`: at most ten decimals, 0 to 100.
fn percent(digits: &str) -> Option<f64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.starts_with(|c: char| c.is_ascii_digit());
    let value = digits.parse::<f64>().ok().filter(|_| plain)?;
    (0.0..=100.0).contains(&value).then_some(value)
}

/// `10%:90%`, `:500`, `100:`; both ends of one kind, at least one of them.
fn range_of(text: &str) -> Option<Bounds> {
    let (low, high) = text.split_once(':')?;
    if low.is_empty() && high.is_empty() {
        return None;
    }
    let bounds = if low.ends_with('%') || high.ends_with('%') {
        let end = |text: &str, open| {
            if text.is_empty() {
                Some(open)
            } else {
                percent(text.strip_suffix('%')?)
            }
        };
        (end(low, 0.0)?, end(high, 100.0)?)
    } else {
        let end = |text: &str, open| {
            if text.is_empty() {
                Some(open)
            } else {
                text.parse::<f64>().ok()
            }
        };
        (end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?)
    };
    if bounds.0 >= bounds.1 {
        return None;
    }
    Some(if text.contains('%') {
        Bounds::Percent(bounds.0, bounds.1)
    } else {
        Bounds::Values(bounds.0, bounds.1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(name: &str, samples: &[f64]) -> Option<f64> {
        Statistic::parse(name).unwrap().over(samples)
    }

    #[test]
    fn names() {
        for name in [
            "p99.9",
            "p0",
            "p100",
            "tm90",
            "TM(10%:90%)",
            "TM(:500)",
            "tc90",
            "TC(100:300)",
            "WM(5%:95%)",
        ] {
            assert!(Statistic::parse(name).is_some(), "{name}");
        }
        for name in [
            "PR(:300)",
            "PR(100:2000)",
            "ts99.5",
            "TS(80%:)",
            "wm99",
            "IQM",
            "Sum",
            "TC(2.5:)",
        ] {
            assert!(Statistic::parse(name).is_some(), "{name}");
        }
        for name in [
            "",
            "p",
            "p101",
            "p-1",
            "pr90",
            "PR(10%:90%)",
            "TM(:)",
            "TM(10%:90)",
            "TM(90%:10%)",
            "sum",
            "tm",
        ] {
            assert!(Statistic::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn of_ten() {
        let samples: Vec<f64> = (1..=10).map(f64::from).collect();
        let expected = [
            ("SampleCount", 10.0),
            ("Sum", 55.0),
            ("Average", 5.5),
            ("Minimum", 1.0),
            ("Maximum", 10.0),
            ("p50", 5.0),
            ("p90", 9.0),
            ("p91", 10.0),
            ("p0", 1.0),
            ("tm90", 5.0),
            ("TM(20%:80%)", 5.5),
            ("tc90", 9.0),
            ("ts90", 45.0),
            ("TC(2:5)", 3.0),
            ("TC(:5)", 5.0),
            ("TC(5:)", 5.0),
            ("TS(2:5)", 12.0),
            ("PR(:5)", 50.0),
            ("PR(2:5)", 30.0),
            ("WM(:5)", 4.0),
            ("WM(20%:80%)", 5.5),
            ("IQM", 5.5),
        ];
        for (name, value) in expected {
            assert_eq!(over(name, &samples), Some(value), "{name}");
        }
        assert_eq!(over("TM(20:30)", &samples), None);
        assert_eq!(over("TC(20:30)", &samples), Some(0.0));
        assert_eq!(over("p50", &[]), None);
    }

    #[test]
    fn percentiles_against_counting() {
        let mut state = 1_u64;
        let mut samples: Vec<f64> = (0..137)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                ((state >> 40) % 500) as f64
            })
            .collect();
        samples.sort_by(f64::total_cmp);
        for tenths in 0..=1_000 {
            let p = f64::from(tenths) / 10.0;
            let enough = |v: f64| {
                samples.iter().filter(|x| **x <= v).count() as f64 * 100.0 >= p * 137.0 - 1e-9
            };
            let least = samples.iter().copied().find(|v| enough(*v)).unwrap();
            assert_eq!(Statistic::Percentile(p).over(&samples), Some(least), "p{p}");
        }
    }
}
