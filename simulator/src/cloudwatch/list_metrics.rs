//! `ListMetrics`: which metrics there are, 500 a page.

use super::{
    View,
    cbor::{Input, Writer},
    invalid,
    token::{Place, fingerprint},
};
use crate::{World, aws_errors::AwsError, metrics::series::Series};

const PAGE: usize = 500;
/// `RecentlyActive=PT3H` may tell of up to 50 minutes more.
const RECENT_MINUTES: i64 = 180 + 50;

struct Filter {
    namespace: Option<String>,
    metric: Option<String>,
    dimensions: Vec<(String, Option<String>)>,
    recent: bool,
}

pub(super) fn handle(world: &World, input: &Input, view: &View) -> Result<Vec<u8>, AwsError> {
    let filter = Filter::parse(input)?;
    let of_this_account = match input.text("OwningAccount")? {
        Some(account) if input.boolean("IncludeLinkedAccounts")? == Some(true) => {
            account == world.config().account_id
        }
        Some(_) => {
            return Err(invalid(
                "OwningAccount needs IncludeLinkedAccounts to be true.",
            ));
        }
        None => true,
    };
    let fingerprint = filter.fingerprint();
    let place = match input.text("NextToken")? {
        Some(token) => Place::of(token, fingerprint)?,
        None => Place {
            end_minute: view.end_minute(),
            ..Place::default()
        },
    };
    let recent = if filter.recent {
        Some(recently_active(world, place.end_minute))
    } else {
        None
    };
    let born = place.end_minute > world.config().first_minute();
    let found: Vec<&Series> = world
        .series()
        .all()
        .iter()
        .enumerate()
        .filter(|(index, series)| {
            born && of_this_account
                && filter.matches(series)
                && recent.as_ref().is_none_or(|recent| recent[*index])
        })
        .map(|(_, series)| series)
        .collect();

    let page = view
        .page_size
        .map_or(PAGE, |size| (size.max(1) as usize).min(PAGE));
    let (from, to) = (
        place.index.min(found.len()),
        (place.index + page).min(found.len()),
    );
    let token = (to < found.len()).then(|| Place { index: to, ..place }.token(fingerprint));
    let owners = input.boolean("IncludeLinkedAccounts")? == Some(true);
    Ok(write(world, &found[from..to], token.as_deref(), owners))
}

impl Filter {
    fn parse(input: &Input) -> Result<Filter, AwsError> {
        let dimensions = input.maps("Dimensions")?.unwrap_or_default();
        if dimensions.len() > 10 {
            return Err(invalid(
                "The collection Dimensions must not have a size greater than 10.",
            ));
        }
        let dimension = |filter: &Input| {
            let name = filter
                .text("Name")?
                .ok_or_else(|| super::missing("Dimensions.member.Name"))?;
            Ok((name.to_owned(), filter.text("Value")?.map(str::to_owned)))
        };
        let recent = match input.text("RecentlyActive")? {
            None => false,
            Some("PT3H") => true,
            Some(_) => return Err(invalid("The parameter RecentlyActive must be PT3H.")),
        };
        Ok(Filter {
            namespace: input.text("Namespace")?.map(str::to_owned),
            metric: input.text("MetricName")?.map(str::to_owned),
            dimensions: dimensions
                .iter()
                .map(dimension)
                .collect::<Result<_, AwsError>>()?,
            recent,
        })
    }

    fn matches(&self, series: &Series) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| namespace == series.namespace)
            && self
                .metric
                .as_deref()
                .is_none_or(|metric| metric == series.metric)
            && self.dimensions.iter().all(|(name, value)| {
                series
                    .dimensions
                    .iter()
                    .any(|(n, v)| n == name && value.as_ref().is_none_or(|value| value == v))
            })
    }

    fn fingerprint(&self) -> u64 {
        let Filter {
            namespace,
            metric,
            dimensions,
            recent,
        } = self;
        fingerprint(format!("{namespace:?}{metric:?}{dimensions:?}{recent}").as_bytes())
    }
}

/// By series: has it a point within the last hours?
fn recently_active(world: &World, end_minute: i64) -> Vec<bool> {
    let series = world.series().all();
    let first = (end_minute - RECENT_MINUTES).max(world.config().first_minute());
    let active = world.each_hour(
        first.div_euclid(60),
        (end_minute - 1).div_euclid(60) + 1,
        |hour, samples| {
            let minutes = samples.minutes.iter().zip(hour * 60..);
            let visible: Vec<_> = minutes
                .filter(|(_, minute)| (first..end_minute).contains(minute))
                .collect();
            series
                .iter()
                .map(|s| visible.iter().any(|(samples, _)| s.is_active(samples)))
                .collect::<Vec<bool>>()
        },
    );
    let midnight = end_minute.div_euclid(1_440) * 1_440;
    let daily = midnight >= first;
    (0..series.len())
        .map(|index| (series[index].is_daily() && daily) || active.iter().any(|hour| hour[index]))
        .collect()
}

fn write(world: &World, page: &[&Series], token: Option<&str>, owners: bool) -> Vec<u8> {
    let mut out = Writer::default();
    out.map(1 + usize::from(token.is_some()) + usize::from(owners));
    out.text("Metrics");
    out.array(page.len());
    for series in page {
        out.map(3);
        out.text("Namespace");
        out.text(series.namespace);
        out.text("MetricName");
        out.text(series.metric);
        out.text("Dimensions");
        out.array(series.dimensions.len());
        for (name, value) in &series.dimensions {
            out.map(2);
            out.text("Name");
            out.text(name);
            out.text("Value");
            out.text(value);
        }
    }
    if owners {
        out.text("OwningAccounts");
        out.array(page.len());
        for _ in page {
            out.text(&world.config().account_id);
        }
    }
    if let Some(token) = token {
        out.text("NextToken");
        out.text(token);
    }
    out.finish()
}
