//! One metric of one resource, and which statistics of it are asked for.

use std::borrow::Cow;
use std::collections::HashSet;

use millicent_lake::PointValues;

use super::active::Listed;
use super::buckets::Bucket;
use super::lambda;
use crate::source::System;

/// A statistic of CloudWatch that has a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    SampleCount,
    Sum,
    Average,
    Minimum,
    Maximum,
    P50,
    P95,
    P99,
    /// The number of samples in a bucket, which has a table of its own.
    Within(Bucket),
}

impl Statistic {
    /// As `GetMetricData` spells it.
    pub(crate) fn name(self) -> Cow<'static, str> {
        let name = match self {
            Statistic::SampleCount => "SampleCount",
            Statistic::Sum => "Sum",
            Statistic::Average => "Average",
            Statistic::Minimum => "Minimum",
            Statistic::Maximum => "Maximum",
            Statistic::P50 => "p50",
            Statistic::P95 => "p95",
            Statistic::P99 => "p99",
            Statistic::Within(bucket) => return bucket.statistic().into(),
        };
        name.into()
    }

    pub(crate) fn put(self, point: &mut PointValues, value: f64) {
        let column = match self {
            Statistic::SampleCount => &mut point.sample_count,
            Statistic::Sum => &mut point.sum,
            Statistic::Minimum => &mut point.min,
            // Of one sample a period: what it was, which is also the largest.
            Statistic::Average | Statistic::Maximum => &mut point.max,
            Statistic::P50 => &mut point.p50,
            Statistic::P95 => &mut point.p95,
            Statistic::P99 => &mut point.p99,
            Statistic::Within(_) => return,
        };
        *column = Some(value);
    }
}

pub(super) const SUM: &[Statistic] = &[Statistic::Sum];
pub(super) const MAXIMUM: &[Statistic] = &[Statistic::Maximum];
/// One value a day.
pub(super) const DAILY: &[Statistic] = &[Statistic::Average];
/// Five statistics, one billed unit.
pub(super) const LATENCY: &[Statistic] = &[
    Statistic::SampleCount,
    Statistic::Sum,
    Statistic::P50,
    Statistic::P95,
    Statistic::P99,
];

pub(super) const COUNT: &str = "Count";
pub(super) const BYTES: &str = "Bytes";
pub(super) const MILLISECONDS: &str = "Milliseconds";

/// A metric's name, its unit, and the statistics to ask for.
pub(super) type Metric = (&'static str, &'static str, &'static [Statistic]);

/// A dimension's name and value.
pub(super) type Dimension = (&'static str, String);

/// One metric of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) system: System,
    pub(crate) metric: &'static str,
    pub(crate) unit: &'static str,
    /// The exact set: each set is a metric of its own.
    pub(crate) dimensions: Vec<Dimension>,
    pub(crate) statistics: &'static [Statistic],
    pub(crate) resource: String,
    pub(crate) stage: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) operation: Option<String>,
}

impl Series {
    /// CloudWatch's namespace of the metric.
    pub(crate) fn namespace(&self) -> &'static str {
        if self.metric == lambda::INIT_DURATION.0 {
            lambda::INSIGHTS
        } else {
            self.system.namespace()
        }
    }

    /// It has one value a day, stamped at midnight.
    pub(crate) fn is_daily(&self) -> bool {
        self.statistics == DAILY
    }

    /// By which rows are in order in the lake.
    pub(crate) fn place(&self) -> impl Ord {
        (
            self.metric,
            self.resource.as_str(),
            self.stage.as_deref(),
            self.route.as_deref(),
            self.operation.as_deref(),
        )
    }

    /// For messages: `Duration of checkout`.
    pub(crate) fn label(&self) -> String {
        let of = [
            Some(&self.resource),
            self.stage.as_ref(),
            self.route.as_ref(),
            self.operation.as_ref(),
        ];
        let of: Vec<&str> = of.into_iter().flatten().map(String::as_str).collect();
        format!("{} of {}", self.metric, of.join(" "))
    }
}

/// Whose metrics they are: a resource, or a part of it.
#[derive(Debug, Clone)]
pub(super) struct Of {
    pub(super) system: System,
    pub(super) dimensions: Vec<Dimension>,
    pub(super) resource: String,
    pub(super) stage: Option<String>,
    pub(super) route: Option<String>,
    pub(super) operation: Option<String>,
}

impl Of {
    /// One of its metrics.
    pub(super) fn series(&self, &(metric, unit, statistics): &Metric) -> Series {
        Series {
            system: self.system,
            metric,
            unit,
            dimensions: self.dimensions.clone(),
            statistics,
            resource: self.resource.clone(),
            stage: self.stage.clone(),
            route: self.route.clone(),
            operation: self.operation.clone(),
        }
    }

    /// All of the table's metrics.
    pub(super) fn all(&self, table: &'static [Metric]) -> impl Iterator<Item = Series> {
        table.iter().map(|metric| self.series(metric))
    }

    /// The listed one, if the table has it.
    pub(super) fn listed(&self, table: &[Metric], listed: &Listed) -> Option<Series> {
        let metric = table.iter().find(|(name, ..)| *name == listed.metric)?;
        Some(self.series(metric))
    }
}

/// Keeps the first of those that would be the same rows: what CloudWatch has once, or in two shapes of
/// dimensions, is asked for once. The first dimension tells apart resources of one name.
pub(super) fn without_doubles(series: Vec<Series>) -> Vec<Series> {
    let mut seen = HashSet::new();
    let first: Vec<bool> = series
        .iter()
        .map(|one| {
            seen.insert((
                one.metric,
                &one.dimensions[0].1,
                &one.stage,
                &one.route,
                &one.operation,
                &one.resource,
            ))
        })
        .collect();
    let mut first = first.into_iter();
    let mut series = series;
    series.retain(|_| first.next().unwrap_or(false));
    series
}

/// Resources and listed metrics for the tests of the systems.
#[cfg(test)]
pub(super) mod samples {
    use std::collections::BTreeMap;

    use millicent_lake::Resource;

    use super::super::active::Listed;

    pub(in super::super) fn resource(kind: &str, name: &str, pairs: &[(&str, &str)]) -> Resource {
        Resource {
            ts: chrono::DateTime::UNIX_EPOCH,
            account_id: "123456789012".into(),
            region: "eu-central-1".into(),
            kind: kind.into(),
            name: name.into(),
            arn: name.into(),
            configuration: pairs
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            tags: BTreeMap::new(),
            deleted: false,
        }
    }

    pub(in super::super) fn listed(metric: &str, dimensions: &[(&str, &str)]) -> Listed {
        let mut dimensions: Vec<(String, String)> = dimensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        dimensions.sort();
        Listed {
            metric: metric.to_owned(),
            dimensions,
        }
    }
}
