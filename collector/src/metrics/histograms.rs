//! Latency histograms of functions and routes, by the hour: trimmed counts, of which AWS bills five as
//! one metric.
//!
//! What lies outside of a series' smallest and largest latency has nothing in it, so these are asked
//! for first; they cost a unit and save most others. The number of samples comes along, and the
//! buckets have to add up to it. Then the buckets in which percentiles lie are read again in parts, and
//! of a window that is longer than an hour the parts in which its own percentiles lie once more.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
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

/// The percentiles whose buckets are read in parts.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
/// Buckets of a series and window that are read in parts, at most: where its hours are too unlike, those
/// in which most of their percentiles lie.
const MOST_PARTED: usize = 12;

/// At most so many units a series and window: the extent, all buckets, the parts of some, and the parts
/// of parts.
pub(crate) fn most_units(window: &Window) -> usize {
    let hours = usize::try_from(window.length().num_hours()).unwrap_or(0);
    // The window has percentiles of its own where it is longer than an hour.
    let together = usize::from(hours > 1);
    let parted = MOST_PARTED.min(QUANTILES.len() * (hours + together));
    1 + buckets::UNITS + parted + QUANTILES.len() * together
}

/// The series whose latencies are collected: durations of functions, latencies of stages and routes; of
/// WebSocket APIs those of their integrations.
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
    for system in [System::Lambda, System::ApiGateway] {
        for asked in asked_for(inner, meter, system, known, window).await? {
            let of_connections = of_connections(&asked.series);
            let latencies = asked.series.into_iter().filter(|one| match one.metric {
                "Duration" | "Latency" => true,
                "IntegrationLatency" => of_connections.contains(&one.resource),
                _ => false,
            });
            series.extend(latencies.map(|one| Series {
                statistics: EXTENT,
                ..one
            }));
        }
    }
    Ok(series)
}

/// The WebSocket APIs: they have the latency of their integrations, and none of their own.
fn of_connections(series: &[Series]) -> HashSet<String> {
    let connecting = series
        .iter()
        .filter(|one| one.metric == "ConnectCount" || one.metric == "MessageCount");
    connecting.map(|one| one.resource.clone()).collect()
}

/// Requests in buckets.
type Counts = Vec<(Bucket, f64)>;
/// One series.
type Hours = BTreeMap<DateTime<Utc>, Hour>;

/// What one hour of a series has: the number of samples, and the buckets that are not empty.
#[derive(Debug, Default)]
struct Hour {
    samples: f64,
    buckets: Counts,
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
    for (nth, bucket, ts, count) in counted(inner, meter, &counts, &mut missing).await? {
        let hour = hours[of[nth]].entry(ts).or_default();
        hour.buckets.push((bucket, count));
    }

    let to_part: Vec<Vec<Bucket>> = hours.iter().map(to_part).collect();
    part(inner, meter, &extent, to_part, &mut hours, &mut missing).await?;
    if window.length() > TimeDelta::hours(1) {
        let again: Vec<Vec<Bucket>> = hours.iter().map(to_part_again).collect();
        part(inner, meter, &extent, again, &mut hours, &mut missing).await?;
    }
    Ok(collected(inner, &extent, hours, missing))
}

/// Reads some buckets of every series in parts.
async fn part(
    inner: &Inner,
    meter: &Meter,
    extent: &Asked,
    buckets: Vec<Vec<Bucket>>,
    hours: &mut [Hours],
    missing: &mut Vec<String>,
) -> Result<(), Trouble> {
    let mut of = Vec::new();
    let mut series = Vec::new();
    for (at, buckets) in buckets.into_iter().enumerate() {
        for statistics in buckets.into_iter().filter_map(Bucket::parts) {
            of.push(at);
            series.push(Series {
                statistics,
                ..extent.series[at].clone()
            });
        }
    }
    let parts = Asked {
        series,
        window: extent.window,
        period_s: extent.period_s,
    };
    let mut found: HashMap<(usize, DateTime<Utc>), Counts> = HashMap::new();
    for (nth, bucket, ts, count) in counted(inner, meter, &parts, missing).await? {
        found
            .entry((of[nth], ts))
            .or_default()
            .push((bucket, count));
    }
    for ((at, ts), parts) in found {
        if let Some(hour) = hours[at].get_mut(&ts) {
            hour.part(&parts);
        }
    }
    Ok(())
}

/// All hours of a series as one.
fn together(hours: &Hours) -> Hour {
    let mut counts: BTreeMap<Bucket, f64> = BTreeMap::new();
    for (bucket, count) in hours.values().flat_map(|hour| &hour.buckets) {
        *counts.entry(*bucket).or_default() += count;
    }
    Hour {
        samples: hours.values().map(|hour| hour.samples).sum(),
        buckets: counts.into_iter().collect(),
    }
}

/// The parts in which the percentiles of all hours together lie.
fn to_part_again(hours: &Hours) -> Vec<Bucket> {
    let whole = together(hours);
    let wanted = QUANTILES.into_iter().filter_map(|q| whole.quantile(q));
    let wanted: BTreeSet<Bucket> = wanted.filter(|bucket| bucket.is_part()).collect();
    wanted.into_iter().collect()
}

/// The buckets in which the percentiles of all hours together lie, and those of most hours.
fn to_part(hours: &Hours) -> Vec<Bucket> {
    let mut wanted: BTreeMap<Bucket, usize> = BTreeMap::new();
    for hour in hours.values() {
        for bucket in QUANTILES.into_iter().filter_map(|q| hour.quantile(q)) {
            *wanted.entry(bucket).or_default() += 1;
        }
    }
    let whole = together(hours);
    for bucket in QUANTILES.into_iter().filter_map(|q| whole.quantile(q)) {
        *wanted.entry(bucket).or_default() += hours.len();
    }
    let mut wanted: Vec<(Bucket, usize)> = wanted.into_iter().collect();
    wanted.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    wanted.truncate(MOST_PARTED);
    wanted.into_iter().map(|(bucket, _)| bucket).collect()
}

impl Hour {
    /// The bucket in which a quantile lies.
    fn quantile(&self, q: f64) -> Option<Bucket> {
        let mut buckets = self.buckets.clone();
        buckets.sort_by_key(|(bucket, _)| *bucket);
        let mut below = 0.0;
        buckets
            .into_iter()
            .find(|(_, count)| {
                below += count;
                below >= q * self.samples
            })
            .map(|(bucket, _)| bucket)
    }

    /// Puts parts in the place of their buckets. Samples that came between the two questions are in no
    /// part of what was counted before: such a bucket stays whole. Of parts of parts the empty ones are
    /// kept, as they tell which part it was.
    fn part(&mut self, parts: &[(Bucket, f64)]) {
        let of = |bucket: Bucket| {
            let parts = parts.iter().copied();
            parts.filter(move |(part, _)| part.parted() == bucket)
        };
        self.buckets = self
            .buckets
            .iter()
            .flat_map(|&(bucket, count)| {
                let within: f64 = of(bucket).map(|(_, count)| count).sum();
                if within != count {
                    return vec![(bucket, count)];
                }
                let mut found: Counts = of(bucket).collect();
                for statistic in bucket
                    .parts()
                    .filter(|_| bucket.is_part())
                    .unwrap_or_default()
                {
                    if let Statistic::Within(part) = *statistic
                        && !found.iter().any(|(other, _)| *other == part)
                    {
                        found.push((part, 0.0));
                    }
                }
                found
            })
            .collect();
    }
}

/// The counts that are not zero: index of the series, bucket, hour, requests.
async fn counted(
    inner: &Inner,
    meter: &Meter,
    asked: &Asked,
    missing: &mut Vec<String>,
) -> Result<Vec<(usize, Bucket, DateTime<Utc>, f64)>, Trouble> {
    let mut counts = Vec::new();
    for (nth, statistic, values) in answers(inner, meter, asked, missing).await? {
        let Statistic::Within(bucket) = statistic else {
            continue;
        };
        let values = values.into_iter();
        counts.extend(
            values
                .filter(|(ts, count)| *count > 0.0 && asked.window.holds(*ts))
                .map(|(ts, count)| (nth, bucket, ts, count)),
        );
    }
    Ok(counts)
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
        for (ts, mut hour) in hours {
            hour.buckets.sort_by_key(|(bucket, _)| *bucket);
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
