mod deliveries;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    SimConfig, World,
    metrics::usage::Usage,
    model::{FunctionId, Invocation, Minute, Request, Target},
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 2026-11-24 is a Tuesday.
fn world(seed: u64) -> Arc<World> {
    World::new(SimConfig::new(
        seed,
        at("2026-11-09T00:00:00Z"),
        at("2026-11-24T09:30:00Z"),
    ))
}

fn minute_of(text: &str) -> i64 {
    at(text).timestamp() / 60
}

fn requests(usage: &Usage) -> u64 {
    usage.routes.iter().map(|route| route.requests).sum()
}

fn same(a: &Minute, b: &Minute) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn a_minute_is_the_same_whenever_it_is_asked_for() {
    let first = minute_of("2026-11-20T00:00:00Z");
    let mut of_seeds = Vec::new();
    for seed in [1, 2, 3] {
        let (one, other) = (world(seed), world(seed));
        let forward: Vec<_> = (first..first + 40)
            .map(|minute| one.minute(minute))
            .collect();
        for minute in (first..first + 40).rev() {
            assert!(same(
                &other.minute(minute),
                &forward[(minute - first) as usize]
            ));
            assert!(same(
                &one.minute(minute),
                &forward[(minute - first) as usize]
            ));
        }
        of_seeds.push(forward);
    }
    assert!(!same(&of_seeds[0][0], &of_seeds[1][0]) && !same(&of_seeds[1][0], &of_seeds[2][0]));
}

#[test]
fn the_clock_and_the_cache_change_nothing() {
    let base = SimConfig::new(9, at("2026-11-18T00:00:00Z"), at("2026-11-20T00:00:00Z"));
    let mut small = base
        .clone()
        .with_clock(Arc::new(|| "2030-01-01T00:00:00Z".parse().unwrap()));
    small.cached_requests = 10;
    small.cached_sample_bytes = 10;
    let (large, small) = (World::new(base), World::new(small));
    let (from, to) = (
        minute_of("2026-11-18T03:17:00Z"),
        minute_of("2026-11-19T10:05:00Z"),
    );
    assert_eq!(large.usage(from, to), small.usage(from, to));
    let hour = from / 60 + 3;
    assert_eq!(*large.hour(hour), *small.hour(hour));
    let by_minute = (from..to).fold(Usage::none(large.estate()), |mut sum, minute| {
        sum += &large.usage(minute, minute + 1);
        sum
    });
    assert_eq!(by_minute, large.usage(from, to), "minutes add up to hours");
}

#[test]
fn requests_are_in_order_and_visible_when_they_have_started() {
    let config = SimConfig::new(9, at("2026-11-18T00:00:00Z"), at("2026-11-20T18:30:20Z"));
    let world = World::new(config);
    let now = world.now().timestamp_micros();
    let minute = world.minute(now / 60_000_000);
    assert!(minute.work.is_sorted_by_key(|work| work.start));
    let visible = world.visible(&minute);
    assert!(!visible.is_empty() && visible.len() < minute.work.len());
    assert!(visible.iter().all(|request| request.start <= now));
    assert!(
        minute.work[visible.len()..]
            .iter()
            .all(|request| request.start > now)
    );
    assert!(
        world
            .minute(minute_of("2026-11-17T23:59:00Z"))
            .work
            .is_empty(),
        "before the birth"
    );
}

/// Every part of a request lies within what contains it, and nothing begins later than a minute on.
#[test]
fn times_fit_into_each_other() {
    let world = world(5);
    let check = |invocation: &Invocation, asynchronous: bool, request_start: i64| {
        let mut before = invocation.handler_start();
        for call in &invocation.calls {
            assert!(call.start >= before && call.duration_us > 0);
            before = call.start + call.duration_us;
        }
        assert!(before <= invocation.end());
        assert!(
            invocation.start - request_start < 60_000_000,
            "asynchronous: {asynchronous}"
        );
        let cold = invocation.init_us.is_some();
        let placement = if cold {
            160_000..=750_000
        } else {
            4_000..=10_000
        };
        assert!(invocation.throttled || placement.contains(&invocation.placement_us));
        assert!(
            invocation
                .init_us
                .is_none_or(|init| (200_000..=3_000_000).contains(&init))
        );
    };
    let mut consumers = 0;
    for start in [
        "2026-11-20T09:00:00Z",
        "2026-11-21T10:00:00Z",
        "2026-11-23T20:00:00Z",
    ] {
        for minute in minute_of(start)..minute_of(start) + 30 {
            for (work, request) in world.minute(minute).requests() {
                assert_eq!(work.start.div_euclid(60_000_000), minute);
                let invocation = &request.invocation;
                check(invocation, false, work.start);
                assert!(request.latency_us < 29_000_000);
                assert!(request.latency_us >= request.integration_latency_us);
                // The gateway of a WebSocket API is not in the latency that it tells.
                let gateway_us = if request.latency_us > request.integration_latency_us {
                    0
                } else {
                    1_200
                };
                assert!(invocation.end() <= work.start + request.latency_us + gateway_us);
                assert!(
                    invocation.throttled || request.integration_latency_us > invocation.duration_us
                );
                for call in &invocation.calls {
                    if let Target::AsyncFunction(consumer) = &call.target {
                        check(consumer, true, work.start);
                        assert!(consumer.start > call.start + call.duration_us);
                        consumers += 1;
                    }
                }
            }
        }
    }
    assert!(consumers > 300, "{consumers}");
}

#[test]
fn days_and_weeks_have_their_shape() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let day = |day: u32| {
            let from = minute_of(&format!("2026-11-{day:02}T00:00:00Z"));
            requests(&world.usage(from, from + 1_440)) as f64 / 86_400.0
        };
        let weekdays = (16..=20).map(day).sum::<f64>() / 5.0;
        assert!((2.6..3.5).contains(&weekdays), "{weekdays} a second");
        assert!(day(21) < 0.9 * weekdays, "Saturday");
        let hour = |hour: u32| {
            let from = minute_of(&format!("2026-11-18T{hour:02}:00:00Z"));
            requests(&world.usage(from, from + 60)) as f64 / 3_600.0
        };
        assert!(
            (5.0..8.0).contains(&hour(19)),
            "{} in the evening",
            hour(19)
        );
        assert!(hour(3) < 0.8, "{} at night", hour(3));
    }
}

#[test]
fn functions_start_cold_as_rarely_as_they_should() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        let usage = world.usage(
            minute_of("2026-11-10T00:00:00Z"),
            minute_of("2026-11-13T00:00:00Z"),
        );
        let rates: Vec<f64> = usage
            .functions
            .iter()
            .filter(|f| f.invocations > 0)
            .map(|f| f.cold_starts as f64 / f.invocations as f64)
            .collect();
        assert!(
            rates.iter().all(|rate| (0.002..0.08).contains(rate)),
            "{rates:?}"
        );
        let (least, most) = rates.iter().fold((1.0_f64, 0.0_f64), |(l, m), rate| {
            (l.min(*rate), m.max(*rate))
        });
        assert!(least < 0.006 && most > 0.04, "habits differ: {rates:?}");
    }
}

#[test]
fn the_deploy_is_a_storm_of_cold_starts() {
    let world = world(1);
    let deploy = world.scenario().deploy_at / 60_000_000;
    assert_eq!(deploy, minute_of("2026-11-21T10:04:00Z"));
    let rate = |from: i64, minutes: i64| {
        let usage =
            &world.usage(from, from + minutes).functions[usize::from(world.scenario().deployed.0)];
        usage.cold_starts as f64 / usage.invocations as f64
    };
    assert!(rate(deploy, 10) > 0.35, "{}", rate(deploy, 10));
    assert!(rate(deploy - 60, 60) < 0.02 && rate(deploy + 60, 60) < 0.02);
    let before = world
        .estate()
        .configuration(world.scenario().deployed, world.scenario().deploy_at - 1);
    let after = world
        .estate()
        .configuration(world.scenario().deployed, world.scenario().deploy_at);
    assert_eq!((before.memory_mb, after.memory_mb), (512, 1024));
    assert!(before.code_sha256 != after.code_sha256 && before.last_modified < after.last_modified);
    let other = FunctionId(2);
    let at = |us| world.estate().configuration(other, us);
    assert_eq!(
        at(world.scenario().deploy_at - 1),
        at(world.scenario().deploy_at)
    );
}

#[test]
fn the_burst_fails_one_route_for_twenty_minutes() {
    let world = world(1);
    let scenario = world.scenario();
    let (from, to) = (
        scenario.burst.start / 60_000_000,
        scenario.burst.end / 60_000_000,
    );
    assert_eq!((from, to - from), (minute_of("2026-11-22T09:30:00Z"), 20));
    for (index, route) in world.usage(from, to).routes.iter().enumerate() {
        if route.requests == 0 {
            continue;
        }
        let rate = route.server_errors as f64 / route.requests as f64;
        let burst = index == usize::from(scenario.burst_route.0);
        assert!(
            if burst { rate > 0.4 } else { rate < 0.05 },
            "{index}: {rate}"
        );
    }
    let after = &world.usage(to, to + 60).routes[usize::from(scenario.burst_route.0)];
    assert!((after.server_errors as f64) < 0.03 * after.requests as f64);
}

#[test]
fn the_runaway_loop_costs_many_times_as_much() {
    for seed in [1, 2, 3] {
        let world = World::new(SimConfig::new(
            seed,
            at("2026-11-22T00:00:00Z"),
            at("2026-11-24T09:30:00Z"),
        ));
        let scenario = world.scenario();
        assert_eq!(
            scenario.runaway.start / 60_000_000,
            minute_of("2026-11-23T13:30:00Z")
        );
        assert!(
            scenario.runaway.end
                >= (world.config().anchor + chrono::TimeDelta::hours(2)).timestamp_micros()
        );
        let cost = |from: &str, to: &str| {
            let truth = world.truth(at(from), at(to));
            let route = &truth.routes[usize::from(scenario.runaway_route.0)];
            (
                route.cost_usd.0 as f64 / route.requests as f64,
                route.latency_ms.p50.unwrap(),
            )
        };
        let (usual, usual_ms) = cost("2026-11-22T14:00:00Z", "2026-11-23T13:00:00Z");
        let (loops, loops_ms) = cost("2026-11-23T14:00:00Z", "2026-11-24T09:00:00Z");
        assert!(loops > 6.0 * usual, "{usual} {loops}");
        assert!(loops_ms > 20.0 * usual_ms, "{usual_ms} {loops_ms}");
    }
}

#[test]
fn the_sampling_rule_takes_the_first_of_each_second_and_some_of_the_rest() {
    let world = world(1);
    let (mut first, mut rest, mut rest_sampled) = (0, 0, 0);
    for minute in minute_of("2026-11-18T17:00:00Z")..minute_of("2026-11-18T19:00:00Z") {
        let mut second = 0;
        let minute = world.minute(minute);
        // API Gateway's rule is that of its REST APIs together.
        let sampled_there = |request: &Request| world.estate().api_of(request.route).tracing;
        for (work, _) in minute
            .requests()
            .filter(|(_, request)| sampled_there(request))
        {
            if work.start / 1_000_000 != second {
                second = work.start / 1_000_000;
                first += 1;
                assert!(work.sampled);
            } else {
                rest += 1;
                rest_sampled += u32::from(work.sampled);
            }
        }
    }
    let share = f64::from(rest_sampled) / f64::from(rest);
    assert!(
        first > 7_000 && (0.045..0.055).contains(&share),
        "{first} {share}"
    );
}

/// HTTP APIs sample nothing, so that Lambda does, function by function.
#[test]
fn lambda_samples_what_no_api_has_sampled() {
    let world = world(1);
    let (mut first, mut rest, mut rest_sampled) = (0, 0, 0);
    for minute in minute_of("2026-11-18T17:00:00Z")..minute_of("2026-11-18T23:00:00Z") {
        let mut seen = std::collections::BTreeSet::new();
        let minute = world.minute(minute);
        for (work, request) in minute.requests() {
            if world.estate().api_of(request.route).tracing {
                continue;
            }
            let invocation = &request.invocation;
            if seen.insert((invocation.function, invocation.start / 1_000_000)) {
                first += 1;
                assert!(work.sampled);
            } else {
                rest += 1;
                rest_sampled += u32::from(work.sampled);
            }
        }
    }
    let share = f64::from(rest_sampled) / f64::from(rest);
    assert!(
        first > 4_000 && rest > 200 && share < 0.12,
        "{first} {rest} {share}"
    );
}
