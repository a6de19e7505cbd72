//! Points of one series together: as CloudWatch gives them, and without a copy of the names for each.
//! What a collector of a large account does most is to turn these into columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringBuilder, TimestampMicrosecondArray,
};
use chrono::{DateTime, Utc};

use crate::cells::dates;
use crate::{ColumnError, MetricPoint, metrics};

/// One series and some of its points; each is a row of `metrics`, a [`MetricPoint`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// Twelve digits.
    pub account_id: String,
    /// As of a [`MetricPoint`], like all that follows.
    pub region: String,
    /// Short name of the service.
    pub service: String,
    /// Function name, API name, table name…
    pub resource: String,
    /// Stage of an API.
    pub stage: Option<String>,
    /// Route of an API.
    pub route: Option<String>,
    /// Operation of a table.
    pub operation: Option<String>,
    /// CloudWatch's metric name.
    pub metric: String,
    /// CloudWatch's unit.
    pub unit: String,
    /// Length of every period, in seconds.
    pub period_s: i32,
    /// What there is, by time.
    pub points: Vec<PointValues>,
}

/// One period of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointValues {
    /// Start of the period.
    pub ts: DateTime<Utc>,
    /// Number of samples.
    pub sample_count: Option<f64>,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

impl PointValues {
    /// A period of which nothing is known yet.
    pub fn empty(ts: DateTime<Utc>) -> PointValues {
        PointValues {
            ts,
            sample_count: None,
            sum: None,
            min: None,
            max: None,
            p50: None,
            p95: None,
            p99: None,
        }
    }
}

impl MetricSeries {
    /// The same as rows.
    pub fn rows(&self) -> impl Iterator<Item = MetricPoint> + '_ {
        self.points.iter().map(|point| MetricPoint {
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            service: self.service.clone(),
            resource: self.resource.clone(),
            stage: self.stage.clone(),
            route: self.route.clone(),
            operation: self.operation.clone(),
            metric: self.metric.clone(),
            unit: self.unit.clone(),
            ts: point.ts,
            period_s: self.period_s,
            sample_count: point.sample_count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            p50: point.p50,
            p95: point.p95,
            p99: point.p99,
        })
    }
}

/// How many rows they are.
pub(crate) fn count(series: &[MetricSeries]) -> usize {
    series.iter().map(|one| one.points.len()).sum()
}

/// Takes the last rows, at most so many.
pub(crate) fn take(series: &mut Vec<MetricSeries>, most: usize) -> Vec<MetricSeries> {
    let (mut taken, mut room) = (Vec::new(), most);
    while room > 0
        && let Some(mut last) = series.pop()
    {
        let here = last.points.len();
        if here > room {
            let points = last.points.split_off(here - room);
            taken.push(MetricSeries {
                points,
                ..last.clone()
            });
            series.push(last);
            break;
        }
        room -= here;
        taken.push(last);
    }
    taken.reverse();
    taken
}

/// The rows as Arrow, in their order, with the columns of [`metrics::schema`].
pub(crate) fn to_record_batch(series: &[MetricSeries]) -> Result<RecordBatch, ColumnError> {
    let points = || series.iter().flat_map(|one| &one.points);
    let number = |get: fn(&PointValues) -> Option<f64>| -> ArrayRef {
        Arc::new(points().map(get).collect::<Float64Array>())
    };
    let times = points().map(|point| Some(point.ts.timestamp_micros()));
    let periods = series
        .iter()
        .flat_map(|one| std::iter::repeat_n(one.period_s, one.points.len()));
    let columns = vec![
        text(series, |one| Some(&one.account_id)),
        text(series, |one| Some(&one.region)),
        text(series, |one| Some(&one.service)),
        text(series, |one| Some(&one.resource)),
        text(series, |one| one.stage.as_ref()),
        text(series, |one| one.route.as_ref()),
        text(series, |one| one.operation.as_ref()),
        text(series, |one| Some(&one.metric)),
        text(series, |one| Some(&one.unit)),
        Arc::new(
            times
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
        Arc::new(periods.map(Some).collect::<Int32Array>()),
        number(|point| point.sample_count),
        number(|point| point.sum),
        number(|point| point.min),
        number(|point| point.max),
        number(|point| point.p50),
        number(|point| point.p95),
        number(|point| point.p99),
        dates(points().map(|point| point.ts)),
    ];
    Ok(RecordBatch::try_new(metrics::schema(), columns)?)
}

/// A name of each series, once for each of its points.
fn text(series: &[MetricSeries], get: fn(&MetricSeries) -> Option<&String>) -> ArrayRef {
    let bytes = series
        .iter()
        .map(|one| get(one).map_or(0, String::len) * one.points.len());
    let mut column = StringBuilder::with_capacity(count(series), bytes.sum());
    for one in series {
        match get(one) {
            Some(name) => one.points.iter().for_each(|_| column.append_value(name)),
            None => column.append_nulls(one.points.len()),
        }
    }
    Arc::new(column.finish())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn some_series() -> impl Strategy<Value = Vec<MetricSeries>> {
        let value = prop_oneof![Just(None), (0.0..1e9).prop_map(Some)];
        let point = (0_i64..90_000, value.clone(), value).prop_map(|(minute, sum, p99)| {
            let ts = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
            PointValues {
                sum,
                p99,
                ..PointValues::empty(ts)
            }
        });
        let name = prop_oneof![Just(None), "[a-zé/{} ]{0,9}".prop_map(Some)];
        let one = ("[a-z]{0,5}", name, prop::collection::vec(point, 0..20));
        let one = one.prop_map(|(resource, route, points)| MetricSeries {
            account_id: "123456789012".into(),
            region: "eu-central-1".into(),
            service: "apigateway".into(),
            resource,
            stage: None,
            route,
            operation: None,
            metric: "Count".into(),
            unit: "Count".into(),
            period_s: 60,
            points,
        });
        prop::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn columns_are_those_of_the_rows(series in some_series()) {
            let rows: Vec<MetricPoint> = series.iter().flat_map(MetricSeries::rows).collect();
            prop_assert_eq!(count(&series), rows.len());
            prop_assert_eq!(
                to_record_batch(&series).unwrap(),
                metrics::to_record_batch(&rows).unwrap()
            );
        }

        #[test]
        fn parts_are_all_of_them_from_the_end(series in some_series(), most in 1_usize..30) {
            let rows: Vec<MetricPoint> = series.iter().flat_map(MetricSeries::rows).collect();
            let mut left = series;
            let mut again: Vec<MetricPoint> = Vec::new();
            while count(&left) > 0 {
                let part = take(&mut left, most);
                prop_assert!(count(&part) <= most);
                prop_assert!(count(&part) == most || count(&left) == 0);
                let part: Vec<MetricPoint> = part.iter().flat_map(MetricSeries::rows).collect();
                again.splice(0..0, part);
            }
            prop_assert_eq!(again, rows);
        }
    }
}
