//! How much traffic there is when: days, weeks and slow noise. Pure in (seed, minute).

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::model::Micros;

/// Requests a second of the shop over a usual weekday, at scale 1.
const SHOP_RATE: f64 = 2.9;
/// Requests a second of the back office over the office hours of a weekday, at scale 1.
const BACKOFFICE_RATE: f64 = 0.24;

/// Requests a second to the storefront's HTTP API over a usual weekday, at scale 1.
pub(super) const HTTP_RATE: f64 = 0.26;

/// Connections opened and closed and messages a second of the WebSocket API over a usual weekday, at
/// scale 1.
pub(super) const WEBSOCKET_RATE: f64 = 0.16;

/// Hours of a day in UTC, for a shop in Central Europe, relative to their mean.
#[rustfmt::skip]
const SHOP_DAY: [f64; 24] = [
    0.28, 0.18, 0.14, 0.13, 0.18, 0.35, 0.65, 0.95, 1.20, 1.35, 1.45, 1.60,
    1.60, 1.45, 1.35, 1.35, 1.45, 1.70, 2.05, 2.25, 2.10, 1.60, 1.00, 0.55,
];
/// Monday first.
const SHOP_WEEK: [f64; 7] = [1.04, 1.0, 0.97, 0.97, 1.02, 0.82, 0.93];
#[rustfmt::skip]
const OFFICE_DAY: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.03, 0.10, 0.45, 0.90, 1.25, 1.30, 1.25, 1.00,
    0.90, 1.15, 1.20, 1.00, 0.60, 0.25, 0.12, 0.08, 0.06, 0.05, 0.03, 0.02,
];
const OFFICE_WEEK: [f64; 7] = [1.1, 1.0, 1.0, 1.0, 0.9, 0.08, 0.05];

/// Traffic of the two REST APIs at one minute, in requests a second, and relative to their own usual.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// By API, in the estate's order: requests a second at scale 1.
    pub(super) rates: [f64; 2],
    /// By API: the rate over its mean.
    pub(super) relative: [f64; 2],
}

/// The shape at a minute.
pub(super) fn at(seed: u64, minute: i64) -> Shape {
    let day = minute.div_euclid(1_440);
    let weekday = (day + 3).rem_euclid(7) as usize;
    let hour = minute.rem_euclid(1_440) as f64 / 60.0;
    let mean = |hours: &[f64; 24]| hours.iter().sum::<f64>() / 24.0;
    let noise = noise(seed, minute);
    let shop = interpolate(&SHOP_DAY, hour) / mean(&SHOP_DAY) * SHOP_WEEK[weekday] * noise;
    let office = interpolate(&OFFICE_DAY, hour) * OFFICE_WEEK[weekday] * noise;
    Shape {
        rates: [SHOP_RATE * shop, BACKOFFICE_RATE * office],
        relative: [shop, office / (mean(&OFFICE_DAY) * mean_week(&OFFICE_WEEK))],
    }
}

fn mean_week(week: &[f64; 7]) -> f64 {
    week.iter().sum::<f64>() / 7.0
}

fn interpolate(hours: &[f64; 24], hour: f64) -> f64 {
    let (index, part) = (hour as usize % 24, hour.fract());
    hours[index] * (1.0 - part) + hours[(index + 1) % 24] * part
}

/// Slow swings of up to 9%, from one half hour to the next.
fn noise(seed: u64, minute: i64) -> f64 {
    let half_hour = minute.div_euclid(30);
    let part = minute.rem_euclid(30) as f64 / 30.0;
    let draw = |slot: i64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_0fa5_5a4e);
        rng.set_stream(slot as u64);
        rng.next_u32() as f64 / f64::from(u32::MAX)
    };
    1.0 + 0.18 * (draw(half_hour) * (1.0 - part) + draw(half_hour + 1) * part - 0.5)
}

/// The start of a minute.
pub(super) fn start_of(minute: i64) -> Micros {
    minute * 60_000_000
}
