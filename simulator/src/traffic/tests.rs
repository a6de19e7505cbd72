use chrono::{DateTime, Utc};

use crate::{
    SimConfig, World,
    metrics::usage::Usage,
    model::{FunctionId, Invocation, Minute, Target},
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn world(seed: u64) -> std::sync::Arc<World> {
    // 2026-11-24 is a Tuesday.
    World::new(SimConfig::new(
        seed,
        at("2026-11-09T00:00:00Z"),
        at("2026-11-24T09:30:00Z"),
    ))
}

fn minute_of(text: &str) -> i64 {
    at(text).timestamp() / 60
}

fn day_usage(world: &World, day: &str) -> Usage {
    let from = minute_of(&format!("{day}T00:00:00Z"));
    world.usage(from, from + 1_440)
}

#[test]
fn speed() {
    let begun = std::time::Instant::now();
    let world = world(7);
    let usage = world.usage(
        minute_of("2026-11-09T00:00:00Z"),
        minute_of("2026-11-24T00:00:00Z"),
    );
    let requests: u64 = usage.routes.iter().map(|r| r.requests).sum();
    println!("{requests} requests in {:?}", begun.elapsed());
    for (route, usage) in world.estate().routes.iter().zip(&usage.routes) {
        println!("{} {:?}", route.key(), usage);
    }
    for (function, usage) in world.estate().functions.iter().zip(&usage.functions) {
        println!(
            "{} cold {:.4} init {:.0} {:?}",
            function.name,
            usage.cold_starts as f64 / usage.invocations as f64,
            usage.init_us as f64 / 1000.0 / usage.cold_starts as f64,
            usage
        );
    }
    for day in 9..24 {
        let usage = day_usage(&world, &format!("2026-11-{day:02}"));
        let requests: u64 = usage.routes.iter().map(|r| r.requests).sum();
        println!("{day} {:.2}/s", requests as f64 / 86_400.0);
    }
}
