//! `percentile_of_buckets(q, lower, upper, weight)` in SQL: an aggregate over buckets that may overlap.
//!
//! Buckets of several hours and series are not of one size: some were read in parts. The mass of a coarse
//! one lies in its parts as that of the finer ones does, and evenly over the logarithm where there are
//! none or few. Inside the finest part the logarithm of the odds of a latency is close to a line over the
//! latency's logarithm; the first and the last part have no odds on one side, and are even.
//!
//! A bucket with equal bounds is a value: a traced duration stands for itself. One without an upper bound
//! tells its lower one; without both it is beyond all others, and no percentile. A bucket whose bounds are no
//! numbers, or the wrong way round, is an error. `q` is the same in all rows.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};

/// Of all weight: what sums of fractions may be off by.
const ROUNDING: f64 = 1e-9;

/// Requests of a coarse bucket that lie evenly, beside those that lie as the finer ones do: few of these
/// tell little.
const EVEN: f64 = 5.0;

/// The function, to be registered in a session.
pub(crate) fn percentile_of_buckets() -> AggregateUDF {
    let item = Field::new_list_field(DataType::Float64, true);
    create_udaf(
        "percentile_of_buckets",
        vec![DataType::Float64; 4],
        Arc::new(DataType::Float64),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::<Buckets>::default())),
        Arc::new(vec![DataType::List(Arc::new(item))]),
    )
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    lower: f64,
    /// Infinite where there is none.
    upper: f64,
    weight: f64,
}

#[derive(Debug, Default)]
struct Buckets {
    q: f64,
    buckets: Vec<Bucket>,
}

impl Buckets {
    fn add(&mut self, q: f64, bucket: Bucket) {
        self.q = q;
        if bucket.weight > 0.0 {
            self.buckets.push(bucket);
        }
    }
}

impl Accumulator for Buckets {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [q, lower, upper, weight] =
            [0, 1, 2, 3].map(|column| values[column].as_primitive::<Float64Type>());
        let or_beyond = |column: &arrow::array::Float64Array, row| {
            if column.is_valid(row) {
                column.value(row)
            } else {
                f64::INFINITY
            }
        };
        for row in (0..weight.len()).filter(|row| q.is_valid(*row) && weight.is_valid(*row)) {
            let bucket = Bucket {
                lower: or_beyond(lower, row),
                upper: or_beyond(upper, row),
                weight: weight.value(row),
            };
            if bucket
                .lower
                .partial_cmp(&bucket.upper)
                .is_none_or(Ordering::is_gt)
            {
                return exec_err!(
                    "percentile_of_buckets: a bucket from {} to {} has no place",
                    bucket.lower,
                    bucket.upper
                );
            }
            self.add(q.value(row), bucket);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(percentile(self.q, &mut self.buckets)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.buckets.capacity() * size_of::<Bucket>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let numbers = self.buckets.iter().flat_map(|bucket| {
            [self.q, bucket.lower, bucket.upper, bucket.weight].map(ScalarValue::from)
        });
        let numbers: Vec<ScalarValue> = numbers.collect();
        let list = ScalarValue::new_list_nullable(&numbers, &DataType::Float64);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for numbers in states[0].as_list::<i32>().iter().flatten() {
            let numbers = numbers.as_primitive::<Float64Type>();
            for row in numbers.values().chunks_exact(4) {
                let bucket = Bucket {
                    lower: row[1],
                    upper: row[2],
                    weight: row[3],
                };
                self.add(row[0], bucket);
            }
        }
        Ok(())
    }
}

/// The value below which the share `q` of all weight lies; none if that is beyond all bounds, or more than
/// all. The order of the buckets doesn't matter.
fn percentile(q: f64, buckets: &mut [Bucket]) -> Option<f64> {
    let order = |one: &Bucket, two: &Bucket| {
        (one.upper / one.lower)
            .total_cmp(&(two.upper / two.lower))
            .then(one.lower.total_cmp(&two.lower))
            .then(one.upper.total_cmp(&two.upper))
            .then(one.weight.total_cmp(&two.weight))
    };
    buckets.sort_by(order);
    let total: f64 = buckets.iter().map(|bucket| bucket.weight).sum();
    let target = q * total - ROUNDING * total;
    if buckets.is_empty() || target > total {
        return None;
    }
    let mut below = 0.0;
    for part in parts(buckets) {
        let before = below;
        below += part.weight;
        if below >= target && part.weight > 0.0 {
            return match part {
                Bucket { lower, .. } if lower.is_infinite() => None,
                Bucket { lower, upper, .. } if upper.is_infinite() || upper == lower => Some(lower),
                _ => Some(inside(q, part, before / total, below / total)),
            };
        }
    }
    None
}

/// The buckets cut at each other's bounds, in order: none overlaps another.
fn parts(buckets: &[Bucket]) -> Vec<Bucket> {
    let mut cuts: Vec<f64> = buckets
        .iter()
        .flat_map(|bucket| [bucket.lower, bucket.upper])
        .filter(|bound| bound.is_finite())
        .collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let at = |bound: f64| cuts.partition_point(|cut| *cut < bound);
    let mut between = vec![0.0; cuts.len()];
    let mut values = vec![0.0; cuts.len()];
    let mut beyond = Vec::new();
    for bucket in buckets {
        let (from, to) = (at(bucket.lower), at(bucket.upper));
        if bucket.upper.is_infinite() {
            beyond.push(*bucket);
        } else if from == to {
            values[from] += bucket.weight;
        } else {
            // What is between a cut and the one before it.
            let within = from + 1..=to;
            let placed: f64 = between[within.clone()].iter().sum();
            let whole = length(cuts[from], cuts[to], bucket.lower);
            for cut in within {
                let even = length(cuts[cut - 1], cuts[cut], bucket.lower) / whole;
                let share = (between[cut] + EVEN * even) / (placed + EVEN);
                between[cut] += bucket.weight * share;
            }
        }
    }
    beyond.sort_by(|one, two| one.lower.total_cmp(&two.lower));
    let mut parts = Vec::with_capacity(2 * cuts.len() + beyond.len());
    for (cut, &upper) in cuts.iter().enumerate() {
        let lower = if cut == 0 { upper } else { cuts[cut - 1] };
        let part = |lower, weight| Bucket {
            lower,
            upper,
            weight,
        };
        parts.extend([part(lower, between[cut]), part(upper, values[cut])]);
    }
    parts.extend(beyond);
    parts
}

/// How long a part of a bucket is: by the logarithm, unless the bucket begins at zero.
fn length(from: f64, to: f64, lower: f64) -> f64 {
    if lower > 0.0 {
        (to / from).ln()
    } else {
        to - from
    }
}

/// Where in a part the share `q` of all lies, of which `before` and `below` are below its bounds.
fn inside(q: f64, part: Bucket, before: f64, below: f64) -> f64 {
    let odds = |share: f64| (share / (1.0 - share)).ln();
    if before <= ROUNDING || below >= 1.0 - ROUNDING || part.lower <= 0.0 {
        let share = ((q - before) / (below - before)).clamp(0.0, 1.0);
        return part.lower + (part.upper - part.lower) * share;
    }
    let share = (odds(q) - odds(before)) / (odds(below) - odds(before));
    part.lower * (part.upper / part.lower).powf(share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(buckets: &[(f64, f64, f64)]) -> Vec<Bucket> {
        let buckets = buckets.iter();
        buckets
            .map(|&(lower, upper, weight)| Bucket {
                lower,
                upper,
                weight,
            })
            .collect()
    }

    #[test]
    fn values_are_the_percentiles_of_a_list() {
        let mut values = of(&[(3.0, 3.0, 1.0), (1.0, 1.0, 2.0), (9.0, 9.0, 1.0)]);
        let found = [0.0, 0.25, 0.5, 0.51, 0.75, 0.76, 1.0].map(|q| percentile(q, &mut values));
        assert_eq!(found, [1.0, 1.0, 1.0, 3.0, 3.0, 9.0, 9.0].map(Some));
        assert_eq!(percentile(1.01, &mut values), None, "more than all");
        assert_eq!(percentile(0.5, &mut []), None);
    }

    #[test]
    fn a_bucket_without_a_place_is_an_error_and_nothing_else() {
        let row = |lower: Option<f64>, upper: Option<f64>| {
            let column = |value: Option<f64>| ScalarValue::Float64(value).to_array().unwrap();
            let columns = [
                column(Some(0.5)),
                column(lower),
                column(upper),
                column(Some(1.0)),
            ];
            Buckets::default().update_batch(&columns)
        };
        for (lower, upper) in [
            (Some(10.0), Some(5.0)),
            (None, Some(5.0)),
            (Some(f64::NAN), Some(1.0)),
        ] {
            let error = row(lower, upper).unwrap_err().to_string();
            assert!(error.contains("has no place"), "{error}");
        }
        for (lower, upper) in [(Some(5.0), Some(5.0)), (Some(5.0), None), (None, None)] {
            row(lower, upper).unwrap();
        }
    }

    #[test]
    fn what_nothing_bounds_tells_its_lower_bound_or_nothing() {
        let mut buckets = of(&[(1.0, 2.0, 1.0), (60.0, f64::INFINITY, 9.0)]);
        assert_eq!(percentile(0.5, &mut buckets), Some(60.0));
        let mut beyond = of(&[(1.0, 1.0, 1.0), (f64::INFINITY, f64::INFINITY, 1.0)]);
        assert_eq!(percentile(0.5, &mut beyond), Some(1.0));
        assert_eq!(percentile(0.6, &mut beyond), None);
    }

    #[test]
    fn a_coarse_bucket_lies_as_its_parts_do() {
        // A hundred requests are known to be below 2 or above 8, and a hundred others lie likewise.
        let parts = [(1.0, 2.0, 10.0), (8.0, 16.0, 90.0)];
        let many = |(lower, upper, weight)| (lower, upper, 1e9 * weight);
        let mut fine = of(&parts.map(|(lower, upper, weight)| many((lower, upper, 2.0 * weight))));
        let mut mixed = of(&[parts[0], (1.0, 16.0, 100.0), parts[1]].map(many));
        for q in [0.02, 0.1, 0.3, 0.5, 0.9, 0.99] {
            let (one, two) = (percentile(q, &mut fine), percentile(q, &mut mixed));
            let (one, two) = (one.unwrap(), two.unwrap());
            assert!((one - two).abs() < 1e-6 * one, "{q}: {one} and {two}");
        }
        // One request that was read more finely does not place ten thousand.
        let mut stray = of(&[(195.0, 245.0, 10_000.0), (195.0, 204.0, 1.0)]);
        let median = percentile(0.5, &mut stray).unwrap();
        assert!((213.0..222.0).contains(&median), "{median}");
        // Of two that begin at zero the shorter one is the finer one, whatever their weights.
        for whole in [50.0, 95.0] {
            let rows = [(0.0, 0.2, 90e3), (0.8, 1.0, 10e3), (0.0, 1.0, whole * 1e3)];
            let found = percentile(0.5, &mut of(&rows)).unwrap();
            assert!(found < 0.2, "{whole}: {found}");
        }
        // Where no part is known it is even over the logarithm, and over the first millisecond itself.
        assert_eq!(percentile(0.25, &mut of(&[(0.0, 1.0, 4.0)])), Some(0.25));
        let halves = of(&[(1.0, 16.0, 8.0), (4.0, 4.0, 1e-3)]);
        let below: f64 = parts_below(&halves, 4.0);
        assert!((below - 4.0).abs() < 1e-2, "{below}");
    }

    fn parts_below(buckets: &[Bucket], bound: f64) -> f64 {
        let parts = parts(buckets).into_iter();
        parts
            .filter(|part| part.upper <= bound)
            .map(|part| part.weight)
            .sum()
    }

    fn some() -> impl Strategy<Value = Vec<Bucket>> {
        let bucket = (0u8..30, 0u8..6, 0.1f64..100.0).prop_map(|(at, wide, weight)| Bucket {
            lower: if at == 0 {
                0.0
            } else {
                1.2f64.powi(i32::from(at))
            },
            upper: 1.2f64.powi(i32::from(at) + i32::from(wide)),
            weight,
        });
        proptest::collection::vec(bucket, 1..40)
    }

    proptest! {
        #[test]
        fn the_order_of_rows_and_how_they_are_merged_change_nothing(
            buckets in some(), q in 0.0f64..1.0, cut in any::<prop::sample::Index>(),
        ) {
            let expected = percentile(q, &mut buckets.clone());
            let mut turned = buckets.clone();
            turned.rotate_left(cut.index(buckets.len()));
            prop_assert_eq!(percentile(q, &mut turned), expected);
            let (one, two) = buckets.split_at(cut.index(buckets.len()));
            let mut one = Buckets { q, buckets: one.to_vec() };
            let mut two = Buckets { q, buckets: two.to_vec() };
            let states = one.state().unwrap();
            let states: Vec<ArrayRef> = states.iter().map(|state| state.to_array().unwrap()).collect();
            two.merge_batch(&states).unwrap();
            prop_assert_eq!(two.evaluate().unwrap(), ScalarValue::Float64(expected));
        }

        #[test]
        fn nothing_is_lost_and_percentiles_ascend(buckets in some()) {
            let whole: f64 = buckets.iter().map(|bucket| bucket.weight).sum();
            let of_parts: f64 = parts(&buckets).iter().map(|part| part.weight).sum();
            prop_assert!((whole - of_parts).abs() < 1e-9 * whole);
            let found: Vec<f64> = (1..100)
                .map(|nth| percentile(f64::from(nth) / 100.0, &mut buckets.clone()).unwrap())
                .collect();
            prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-9)), "{found:?}");
        }
    }
}
