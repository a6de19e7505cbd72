//! Traffic of the generated estate: a little of everything, for the price of few draws.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::profile::TableOperation;
use crate::{
    estate::{self, Estate, Protocol, is_called},
    model::{
        BucketId, Call, Delivery, Doing, EntryPoint, FunctionId, Invocation, Micros, Minute,
        Request, RouteId, TableId, Target, Work,
    },
};

const MINUTE: Micros = 60_000_000;
/// Requests of a route a minute, at most.
const MOST_REQUESTS: u32 = 4;
/// Share of the work that X-Ray samples.
const SAMPLED: f64 = 0.05;

/// Every operation on a table of the estate.
pub(crate) fn operations(estate: &Estate) -> Vec<TableOperation> {
    let tables = (0..estate.tables.len() as u16).filter(|table| is_called(*table));
    let operation = |table, operation| TableOperation {
        table: TableId(table),
        operation,
        throttled: false,
    };
    tables
        .flat_map(|table| [operation(table, "GetItem"), operation(table, "UpdateItem")])
        .collect()
}

/// What starts in a minute since the Unix epoch. `scale` is the share of it that does.
pub(super) fn minute(seed: u64, scale: f64, minute: i64, estate: &Estate) -> Minute {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x1a29e);
    rng.set_stream(minute as u64);
    let mut work = Vec::new();
    let start = |rng: &mut ChaCha8Rng| minute * MINUTE + rng.random_range(0..MINUTE);
    for index in 0..estate.routes.len() as u16 {
        for _ in 0..rng.random_range(0..=MOST_REQUESTS) {
            if rng.random::<f64>() < scale {
                let at = start(&mut rng);
                work.push(request(&mut rng, estate, RouteId(index), at));
            }
        }
    }
    for (index, schedule) in (0..).zip(&estate.schedules) {
        if let estate::Target::Function(function) = schedule.target
            && rng.random::<f64>() < scale
        {
            let at = start(&mut rng);
            let delivery = Delivery {
                by: EntryPoint::Schedule(index),
                records: 1,
                age_us: rng.random_range(20_000..80_000),
                senders: Vec::new(),
                invocation: invocation(&mut rng, estate, function, at),
            };
            work.push(started(&mut rng, at, Doing::Delivery(delivery)));
        }
    }
    work.sort_by_key(|work| work.start);
    Minute {
        minute,
        work,
        caused: Vec::new(),
    }
}

fn started(rng: &mut ChaCha8Rng, start: Micros, doing: Doing) -> Work {
    Work {
        id: (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()),
        start,
        sampled: rng.random::<f64>() < SAMPLED,
        doing,
    }
}

fn request(rng: &mut ChaCha8Rng, estate: &Estate, id: RouteId, start: Micros) -> Work {
    let route = &estate.routes[usize::from(id.0)];
    let invocation = invocation(rng, estate, route.function, start + 2_000);
    let integration_latency_us = invocation.end() - invocation.start + 2_000;
    let status = match invocation.error {
        true => 502,
        false if rng.random::<f64>() < 0.01 => 404,
        false => 200,
    };
    let thing = rng.random_range(1..100_000).to_string();
    let request = Request {
        route: id,
        path: route.resource.replace("{id}", &thing),
        method: route.method,
        latency_us: integration_latency_us + 4_000,
        integration_latency_us,
        status,
        data_bytes: match estate.api_of(id).protocol {
            Protocol::Http => rng.random_range(800..6_000),
            Protocol::Rest | Protocol::WebSocket => 0,
        },
        connected_min: 0,
        invocation,
    };
    started(rng, start, Doing::Request(request))
}

fn invocation(
    rng: &mut ChaCha8Rng,
    estate: &Estate,
    function: FunctionId,
    start: Micros,
) -> Invocation {
    let init_us = (rng.random::<f64>() < 0.02).then(|| rng.random_range(150_000..900_000));
    let placement_us = 5_000;
    let mut calls = Vec::new();
    let mut cursor = start + placement_us + init_us.unwrap_or(0) + rng.random_range(1_000..8_000);
    let mut call = |rng: &mut ChaCha8Rng, target| {
        let duration_us = rng.random_range(3_000..15_000);
        calls.push(Call {
            start: cursor,
            duration_us,
            retries: 0,
            failed: false,
            target,
        });
        cursor += duration_us;
    };
    let table = function.0 % estate.tables.len() as u16;
    if is_called(table) {
        let target = table_call(rng, estate, TableId(table));
        call(rng, target);
    }
    if rng.random::<f64>() < 0.2 {
        let bucket = BucketId(function.0 % estate.buckets.len() as u16);
        let bytes = rng.random_range(1_000..60_000);
        let target = Target::Bucket {
            bucket,
            operation: "GetObject",
            bytes,
        };
        call(rng, target);
    }
    let end = cursor + rng.random_range(2_000..90_000);
    let events = 3 + calls.len() as u64;
    Invocation {
        function,
        start,
        placement_us,
        init_us,
        init_billed_us: init_us.unwrap_or(0),
        provisioned: false,
        duration_us: end - start - placement_us - init_us.unwrap_or(0),
        error: rng.random::<f64>() < 0.003,
        throttled: false,
        memory_mb: estate.memory_mb(function, start),
        log_bytes: 330 + 140 * calls.len() as u64,
        log_events: events,
        calls,
    }
}

fn table_call(rng: &mut ChaCha8Rng, estate: &Estate, table: TableId) -> Target {
    let writes = rng.random::<f64>() < 0.3;
    let units = rng.random_range(1..4) * 1_000;
    let indexed = !estate.table(table).indexes.is_empty();
    Target::Table {
        table,
        operation: if writes { "UpdateItem" } else { "GetItem" },
        read_milli_units: if writes { 0 } else { units / 2 },
        write_milli_units: if writes { units } else { 0 },
        index: None,
        index_write_milli_units: if writes && indexed { units } else { 0 },
    }
}
