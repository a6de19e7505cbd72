//! Clients' requests to the APIs.

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use super::{
    Generator,
    draw::{draw_us, path, pick_behaviour},
    invocation::{Asked, Course},
    profile::{self, Behaviour, LogNormal},
    sampling::{FIXED_RATE, Sampling},
    shape,
};
use crate::{
    estate::{ApiId, CONNECT, Protocol},
    model::{Doing, Micros, Request, RouteId, Work},
};

impl Generator {
    /// The requests to the REST APIs, by start. API Gateway samples all of them by one rule.
    pub(super) fn rest_requests(
        &self,
        rng: &mut ChaCha8Rng,
        minute: i64,
        shape: &shape::Shape,
        cold: &[f64],
    ) -> Vec<Work> {
        let mut arrivals: Vec<(Micros, ApiId)> = Vec::new();
        for (api, rate) in (0..).map(ApiId).zip(shape.rates) {
            let offsets = self.arrivals(rng, rate);
            arrivals.extend(offsets.into_iter().map(|offset| (offset, api)));
        }
        arrivals.sort_unstable();

        let mut second = -1;
        arrivals
            .into_iter()
            .map(|(offset, api)| {
                let first_of_second = offset / 1_000_000 != second;
                second = offset / 1_000_000;
                let sampled = rng.random::<f64>() < FIXED_RATE || first_of_second;
                let start = shape::start_of(minute) + offset;
                let (id, request) = self.request(rng, api, start, cold);
                Work {
                    id,
                    start,
                    sampled,
                    doing: Doing::Request(request),
                }
            })
            .collect()
    }

    /// Adds the requests to HTTP and WebSocket APIs. Those emit no segment, so that Lambda samples by
    /// itself.
    pub(super) fn untraced_requests(
        &self,
        rng: &mut ChaCha8Rng,
        minute: i64,
        shape: &shape::Shape,
        cold: &[f64],
        work: &mut Vec<Work>,
    ) {
        let mut sampling = Sampling::new();
        for (index, api) in (0..).map(ApiId).zip(&self.estate.apis) {
            let rate = match api.protocol {
                Protocol::Rest => continue,
                Protocol::Http => shape::HTTP_RATE,
                Protocol::WebSocket => shape::WEBSOCKET_RATE,
            };
            let mut arrivals = self.arrivals(rng, rate * shape.relative[0]);
            arrivals.sort_unstable();
            for offset in arrivals {
                let start = shape::start_of(minute) + offset;
                let (id, request) = self.request(rng, index, start, cold);
                let invocation = &request.invocation;
                let sampled = sampling.takes(rng, invocation.function, invocation.start);
                work.push(Work {
                    id,
                    start,
                    sampled,
                    doing: Doing::Request(request),
                });
            }
        }
    }

    /// Times within a minute at which something happens that comes at a rate a second.
    pub(super) fn arrivals(&self, rng: &mut ChaCha8Rng, rate: f64) -> Vec<Micros> {
        let mean = rate * self.scale * 60.0;
        let count = Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(rng)) as usize;
        (0..count)
            .map(|_| rng.random_range(0..60_000_000))
            .collect()
    }

    fn request(
        &self,
        rng: &mut ChaCha8Rng,
        api: ApiId,
        start: Micros,
        cold: &[f64],
    ) -> (u128, Request) {
        let protocol = self.estate.apis[usize::from(api.0)].protocol;
        let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let route = self.pick_route(rng, usize::from(api.0));
        let behaviour = pick_behaviour(rng, profile::ROUTES[usize::from(route.0)].1);
        let course = self.course(rng, route, behaviour, start);
        let (least_before, most_after) = match protocol {
            Protocol::Rest => (1_000, 3_500),
            Protocol::Http | Protocol::WebSocket => (300, 1_000),
        };
        let before = rng.random_range(least_before..least_before * 4);
        let function = self.estate.routes[usize::from(route.0)].function;
        let asked = Asked {
            function,
            start: start + before,
            behaviour,
            course,
            records: 1,
        };
        let invocation = self.invocation(rng, &asked, cold);
        let network = draw_us(
            rng,
            LogNormal {
                median: 2.4,
                sigma: 0.3,
            },
        );
        let integration_latency_us = invocation.end() - invocation.start + network;
        let after = rng.random_range(most_after / 7..most_after);
        let data_bytes = match protocol {
            Protocol::Http => draw_us(rng, profile::HTTP_KILOBYTES) as u64,
            Protocol::WebSocket => draw_us(rng, profile::MESSAGE_KILOBYTES) as u64,
            Protocol::Rest => 0,
        };
        let connects = self.estate.routes[usize::from(route.0)].resource == CONNECT;
        let connected_min = if connects {
            (draw_us(rng, profile::CONNECTED_MIN) as u64).div_ceil(1_000)
        } else {
            0
        };
        let latency_us = match protocol {
            Protocol::WebSocket => integration_latency_us,
            Protocol::Rest | Protocol::Http => before + integration_latency_us + after,
        };
        let request = Request {
            route,
            path: path(rng, behaviour.path),
            method: behaviour.method,
            latency_us,
            integration_latency_us,
            status: status(protocol, behaviour, course),
            data_bytes,
            connected_min,
            invocation,
        };
        (id, request)
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

/// What the client gets. An unhandled error of a function is 502 from a REST API and 500 from an
/// HTTP API; a throttled one is 500 and 503.
fn status(protocol: Protocol, behaviour: &Behaviour, course: Course) -> u16 {
    let rest = protocol == Protocol::Rest;
    match course {
        Course::ClientError => behaviour.client_error.0,
        Course::Error if rest => 502,
        Course::Error => 500,
        Course::Throttled if rest => 500,
        Course::Throttled => 503,
        Course::Usual | Course::Runaway if behaviour.method == "POST" => 201,
        Course::Usual | Course::Runaway => 200,
    }
}
