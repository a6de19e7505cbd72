//! One `GetMetricData` call, all of its pages, and again for what CloudWatch could not do at once.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode,
};
use aws_smithy_types::DateTime as AwsDateTime;
use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::Outcome;

use super::asked::Asked;
use super::series::{Series, Statistic};
use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::trouble::{Operation, Trouble};

const GET_METRIC_DATA: Operation = Operation("cloudwatch:GetMetricData");

/// Queries in one call.
const MAX_QUERIES: usize = 500;
/// Data points in one page, CloudWatch's default and highest.
const MAX_DATAPOINTS: i32 = 100_800;
/// Times that an internal error of one query is asked again within a window.
const ROUNDS: usize = 3;
/// More pages than any call can have: an end to a token that never ends.
const MAX_PAGES: usize = 1_000;
/// Windows that start earlier than this count against the higher of CloudWatch's two quotas.
const RECENT: TimeDelta = TimeDelta::hours(3);

/// Start of a period, value.
pub(super) type Values = Vec<(DateTime<Utc>, f64)>;

/// What a call gave.
#[derive(Default)]
pub(super) struct Answer {
    /// Index of the series, statistic, values.
    pub(super) points: Vec<(usize, Statistic, Values)>,
    /// Series that did not come whole.
    pub(super) missing: Vec<String>,
}

/// Cuts the series into calls: all statistics of a metric in the same one, at most 500 queries, and
/// about one page of data points.
pub(super) fn batches(series: &[Series], points: i64) -> Vec<Range<usize>> {
    let per_page = (i64::from(MAX_DATAPOINTS) / points.max(1)).max(1);
    let room = MAX_QUERIES.min(usize::try_from(per_page).unwrap_or(MAX_QUERIES));
    let mut batches = Vec::new();
    let (mut start, mut queries) = (0, 0);
    for (at, one) in series.iter().enumerate() {
        if queries + one.statistics.len() > room && at > start {
            batches.push(start..at);
            (start, queries) = (at, 0);
        }
        queries += one.statistics.len();
    }
    if start < series.len() {
        batches.push(start..series.len());
    }
    batches
}

pub(super) async fn fetch(
    inner: &Inner,
    meter: &Meter,
    asked: &Asked,
    batch: Range<usize>,
) -> Result<Answer, Trouble> {
    let series = &asked.series;
    let mut open: Vec<(usize, Statistic)> = batch
        .flat_map(|at| series[at].statistics.iter().map(move |s| (at, *s)))
        .collect();
    let mut answer = Answer::default();
    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(500) * round as u32).await;
        }
        let mut again = Vec::new();
        for (query, got) in call(inner, meter, asked, &open).await? {
            match got.state {
                State::Whole => answer.points.push((query.0, query.1, got.points)),
                State::Again => again.push(query),
                State::Refused => {
                    return Err(Trouble {
                        outcome: Outcome::Denied,
                        message: format!(
                            "{} was denied for {}. Allow it to the credentials in use, in the account that owns the metric",
                            GET_METRIC_DATA.0,
                            series[query.0].label()
                        ),
                    });
                }
            }
        }
        open = again;
        if open.is_empty() {
            return Ok(answer);
        }
    }
    answer.missing = open
        .into_iter()
        .map(|(at, statistic)| format!("{} {}", statistic.name(), series[at].label()))
        .collect();
    Ok(answer)
}

/// How the last page left a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// An internal error, or fewer pages than there were.
    Again,
    Refused,
}

struct Got {
    state: State,
    points: Values,
}

/// One call and its pages, merged by the queries' ids. A query that no page spoke of is not whole.
async fn call(
    inner: &Inner,
    meter: &Meter,
    asked: &Asked,
    open: &[(usize, Statistic)],
) -> Result<Vec<((usize, Statistic), Got)>, Trouble> {
    let (window, period_s) = (asked.window, asked.period_s);
    let queries: Vec<MetricDataQuery> = open
        .iter()
        .enumerate()
        .map(|(n, (at, statistic))| query(n, &asked.series[*at], *statistic, period_s))
        .collect();
    let mut metrics: Vec<usize> = open.iter().map(|(at, _)| *at).collect();
    metrics.dedup();
    let estimated =
        open.len() as f64 * window.length().num_seconds() as f64 / f64::from(period_s.max(1));

    let mut got: HashMap<String, Got> = HashMap::new();
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        meter.afford(Billed::Metric, metrics.len() as i64)?;
        inner.pace.metric_calls.take(1.0).await;
        let points = if window.from >= inner.clock.now() - RECENT {
            &inner.pace.recent_points
        } else {
            &inner.pace.older_points
        };
        points.take(estimated.min(f64::from(MAX_DATAPOINTS))).await;
        let page = inner
            .aws
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(AwsDateTime::from_secs(window.from.timestamp()))
            .end_time(AwsDateTime::from_secs(window.to.timestamp()))
            .scan_by(ScanBy::TimestampAscending)
            .max_datapoints(MAX_DATAPOINTS)
            .set_next_token(token.clone())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_METRIC_DATA.trouble(error))?;
        meter.spend(Billed::Metric, metrics.len() as i64);

        for result in page.metric_data_results.unwrap_or_default() {
            let Some(id) = result.id else { continue };
            let state = match result.status_code {
                Some(StatusCode::Complete) => State::Whole,
                Some(StatusCode::Forbidden) => State::Refused,
                _ => State::Again,
            };
            let values = result.values.unwrap_or_default();
            let times = result.timestamps.unwrap_or_default();
            if times.len() != values.len() {
                // What is missing cannot be told, so none of it is kept.
                return Err(Trouble::failed(format!(
                    "CloudWatch answered with {} values for {} times",
                    values.len(),
                    times.len()
                )));
            }
            let points = times
                .iter()
                .zip(values)
                .filter_map(|(ts, value)| Some((DateTime::from_timestamp(ts.secs(), 0)?, value)));
            let entry = got.entry(id).or_insert_with(|| Got {
                state,
                points: Vec::new(),
            });
            entry.state = state;
            entry.points.extend(points);
        }
        let next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() || next == token {
            // A token that comes back is an end without an end: what is open stays open.
            if next.is_some() {
                got.values_mut().for_each(|got| got.state = State::Again);
            }
            break;
        }
        token = next;
    }
    Ok(open
        .iter()
        .enumerate()
        .map(|(n, query)| {
            let nothing = Got {
                state: State::Again,
                points: Vec::new(),
            };
            (*query, got.remove(&id(n)).unwrap_or(nothing))
        })
        .collect())
}

fn id(n: usize) -> String {
    format!("q{n}")
}

fn query(n: usize, series: &Series, statistic: Statistic, period_s: i32) -> MetricDataQuery {
    let dimensions = series
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(*name).value(value).build());
    let metric = Metric::builder()
        .namespace(series.namespace())
        .metric_name(series.metric)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    // No unit: a wrong one gives nothing, and no error.
    let stat = MetricStat::builder()
        .metric(metric)
        .period(period_s)
        .stat(statistic.name())
        .build();
    MetricDataQuery::builder()
        .id(id(n))
        .metric_stat(stat)
        .build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lambda;
    use super::super::series::samples;
    use super::*;

    fn some_series(functions: usize) -> Vec<Series> {
        let functions: Vec<_> = (0..functions)
            .map(|n| samples::resource("function", &format!("f{n}"), &[]))
            .collect();
        lambda::known(&functions)
    }

    proptest! {
        /// Every series in exactly one call, none over CloudWatch's limits.
        #[test]
        fn calls_hold_every_series_once(functions in 0usize..300, points in 1i64..30_000) {
            let series = some_series(functions);
            let batches = batches(&series, points);
            let mut next = 0;
            for batch in &batches {
                prop_assert_eq!(batch.start, next);
                prop_assert!(batch.end > batch.start);
                next = batch.end;
                let queries: usize = series[batch.clone()].iter().map(|s| s.statistics.len()).sum();
                prop_assert!(queries <= MAX_QUERIES);
                prop_assert!(batch.len() == 1 || queries as i64 * points <= i64::from(MAX_DATAPOINTS));
            }
            prop_assert_eq!(next, series.len());
        }
    }

    #[test]
    fn nothing_known_is_no_call() {
        assert!(batches(&[], 288).is_empty());
    }
}
