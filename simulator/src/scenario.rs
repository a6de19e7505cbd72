//! The events that a reader of the demo is meant to find, placed relative to the anchor.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    config::micros,
    estate::{self, Estate},
    model::{FunctionId, Micros, RouteId},
};

const MINUTE: Micros = 60_000_000;

/// When what goes wrong.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// A new version of one function with more memory, about three days before the anchor.
    pub deploy_at: Micros,
    /// The function that is deployed.
    pub deployed: FunctionId,
    /// Twenty minutes of failures two days before the anchor.
    pub burst: Range<Micros>,
    /// The route that fails in the burst.
    pub burst_route: RouteId,
    /// A retry loop that costs money: from 20 hours before the anchor until after it.
    pub runaway: Range<Micros>,
    /// The route whose function loops.
    pub runaway_route: RouteId,
}

impl Scenario {
    /// The events around `anchor` in the shop.
    pub fn new(anchor: DateTime<Utc>, estate: &Estate) -> Scenario {
        let deploy_day = micros(anchor - TimeDelta::days(3)).div_euclid(1_440 * MINUTE);
        let burst = micros(anchor - TimeDelta::days(2)).div_euclid(MINUTE) * MINUTE;
        Scenario {
            deploy_at: (deploy_day * 1_440 + 604) * MINUTE,
            deployed: estate::DEPLOYED,
            burst: burst..burst + 20 * MINUTE,
            burst_route: estate.route("POST", "/orders"),
            runaway: micros(anchor - TimeDelta::hours(20))..micros(anchor + TimeDelta::hours(6)),
            runaway_route: estate.route("POST", "/payments/webhook"),
        }
    }

    /// Share of cold starts that the deploy forces on the deployed function at that time: every
    /// environment is new, then they fill up again.
    pub fn storm(&self, function: FunctionId, at: Micros) -> f64 {
        let since = at - self.deploy_at;
        if function != self.deployed || !(0..30 * MINUTE).contains(&since) {
            return 0.0;
        }
        0.9 * (-(since as f64) / (7 * MINUTE) as f64).exp()
    }
}
