//! Kinds of values, each of which says what it allows.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};

/// A length of time, like `"5m"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span(pub(super) Duration);

impl Span {
    /// A whole number and one of `s`, `m`, `h`, `d`.
    pub(super) fn parse(text: &str) -> Option<Span> {
        let unit = text.trim().chars().last()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let number: u64 = text.trim().strip_suffix(unit)?.trim().parse().ok()?;
        Some(Span(Duration::from_secs(number.checked_mul(seconds)?)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
            if seconds >= length && seconds.is_multiple_of(length) {
                return write!(f, "{}{unit}", seconds / length);
            }
        }
        write!(f, "{seconds}s")
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_str(Text {
            expected: "a length of time as text, like \"30s\", \"5m\", \"2h\" or \"14d\"",
            parse: Span::parse,
        })
    }
}

/// An IP address and a port.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Address(pub(super) SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        deserializer.deserialize_str(Text {
            expected: "an IP address and a port as text, like \"127.0.0.1:8080\"",
            parse: |text| text.parse().ok().map(Address),
        })
    }
}

/// One region, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Regions(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Regions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Regions, D::Error> {
        deserializer.deserialize_any(RegionsVisitor)
    }
}

struct RegionsVisitor;

impl<'de> Visitor<'de> for RegionsVisitor {
    type Value = Regions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a region in quotes, like \"eu-central-1\", or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Regions, E> {
        if is_region(text) {
            Ok(Regions(vec![text.to_owned()]))
        } else {
            Err(E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Regions, A::Error> {
        let mut regions = Vec::new();
        while let Some(region) = seq.next_element::<String>()? {
            if !is_region(&region) {
                return Err(A::Error::invalid_value(Unexpected::Str(&region), &self));
            }
            regions.push(region);
        }
        if regions.is_empty() {
            return Err(A::Error::invalid_length(0, &self));
        }
        Ok(Regions(regions))
    }
}

/// `eu-central-1`, and not an availability zone or `Frankfurt`. Which regions there are is AWS's to
/// say.
fn is_region(text: &str) -> bool {
    let simple = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() >= 3 && text.chars().all(simple) && text.ends_with(|c: char| c.is_ascii_digit())
}

/// US dollars, at least zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usd(pub(super) f64);

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        deserializer.deserialize_f64(Number {
            expected: "US dollars as a number of at least 0, like 12.50",
            make: |number| (number >= 0.0).then_some(Usd(number)),
        })
    }
}

/// A percentage above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Percent(pub(super) f64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        deserializer.deserialize_f64(Number {
            expected: "a percentage as a number above 0, like 50",
            make: |number| (number > 0.0).then_some(Percent(number)),
        })
    }
}

/// A share of a whole, above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share(pub(super) f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        deserializer.deserialize_f64(Number {
            expected: "a share as a number above 0 and at most 1, like 0.25",
            make: |number| (number > 0.0 && number <= 1.0).then_some(Share(number)),
        })
    }
}

struct Text<T> {
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

struct Number<T> {
    expected: &'static str,
    make: fn(f64) -> Option<T>,
}

impl<T> Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Some(number)
            .filter(|number| number.is_finite())
            .and_then(self.make)
            .ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        // Exact up to 2^53, far above any amount that is meant.
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }
}
