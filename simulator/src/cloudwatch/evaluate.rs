//! One query of a `GetMetricData`, from samples to points.

use super::query::Query;
use crate::{
    World,
    metrics::{
        samples::MinuteSamples,
        series::{Period, Series},
    },
};

const DAY_MINUTES: i64 = 1_440;
/// A day's storage metrics come in so many minutes after the midnight that they are stamped with.
const DAILY_DELAY_MINUTES: i64 = 600;

/// Seconds since the epoch and the value.
pub(super) type Point = (i64, f64);

/// One query while its hours go by.
pub(super) struct Evaluation<'a> {
    pub(super) query: &'a Query<'a>,
    keep: bool,
    period: Period,
    /// Start of the period under way, in minutes.
    under_way: Option<i64>,
    points: Vec<Point>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(query: &'a Query<'a>) -> Evaluation<'a> {
        Evaluation {
            query,
            keep: query.statistic.needs_order(),
            period: Period::default(),
            under_way: None,
            points: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, minute: i64, samples: &MinuteSamples) {
        let Some(series) = self.query.series else {
            return;
        };
        let start = minute.div_euclid(self.query.period_minutes) * self.query.period_minutes;
        if self.under_way != Some(start) {
            self.flush();
            self.under_way = Some(start);
        }
        self.period.add(series, samples, self.keep);
    }

    fn flush(&mut self) {
        if let Some(start) = self.under_way.take()
            && let Some(value) = self.period.take(self.query.statistic)
        {
            self.points.push((start * 60, value));
        }
    }

    pub(super) fn finish(
        mut self,
        world: &World,
        first: i64,
        end: i64,
        end_minute: i64,
    ) -> Vec<Point> {
        self.flush();
        if let Some(series) = self.query.series.filter(|series| series.is_daily()) {
            self.add_days(
                world,
                series,
                first,
                end.min(end_minute - DAILY_DELAY_MINUTES),
            );
        }
        self.points
    }

    /// Storage metrics: a sample at each midnight.
    fn add_days(&mut self, world: &World, series: &Series, first: i64, end: i64) {
        let days = self.query.period_minutes / DAY_MINUTES;
        let birth = world.config().first_minute() / DAY_MINUTES;
        let mut samples: Vec<f64> = Vec::new();
        let mut under_way = None;
        let from = (first + DAY_MINUTES - 1).div_euclid(DAY_MINUTES);
        for day in from..(end + DAY_MINUTES - 1).div_euclid(DAY_MINUTES) {
            let start = day.div_euclid(days) * days;
            if under_way.is_some_and(|under_way| under_way != start) {
                self.add_day(under_way, &mut samples);
            }
            under_way = Some(start);
            samples.extend(series.daily(world.estate(), day - birth));
        }
        self.add_day(under_way, &mut samples);
    }

    fn add_day(&mut self, start_day: Option<i64>, samples: &mut Vec<f64>) {
        samples.sort_unstable_by(f64::total_cmp);
        if let (Some(day), Some(value)) = (start_day, self.query.statistic.over(samples)) {
            self.points.push((day * 86_400, value));
        }
        samples.clear();
    }
}
