//! Which of what Lambda and Step Functions run for callers that do not sample has a trace.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::model::Micros;

/// Share of what comes beyond the first of each second that X-Ray's default rule samples.
pub(super) const FIXED_RATE: f64 = 0.05;

/// The services' own rule: of each function or state machine the first of a second and a share of
/// the rest.
#[derive(Debug)]
pub(super) struct Sampling<K> {
    /// The second of the last trace that was its second's first.
    seconds: BTreeMap<K, i64>,
}

impl<K: Ord> Sampling<K> {
    pub(super) fn new() -> Sampling<K> {
        Sampling {
            seconds: BTreeMap::new(),
        }
    }

    /// Whether an invocation or execution is traced; asked in the order of their starts.
    pub(super) fn takes(&mut self, rng: &mut ChaCha8Rng, of: K, at: Micros) -> bool {
        let second = at.div_euclid(1_000_000);
        let first = self.seconds.insert(of, second) != Some(second);
        rng.random::<f64>() < FIXED_RATE || first
    }
}
