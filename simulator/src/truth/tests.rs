use chrono::{DateTime, Utc};

use crate::{
    SimConfig, World,
    decimal::Decimal12,
    model::{Doing, Invocation, Target},
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn world(seed: u64) -> std::sync::Arc<World> {
    let mut config = SimConfig::new(seed, at("2026-10-29T00:00:00Z"), at("2026-11-04T09:30:00Z"));
    config.scale = 0.3;
    World::new(config)
}

#[test]
fn routes_and_the_rest_come_to_the_bill() {
    let windows = [
        ("2026-10-29T00:00:00Z", "2026-11-04T00:00:00Z"),
        ("2026-10-31T13:07:00Z", "2026-11-02T04:41:00Z"),
        ("2026-11-03T10:00:00Z", "2026-11-03T10:01:00Z"),
        ("2026-11-03T10:00:00Z", "2026-11-03T10:00:00Z"),
        ("2026-10-20T10:00:00Z", "2026-10-30T10:00:00Z"),
    ];
    for seed in [1, 2, 3] {
        let world = world(seed);
        for (from, to) in windows {
            let truth = world.truth(at(from), at(to));
            let routes: Decimal12 = truth.routes.iter().map(|route| route.cost_usd).sum();
            let others: Decimal12 = truth.entry_points.iter().map(|own| own.cost_usd).sum();
            let rest: Decimal12 = truth.not_routes.iter().map(|line| line.cost_usd).sum();
            let lines: Decimal12 = truth.bill.iter().map(|line| line.cost_usd).sum();
            assert_eq!(
                routes + others + rest,
                truth.bill_usd,
                "seed {seed}, {from}"
            );
            assert_eq!(lines, truth.bill_usd, "seed {seed}, {from}");
            let of_functions: Decimal12 = truth
                .functions
                .iter()
                .map(|function| function.cost_usd)
                .sum();
            let lambda: Decimal12 = truth
                .routes
                .iter()
                .map(|route| &route.cost_by_service)
                .chain(truth.entry_points.iter().map(|own| &own.cost_by_service))
                .filter_map(|costs| costs.get("AWS Lambda"))
                .copied()
                .sum();
            assert_eq!(of_functions, lambda, "seed {seed}, {from}");
            for route in &truth.routes {
                assert_eq!(
                    route.cost_by_service.values().copied().sum::<Decimal12>(),
                    route.cost_usd
                );
            }
        }
    }
}

/// A straightforward count of the same, request by request.
#[test]
fn it_is_what_the_requests_did() {
    let world = world(2);
    let (from, to) = (at("2026-11-02T09:10:00Z"), at("2026-11-02T12:40:00Z"));
    let truth = world.truth(from, to);
    let minutes: Vec<_> = (from.timestamp() / 60..to.timestamp() / 60)
        .map(|minute| world.minute(minute))
        .collect();
    for (index, route) in truth.routes.iter().enumerate() {
        let own: Vec<_> = minutes
            .iter()
            .flat_map(|m| m.requests())
            .map(|(_, request)| request)
            .filter(|r| usize::from(r.route.0) == index)
            .collect();
        let count =
            |f: &dyn Fn(&crate::model::Request) -> bool| own.iter().filter(|r| f(r)).count() as u64;
        assert_eq!(route.requests, own.len() as u64);
        assert_eq!(route.errors_4xx, count(&|r| r.status / 100 == 4));
        assert_eq!(route.errors_5xx, count(&|r| r.status / 100 == 5));
        assert_eq!(
            route.cold_starts,
            count(&|r| r.invocation.init_us.is_some())
        );
        let p95 = route.latency_ms.p95.unwrap();
        let not_above = own
            .iter()
            .filter(|r| r.latency_us as f64 / 1_000.0 <= p95)
            .count() as f64;
        let below = own
            .iter()
            .filter(|r| (r.latency_us as f64) / 1_000.0 < p95)
            .count() as f64;
        let wanted = 0.95 * own.len() as f64;
        assert!(below < wanted && not_above >= wanted - 1e-6);
        assert!(route.cost_usd > Decimal12(0));
    }
    let json = serde_json::to_value(&truth).unwrap();
    assert_eq!(json["bill_usd"], truth.bill_usd.to_string());
    assert_eq!(json["from"], "2026-11-02T09:10:00Z");
    assert!(json["routes"][0]["cost_by_service"]["AWS Lambda"].is_string());
    assert!(
        json["not_routes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|part| part["reason"].is_string())
    );
}

#[test]
fn a_cause_costs_where_it_began() {
    let world = world(2);
    let truth = world.truth(at("2026-11-02T00:00:00Z"), at("2026-11-03T00:00:00Z"));
    let route = |key: &str| {
        truth
            .routes
            .iter()
            .find(|route| route.route == key)
            .unwrap()
    };
    // The invoice writer puts objects on behalf of orders, and nobody else does.
    let tier1 = truth
        .bill
        .iter()
        .find(|line| line.usage_type == "EUC1-Requests-Tier1")
        .unwrap();
    assert!(
        route("POST /orders").cost_by_service["Amazon Simple Storage Service"] >= tier1.cost_usd
    );
    let other = route("GET /orders/{id}")
        .cost_by_service
        .get("Amazon Simple Storage Service");
    assert!(other.is_none_or(|cost| cost.0 == 0));
    for route in &truth.routes {
        for service in ["AWS Lambda", "AWS X-Ray"] {
            assert!(
                route.cost_by_service.contains_key(service),
                "{} {service}",
                route.route
            );
        }
        // To be told that a connection is closed costs nothing at the gateway.
        let gateway = route.cost_by_service.contains_key("Amazon API Gateway");
        assert_eq!(gateway, route.route != "$disconnect", "{}", route.route);
        // The stores are in the code of their functions.
        let tables = route.cost_by_service.contains_key("Amazon DynamoDB");
        assert!(tables || route.protocol != "REST", "{}", route.route);
    }
    assert!(
        !route("GET /stores")
            .cost_by_service
            .contains_key("Amazon DynamoDB")
    );
}

/// Every invocation of a function, asynchronous ones included, by a walk of its own.
#[test]
fn functions_are_told_with_all_that_they_ran() {
    let world = world(3);
    let (from, to) = (at("2026-11-02T16:20:00Z"), at("2026-11-02T18:05:00Z"));
    let truth = world.truth(from, to);
    let minutes: Vec<_> = (from.timestamp() / 60 - 1..to.timestamp() / 60)
        .map(|minute| world.minute(minute))
        .collect();
    let mut all = Vec::new();
    for work in minutes.iter().flat_map(|minute| minute.all()) {
        let invocations: Vec<&Invocation> = match &work.doing {
            Doing::Request(request) => vec![&request.invocation],
            Doing::Delivery(delivery) => vec![&delivery.invocation],
            Doing::Execution(execution) => execution
                .tasks
                .iter()
                .map(|task| &task.invocation)
                .collect(),
        };
        for invocation in invocations {
            all.push(invocation);
            for call in &invocation.calls {
                if let Target::AsyncFunction(consumer) = &call.target {
                    all.push(consumer);
                }
            }
        }
    }
    let within = from.timestamp_micros()..to.timestamp_micros();
    all.retain(|invocation| within.contains(&invocation.start) && !invocation.throttled);
    let mut compared = 0;
    for function in &truth.functions {
        let name = |i: &Invocation| world.estate().function(i.function).name;
        let own: Vec<_> = all.iter().filter(|i| name(i) == function.name).collect();
        let inits: Vec<i64> = own.iter().filter_map(|i| i.init_us).collect();
        assert_eq!(function.invocations, own.len() as u64, "{}", function.name);
        assert_eq!(
            function.errors,
            own.iter().filter(|i| i.error).count() as u64
        );
        assert_eq!(function.cold_starts, inits.len() as u64);
        let gb_s: f64 = own
            .iter()
            .map(|i| {
                let ms = (i.duration_us + i.init_billed_us) as f64 / 1_000.0;
                ms.ceil() / 1_000.0 * f64::from(i.memory_mb) / 1_024.0
            })
            .sum();
        assert!(
            (function.billed_gb_s.0 as f64 / 1e12 - gb_s).abs() < 1e-6,
            "{}",
            function.name
        );
        if let Some(mean) = function.init_ms_mean {
            let naive = inits.iter().sum::<i64>() as f64 / 1_000.0 / inits.len() as f64;
            assert!((mean - naive).abs() < 1e-6);
            compared += 1;
        }
    }
    assert!(compared >= 5, "cold starts were seen");
}

#[test]
fn whole_days_are_told_with_the_whole_bill() {
    let world = world(1);
    let truth = world.truth(at("2026-10-31T00:00:00Z"), at("2026-11-03T00:00:00Z"));
    let lines = world
        .bill()
        .settled("2026-10-31".parse().unwrap(), "2026-11-03".parse().unwrap());
    let costs = |cost: &mut dyn Iterator<Item = Decimal12>| cost.collect::<Vec<_>>();
    assert_eq!(
        costs(&mut truth.bill.iter().map(|line| line.cost_usd)),
        costs(&mut lines.iter().map(|line| line.cost))
    );
    let half = world.truth(at("2026-10-31T00:00:00Z"), at("2026-10-31T12:00:00Z"));
    let nat = half
        .bill
        .iter()
        .find(|line| line.usage_type == "EUC1-NatGateway-Hours")
        .unwrap();
    assert_eq!(nat.quantity.to_string(), "12");
}

/// What is not an API's has its own cost: by a walk over what was delivered.
#[test]
fn entry_points_are_told_beside_the_routes() {
    let world = world(2);
    let (from, to) = (at("2026-11-02T00:00:00Z"), at("2026-11-03T00:00:00Z"));
    let truth = world.truth(from, to);
    let within = from.timestamp_micros()..to.timestamp_micros();
    let kinds: Vec<&str> = truth.entry_points.iter().map(|own| own.kind).collect();
    for kind in [
        "schedule",
        "queue",
        "dynamodb-stream",
        "s3-event",
        "state-machine",
    ] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    for entry in &truth.entry_points {
        let mut starts = 0;
        for minute in from.timestamp() / 60 - 1..to.timestamp() / 60 {
            let minute = world.minute(minute);
            let own = minute
                .all()
                .filter(|work| within.contains(&work.start))
                .filter(|work| work.entry_point().kind() == entry.kind)
                .filter(|work| work.entry_point().name(world.estate()) == entry.name);
            starts += own.count() as u64;
        }
        assert_eq!(entry.starts, starts, "{}", entry.name);
        let lambda = entry.cost_by_service["AWS Lambda"];
        assert!(starts > 90 && lambda > Decimal12(0), "{}", entry.name);
        // State machines are billed for what they do, and only they.
        let states = entry.cost_by_service.contains_key("AWS Step Functions");
        assert_eq!(states, entry.kind == "state-machine", "{}", entry.name);
        assert_eq!(
            entry.cost_by_service.values().copied().sum::<Decimal12>(),
            entry.cost_usd
        );
    }
    // Only the clean-up scans carts, whoever else reads them.
    let cleanup = truth
        .entry_points
        .iter()
        .find(|own| own.function == Some("shop-cleanup"))
        .unwrap();
    assert_eq!(
        (cleanup.name.as_str(), cleanup.starts),
        ("shop-cleanup", 288)
    );
    assert!(cleanup.cost_by_service["Amazon DynamoDB"] > cleanup.cost_by_service["AWS X-Ray"]);
    assert!(!cleanup.cost_by_service.contains_key("Amazon API Gateway"));
}
