//! A line of the bill, split between the resources that it is for.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    World,
    bill::{BillLine, Origin, midnight},
    decimal::Decimal12,
    estate::Tag,
    metrics::{
        series::{Period, Series},
        statistic::Statistic,
        usage::{Meter, Usage},
    },
};

/// A line, or a resource's part of one.
pub(super) struct Line {
    pub(super) line: BillLine,
    /// The resource's id and tags; none where the bill names no resource.
    pub(super) resource: Option<(String, &'static [Tag])>,
}

/// Lines as of a time, by resource where AWS names one: functions, APIs, tables, log groups. The
/// parts add up to the line.
pub(super) fn by_resource(world: &World, lines: Vec<BillLine>, as_of: DateTime<Utc>) -> Vec<Line> {
    let lag = TimeDelta::hours(i64::from(world.config().bill_lag_hours));
    let mut day: Option<Day<'_>> = None;
    let mut split = Vec::new();
    for line in lines {
        if day.as_ref().is_none_or(|day| day.date != line.date) {
            day = Some(Day::new(world, line.date, as_of - lag));
        }
        let resources = match (line.origin, &day) {
            (Origin::Meter(meter), Some(day)) => day.resources(meter),
            _ => Vec::new(),
        };
        let weights: Vec<u64> = resources.iter().map(|(_, _, weight)| *weight).collect();
        let parts = line.cost.split(&weights).zip(line.quantity.split(&weights));
        let Some((costs, quantities)) = parts else {
            split.push(Line {
                line,
                resource: None,
            });
            continue;
        };
        for (((id, tags, weight), cost), quantity) in
            resources.into_iter().zip(costs).zip(quantities)
        {
            if weight > 0 {
                split.push(part(&line, (id, tags), cost, quantity));
            }
        }
    }
    split
}

fn part(
    line: &BillLine,
    resource: (String, &'static [Tag]),
    cost: Decimal12,
    quantity: Decimal12,
) -> Line {
    Line {
        line: BillLine {
            cost,
            quantity,
            ..line.clone()
        },
        resource: Some(resource),
    }
}

/// What was used on a day, as far as the bill knows of it.
struct Day<'a> {
    world: &'a World,
    date: chrono::NaiveDate,
    hours: std::ops::Range<i64>,
    usage: Usage,
}

type Weighted = (String, &'static [Tag], u64);

impl<'a> Day<'a> {
    fn new(world: &'a World, date: chrono::NaiveDate, known_until: DateTime<Utc>) -> Day<'a> {
        let first = midnight(date).timestamp() / 3_600;
        let hours = first..(known_until.timestamp().div_euclid(3_600)).clamp(first, first + 24);
        let usage = world.usage(hours.start * 60, hours.end * 60);
        Day {
            world,
            date,
            hours,
            usage,
        }
    }

    /// The resources that a meter counts, with their shares of it.
    fn resources(&self, meter: Meter) -> Vec<Weighted> {
        match meter {
            Meter::ApiRequests | Meter::HttpApiRequests => self.apis(meter),
            Meter::TableReadMilliUnits => self.tables("ConsumedReadCapacityUnits"),
            Meter::TableWriteMilliUnits => self.tables("ConsumedWriteCapacityUnits"),
            Meter::LogBytes => self.log_groups(),
            // Functions; S3 requests and traces name no resource.
            _ => self.functions(meter),
        }
    }

    fn functions(&self, meter: Meter) -> Vec<Weighted> {
        let functions = self
            .world
            .estate()
            .functions
            .iter()
            .zip(&self.usage.functions);
        functions
            .filter_map(|(function, usage)| {
                let weight = usage.metered(function.is_arm(), meter)?;
                Some((function.arn.clone(), function.tags, weight))
            })
            .collect()
    }

    fn apis(&self, meter: Meter) -> Vec<Weighted> {
        let estate = self.world.estate();
        let apis = estate.apis.iter().enumerate();
        apis.map(|(at, api)| {
            let routes = estate.routes.iter().zip(&self.usage.routes);
            let own = routes.filter(|(route, _)| usize::from(route.api.0) == at);
            let weight = own.map(|(_, usage)| usage.meters[meter as usize]).sum();
            (api.arn(&estate.region), api.tags, weight)
        })
        .collect()
    }

    /// A table and its indexes are one resource.
    fn tables(&self, metric: &str) -> Vec<Weighted> {
        let tables = &self.world.estate().tables;
        let all = self.world.series().all().iter();
        let series: Vec<&Series> = all
            .filter(|s| s.namespace == "AWS/DynamoDB" && s.metric == metric)
            .collect();
        let sums = self.sums(&series);
        let weights = tables.iter().map(|table| {
            let of_table = |series: &Series| {
                let name = series
                    .dimensions
                    .iter()
                    .find(|(name, _)| name == "TableName");
                name.is_some_and(|(_, value)| value == table.name)
            };
            let own = series
                .iter()
                .zip(&sums)
                .filter(|(series, _)| of_table(series));
            // Capacity units have half units.
            own.map(|(_, sum)| (sum * 1_000.0).round() as u64).sum()
        });
        let named = tables.iter().zip(weights);
        named
            .map(|(table, weight)| (table.arn.clone(), table.tags, weight))
            .collect()
    }

    fn log_groups(&self) -> Vec<Weighted> {
        let groups = self.world.estate().log_groups();
        let found: Vec<Option<&Series>> = groups
            .iter()
            .map(|group| {
                let dimension = ("LogGroupName".to_owned(), group.name.clone());
                self.world
                    .series()
                    .find("AWS/Logs", "IncomingBytes", vec![dimension])
            })
            .collect();
        let known: Vec<&Series> = found.iter().flatten().copied().collect();
        let mut sums = self.sums(&known).into_iter();
        groups
            .into_iter()
            .zip(found)
            .map(|(group, series)| {
                let sum = series.and_then(|_| sums.next()).unwrap_or(0.0);
                let none: &'static [Tag] = &[];
                (group.arn, none, sum.round() as u64)
            })
            .collect()
    }

    /// The sum of each series over the known part of the day.
    fn sums(&self, series: &[&Series]) -> Vec<f64> {
        let by_hour = self
            .world
            .each_hour(self.hours.start, self.hours.end, |_, hour| {
                let mut sums = vec![0.0; series.len()];
                for (sum, series) in sums.iter_mut().zip(series) {
                    let mut period = Period::default();
                    for minute in &hour.minutes {
                        period.add(series, minute, false);
                    }
                    *sum = period.take(Statistic::Sum).unwrap_or(0.0);
                }
                sums
            });
        let mut total = vec![0.0; series.len()];
        for sums in by_hour {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += sum;
            }
        }
        total
    }
}
