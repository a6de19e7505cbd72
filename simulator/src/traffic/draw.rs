//! Random draws that a request is made of.

use std::fmt::Write as _;

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::profile::{Behaviour, LogNormal};

pub(super) fn draw_us(rng: &mut ChaCha8Rng, of: LogNormal) -> i64 {
    let normal: f64 = StandardNormal.sample(rng);
    (of.median * 1_000.0 * (of.sigma * normal).exp()) as i64
}

pub(super) fn between(rng: &mut ChaCha8Rng, (low, high): (u64, u64)) -> u64 {
    if low == high {
        low
    } else {
        rng.random_range(low..=high)
    }
}

pub(super) fn pick_behaviour<'a>(
    rng: &mut ChaCha8Rng,
    behaviours: &'a [Behaviour],
) -> &'a Behaviour {
    if behaviours.len() == 1 {
        return &behaviours[0];
    }
    let mut draw = rng.random::<f64>() * behaviours.iter().map(|b| b.weight).sum::<f64>();
    for behaviour in behaviours {
        draw -= behaviour.weight;
        if draw < 0.0 {
            return behaviour;
        }
    }
    &behaviours[behaviours.len() - 1]
}

/// The template with identifiers in its places.
pub(super) fn path(rng: &mut ChaCha8Rng, template: &str) -> String {
    let Some((before, rest)) = template.split_once('{') else {
        return template.to_owned();
    };
    let (kind, after) = rest.split_once('}').unwrap_or((rest, ""));
    let mut path = String::with_capacity(template.len() + 16);
    path.push_str(before);
    let written = match kind {
        "product" => write!(path, "{}", 10_000 + rng.next_u32() % 48_210),
        "customer" => write!(path, "c-{}", 100_000 + rng.next_u32() % 310_000),
        "store" => write!(path, "{}", 100 + rng.next_u32() % 73),
        "cart" => write!(path, "{:016x}", rng.next_u64()),
        _ => write!(path, "{}", 40_000_000 + rng.next_u32() % 3_871_940),
    };
    debug_assert!(written.is_ok(), "a String takes what is written");
    path.push_str(after);
    path
}
