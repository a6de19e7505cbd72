//! The generator: every request of a minute, as a pure function of (seed, minute).

mod draw;
mod invocation;
pub(crate) mod profile;
mod shape;

use std::sync::Arc;

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use self::{
    draw::{draw_us, path, pick_behaviour},
    invocation::Course,
    profile::{Behaviour, LogNormal},
};
use crate::{
    estate::Estate,
    model::{Doing, FunctionId, Micros, Minute, Request, RouteId, Work},
    scenario::Scenario,
};

/// Share of the requests beyond the first of each second that X-Ray's default rule samples.
const FIXED_RATE: f64 = 0.05;

/// Computes the requests of any minute; two generators of the same seed agree.
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    scale: f64,
    first_minute: i64,
    estate: Arc<Estate>,
    scenario: Scenario,
    /// Routes of each API with the running sum of their shares.
    routes: [Vec<(f64, RouteId)>; 2],
}

impl Generator {
    /// A generator of the estate's traffic from `first_minute` on.
    pub fn new(
        seed: u64,
        scale: f64,
        first_minute: i64,
        estate: Arc<Estate>,
        scenario: Scenario,
    ) -> Generator {
        let mut routes = [Vec::new(), Vec::new()];
        // The routes whose behaviour is known; they are the first ones.
        for (index, route) in estate.routes.iter().enumerate().take(profile::ROUTES.len()) {
            let of_api = &mut routes[usize::from(route.api.0)];
            let before = of_api.last().map_or(0.0, |(sum, _)| *sum);
            of_api.push((before + profile::ROUTES[index].0, RouteId(index as u16)));
        }
        Generator {
            seed,
            scale,
            first_minute,
            estate,
            scenario,
            routes,
        }
    }

    /// The requests that start in that minute since the Unix epoch; none before the birth.
    pub fn minute(&self, minute: i64) -> Minute {
        if minute < self.first_minute {
            return Minute {
                minute,
                work: Vec::new(),
            };
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(minute as u64);
        let shape = shape::at(self.seed, minute);
        let cold = self.cold_rates(&shape, minute);

        let mut arrivals: Vec<(Micros, usize)> = Vec::new();
        for (api, rate) in shape.rates.iter().enumerate() {
            let mean = rate * self.scale * 60.0;
            let count = Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(&mut rng)) as usize;
            arrivals.extend((0..count).map(|_| (rng.random_range(0..60_000_000), api)));
        }
        arrivals.sort_unstable();

        let mut second = -1;
        let work = arrivals
            .into_iter()
            .map(|(offset, api)| {
                let first_of_second = offset / 1_000_000 != second;
                second = offset / 1_000_000;
                let sampled = rng.random::<f64>() < FIXED_RATE || first_of_second;
                self.request(
                    &mut rng,
                    api,
                    shape::start_of(minute) + offset,
                    sampled,
                    &cold,
                )
            })
            .collect();
        Minute { minute, work }
    }

    /// Probability that an invocation starts cold, by function. A function's environments are kept
    /// busy by its traffic and end when idle, so the rarer the requests, the more of them wait.
    fn cold_rates(&self, shape: &shape::Shape, minute: i64) -> Vec<f64> {
        let at = shape::start_of(minute);
        let runaway = self.scenario.runaway.contains(&at);
        let looping = self.estate.routes[usize::from(self.scenario.runaway_route.0)].function;
        profile::STARTS
            .iter()
            .enumerate()
            .map(|(index, start)| {
                let function = FunctionId(index as u16);
                let serves_backoffice = self
                    .estate
                    .routes
                    .iter()
                    .any(|r| r.function == function && r.api.0 == 1);
                let relative = shape.relative[usize::from(serves_backoffice)].max(1e-3);
                let mut rate = (start.cold_rate * (0.35 + 0.65 / relative)).clamp(0.001, 0.35);
                if runaway && function == looping {
                    // Long invocations hold their environments, so that more are needed.
                    rate *= 1.6;
                }
                rate.max(self.scenario.storm(function, at))
            })
            .collect()
    }

    fn request(
        &self,
        rng: &mut ChaCha8Rng,
        api: usize,
        start: Micros,
        sampled: bool,
        cold: &[f64],
    ) -> Work {
        let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let route = self.pick_route(rng, api);
        let behaviour = pick_behaviour(rng, profile::ROUTES[usize::from(route.0)].1);
        let course = self.course(rng, route, behaviour, start);
        let before = rng.random_range(1_000..4_000);
        let function = self.estate.routes[usize::from(route.0)].function;
        let invocation = self.invocation(rng, function, start + before, behaviour, course, cold);
        let network = draw_us(
            rng,
            LogNormal {
                median: 2.4,
                sigma: 0.3,
            },
        );
        let integration_latency_us = invocation.end() - invocation.start + network;
        let after = rng.random_range(500..3_500);
        let request = Request {
            route,
            path: path(rng, behaviour.path),
            method: behaviour.method,
            latency_us: before + integration_latency_us + after,
            integration_latency_us,
            status: match course {
                Course::ClientError => behaviour.client_error.0,
                Course::Error => 502,
                Course::Throttled => 500,
                Course::Usual | Course::Runaway if behaviour.method == "POST" => 201,
                Course::Usual | Course::Runaway => 200,
            },
            invocation,
        };
        Work {
            id,
            start,
            sampled,
            doing: Doing::Request(request),
        }
    }

    fn pick_route(&self, rng: &mut ChaCha8Rng, api: usize) -> RouteId {
        let routes = &self.routes[api];
        let total = routes.last().map_or(0.0, |(sum, _)| *sum);
        let draw = rng.random::<f64>() * total;
        let index = routes.partition_point(|(sum, _)| *sum <= draw);
        routes[index.min(routes.len() - 1)].1
    }

    fn course(
        &self,
        rng: &mut ChaCha8Rng,
        route: RouteId,
        behaviour: &Behaviour,
        start: Micros,
    ) -> Course {
        let draw = rng.random::<f64>();
        if route == self.scenario.burst_route
            && self.scenario.burst.contains(&start)
            && draw < profile::BURST_ERROR
        {
            return Course::Error;
        }
        let runaway =
            route == self.scenario.runaway_route && self.scenario.runaway.contains(&start);
        if runaway && draw > 1.0 - profile::RUNAWAY_THROTTLED {
            return Course::Throttled;
        }
        match draw {
            draw if draw < behaviour.error => Course::Error,
            draw if draw < behaviour.error + behaviour.client_error.1 => Course::ClientError,
            _ if runaway => Course::Runaway,
            _ => Course::Usual,
        }
    }
}

#[cfg(test)]
mod tests;
