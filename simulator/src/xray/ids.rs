//! Identifiers, all of them functions of the work's 128 bits.

use std::fmt::Write as _;

use crate::model::{Micros, Work};

/// Mixes 64 bits so that every bit of the result depends on every bit given (SplitMix64).
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Lower 96 bits, which is as much of a work's id as its trace id shows.
const RANDOM_PART: u128 = (1 << 96) - 1;

/// The id of a work's trace: `1-{epoch second}-{96 bits}`.
pub(crate) fn trace_id(work: &Work) -> String {
    trace_id_of(work.start, work.id)
}

/// The id of the trace of work with that start and id.
pub(crate) fn trace_id_of(start: Micros, id: u128) -> String {
    format!("1-{:08x}-{:024x}", second(start), id & RANDOM_PART)
}

/// The id of the subsegment that sent a message, which who receives it knows as well.
pub(crate) fn sender(message: u128) -> u64 {
    mix(message as u64) & 0x7fff_ffff_ffff_ffff
}

/// The second that a time lies in, as a trace id carries it.
pub(crate) fn second(at: Micros) -> i64 {
    at.div_euclid(1_000_000)
}

/// The second and the 96 bits of a well-formed trace id.
pub(crate) fn parse_trace_id(id: &str) -> Option<(i64, u128)> {
    let rest = id.strip_prefix("1-")?;
    let (second, random) = rest.split_once('-')?;
    let hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    if !hex(second, 8) || !hex(random, 24) {
        return None;
    }
    Some((
        i64::from_str_radix(second, 16).ok()?,
        u128::from_str_radix(random, 16).ok()?,
    ))
}

/// Whether the 96 bits of a trace id are this work's.
pub(crate) fn is_of(work: &Work, random: u128) -> bool {
    work.id & RANDOM_PART == random
}

/// A number in 0..1 that depends on the work and on what it is drawn for.
pub(crate) fn draw(work: &Work, purpose: u64) -> f64 {
    (seed(work, purpose) >> 11) as f64 / (1u64 << 53) as f64
}

/// 64 bits that depend on the work and on what they are for.
pub(crate) fn seed(work: &Work, purpose: u64) -> u64 {
    mix(work.id as u64 ^ mix((work.id >> 64) as u64 ^ mix(purpose)))
}

/// Hands out the ids of one trace, one after another.
#[derive(Debug)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn of(work: &Work) -> Self {
        Ids {
            state: seed(work, 0x1d5),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// The id of a segment or subsegment.
    pub(crate) fn span(&mut self) -> u64 {
        self.next() & 0x7fff_ffff_ffff_ffff
    }

    /// A request id as Lambda and API Gateway have them.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        uuid(a, b)
    }

    /// A request id as DynamoDB has them: 52 capitals and digits.
    pub(crate) fn dynamodb_request(&mut self) -> String {
        self.letters(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 32) + "VV4KQNSO5AEMVJF66Q9A"
    }

    /// A request id as S3 has them.
    pub(crate) fn s3_request(&mut self) -> String {
        self.letters(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16)
    }

    /// S3's second id, base64 with padding.
    pub(crate) fn s3_extended(&mut self) -> String {
        self.letters(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            75,
        ) + "="
    }

    /// API Gateway's second id.
    pub(crate) fn gateway_extended(&mut self) -> String {
        self.letters(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            15,
        ) + "="
    }

    /// A number below `limit`, which is at least 1.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        let mut text = String::with_capacity(length);
        let mut bits = 0;
        for place in 0..length {
            if place % 8 == 0 {
                bits = self.next();
            }
            text.push(char::from(
                alphabet[(bits & 0xff) as usize % alphabet.len()],
            ));
            bits >>= 8;
        }
        text
    }
}

/// 128 bits in the form of a random UUID.
pub(crate) fn uuid(a: u64, b: u64) -> String {
    let mut text = String::with_capacity(36);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | (b >> 50),
        b & 0xffff_ffff_ffff,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_trace_ids_are_read() {
        assert_eq!(
            parse_trace_id("1-5fbcfc1f-4d2e9bed6dc0c41c39dfdb2f"),
            Some((0x5fbc_fc1f, 0x4d2e_9bed_6dc0_c41c_39df_db2f))
        );
        for bad in [
            "",
            "1-5fbcfc1f",
            "2-5fbcfc1f-4d2e9bed6dc0c41c39dfdb2f",
            "1-5fbcfc1-4d2e9bed6dc0c41c39dfdb2f",
            "1-5fbcfc1f-+d2e9bed6dc0c41c39dfdb2f",
        ] {
            assert_eq!(parse_trace_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn uuids_have_the_form_of_version_four() {
        let text = uuid(u64::MAX, u64::MAX);
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
