//! What writing, merging and replacing a day of many series takes: `memory FOLDER SERIES STEP`, where
//! the steps are `write`, then `merge`, then `replace`, each a process of its own.
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{Lake, MetricPoint, Rows, Slice, Table};

const MINUTES: i64 = 1_440;
/// Windows of the day, as a collector reads them.
const WINDOWS: i64 = 24;
/// Series that are written at a time.
const PART: usize = 500;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give the folder to write to")?;
    let series: i64 = arguments
        .next()
        .ok_or("give the number of series")?
        .parse()?;
    let step = arguments.next().ok_or("give the step")?;
    let lake = Lake::open(&folder).await?;
    let day: DateTime<Utc> = "2026-03-01T00:00:00Z".parse()?;
    let started = Instant::now();
    told("opened", started);
    match step.as_str() {
        "write" => {
            for window in 0..WINDOWS {
                let minutes = MINUTES / WINDOWS;
                let from = day + TimeDelta::minutes(window * minutes);
                write(&lake, series, from, from + TimeDelta::minutes(minutes)).await?;
            }
        }
        "merge" => {
            let done = lake.maintain(day + TimeDelta::days(2)).await?;
            println!("{done:?}");
        }
        "replace" => {
            let from = day + TimeDelta::hours(5);
            write(&lake, series / 2, from, from + TimeDelta::hours(1)).await?;
        }
        _ => return Err("the steps are write, merge, replace".into()),
    }
    told(&step, started);
    Ok(())
}

/// In parts of the series, as calls bring them.
async fn write(
    lake: &Lake,
    series: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<(), Box<dyn Error>> {
    let mut replacement = lake.begin_replace(slice(from, to))?;
    for first in (0..series).step_by(PART) {
        let part = first..(first + PART as i64).min(series);
        let rows = part.flat_map(|n| points(n, from, to)).collect();
        replacement.write(Rows::Metrics(rows)).await?;
    }
    replacement.commit().await?;
    Ok(())
}

fn slice(from: DateTime<Utc>, to: DateTime<Utc>) -> Slice {
    Slice {
        table: Table::Metrics,
        equal: vec![("service", "lambda".to_owned())],
        from,
        to,
    }
}

fn points(n: i64, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = MetricPoint> {
    (0..(to - from).num_minutes()).map(move |minute| {
        let value = ((n * 7_919 + minute * 104_729) % 10_007) as f64;
        MetricPoint {
            account_id: "111122223333".into(),
            region: "eu-central-1".into(),
            service: "lambda".into(),
            resource: format!("function-{:05}", n / 5),
            stage: None,
            route: None,
            operation: None,
            metric: [
                "Invocations",
                "Errors",
                "Throttles",
                "Duration",
                "Concurrency",
            ][(n % 5) as usize]
                .into(),
            unit: "Count".into(),
            ts: from + TimeDelta::minutes(minute),
            period_s: 60,
            sample_count: Some(value),
            sum: Some(value * 1.5),
            min: None,
            max: None,
            p50: Some(value / 3.0),
            p95: Some(value / 2.0),
            p99: Some(value),
        }
    })
}

/// The highest that the process has had in memory so far, as Linux tells it.
fn told(what: &str, started: Instant) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.map_or("unknown", str::trim);
    println!("{what}: {:.1?}, peak memory {peak}", started.elapsed());
}
