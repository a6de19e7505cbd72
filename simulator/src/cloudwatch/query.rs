//! One query of a `GetMetricData` as it is asked.

use super::{cbor::Input, invalid, missing};
use crate::{
    World,
    aws_errors::AwsError,
    metrics::{series::Series, statistic::Statistic},
};

/// A query, checked.
pub(super) struct Query<'a> {
    pub(super) id: String,
    pub(super) label: String,
    /// None if there is no such metric, or none in that unit or at that period.
    pub(super) series: Option<&'a Series>,
    pub(super) statistic: Statistic,
    pub(super) period_minutes: i64,
}

impl<'a> Query<'a> {
    /// `rounding` is the coarsest resolution, in seconds, that the start of the request is kept at.
    pub(super) fn parse(
        world: &'a World,
        input: &Input,
        rounding: i64,
    ) -> Result<Query<'a>, AwsError> {
        let id = input
            .text("Id")?
            .ok_or_else(|| missing("MetricDataQueries.member.Id"))?;
        let mut letters = id.bytes();
        let well_formed = letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        if !well_formed || id.len() > 255 {
            return Err(invalid(format!(
                "The value {id} for parameter MetricDataQueries.member.Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        let stat = match (input.map("MetricStat")?, input.text("Expression")?) {
            (Some(stat), None) => stat,
            (None, None) => return Err(missing("MetricDataQueries.member.MetricStat")),
            (Some(_), Some(_)) => {
                return Err(AwsError::bad_request(
                    "InvalidParameterCombinationException",
                    format!("Query {id} must have either MetricStat or Expression, not both."),
                ));
            }
            (None, Some(_)) => {
                return Err(invalid(format!(
                    "Query {id} has an Expression, which the simulated account does not know."
                )));
            }
        };
        if let Some(account) = input.text("AccountId")?
            && account != world.config().account_id
        {
            return Err(invalid(format!(
                "Account {account} is not linked to this one."
            )));
        }
        let metric = stat
            .map("Metric")?
            .ok_or_else(|| missing("MetricStat.Metric"))?;
        let period = stat
            .integer("Period")?
            .ok_or_else(|| missing("MetricStat.Period"))?;
        let name = stat
            .text("Stat")?
            .ok_or_else(|| missing("MetricStat.Stat"))?;
        let statistic = Statistic::parse(name).ok_or_else(|| {
            invalid(format!(
                "The value {name} for parameter MetricStat.Stat is not supported."
            ))
        })?;
        if period < 1 || !(matches!(period, 1 | 5 | 10 | 20 | 30) || period % 60 == 0) {
            return Err(invalid(
                "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.",
            ));
        }
        let metric_name = metric
            .text("MetricName")?
            .ok_or_else(|| missing("MetricStat.Metric.MetricName"))?;
        let namespace = metric
            .text("Namespace")?
            .ok_or_else(|| missing("MetricStat.Metric.Namespace"))?;
        let dimensions = metric.maps("Dimensions")?.unwrap_or_default();
        if dimensions.len() > 30 {
            return Err(invalid(
                "The collection Dimensions must not have a size greater than 30.",
            ));
        }
        let dimensions = dimensions
            .iter()
            .map(|dimension| {
                let part = |name| {
                    dimension
                        .text(name)?
                        .map(str::to_owned)
                        .ok_or_else(|| missing("MetricStat.Metric.Dimensions.member"))
                };
                Ok((part("Name")?, part("Value")?))
            })
            .collect::<Result<_, AwsError>>()?;
        let unit = stat.text("Unit")?;
        let series = world
            .series()
            .find(namespace, metric_name, dimensions)
            .filter(|series| unit.is_none_or(|unit| unit == series.unit))
            // What is told by the minute has no finer points, and old points are kept coarser.
            .filter(|_| period % rounding == 0)
            .filter(|series| !series.is_daily() || period % 86_400 == 0);
        Ok(Query {
            id: id.to_owned(),
            label: input.text("Label")?.unwrap_or(metric_name).to_owned(),
            series,
            statistic,
            period_minutes: (period / 60).max(1),
        })
    }
}
