//! Exact cold starts and billed durations, from the report that Lambda logs of every invocation, read
//! by CloudWatch Logs Insights. Only where they are asked for: AWS bills by what is scanned, which is
//! all that the log groups took in during the window, so each hour is read once.
//!
//! Reference: "Monitoring and troubleshooting Lambda functions" in AWS Lambda's developer guide (REPORT
//! lines, `platform.report`, log levels) and "CloudWatch Logs Insights" in Amazon CloudWatch Logs' user
//! guide.

mod insights;
mod rows;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, stream};
use millicent_lake::{Resource, Rows, Slice, Table};

use super::asked::{Asked, asked_for};
use super::{CONCURRENCY, fetch, told};
use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::{Billed, Meter};
use crate::source::System;
use crate::task::Collected;
use crate::trouble::Trouble;
use crate::windows::Window;

/// `service` of the rows: those of `lambda` are replaced at other times.
pub(crate) const SERVICE: &str = "lambda-reports";

/// Log groups of one query.
const MOST_GROUPS: usize = 50;
/// Rows of one query's answer, and how long each stands for.
const MOST_ROWS: i64 = 10_000;
const BIN: TimeDelta = TimeDelta::minutes(5);
/// Queries under way at once, of about 30 that an account may run.
const QUERIES_AT_ONCE: usize = 4;
const MEGABYTE: f64 = 1e6;

/// How a function writes its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Format {
    Text,
    Json,
}

/// Log groups by format, each with the function whose reports are in it.
type Groups = BTreeMap<Format, BTreeMap<String, String>>;

/// What a window scans.
pub(crate) struct Scan {
    groups: Groups,
    /// What came in during the window.
    pub(crate) megabytes: u64,
}

impl Scan {
    /// Queries that it takes.
    pub(crate) fn queries(&self, window: Window) -> usize {
        let size = groups_in_a_query(window);
        self.groups.values().map(|of| of.len().div_ceil(size)).sum()
    }
}

fn groups_in_a_query(window: Window) -> usize {
    let bins = (window.length().num_seconds() / BIN.num_seconds()).max(1);
    usize::try_from(MOST_ROWS / bins).map_or(1, |groups| groups.clamp(1, MOST_GROUPS))
}

/// The log groups of functions that took something in during the window, and how much.
///
/// # Errors
/// As [`asked_for`].
pub(crate) async fn scan(
    inner: &Inner,
    meter: &Meter,
    known: &Knowledge,
    window: Window,
) -> Result<Scan, Trouble> {
    let groups = groups(&known.resources);
    let mut bytes: BTreeMap<String, f64> = BTreeMap::new();
    for mut asked in asked_for(inner, meter, System::Logs, known, window).await? {
        let of_function = |group: &str| groups.values().any(|of| of.contains_key(group));
        asked
            .series
            .retain(|one| one.metric == "IncomingBytes" && of_function(&one.resource));
        let asked = Asked {
            period_s: 3_600,
            ..asked
        };
        meter.afford(Billed::Metric, asked.units() as i64)?;
        let answers: Vec<fetch::Answer> = stream::iter(asked.calls())
            .map(|batch| fetch::fetch(inner, meter, &asked, batch))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        let mut missing = Vec::new();
        for answer in answers {
            missing.extend(answer.missing);
            for (at, _, values) in answer.points {
                let within = values.iter().filter(|(ts, _)| window.holds(*ts));
                let sum: f64 = within.map(|(_, value)| value).sum();
                *bytes.entry(asked.series[at].resource.clone()).or_default() += sum;
            }
        }
        // What a query would cost is not known, so it is not asked.
        if let Some(message) = told(missing, asked.units()) {
            return Err(Trouble::failed(message));
        }
    }
    let groups = groups
        .into_iter()
        .map(|(format, mut of)| {
            of.retain(|group, _| bytes.get(group).is_some_and(|bytes| *bytes > 0.0));
            (format, of)
        })
        .collect();
    Ok(Scan {
        groups,
        megabytes: (bytes.values().sum::<f64>() / MEGABYTE).ceil() as u64,
    })
}

/// Reads one window of whole hours.
pub(crate) async fn collect(
    inner: &Inner,
    known: &Knowledge,
    window: Window,
    meter: &Meter,
) -> Result<Collected, Trouble> {
    let scan = scan(inner, meter, known, window).await?;
    let megabytes = i64::try_from(scan.megabytes).unwrap_or(i64::MAX);
    meter.afford(Billed::LogMegabyte, megabytes)?;
    let size = groups_in_a_query(window);
    let queries: Vec<(Format, Vec<String>)> = scan
        .groups
        .iter()
        .flat_map(|(format, of)| {
            let names: Vec<String> = of.keys().cloned().collect();
            let chunks = names.chunks(size).map(<[String]>::to_vec);
            chunks.map(|some| (*format, some)).collect::<Vec<_>>()
        })
        .collect();
    let answers: Vec<Vec<insights::Record>> = stream::iter(queries)
        .map(|(format, groups)| insights::ask(inner, meter, format, groups, window))
        .buffer_unordered(QUERIES_AT_ONCE)
        .try_collect()
        .await?;

    let mut points = Vec::new();
    for record in answers.iter().flatten() {
        points.extend(rows::of(inner, &scan.groups, window, record)?);
    }
    let slice = Slice {
        table: Table::Metrics,
        equal: vec![
            ("account_id", inner.aws.account_id.clone()),
            ("region", inner.config.region.clone()),
            ("service", SERVICE.to_owned()),
        ],
        from: window.from,
        to: window.to,
    };
    Ok(Collected::whole(slice, Rows::Metrics(points)))
}

/// Where each function logs. A report does not name its function, so of a log group that several
/// share nothing can be told; nor of a function that does not log its reports.
fn groups(resources: &[Resource]) -> Groups {
    let mut functions: BTreeMap<String, Vec<(&Resource, Format)>> = BTreeMap::new();
    for function in resources.iter().filter(|r| r.kind == "function") {
        let get = |key: &str| function.configuration.get(key).map(String::as_str);
        let json = get("log_format").is_some_and(|format| format.eq_ignore_ascii_case("json"));
        // Successful reports are of level INFO.
        if json && get("system_log_level").is_some_and(|level| level.eq_ignore_ascii_case("warn")) {
            tracing::warn!(
                function = function.name,
                "its system log level WARN hides the reports of invocations: its cold starts can't be read from its log. \
                 Set it to INFO"
            );
            continue;
        }
        let group = get("log_group")
            .map_or_else(|| format!("/aws/lambda/{}", function.name), str::to_owned);
        let format = if json { Format::Json } else { Format::Text };
        functions.entry(group).or_default().push((function, format));
    }
    let mut groups = Groups::new();
    for (group, of) in functions {
        match of.as_slice() {
            [(function, format)] => {
                let of = groups.entry(*format).or_default();
                of.insert(group, function.name.clone());
            }
            several => tracing::warn!(
                log_group = group,
                functions = several.len(),
                "several functions share this log group, and a report does not name its function: their cold starts can't be \
                 read from it. Give each a log group of its own"
            ),
        }
    }
    groups
}

#[cfg(test)]
mod tests;
