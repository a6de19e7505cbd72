//! Exact money and quantities: whole multiples of a millionth of a millionth.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Sub},
};

use serde::{Serialize, Serializer};

/// A number with twelve decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal12(pub i128);

impl Decimal12 {
    /// One.
    pub const ONE: i128 = 1_000_000_000_000;

    /// `numerator / denominator`, to the nearest, halves to the even one.
    pub fn ratio(numerator: i128, denominator: i128) -> Decimal12 {
        Decimal12(divide(numerator * Self::ONE, denominator))
    }

    /// This times `part / whole`, towards zero; zero if the whole is.
    pub fn share(self, part: i128, whole: i128) -> Decimal12 {
        Decimal12(if whole == 0 { 0 } else { self.0 * part / whole })
    }

    /// The nearest number with ten decimals, as many as Cost Explorer tells.
    pub fn to_ten_decimals(self) -> Decimal12 {
        Decimal12(divide(self.0, 100) * 100)
    }

    /// Splits this by weights so that the parts add up to it exactly: each gets its share towards
    /// zero, and what is left goes, one unit each, to those with the largest remainders. None if
    /// all weights are zero.
    pub fn split(self, weights: &[u64]) -> Option<Vec<Decimal12>> {
        let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        if whole == 0 {
            return None;
        }
        let mut parts: Vec<Decimal12> = weights
            .iter()
            .map(|weight| self.share(i128::from(*weight), whole))
            .collect();
        let mut left = self.0 - parts.iter().map(|part| part.0).sum::<i128>();
        let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
        by_remainder.sort_by_key(|&index| {
            let remainder = (self.0 * i128::from(weights[index])).abs() % whole;
            (std::cmp::Reverse(remainder), index)
        });
        for index in by_remainder {
            if left == 0 {
                break;
            }
            parts[index].0 += left.signum();
            left -= left.signum();
        }
        Some(parts)
    }
}

/// Division to the nearest, halves to the even one; the denominator is positive.
pub(crate) fn divide(numerator: i128, denominator: i128) -> i128 {
    let (quotient, remainder) = (
        numerator.div_euclid(denominator),
        numerator.rem_euclid(denominator),
    );
    match (2 * remainder).cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    }
}

impl fmt::Display for Decimal12 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (
            self.0.unsigned_abs() / 10_u128.pow(12),
            self.0.unsigned_abs() % 10_u128.pow(12),
        );
        let sign = if self.0 < 0 { "-" } else { "" };
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(
            f,
            "{sign}{whole}.{}",
            format!("{part:012}").trim_end_matches('0')
        )
    }
}

impl Serialize for Decimal12 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Add for Decimal12 {
    type Output = Decimal12;
    fn add(self, other: Decimal12) -> Decimal12 {
        Decimal12(self.0 + other.0)
    }
}

impl Sub for Decimal12 {
    type Output = Decimal12;
    fn sub(self, other: Decimal12) -> Decimal12 {
        Decimal12(self.0 - other.0)
    }
}

impl AddAssign for Decimal12 {
    fn add_assign(&mut self, other: Decimal12) {
        self.0 += other.0;
    }
}

impl Sum for Decimal12 {
    fn sum<I: Iterator<Item = Decimal12>>(items: I) -> Decimal12 {
        Decimal12(items.map(|item| item.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_without_needless_zeros() {
        let written =
            [0, 1, -1_500_000_000_000, 93_000_000_000_000, 10].map(|n| Decimal12(n).to_string());
        assert_eq!(
            written,
            ["0", "0.000000000001", "-1.5", "93", "0.00000000001"]
        );
    }

    #[test]
    fn halves_go_to_the_even_number() {
        assert_eq!(
            [5, 15, 25, -5, -15, 26].map(|n| divide(n, 10)),
            [0, 2, 2, 0, -2, 3]
        );
    }

    #[test]
    fn parts_add_up_and_are_fair() {
        for total in [0, 1, 7, 100, -100, 1_000_003] {
            for weights in [
                &[1, 1, 1][..],
                &[0, 5],
                &[3, 0, 10, 7],
                &[u64::from(u32::MAX), 1],
            ] {
                let parts = Decimal12(total).split(weights).unwrap();
                assert_eq!(parts.iter().map(|part| part.0).sum::<i128>(), total);
                let whole: u64 = weights.iter().sum();
                for (part, weight) in parts.iter().zip(weights) {
                    let exact = total as f64 * *weight as f64 / whole as f64;
                    assert!((part.0 as f64 - exact).abs() < 1.0, "{total} {weights:?}");
                }
            }
        }
        assert_eq!(Decimal12(5).split(&[0, 0]), None);
    }
}
