//! Which of what Lambda runs for callers that do not sample has a trace.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::model::{FunctionId, Micros};

/// Share of what comes beyond the first of each second that X-Ray's default rule samples.
pub(super) const FIXED_RATE: f64 = 0.05;

/// Lambda's own rule: of each function the first of a second and a share of the rest.
#[derive(Debug, Default)]
pub(super) struct LambdaSampling {
    /// The second of a function's last trace that was its second's first.
    seconds: BTreeMap<FunctionId, i64>,
}

impl LambdaSampling {
    /// Whether an invocation is traced; asked in the order of their starts.
    pub(super) fn takes(&mut self, rng: &mut ChaCha8Rng, function: FunctionId, at: Micros) -> bool {
        let second = at.div_euclid(1_000_000);
        let first = self.seconds.insert(function, second) != Some(second);
        rng.random::<f64>() < FIXED_RATE || first
    }
}
