//! `/status`: what has been collected, what is missing and why, and what the collecting itself costs.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use chrono::{DateTime, TimeDelta, Utc};
use millicent_analyzer::{Params, Report, Row, SourceCoverage};

use super::{Page, bounds, draw, patient, report};
use crate::{
    WebState,
    ask::Ask,
    error::PageError,
    format::{self, Unit},
    frame::{Frame, outcome_words},
};

/// How many windows of each source are looked at, the newest ones.
const LAST: i64 = 20_000;
/// Width of a strip, in its own units.
const STRIP: f64 = 1_000.0;

#[derive(Template)]
#[template(path = "status.html")]
struct Status {
    frame: Frame,
    figures: Vec<Figure>,
    /// A row an account and region, where there are several.
    places: Vec<Summed>,
    filters: Vec<String>,
    sources: Vec<Source>,
    /// Ends of the strips.
    from: String,
    to: String,
    cost_csv: String,
    windows_csv: String,
}

struct Figure {
    label: &'static str,
    value: String,
    note: String,
}

/// An account and region, all of its sources together.
struct Summed {
    name: String,
    /// The worst outcome of its sources' newest windows.
    outcome: String,
    class: String,
    sources: String,
    rows: String,
    calls: String,
    cost_today: String,
    cost_range: String,
}

/// One source in one account and region.
struct Source {
    name: String,
    what: &'static str,
    place: String,
    outcome: String,
    class: String,
    until: String,
    age: String,
    share: String,
    cells: Vec<Cell>,
    summary: String,
    rows: String,
    calls: String,
    billed: String,
    cost_today: String,
    cost_range: String,
    error: Option<String>,
}

/// Windows that follow each other and came to the same, in a source's strip.
struct Cell {
    x: String,
    width: String,
    class: String,
    title: String,
}

/// `GET /status`.
pub(crate) async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new("/status", query.as_deref(), &headers, (state.clock)())?;
    let (windows, today, range, filters) = patient(&state, async {
        tokio::try_join!(
            report(&state, "collection-windows", bounds(&ask).set("last", LAST)),
            report(
                &state,
                "own-cost",
                Params::new()
                    .set("from", midnight(ask.now))
                    .set("to", ask.now + TimeDelta::minutes(1))
            ),
            report(
                &state,
                "own-cost",
                bounds(&ask).set("to", ask.range.to + TimeDelta::minutes(1))
            ),
            report(&state, "collection-filters", Params::new()),
        )
    })
    .await?;
    draw(move || Status::new(&ask, &state, &windows, &today, &range, &filters).render()).await
}

/// What each source cost and wrote in the last 24 hours, with the coverage of that time.
pub(crate) async fn sources(state: &WebState) -> Result<Report, PageError> {
    let to = (state.clock)();
    report(
        state,
        "own-cost",
        Params::new()
            .set("from", to - TimeDelta::hours(24))
            .set("to", to),
    )
    .await
}

fn midnight(ts: DateTime<Utc>) -> DateTime<Utc> {
    ts.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

impl Status {
    fn new(
        ask: &Ask,
        state: &WebState,
        windows: &Report,
        today: &Report,
        range: &Report,
        filters: &Report,
    ) -> Status {
        let coverage = &windows.coverage;
        let sources: Vec<Source> = places(windows, range)
            .into_iter()
            .map(|place| {
                Source::new(
                    ask,
                    &place,
                    windows,
                    today,
                    range,
                    coverage.source(&place.source),
                )
            })
            .collect();
        Status {
            places: sums(&sources, today, range),
            filters: filters.table.rows().map(|row| filter_words(&row)).collect(),
            frame: Frame::new("Status", ask, state, Some(coverage)),
            figures: figures(ask, today, range),
            sources,
            from: format::minute(ask.range.from),
            to: format::minute(ask.range.to),
            cost_csv: ask.csv("own-cost", &[]),
            windows_csv: ask.csv("collection-windows", &[("last", "1000")]),
        }
    }
}

/// A source in an account and region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    source: String,
    account: String,
    region: String,
}

impl Place {
    fn of(row: &Row<'_>) -> Place {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        Place {
            source: text("source"),
            account: text("account_id"),
            region: text("region"),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} · {}", self.account, self.region)
    }
}

fn places(windows: &Report, range: &Report) -> Vec<Place> {
    let mut places: Vec<Place> = windows
        .table
        .rows()
        .chain(range.table.rows())
        .map(|row| Place::of(&row))
        .collect();
    places.sort();
    places.dedup();
    places
}

/// Sources by account and region; the bill's "global" stands with the account alone.
fn sums(sources: &[Source], today: &Report, range: &Report) -> Vec<Summed> {
    let mut names: Vec<&str> = sources.iter().map(|source| source.place.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let regions = names.iter().filter(|name| !name.ends_with(GLOBAL));
    if regions.count() < 2 {
        return Vec::new();
    }
    let total = |report: &Report, column, name: &str| {
        let of_place = |row: &Row<'_>| Place::of(row).to_string() == name;
        let rows = report.table.rows().filter(of_place);
        rows.filter_map(|row| row.f64(column)).reduce(|a, b| a + b)
    };
    let summed = |name: &str| {
        let of_place = || sources.iter().filter(|source| source.place == name);
        let worst = of_place().max_by_key(|source| badness(&source.outcome));
        let outcome = worst.map_or("not yet", |source| source.outcome.as_str());
        Summed {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            class: class(outcome),
            sources: of_place().count().to_string(),
            rows: Unit::Count.text(total(range, "rows", name)),
            calls: Unit::Count.text(total(range, "calls", name)),
            cost_today: Unit::Usd.text(total(today, "cost_usd", name)),
            cost_range: Unit::Usd.text(total(range, "cost_usd", name)),
        }
    };
    names.into_iter().map(summed).collect()
}

/// Region of what is an account's as a whole.
const GLOBAL: &str = "global";

fn badness(outcome: &str) -> u8 {
    match outcome {
        "complete" => 0,
        "not yet" => 1,
        "partial" => 2,
        "over-budget" => 3,
        "throttled" => 4,
        _ => 5,
    }
}

/// What a filter leaves out, for a person to read.
fn filter_words(row: &Row<'_>) -> String {
    let text = |column| row.text(column).unwrap_or_default();
    let part = |what: &str, column| match row.text(column) {
        Some(patterns) => format!(" {what} {patterns}"),
        None => String::new(),
    };
    format!(
        "{} · {}: {} of {} resources are left out on purpose (only{}{}{}).",
        text("account_id"),
        text("region"),
        Unit::Count.text(row.f64("left_out")),
        Unit::Count.text(row.f64("resources")),
        part("names like", "include"),
        part("names unlike", "exclude"),
        part("tags", "tags"),
    )
}

fn sum(report: &Report, column: &str, place: Option<&Place>) -> Option<f64> {
    let rows = report
        .table
        .rows()
        .filter(|row| place.is_none_or(|place| Place::of(row) == *place));
    rows.filter_map(|row| row.f64(column)).reduce(|a, b| a + b)
}

fn figures(ask: &Ask, today: &Report, range: &Report) -> Vec<Figure> {
    let or_nothing = |value: Option<f64>| Unit::Usd.text(value.or(Some(0.0)));
    let incomplete = sum(range, "incomplete", None).unwrap_or(0.0);
    vec![
        Figure {
            label: "Own AWS cost today",
            value: or_nothing(sum(today, "cost_usd", None)),
            note: format!(
                "{} calls since midnight UTC",
                Unit::Count.text(sum(today, "calls", None).or(Some(0.0)))
            ),
        },
        Figure {
            label: "Own AWS cost in this range",
            value: or_nothing(sum(range, "cost_usd", None)),
            note: format!("calls of the {}, at list price", ask.range.label()),
        },
        Figure {
            label: "Windows collected",
            value: Unit::Count.text(sum(range, "windows", None).or(Some(0.0))),
            note: if incomplete > 0.0 {
                format!("{} of them not complete", format::count_exact(incomplete))
            } else {
                "all of them complete".to_owned()
            },
        },
        Figure {
            label: "Rows written",
            value: Unit::Count.text(sum(range, "rows", None).or(Some(0.0))),
            note: "to the lake, in this range".to_owned(),
        },
    ]
}

impl Source {
    fn new(
        ask: &Ask,
        place: &Place,
        windows: &Report,
        today: &Report,
        range: &Report,
        coverage: Option<&SourceCoverage>,
    ) -> Source {
        let rows: Vec<Row<'_>> = windows
            .table
            .rows()
            .filter(|row| Place::of(row) == *place)
            .collect();
        let last = rows
            .iter()
            .max_by_key(|row| (row.timestamp("collected_at"), row.timestamp("ts")));
        let outcome = last
            .and_then(|row| row.text("outcome"))
            .unwrap_or("not yet");
        let complete = rows
            .iter()
            .filter(|row| row.text("outcome") == Some("complete"));
        let until = complete.filter_map(|row| row.timestamp("window_end")).max();
        let total = |report, column| sum(report, column, Some(place));
        Source {
            name: place.source.clone(),
            what: what(&place.source),
            place: place.to_string(),
            outcome: outcome.to_owned(),
            class: class(outcome),
            until: until.map_or_else(
                || format::MISSING.to_owned(),
                |ts| format!("{} UTC", format::minute(ts)),
            ),
            age: until.map_or_else(String::new, |ts| {
                format!("{} ago", format::age(ask.now - ts))
            }),
            // Discovery looks at what is there now and has no range to cover.
            share: coverage
                .filter(|_| place.source != "discovery")
                .map_or_else(
                    || format::MISSING.to_owned(),
                    |coverage| format::percent_complete(coverage.complete_share),
                ),
            cells: cells(ask, &rows),
            summary: summary(&rows),
            rows: Unit::Count.text(total(range, "rows")),
            calls: Unit::Count.text(total(range, "calls")),
            billed: Unit::Count.text(total(range, "billed_units")),
            cost_today: Unit::Usd.text(total(today, "cost_usd")),
            cost_range: Unit::Usd.text(total(range, "cost_usd")),
            error: rows.iter().rev().find_map(|row| {
                let (error, ts) = (row.text("error")?, row.timestamp("ts")?);
                Some(format!(
                    "Window of {} UTC {}: {error}",
                    format::minute(ts),
                    outcome_words(row.text("outcome")?)
                ))
            }),
        }
    }
}

/// The strip of a source over the page's range: neighbours that came to the same are one cell.
fn cells(ask: &Ask, rows: &[Row<'_>]) -> Vec<Cell> {
    struct Run {
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        outcome: String,
        windows: usize,
    }
    let mut runs: Vec<Run> = Vec::new();
    for row in rows {
        let (Some(from), Some(to)) = (row.timestamp("ts"), row.timestamp("window_end")) else {
            continue;
        };
        let outcome = row.text("outcome").unwrap_or("not yet");
        match runs.last_mut() {
            Some(run) if run.outcome == outcome && run.to >= from => {
                run.to = run.to.max(to);
                run.windows += 1;
            }
            _ => runs.push(Run {
                from,
                to,
                outcome: outcome.to_owned(),
                windows: 1,
            }),
        }
    }
    let span = (ask.range.to - ask.range.from).num_seconds().max(1) as f64;
    let x = |ts: DateTime<Utc>| {
        ((ts - ask.range.from).num_seconds() as f64 / span).clamp(0.0, 1.0) * STRIP
    };
    let cell = |run: Run| Cell {
        x: format!("{:.1}", x(run.from).min(STRIP - 2.0)),
        width: format!("{:.1}", (x(run.to) - x(run.from)).max(2.0)),
        class: class(&run.outcome),
        title: format!(
            "{} UTC: {} {}",
            format::span(run.from, run.to),
            counted(run.windows, "window"),
            run.outcome
        ),
    };
    runs.into_iter().map(cell).collect()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How many windows of the strip came to what, in words.
fn summary(rows: &[Row<'_>]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for row in rows {
        let outcome = row.text("outcome").unwrap_or("not yet");
        match counts.iter_mut().find(|(name, _)| *name == outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((outcome, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!("{}: {}", counted(rows.len(), "window"), counts.join(", "))
}

/// A class of the stylesheet; an outcome that it does not know looks like a failure.
fn class(outcome: &str) -> String {
    match outcome {
        "complete" | "partial" | "denied" | "throttled" | "over-budget" => format!("o-{outcome}"),
        "not yet" => "o-none".to_owned(),
        _ => "o-failed".to_owned(),
    }
}

/// What a source brings.
fn what(source: &str) -> &'static str {
    match source {
        "discovery" => {
            "Functions, APIs, tables, buckets and what else there is, as it is configured"
        }
        "lambda-metrics" => "Invocations, errors and durations of functions, from CloudWatch",
        "apigateway-metrics" => "Requests, errors and latency of APIs, from CloudWatch",
        "dynamodb-metrics" => "Units, calls and latency of tables, from CloudWatch",
        "s3-metrics" => {
            "Size of buckets, and their requests where they are counted, from CloudWatch"
        }
        "states-metrics" => "Executions of state machines, from CloudWatch",
        "logs-metrics" => "Bytes that log groups take in, from CloudWatch",
        "latency-histograms" => "Requests by latency, hour by hour, from CloudWatch",
        "lambda-reports" => "Cold starts and billed time of every invocation, from Lambda's logs",
        "traces" => "Sampled traces, from X-Ray",
        "cost" => "The bill by day, from Cost Explorer",
        "exports" => "The bill by resource, from Data Exports",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
