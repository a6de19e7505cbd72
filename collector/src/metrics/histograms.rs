//! Latency histograms of functions and routes, by the hour: trimmed counts, of which AWS bills five as
//! one metric.
//!
//! What lies outside of a series' smallest and largest latency has nothing in it, so these are asked
//! for first; they cost a unit and save most others. The number of samples comes along, and the
//! buckets have to add up to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use millicent_lake::{LatencyBucket, Rows, Slice, Table};

use super::asked::{Asked, asked_for};
use super::buckets::{self, Bucket};
use super::fetch::{self, Values};
use super::series::{Series, Statistic};
use super::{CONCURRENCY, told};
use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::source::System;
use crate::task::Collected;
use crate::trouble::Trouble;
use crate::windows::Window;

const HOUR_S: i32 = 3_600;
/// What tells which buckets to ask for.
const EXTENT: &[Statistic] = &[
    Statistic::SampleCount,
    Statistic::Minimum,
    Statistic::Maximum,
];

/// At most so many units a series and window: the extent, and all buckets.
pub(crate) const MOST_UNITS: usize = 1 + buckets::UNITS;

/// The series whose latencies are collected: durations of functions, latencies of stages and routes.
///
/// # Errors
/// As [`asked_for`].
pub(crate) async fn series(
    inner: &Inner,
    meter: &Meter,
    known: &Knowledge,
    window: Window,
) -> Result<Vec<Series>, Trouble> {
    let mut series = Vec::new();
    for (system, metric) in [
        (System::Lambda, "Duration"),
        (System::ApiGateway, "Latency"),
    ] {
        for asked in asked_for(inner, meter, system, known, window).await? {
            let latencies = asked.series.into_iter().filter(|s| s.metric == metric);
            series.extend(latencies.map(|one| Series {
                statistics: EXTENT,
                ..one
            }));
        }
    }
    Ok(series)
}

/// One series.
type Hours = BTreeMap<DateTime<Utc>, Hour>;

/// What one hour of a series has: the number of samples, and the buckets that are not empty.
#[derive(Debug, Default)]
struct Hour {
    samples: f64,
    buckets: Vec<(Bucket, f64)>,
}

/// Reads one window of whole hours.
pub(crate) async fn collect(
    inner: &Inner,
    known: &Knowledge,
    window: Window,
    meter: &Meter,
) -> Result<Collected, Trouble> {
    let period_s = HOUR_S;
    let series = series(inner, meter, known, window).await?;
    let extent = Asked {
        series,
        window,
        period_s,
    };
    let mut missing = Vec::new();
    let mut hours: Vec<Hours> = extent.series.iter().map(|_| Hours::new()).collect();
    let mut spread: Vec<Option<(f64, f64)>> = vec![None; extent.series.len()];
    for (at, statistic, values) in answers(inner, meter, &extent, &mut missing).await? {
        for (ts, value) in values.into_iter().filter(|(ts, _)| window.holds(*ts)) {
            let (least, greatest) = spread[at].unwrap_or((f64::INFINITY, 0.0));
            match statistic {
                Statistic::SampleCount => hours[at].entry(ts).or_default().samples = value,
                Statistic::Minimum => spread[at] = Some((least.min(value), greatest)),
                _ => spread[at] = Some((least, greatest.max(value))),
            }
        }
    }

    let mut of = Vec::new();
    let mut counts = Vec::new();
    for (at, spread) in spread.into_iter().enumerate() {
        let Some((least, greatest)) = spread else {
            continue;
        };
        for statistics in buckets::between(least, greatest) {
            of.push(at);
            counts.push(Series {
                statistics,
                ..extent.series[at].clone()
            });
        }
    }
    let counts = Asked {
        series: counts,
        window,
        period_s,
    };
    for (nth, statistic, values) in answers(inner, meter, &counts, &mut missing).await? {
        let Statistic::Within(bucket) = statistic else {
            continue;
        };
        for (ts, count) in values {
            if count > 0.0 && window.holds(ts) {
                let hour = hours[of[nth]].entry(ts).or_default();
                hour.buckets.push((bucket, count));
            }
        }
    }
    Ok(collected(inner, &extent, hours, missing))
}

/// What all calls of one kind give.
async fn answers(
    inner: &Inner,
    meter: &Meter,
    asked: &Asked,
    missing: &mut Vec<String>,
) -> Result<Vec<(usize, Statistic, Values)>, Trouble> {
    meter.afford(Billed::Metric, asked.units() as i64)?;
    let mut answers = stream::iter(asked.calls())
        .map(|batch| fetch::fetch(inner, meter, asked, batch))
        .buffer_unordered(CONCURRENCY);
    let mut points = Vec::new();
    while let Some(answer) = answers.try_next().await? {
        missing.extend(answer.missing);
        points.extend(answer.points);
    }
    Ok(points)
}

fn collected(
    inner: &Inner,
    extent: &Asked,
    hours: Vec<Hours>,
    mut missing: Vec<String>,
) -> Collected {
    let mut rows = Vec::new();
    for (series, hours) in extent.series.iter().zip(hours) {
        for (ts, hour) in hours {
            let within: f64 = hour.buckets.iter().map(|(_, count)| count).sum();
            if within != hour.samples {
                missing.push(format!(
                    "{} at {ts}: {within} requests in buckets, {} in all",
                    series.label(),
                    hour.samples
                ));
            }
            let row = |(bucket, count): (Bucket, f64)| LatencyBucket {
                account_id: inner.aws.account_id.clone(),
                region: inner.config.region.clone(),
                service: series.system.service().to_owned(),
                resource: series.resource.clone(),
                stage: series.stage.clone(),
                route: series.route.clone(),
                ts,
                period_s: extent.period_s,
                lower_ms: bucket.lower_ms(),
                upper_ms: bucket.upper_ms(),
                count,
            };
            rows.extend(hour.buckets.into_iter().map(row));
        }
    }
    let slice = Slice {
        table: Table::LatencyHistograms,
        equal: vec![
            ("account_id", inner.aws.account_id.clone()),
            ("region", inner.config.region.clone()),
        ],
        from: extent.window.from,
        to: extent.window.to,
    };
    let mut collected = Collected::whole(slice, Rows::LatencyHistograms(rows));
    collected.partial = told(missing, extent.units());
    collected
}
