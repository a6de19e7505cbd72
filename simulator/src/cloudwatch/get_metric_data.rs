//! `GetMetricData`: statistics of up to 500 metrics over time, paged by points.

use std::{collections::HashSet, sync::Arc};

use super::{
    View,
    cbor::{Input, Writer},
    evaluate::{Evaluation, Point},
    invalid, missing,
    query::Query,
    token::{Place, fingerprint},
};
use crate::{World, aws_errors::AwsError};

const MOST_QUERIES: usize = 500;
/// Default and greatest `MaxDatapoints`.
const MOST_POINTS: usize = 100_800;

/// A request, checked.
struct Request<'a> {
    queries: Vec<Query<'a>>,
    /// Minutes since the epoch, half-open; the start rounded as its age demands.
    start: i64,
    end: i64,
    descending: bool,
    most_points: usize,
}

pub(super) fn handle(world: &World, input: &Input, view: &View) -> Result<Vec<u8>, AwsError> {
    let request = Request::parse(world, input, view)?;
    let fingerprint = request.fingerprint();
    let first = match input.text("NextToken")? {
        Some(token) => Place::of(token, fingerprint)?,
        None => Place {
            end_minute: view.end_minute(),
            ..Place::default()
        },
    };
    let (pages, next) = request.page(world, first);
    let token = next.map(|place| place.token(fingerprint));
    Ok(write(
        &request.queries,
        first.index,
        &pages,
        next,
        token.as_deref(),
    ))
}

impl<'a> Request<'a> {
    fn parse(world: &'a World, input: &Input, view: &View) -> Result<Request<'a>, AwsError> {
        let queries = input
            .maps("MetricDataQueries")?
            .ok_or_else(|| missing("MetricDataQueries"))?;
        let start = input
            .time("StartTime")?
            .ok_or_else(|| missing("StartTime"))?;
        let end = input.time("EndTime")?.ok_or_else(|| missing("EndTime"))?;
        if queries.is_empty() {
            return Err(missing("MetricDataQueries"));
        }
        if queries.len() > MOST_QUERIES {
            return Err(invalid(format!(
                "The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
            )));
        }
        if start >= end {
            return Err(invalid(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        let descending = match input.text("ScanBy")? {
            None | Some("TimestampDescending") => true,
            Some("TimestampAscending") => false,
            Some(_) => {
                return Err(invalid(
                    "The parameter ScanBy must be TimestampDescending or TimestampAscending.",
                ));
            }
        };
        let most_points = match input.integer("MaxDatapoints")? {
            None => MOST_POINTS,
            Some(most) => usize::try_from(most)
                .ok()
                .filter(|most| (1..=MOST_POINTS).contains(most))
                .ok_or_else(|| {
                    invalid(format!(
                        "The parameter MaxDatapoints must be between 1 and {MOST_POINTS}."
                    ))
                })?,
        };
        let rounding = coarsest(view.now.timestamp() - start.timestamp());
        let mut ids = HashSet::new();
        let queries: Vec<Query> = queries
            .iter()
            .map(|query| Query::parse(world, query, rounding))
            .collect::<Result<_, _>>()?;
        if let Some(twice) = queries.iter().find(|query| !ids.insert(query.id.as_str())) {
            return Err(invalid(format!(
                "The values for parameter id in MetricDataQueries must be unique: {} is not.",
                twice.id
            )));
        }
        Ok(Request {
            queries,
            start: start.timestamp().div_euclid(rounding) * (rounding / 60),
            end: (end.timestamp() + i64::from(end.timestamp_subsec_nanos() > 0) + 59)
                .div_euclid(60),
            descending,
            most_points: view
                .page_size
                .map_or(most_points, |size| most_points.min(size.max(1) as usize)),
        })
    }

    /// The points of each query from the page's first on, and where the next page begins.
    fn page(&self, world: &World, first: Place) -> (Vec<Vec<Point>>, Option<Place>) {
        let mut pages: Vec<Vec<Point>> = Vec::new();
        let mut room = self.most_points;
        let mut place = first;
        while place.index < self.queries.len() {
            // As many queries at once as may be needed to fill the page.
            let mut batch = 0;
            let mut points = 0;
            while place.index + batch < self.queries.len()
                && (batch == 0 || points < room + place.offset)
            {
                points += self.most_points_of(&self.queries[place.index + batch]);
                batch += 1;
            }
            for series in self.points(
                world,
                &self.queries[place.index..place.index + batch],
                place.end_minute,
            ) {
                let rest = series.get(place.offset..).unwrap_or_default();
                if rest.len() > room {
                    pages.push(rest[..room].to_vec());
                    return (
                        pages,
                        Some(Place {
                            offset: place.offset + room,
                            ..place
                        }),
                    );
                }
                pages.push(rest.to_vec());
                room -= rest.len();
                place = Place {
                    index: place.index + 1,
                    offset: 0,
                    ..place
                };
            }
        }
        (pages, None)
    }

    fn most_points_of(&self, query: &Query) -> usize {
        usize::try_from((self.end - self.start) / query.period_minutes).unwrap_or(0) + 2
    }

    /// All points of the queries, in the order of the request. Every hour is looked at once.
    fn points(&self, world: &World, queries: &[Query], end_minute: i64) -> Vec<Vec<Point>> {
        let first = self.start.max(world.config().first_minute());
        let end = self.end.min(end_minute);
        let mut evaluations: Vec<Evaluation> = queries.iter().map(Evaluation::new).collect();
        let sampled = evaluations
            .iter()
            .any(|evaluation| evaluation.query.series.is_some_and(|s| !s.is_daily()));
        if first < end && sampled {
            world.prepare_hours(first.div_euclid(60), (end - 1).div_euclid(60) + 1);
            for hour in first.div_euclid(60)..=(end - 1).div_euclid(60) {
                let samples: Arc<_> = world.hour(hour);
                for evaluation in &mut evaluations {
                    for (minute, samples) in (hour * 60..).zip(&samples.minutes) {
                        if (first..end).contains(&minute) {
                            evaluation.add(minute, samples);
                        }
                    }
                }
            }
        }
        evaluations
            .into_iter()
            .map(|evaluation| {
                let mut points = evaluation.finish(world, first, self.end, end_minute);
                if self.descending {
                    points.reverse();
                }
                points
            })
            .collect()
    }

    fn fingerprint(&self) -> u64 {
        let mut text = format!("{} {} {}", self.start, self.end, self.descending);
        for query in &self.queries {
            let name = query
                .series
                .map(|series| (series.namespace, series.metric, &series.dimensions));
            text.push_str(&format!(
                " {} {name:?} {:?} {}",
                query.id, query.statistic, query.period_minutes
            ));
        }
        fingerprint(text.as_bytes())
    }
}

/// The period, in seconds, that periods of data of that age must be a multiple of.
fn coarsest(age_s: i64) -> i64 {
    match age_s {
        age if age < 15 * 86_400 => 60,
        age if age < 63 * 86_400 => 300,
        _ => 3_600,
    }
}

fn write(
    queries: &[Query],
    first: usize,
    pages: &[Vec<Point>],
    next: Option<Place>,
    token: Option<&str>,
) -> Vec<u8> {
    let points: usize = pages.iter().map(Vec::len).sum();
    let mut out = Writer::with_capacity(points * 15 + queries.len() * 128);
    out.map(2 + usize::from(token.is_some()));
    out.text("MetricDataResults");
    out.array(queries.len() - first);
    for (index, query) in queries.iter().enumerate().skip(first) {
        let page = pages
            .get(index - first)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let more = next.is_some_and(|next| index >= next.index);
        out.map(5);
        out.text("Id");
        out.text(&query.id);
        out.text("Label");
        out.text(&query.label);
        out.text("Timestamps");
        out.array(page.len());
        for (seconds, _) in page {
            out.time(*seconds);
        }
        out.text("Values");
        out.array(page.len());
        for (_, value) in page {
            out.double(*value);
        }
        out.text("StatusCode");
        out.text(if more { "PartialData" } else { "Complete" });
    }
    out.text("Messages");
    out.array(0);
    if let Some(token) = token {
        out.text("NextToken");
        out.text(token);
    }
    out.finish()
}
