//! Metrics against a count of the requests by another walk.

use std::collections::BTreeMap;

use super::{Points, at, one, query, world};
use crate::{
    World,
    estate::{Api, Protocol, Route},
    model::{Call, Doing, Invocation, Request, Target, Work},
};

/// Everything that the naive count below looks at, by a walk of its own.
fn invocations<'a>(work: &'a Work, found: &mut Vec<&'a Invocation>) {
    let mut todo = match &work.doing {
        Doing::Request(request) => vec![&request.invocation],
        Doing::Delivery(delivery) => vec![&delivery.invocation],
        Doing::Execution(execution) => execution
            .tasks
            .iter()
            .map(|task| &task.invocation)
            .collect(),
    };
    while let Some(invocation) = todo.pop() {
        found.push(invocation);
        for call in &invocation.calls {
            if let Target::AsyncFunction(consumer) = &call.target {
                todo.push(consumer);
            }
        }
    }
}

/// The least value that at least so many percent of all values do not exceed.
fn naive_percentile(values: &[f64], percent: f64) -> f64 {
    let enough = |v: &f64| {
        values.iter().filter(|x| *x <= v).count() as f64 * 100.0 >= percent * values.len() as f64
    };
    values
        .iter()
        .copied()
        .filter(enough)
        .fold(f64::INFINITY, f64::min)
}

fn collect<T>(
    from: i64,
    to: i64,
    period: i64,
    items: impl Iterator<Item = (i64, T)>,
) -> BTreeMap<i64, Vec<T>> {
    let mut found: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for (us, item) in items {
        let seconds = us.div_euclid(1_000_000);
        if (from..to).contains(&seconds) {
            found
                .entry(seconds.div_euclid(period) * period)
                .or_default()
                .push(item);
        }
    }
    found
}

fn close(left: &Points, right: &Points) {
    assert_eq!(left.len(), right.len());
    for ((t1, v1), (t2, v2)) in left.iter().zip(right) {
        assert_eq!(t1, t2);
        assert!((v1 - v2).abs() <= 1e-9 * v1.abs().max(1.0), "{v1} {v2}");
    }
}

#[test]
fn metrics_count_the_requests() {
    for seed in [1, 2, 3] {
        let world = world(seed);
        // In the error burst, and in the runaway loop with its throttles.
        for (from, to) in [
            ("2026-11-22T09:25:00Z", "2026-11-22T09:55:00Z"),
            ("2026-11-23T17:55:00Z", "2026-11-23T18:40:00Z"),
        ] {
            let (from, to) = (at(from), at(to));
            let minutes: Vec<_> = (from / 60 - 2..to / 60)
                .map(|minute| world.minute(minute))
                .collect();
            let requests: Vec<(&Work, &Request)> = minutes
                .iter()
                .flat_map(|minute| minute.requests())
                .collect();
            let mut all = Vec::new();
            minutes
                .iter()
                .flat_map(|minute| minute.all())
                .for_each(|work| invocations(work, &mut all));
            for period in [60, 300] {
                check_functions(&world, &all, from, to, period);
                check_apis(&world, &requests, from, to, period);
                check_tables(&world, &all, from, to, period);
            }
        }
    }
}

fn check_functions(world: &World, all: &[&Invocation], from: i64, to: i64, period: i64) {
    for (index, function) in world.estate().functions.iter().enumerate() {
        let own = || all.iter().filter(|i| usize::from(i.function.0) == index);
        let ran = collect(
            from,
            to,
            period,
            own().filter(|i| !i.throttled).map(|i| (i.start, i)),
        );
        let tried = collect(from, to, period, own().map(|i| (i.start, i)));
        let got = |metric, stat| {
            one(
                world,
                query(
                    "a",
                    "AWS/Lambda",
                    metric,
                    &[("FunctionName", function.name)],
                    stat,
                    period,
                ),
                from,
                to,
            )
        };
        let told = |f: &dyn Fn(&Vec<&&Invocation>) -> f64| {
            ran.iter().map(|(t, i)| (*t, f(i))).collect::<Points>()
        };
        let durations = |i: &Vec<&&Invocation>| {
            i.iter()
                .map(|i| i.duration_us as f64 / 1_000.0)
                .collect::<Vec<_>>()
        };
        close(&got("Invocations", "Sum"), &told(&|i| i.len() as f64));
        close(
            &got("Errors", "Sum"),
            &told(&|i| i.iter().filter(|i| i.error).count() as f64),
        );
        close(&got("Errors", "SampleCount"), &told(&|i| i.len() as f64));
        close(
            &got("Duration", "Sum"),
            &told(&|i| durations(i).iter().sum()),
        );
        close(
            &got("Duration", "p95"),
            &told(&|i| naive_percentile(&durations(i), 95.0)),
        );
        close(
            &got("Duration", "TC(:20)"),
            &told(&|i| durations(i).iter().filter(|d| **d <= 20.0).count() as f64),
        );
        let throttled = tried
            .iter()
            .map(|(t, i)| (*t, i.iter().filter(|i| i.throttled).count() as f64))
            .collect();
        close(&got("Throttles", "Sum"), &throttled);
    }
}

/// The dimension that tells an API, and the names of its errors.
fn names(api: &Api) -> ((&'static str, &'static str), [&'static str; 2]) {
    match api.protocol {
        Protocol::Rest => (("ApiName", api.name), ["4XXError", "5XXError"]),
        Protocol::Http | Protocol::WebSocket => (("ApiId", api.id), ["4xx", "5xx"]),
    }
}

fn check_apis(world: &World, requests: &[(&Work, &Request)], from: i64, to: i64, period: i64) {
    for (index, route) in world.estate().routes.iter().enumerate() {
        let api = &world.estate().apis[usize::from(route.api.0)];
        if api.protocol == Protocol::WebSocket {
            check_messages(world, requests, route, from, to, period);
            continue;
        }
        let (whole, errors) = names(api);
        let method = if route.method.is_empty() {
            route.resource
        } else {
            route.method
        };
        let dimensions = [
            whole,
            ("Stage", api.stage),
            ("Resource", route.resource),
            ("Method", method),
        ];
        let own = requests
            .iter()
            .filter(|(_, r)| usize::from(r.route.0) == index)
            .map(|(work, r)| (work.start, *r));
        let own = collect(from, to, period, own);
        let got = |metric, stat| {
            one(
                world,
                query("a", "AWS/ApiGateway", metric, &dimensions, stat, period),
                from,
                to,
            )
        };
        if !api.detailed_metrics {
            assert!(
                got("Count", "Sum").is_empty(),
                "without detailed metrics there is no method level"
            );
            continue;
        }
        let told = |f: &dyn Fn(&Vec<&Request>) -> f64| {
            own.iter().map(|(t, r)| (*t, f(r))).collect::<Points>()
        };
        let status = |r: &Vec<&Request>, class: u16| {
            r.iter().filter(|r| r.status / 100 == class).count() as f64
        };
        let latencies = |r: &Vec<&Request>| {
            r.iter()
                .map(|r| r.latency_us as f64 / 1_000.0)
                .collect::<Vec<_>>()
        };
        close(&got("Count", "Sum"), &told(&|r| r.len() as f64));
        close(&got("Count", "SampleCount"), &told(&|r| r.len() as f64));
        close(&got(errors[0], "Sum"), &told(&|r| status(r, 4)));
        close(
            &got(errors[1], "Average"),
            &told(&|r| status(r, 5) / r.len() as f64),
        );
        close(
            &got("Latency", "p50"),
            &told(&|r| naive_percentile(&latencies(r), 50.0)),
        );
        close(
            &got("Latency", "Maximum"),
            &told(&|r| latencies(r).into_iter().fold(0.0, f64::max)),
        );
        let integration = |r: &Vec<&Request>| {
            r.iter()
                .map(|r| r.integration_latency_us as f64 / 1_000.0)
                .sum::<f64>()
        };
        close(
            &got("IntegrationLatency", "Average"),
            &told(&|r| integration(r) / r.len() as f64),
        );
        if api.protocol == Protocol::Http {
            let bytes = |r: &Vec<&Request>| r.iter().map(|r| r.data_bytes as f64).sum::<f64>();
            close(&got("DataProcessed", "Sum"), &told(&bytes));
        }
    }
    let counted = |api: &&Api| api.protocol != Protocol::WebSocket;
    for api in world.estate().apis.iter().filter(counted) {
        let own = requests
            .iter()
            .filter(|(_, r)| world.estate().api_of(r.route).name == api.name);
        let own = collect(from, to, period, own.map(|(work, r)| (work.start, *r)));
        let told: Points = own.iter().map(|(t, r)| (*t, r.len() as f64)).collect();
        let (whole, _) = names(api);
        for dimensions in [vec![whole], vec![("Stage", api.stage), whole]] {
            close(
                &one(
                    world,
                    query("a", "AWS/ApiGateway", "Count", &dimensions, "Sum", period),
                    from,
                    to,
                ),
                &told,
            );
        }
    }
}

/// A route of a WebSocket API, by the older form of its dimensions.
fn check_messages(
    world: &World,
    requests: &[(&Work, &Request)],
    route: &Route,
    from: i64,
    to: i64,
    period: i64,
) {
    let api = &world.estate().apis[usize::from(route.api.0)];
    let dimensions = [
        ("ApiId", api.id),
        ("Stage", api.stage),
        ("Route", route.resource),
    ];
    let is_own = |r: &Request| {
        let other = &world.estate().routes[usize::from(r.route.0)];
        (other.api, other.resource) == (route.api, route.resource)
    };
    let own = requests.iter().filter(|(_, r)| is_own(r));
    let own = collect(from, to, period, own.map(|(work, r)| (work.start, *r)));
    let told =
        |f: &dyn Fn(&Vec<&Request>) -> f64| own.iter().map(|(t, r)| (*t, f(r))).collect::<Points>();
    let got = |metric, stat| {
        let query = query("a", "AWS/ApiGateway", metric, &dimensions, stat, period);
        one(world, query, from, to)
    };
    let number = told(&|r| r.len() as f64);
    let (connects, messages) = match route.resource {
        "$connect" => (number.clone(), Points::new()),
        "$disconnect" => (Points::new(), Points::new()),
        _ => (Points::new(), number.clone()),
    };
    close(&got("ConnectCount", "Sum"), &connects);
    close(&got("MessageCount", "Sum"), &messages);
    close(&got("IntegrationLatency", "SampleCount"), &number);
    assert!(got("Latency", "Sum").is_empty(), "there is none");
    let failed =
        |class: u16| told(&|r| r.iter().filter(|r| r.status / 100 == class).count() as f64);
    close(&got("ClientError", "Sum"), &failed(4));
    close(&got("IntegrationError", "Sum"), &failed(5));
}

/// Operation, read and write units in thousandths, and whether it failed.
type TableCall<'a> = (&'a str, u64, u64, bool);

fn check_tables(world: &World, all: &[&Invocation], from: i64, to: i64, period: i64) {
    for (index, table) in world.estate().tables.iter().enumerate() {
        let own = |call: &Call| match call.target {
            Target::Table {
                table,
                operation,
                read_milli_units,
                write_milli_units,
                index: read,
                ..
            } if usize::from(table.0) == index => {
                // What an index gives is counted as the index's.
                let of_table = if read.is_some() { 0 } else { read_milli_units };
                Some((operation, of_table, write_milli_units, call.failed))
            }
            _ => None,
        };
        let calls = all
            .iter()
            .flat_map(|i| &i.calls)
            .filter_map(|call| own(call).map(|found| (call.start, found)));
        let calls = collect(from, to, period, calls);
        let got = |metric, stat, more: &[(&str, &str)]| {
            let dimensions = [&[("TableName", table.name)], more].concat();
            one(
                world,
                query("a", "AWS/DynamoDB", metric, &dimensions, stat, period),
                from,
                to,
            )
        };
        let sums = |f: &dyn Fn(&TableCall) -> u64| {
            let sums = calls
                .iter()
                .map(|(t, c)| (*t, c.iter().map(f).sum::<u64>() as f64 / 1_000.0));
            sums.filter(|(_, sum)| *sum > 0.0).collect::<Points>()
        };
        close(
            &got("ConsumedReadCapacityUnits", "Sum", &[]),
            &sums(&|call| call.1),
        );
        close(
            &got("ConsumedWriteCapacityUnits", "Sum", &[]),
            &sums(&|call| call.2),
        );
        let gets = sums(&|call| {
            if call.0 == "GetItem" && !call.3 {
                1_000
            } else {
                0
            }
        });
        close(
            &got(
                "SuccessfulRequestLatency",
                "SampleCount",
                &[("Operation", "GetItem")],
            ),
            &gets,
        );
    }
}

#[test]
fn concurrency_is_the_most_at_once() {
    let world = world(2);
    let (from, to) = (at("2026-11-23T18:00:00Z"), at("2026-11-23T18:30:00Z"));
    let minutes: Vec<_> = (from / 60 - 2..to / 60)
        .map(|minute| world.minute(minute))
        .collect();
    let mut all = Vec::new();
    minutes
        .iter()
        .flat_map(|minute| minute.all())
        .for_each(|work| invocations(work, &mut all));
    all.retain(|invocation| !invocation.throttled);
    let whose: Vec<Option<usize>> = (0..world.estate().functions.len())
        .map(Some)
        .chain([None])
        .collect();
    for whose in whose {
        let own: Vec<&&Invocation> = all
            .iter()
            .filter(|i| whose.is_none_or(|index| usize::from(i.function.0) == index))
            .collect();
        let at_once = |at: i64| own.iter().filter(|i| i.start <= at && at < i.end()).count();
        let seen = collect(
            from,
            to,
            60,
            own.iter().map(|i| (i.start, at_once(i.start))),
        );
        let told: Points = seen
            .iter()
            .map(|(time, seen)| (*time, seen.iter().copied().max().unwrap() as f64))
            .collect();
        let name = whose.map(|index| world.estate().functions[index].name);
        let dimensions: Vec<(&str, &str)> = name
            .map(|name| ("FunctionName", name))
            .into_iter()
            .collect();
        let metric = query(
            "a",
            "AWS/Lambda",
            "ConcurrentExecutions",
            &dimensions,
            "Maximum",
            60,
        );
        close(&one(&world, metric, from, to), &told);
    }
}
