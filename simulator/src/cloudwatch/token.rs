//! `NextToken`: where the next page begins, and which request it belongs to.

use crate::aws_errors::AwsError;

/// A place in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The query or metric at which the page begins.
    pub(super) index: usize,
    /// Points of that query that earlier pages had.
    pub(super) offset: usize,
    /// The first minute that the first page could not see: later pages see no more.
    pub(super) end_minute: i64,
}

impl Place {
    /// The token for a request with that fingerprint.
    pub(super) fn token(&self, fingerprint: u64) -> String {
        let Place {
            index,
            offset,
            end_minute,
        } = *self;
        format!(
            "{:016x}{index:08x}{offset:08x}{end_minute:012x}",
            fingerprint ^ Self::check(index, offset, end_minute)
        )
    }

    /// The place that a token tells.
    ///
    /// # Errors
    /// `InvalidNextToken` if it is no token, or one of another request.
    pub(super) fn of(token: &str, fingerprint: u64) -> Result<Place, AwsError> {
        let field = |range: std::ops::Range<usize>| u64::from_str_radix(token.get(range)?, 16).ok();
        let parse = || {
            let place = Place {
                index: field(16..24)? as usize,
                offset: field(24..32)? as usize,
                end_minute: field(32..44)? as i64,
            };
            let check = fingerprint ^ Self::check(place.index, place.offset, place.end_minute);
            (token.len() == 44 && field(0..16)? == check).then_some(place)
        };
        parse().ok_or_else(|| {
            AwsError::bad_request("InvalidNextToken", "The next token specified is invalid.")
        })
    }

    fn check(index: usize, offset: usize, end_minute: i64) -> u64 {
        fingerprint(
            &[index as u64, offset as u64, end_minute as u64]
                .map(u64::to_be_bytes)
                .concat(),
        )
    }
}

/// FNV-1a over the bytes: the same request has the same fingerprint.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}
