//! Values of many statistics → the points of each series.

use chrono::{DateTime, Utc};
use millicent_lake::{MetricSeries, PointValues};

use super::asked::Asked;
use super::fetch::Values;
use super::series::{Series, Statistic};
use crate::collector::Inner;
use crate::windows::Window;

/// What one call gave, one series after the other, in the order of `asked`: `points` has the index of
/// a series in it, a statistic, and its values. Those outside of the window belong to another, and are
/// left to it.
pub(super) fn of_call(
    inner: &Inner,
    window: Window,
    asked: &Asked,
    mut points: Vec<(usize, Statistic, Values)>,
) -> impl Iterator<Item = MetricSeries> {
    points.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    std::iter::from_fn(move || {
        let at = points.last()?.0;
        let mut merged = Vec::new();
        while let Some((_, statistic, values)) = points.pop_if(|(next, ..)| *next == at) {
            let values = values.into_iter().filter(|(ts, _)| window.holds(*ts));
            merge(&mut merged, statistic, values);
        }
        Some(named(inner, &asked.series[at], asked.period_s, merged))
    })
}

/// Puts one more statistic into points that are in the order of time. CloudWatch tells values in that
/// order, and all statistics of a metric of the same times; others find their place, too.
fn merge(
    points: &mut Vec<PointValues>,
    statistic: Statistic,
    values: impl Iterator<Item = (DateTime<Utc>, f64)>,
) {
    let mut at = 0;
    for (ts, value) in values {
        while points.get(at).is_some_and(|point| point.ts < ts) {
            at += 1;
        }
        let is_there = |at: usize| points.get(at).is_some_and(|point| point.ts == ts);
        if !is_there(at) {
            at = points.partition_point(|point| point.ts < ts);
            if points.get(at).is_none_or(|point| point.ts != ts) {
                points.insert(at, PointValues::empty(ts));
            }
        }
        statistic.put(&mut points[at], value);
    }
}

fn named(inner: &Inner, series: &Series, period_s: i32, points: Vec<PointValues>) -> MetricSeries {
    MetricSeries {
        account_id: inner.aws.account_id.clone(),
        region: inner.config.region.clone(),
        service: series.system.service().to_owned(),
        resource: series.resource.clone(),
        stage: series.stage.clone(),
        route: series.route.clone(),
        operation: series.operation.clone(),
        metric: series.metric.to_owned(),
        unit: series.unit.to_owned(),
        period_s,
        points,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever times the statistics have, in whatever order: as a map by time would have it.
        #[test]
        fn statistics_meet_at_their_times(
            sums in prop::collection::vec((0_i64..12, 0.0..9.0), 0..12),
            maxima in prop::collection::vec((0_i64..12, 0.0..9.0), 0..12),
        ) {
            let at = |minute: i64| DateTime::from_timestamp(60 * minute, 0).unwrap();
            let mut expected: BTreeMap<DateTime<Utc>, PointValues> = BTreeMap::new();
            let mut points = Vec::new();
            for (statistic, values) in [(Statistic::Sum, &sums), (Statistic::Maximum, &maxima)] {
                let values = values.iter().map(|(minute, value)| (at(*minute), *value));
                merge(&mut points, statistic, values.clone());
                for (ts, value) in values {
                    let point = expected.entry(ts).or_insert_with(|| PointValues::empty(ts));
                    statistic.put(point, value);
                }
            }
            prop_assert_eq!(points, expected.into_values().collect::<Vec<_>>());
        }
    }
}
