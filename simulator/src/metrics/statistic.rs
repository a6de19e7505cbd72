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
