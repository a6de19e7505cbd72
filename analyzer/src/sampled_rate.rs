//! `sampled_rate(hit, weight, series, ts)` in SQL: the rate of something in all, from a sample of them, and
//! the interval that holds it in 95 of 100 cases.
//!
//! Each sampled row stands for `weight` of all, of which the sum is known: itself is certain, the others are
//! not. So the rate's variance is Σ weight·(weight − 1)·p·(1 − p) ÷ (Σ weight)². As weights are fixed for
//! each `series` and five minutes, how the rate goes up and down from hour to hour adds nothing to it: p is
//! that of the row's series and hour, drawn to the rate of all by one row. That variance is the one of n
//! rows of one weight, of ever so many, and Wilson's interval of n is told (Wilson 1927, "Probable
//! inference, the law of succession, and statistical inference").
//!
//! Even where every row was sampled a hundredth of them is taken as not certain: what a trace lacks is not
//! known.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Field, Fields, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};

const HOUR_US: i64 = 3_600_000_000;

/// Of all, what is not certain at least.
const DOUBT: f64 = 0.01;

/// Standard errors to either side of 95%.
const Z: f64 = 1.96;

/// The function, to be registered in a session. Its answer is a struct of `rate`, `low`, `high` and the
/// `effective_size` n, all null where there is no row.
pub(crate) fn sampled_rate() -> AggregateUDF {
    create_udaf(
        "sampled_rate",
        vec![
            DataType::Boolean,
            DataType::Float64,
            DataType::Utf8,
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ],
        Arc::new(DataType::Struct(answer())),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::<Sample>::default())),
        Arc::new(vec![
            list(DataType::Utf8),
            list(DataType::Int64),
            list(DataType::Float64),
        ]),
    )
}

fn answer() -> Fields {
    let names = ["rate", "low", "high", "effective_size"];
    Fields::from_iter(names.map(|name| Field::new(name, DataType::Float64, true)))
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(of, true)))
}

/// Sums over the rows of a series and hour.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Stratum {
    rows: f64,
    weight: f64,
    hits: f64,
    /// Σ weight·(weight − 1)
    spread: f64,
}

impl Stratum {
    fn of(hit: bool, weight: f64) -> Stratum {
        Stratum {
            rows: 1.0,
            weight,
            hits: if hit { weight } else { 0.0 },
            spread: weight * (weight - 1.0),
        }
    }

    fn add(&mut self, other: Stratum) {
        self.rows += other.rows;
        self.weight += other.weight;
        self.hits += other.hits;
        self.spread += other.spread;
    }

    fn numbers(self) -> [f64; 4] {
        [self.rows, self.weight, self.hits, self.spread]
    }

    /// Of its hits, if a row of the rate of `all` is added.
    fn variance(&self, all: &Stratum) -> f64 {
        let rows = self.rows + 1.0;
        let own = (self.hits / self.weight * self.rows + all.hits / all.weight) / rows;
        // A sample is nearer to its own rate than to the true one, as far as it is not all there is.
        let nearer = self.rows / (rows * rows) * (1.0 - self.weight / all.weight);
        self.spread * own * (1.0 - own) / (1.0 - nearer)
    }
}

#[derive(Debug, Default)]
struct Sample {
    /// By series, and by hour.
    strata: HashMap<String, HashMap<i64, Stratum>>,
}

impl Sample {
    fn add(&mut self, series: &str, hour: i64, stratum: Stratum) {
        if !self.strata.contains_key(series) {
            self.strata.insert(series.to_owned(), HashMap::new());
        }
        if let Some(hours) = self.strata.get_mut(series) {
            hours.entry(hour).or_default().add(stratum);
        }
    }

    /// Rate, low, high and effective size.
    fn estimate(&self) -> Option<[f64; 4]> {
        // In one order, for sums of fractions depend on it.
        let mut strata: Vec<_> = (self.strata.iter())
            .flat_map(|(series, hours)| {
                hours
                    .iter()
                    .map(move |(hour, stratum)| ((series, hour), *stratum))
            })
            .collect();
        strata.sort_unstable_by_key(|(key, _)| *key);
        let mut all = Stratum::default();
        strata.iter().for_each(|(_, stratum)| all.add(*stratum));
        if all.weight <= 0.0 {
            return None;
        }
        let p = all.hits / all.weight;
        let mut spread = all.spread;
        if p > 0.0 && p < 1.0 {
            let variance: f64 = strata
                .iter()
                .map(|(_, stratum)| stratum.variance(&all))
                .sum();
            spread = variance / (p * (1.0 - p));
        }
        let n = all.weight * all.weight / spread.max(DOUBT * all.weight);
        let (low, high) = wilson(p, n);
        Some([p, low, high, n])
    }
}

/// Wilson's interval of a rate `p` seen in `n` rows.
fn wilson(p: f64, n: f64) -> (f64, f64) {
    let z = Z * Z / n;
    let reach = Z * ((p * (1.0 - p) + z / 4.0) / n).sqrt();
    let bound = |side: f64| ((p + z / 2.0 + side * reach) / (1.0 + z)).clamp(0.0, 1.0);
    // Rounding puts no bound on the other side of the rate.
    (bound(-1.0).min(p), bound(1.0).max(p))
}

impl Accumulator for Sample {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (hit, weight) = (
            values[0].as_boolean(),
            values[1].as_primitive::<Float64Type>(),
        );
        let (series, ts) = (
            values[2].as_string::<i32>(),
            values[3].as_primitive::<TimestampMicrosecondType>(),
        );
        for row in 0..hit.len() {
            if hit.is_valid(row)
                && weight.is_valid(row)
                && ts.is_valid(row)
                && weight.value(row) > 0.0
            {
                let series = if series.is_valid(row) {
                    series.value(row)
                } else {
                    ""
                };
                let hour = ts.value(row).div_euclid(HOUR_US);
                self.add(series, hour, Stratum::of(hit.value(row), weight.value(row)));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let estimate = self.estimate();
        let mut row = ScalarStructBuilder::new();
        for (nth, field) in answer().iter().enumerate() {
            let number = estimate.map(|numbers| numbers[nth]);
            row = row.with_scalar(field.clone(), ScalarValue::Float64(number));
        }
        row.build()
    }

    fn size(&self) -> usize {
        let of_series = |(name, hours): (&String, &HashMap<i64, Stratum>)| {
            size_of::<(String, HashMap<i64, Stratum>)>()
                + name.capacity()
                + hours.capacity() * size_of::<(i64, Stratum)>()
        };
        size_of_val(self) + self.strata.iter().map(of_series).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (mut series, mut hours, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for (name, of) in &self.strata {
            for (hour, stratum) in of {
                series.push(ScalarValue::from(name.as_str()));
                hours.push(ScalarValue::from(*hour));
                numbers.extend(stratum.numbers().map(ScalarValue::from));
            }
        }
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&series, &DataType::Utf8)),
            ScalarValue::List(ScalarValue::new_list_nullable(&hours, &DataType::Int64)),
            ScalarValue::List(ScalarValue::new_list_nullable(&numbers, &DataType::Float64)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [series, hours, numbers] = [0, 1, 2].map(|column| states[column].as_list::<i32>());
        for row in 0..series.len() {
            let series = series.value(row);
            let hours = hours.value(row);
            let numbers = numbers.value(row);
            let numbers = numbers.as_primitive::<Float64Type>().values();
            let hours = hours.as_primitive::<Int64Type>().values();
            for ((series, hour), numbers) in series
                .as_string::<i32>()
                .iter()
                .zip(hours)
                .zip(numbers.chunks_exact(4))
            {
                let stratum = Stratum {
                    rows: numbers[0],
                    weight: numbers[1],
                    hits: numbers[2],
                    spread: numbers[3],
                };
                self.add(series.unwrap_or_default(), *hour, stratum);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Rows = Vec<(&'static str, i64, bool, f64)>;

    fn sample(rows: &[(&str, i64, bool, f64)]) -> Sample {
        let mut sample = Sample::default();
        for &(series, hour, hit, weight) in rows {
            sample.add(series, hour, Stratum::of(hit, weight));
        }
        sample
    }

    fn hits(hour: i64, hits: usize, rows: usize, weight: f64) -> Rows {
        (0..rows)
            .map(|row| ("a", hour, row < hits, weight))
            .collect()
    }

    #[test]
    fn ten_of_a_hundred_are_as_wilson_has_them() {
        // 5.52% to 17.44%, as statistics packages print it for 10 of 100.
        let [p, low, high, n] = sample(&hits(1, 10, 100, 1e6)).estimate().unwrap();
        assert!(
            (p - 0.1).abs() < 1e-12 && (n - 100.0).abs() < 0.1,
            "{p} of {n}"
        );
        assert!(
            (low - 0.0552).abs() < 5e-5 && (high - 0.1744).abs() < 5e-5,
            "{low} to {high}"
        );
        let [p, low, high, _] = sample(&hits(1, 0, 100, 1e6)).estimate().unwrap();
        assert!(
            p == 0.0 && low == 0.0 && (high - 0.037).abs() < 1e-4,
            "{p}: {low} to {high}"
        );
    }

    #[test]
    fn what_was_sampled_whole_is_nearly_certain_and_nothing_tells_nothing() {
        let [p, low, high, n] = sample(&hits(1, 10, 100, 1.0)).estimate().unwrap();
        assert!((n - 10_000.0).abs() < 1e-9, "{n}");
        assert!(low < p && p < high && high - low < 0.03, "{low} to {high}");
        assert_eq!(sample(&[]).estimate(), None);
    }

    #[test]
    fn hours_that_differ_tell_more_than_one_hour_that_varies() {
        let mut quiet_and_busy = hits(1, 99, 100, 20.0);
        quiet_and_busy.extend(hits(2, 1, 100, 20.0));
        let [p, low, high, _] = sample(&quiet_and_busy).estimate().unwrap();
        let [same, mixed_low, mixed_high, _] = sample(&hits(1, 100, 200, 20.0)).estimate().unwrap();
        assert_eq!(p, same);
        assert!(
            high - low < (mixed_high - mixed_low) / 3.0,
            "{low}..{high}, {mixed_low}..{mixed_high}"
        );
    }

    #[test]
    fn hours_that_do_not_differ_tell_as_much_as_one_on_average() {
        // Every way in which four rows of a rate of a half may be hits, in hours of two rows.
        let effective = |hours: [i64; 4]| -> f64 {
            let spread: f64 = (1..15u32)
                .map(|which| {
                    let rows: Vec<_> = (0..4)
                        .map(|row| ("a", hours[row], which >> row & 1 == 1, 20.0))
                        .collect();
                    let [p, _, _, n] = sample(&rows).estimate().unwrap();
                    p * (1.0 - p) / n
                })
                .sum();
            spread
        };
        let (apart, together) = (effective([1, 1, 2, 2]), effective([1, 1, 1, 1]));
        assert!(
            (apart / together - 1.0).abs() < 0.1,
            "{apart} and {together}"
        );
    }

    proptest! {
        #[test]
        fn how_rows_are_ordered_and_merged_changes_nothing(
            rows in proptest::collection::vec((0usize..3, -2i64..3, any::<bool>(), 1.0f64..40.0), 1..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(of, hour, hit, weight)| (["a", "b", ""][of], hour, hit, weight)).collect();
            let expected = sample(&rows).estimate().unwrap();
            prop_assert!(expected[1] <= expected[0] && expected[0] <= expected[2], "{expected:?}");
            let (one, two) = rows.split_at(cut.index(rows.len()));
            let mut merged = sample(two);
            let states = sample(one).state().unwrap();
            let states: Vec<ArrayRef> = states.iter().map(|state| state.to_array().unwrap()).collect();
            merged.merge_batch(&states).unwrap();
            let found = merged.estimate().unwrap();
            for (found, expected) in found.iter().zip(expected) {
                prop_assert!((found - expected).abs() <= 1e-9 * expected, "{found} for {expected}");
            }
        }
    }
}
