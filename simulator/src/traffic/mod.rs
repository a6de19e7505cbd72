//! The generator: every request of a minute, as a pure function of (seed, minute).

mod deliveries;
mod draw;
mod executions;
pub(crate) mod generated;
mod invocation;
pub(crate) mod profile;
mod requests;
mod sampling;
mod shape;

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    estate::{self, Estate},
    model::{FunctionId, Minute, RouteId},
    scenario::Scenario,
};

/// Sets the draws of all work but REST APIs' apart.
const LATER_WORK: u64 = 0x1a7e_2b0a;

/// Computes the requests of any minute; two generators of the same seed agree.
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    scale: f64,
    first_minute: i64,
    estate: Arc<Estate>,
    scenario: Scenario,
    /// Routes of each API with the running sum of their shares.
    routes: Vec<Vec<(f64, RouteId)>>,
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
        let mut routes = vec![Vec::new(); estate.apis.len()];
        // The routes whose behaviour is known; they are the first ones.
        let known = if estate.generated {
            0
        } else {
            profile::ROUTES.len()
        };
        for (index, route) in estate.routes.iter().enumerate().take(known) {
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

    /// What starts in that minute since the Unix epoch, and what it causes; nothing before the birth.
    pub fn minute(&self, minute: i64) -> Minute {
        if minute < self.first_minute {
            return Minute {
                minute,
                ..Minute::default()
            };
        }
        if self.estate.generated {
            return generated::minute(self.seed, self.scale, minute, &self.estate);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(minute as u64);
        let shape = shape::at(self.seed, minute);
        let cold = self.cold_rates(&shape, minute);

        let mut work = self.rest_requests(&mut rng, minute, &shape, &cold);
        // Draws of its own, so that what came later left the REST APIs' requests as they were.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ LATER_WORK);
        rng.set_stream(minute as u64);
        self.untraced_requests(&mut rng, minute, &shape, &cold, &mut work);
        work.extend(self.scheduled(&mut rng, minute, &cold));
        work.extend(self.scheduled_executions(&mut rng, minute, &cold));
        work.sort_by_key(|work| work.start);
        let mut caused = self.started_executions(&mut rng, &work, &cold);
        let all = work.iter().chain(&caused);
        let passed_on = self.passed_on(&mut rng, all, &cold);
        caused.extend(passed_on);
        caused.sort_by_key(|work| work.start);
        Minute {
            minute,
            work,
            caused,
        }
    }

    /// Probability that an invocation starts cold, by function. A function's environments are kept
    /// busy by its traffic and end when idle, so the rarer the requests, the more of them wait.
    fn cold_rates(&self, shape: &shape::Shape, minute: i64) -> Vec<f64> {
        let at = shape::start_of(minute);
        let runaway = self.scenario.runaway.contains(&at);
        let looping = self.estate.routes[usize::from(self.scenario.runaway_route.0)].function;
        // What a schedule starts is as frequent at night as by day.
        let of_schedule = |own: &estate::Schedule| match own.target {
            estate::Target::Function(function) => vec![function],
            estate::Target::Machine(machine) => {
                let tasks = self.estate.machine(machine).tasks.iter();
                tasks.map(|task| task.function).collect()
            }
        };
        let scheduled: Vec<FunctionId> =
            self.estate.schedules.iter().flat_map(of_schedule).collect();
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
                let relative = if scheduled.contains(&function) {
                    1.0
                } else {
                    shape.relative[usize::from(serves_backoffice)].max(1e-3)
                };
                let mut rate = (start.cold_rate * (0.35 + 0.65 / relative)).clamp(0.001, 0.35);
                if runaway && function == looping {
                    // Long invocations hold their environments, so that more are needed.
                    rate *= 1.6;
                }
                rate.max(self.scenario.storm(function, at))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
