//! How long commits and reads take. Not a check: `cargo test -p millicent-lake --lib -- --ignored
//! --nocapture latency`.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::samples::{collection, metric};
use super::{at, scratch};
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
    let started = Instant::now();
    let found = lake
        .collections("traces", "111122223333", "eu-central-1", at(1, 0))
        .await
        .unwrap();
    println!("collections: {} in {:.1?}", found.len(), started.elapsed());
    let started = Instant::now();
    lake.delta_table(Table::Metrics).await.unwrap();
    println!("delta_table, nothing new: {:.1?}", started.elapsed());
    let started = Instant::now();
    Lake::open(lake.location()).await.unwrap();
    println!("open: {:.1?}", started.elapsed());
}
