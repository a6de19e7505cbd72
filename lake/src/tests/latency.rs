//! How long commits and reads take. Not checks: `cargo test -p millicent-lake --lib -- --ignored
//! --nocapture latency::`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use deltalake::datafusion::prelude::SessionContext;

use super::samples::{collection, metric};
use super::{at, scratch};
use crate::durable::SYNCING;
use crate::*;

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (n, total) = (times.len(), times.iter().sum::<Duration>());
    println!(
        "{what}: {n} in {total:.2?}, median {:.1?}, worst {:.1?}",
        times[n / 2],
        times[n - 1]
    );
}

/// What it costs that a commit outlives a power cut.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn durability() {
    let (_folder, lake) = scratch().await;
    let mut times = [Vec::new(), Vec::new()];
    for i in 0..200 {
        let synced = i % 2 == 0;
        SYNCING.store(synced, Ordering::Relaxed);
        let from = at(1, 0) + TimeDelta::hours(i);
        let point = |n: i64| {
            let ts = from + TimeDelta::minutes(n % 60);
            metric("lambda", &format!("f-{}", n / 60), ts, n as f64)
        };
        let slice = Slice {
            table: Table::Metrics,
            equal: vec![("service", "lambda".to_owned())],
            from,
            to: from + TimeDelta::hours(1),
        };
        let started = Instant::now();
        let rows = Rows::Metrics((0..3000).map(point).collect());
        lake.replace(&slice, rows).await.unwrap();
        lake.record_collection(collection(from, 1, Outcome::Complete))
            .await
            .unwrap();
        times[usize::from(synced)].push(started.elapsed());
    }
    SYNCING.store(true, Ordering::Relaxed);
    for times in &mut times {
        times.sort();
    }
    let [cached, synced] = times;
    let ratio = synced[50].as_secs_f64() / cached[50].as_secs_f64();
    report(
        "a window and its collection, in the cache of the disk",
        cached,
    );
    report("a window and its collection, on the disk", synced);
    println!("ratio of the medians {ratio:.2}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn latency() {
    let (_folder, lake) = scratch().await;
    let window = |i: i64| {
        (
            at(1, 0) + TimeDelta::hours(i),
            at(1, 0) + TimeDelta::hours(i + 1),
        )
    };
    for (what, from) in [
        ("new window", 0),
        ("the same again", 0),
        ("more windows", 150),
    ] {
        let (mut data, mut marks) = (Vec::new(), Vec::new());
        for i in from..from + 150 {
            let (start, end) = window(i);
            let point = |n: i64| {
                let ts = start + TimeDelta::minutes(n % 60);
                metric("lambda", &format!("f-{}", n / 60), ts, n as f64)
            };
            let rows = (0..3000).map(point).collect();
            let equal = vec![("service", "lambda".to_owned())];
            let slice = Slice {
                table: Table::Metrics,
                equal,
                from: start,
                to: end,
            };
            let started = Instant::now();
            lake.replace(&slice, Rows::Metrics(rows)).await.unwrap();
            data.push(started.elapsed());
            let started = Instant::now();
            lake.record_collection(collection(start, 1, Outcome::Complete))
                .await
                .unwrap();
            marks.push(started.elapsed());
        }
        report(&format!("{what}, 3000 metrics"), data);
        report(&format!("{what}, its collection"), marks);
    }
    for what in ["as collected", "after upkeep"] {
        println!("{what}:");
        let started = Instant::now();
        let since = at(1, 0);
        let found = lake
            .collections("traces", "111122223333", "eu-central-1", since)
            .await
            .unwrap();
        println!(
            "  collections: {} in {:.1?}",
            found.len(),
            started.elapsed()
        );
        let started = Instant::now();
        let table = lake.delta_table(Table::Metrics).await.unwrap();
        println!("  delta_table: {:.1?}", started.elapsed());
        let files = table.get_file_uris().unwrap().count();
        let context = SessionContext::new();
        context
            .register_table("metrics", table.table_provider().await.unwrap())
            .unwrap();
        let started = Instant::now();
        let query = "select resource, sum(sum) from metrics group by resource";
        context.sql(query).await.unwrap().collect().await.unwrap();
        println!("  a sum over {files} files: {:.1?}", started.elapsed());
        let started = Instant::now();
        Lake::open(lake.location()).await.unwrap();
        println!("  open: {:.1?}", started.elapsed());
        if what == "as collected" {
            let started = Instant::now();
            let done = lake.maintain(at(28, 0)).await.unwrap();
            println!("{done:?} in {:.1?}", started.elapsed());
        }
    }
}
