//! `/route`: one route: how fast, how often, how dear, and what stands behind it.

mod charts;

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use chrono::TimeDelta;
use millicent_analyzer::{Coverage, Params, Report, Row};

use super::{
    Page, bounds, bounds_before,
    cards::{Card, six},
    changes::{self, Moved},
    draw,
    latency::{Latencies, UNMEASURED},
    patient, report,
};
use crate::{
    WebState,
    ask::Ask,
    charts::{Ink, Mark},
    error::PageError,
    format::{self, Unit},
    frame::{Frame, coverage_note},
};

const SLOWEST: i64 = 10;

#[derive(Template)]
#[template(path = "route.html")]
struct RoutePage {
    frame: Frame,
    api: String,
    stage: String,
    route: String,
    routes_href: String,
    cards: Vec<Card>,
    latency: String,
    requests: String,
    cost: String,
    cold: String,
    moved: Option<Moved>,
    /// Said where nothing moved, or nothing can be compared.
    still: &'static str,
    against: String,
    services: Vec<ServiceCost>,
    services_csv: String,
    explain_href: String,
    traces: Vec<Trace>,
    traces_note: Option<String>,
    deploys: Vec<Mark>,
}

/// What one service's part of the route costs.
struct ServiceCost {
    service: String,
    cost: String,
    share: String,
    basis: String,
    estimated: bool,
    class: String,
    width: u32,
}

/// One of the slowest traces.
struct Trace {
    id: String,
    ts: String,
    duration: String,
    status: String,
    failed: bool,
    cold: &'static str,
    /// Length of the initialisation of a cold start.
    init: Option<String>,
}

/// Which route.
#[derive(Clone)]
struct Key {
    api: String,
    stage: String,
    route: String,
}

impl Key {
    fn parse(ask: &Ask) -> Result<Key, PageError> {
        let read = |name: &str| {
            let value = ask.query.get(name).map(str::to_owned);
            value.ok_or_else(|| {
                PageError::parameter(
                    name,
                    "a route is named by api, stage and route; it is missing",
                )
            })
        };
        Ok(Key {
            api: read("api")?,
            stage: read("stage")?,
            route: read("route")?,
        })
    }

    fn pairs(&self) -> [(&str, &str); 3] {
        [
            ("api", &self.api),
            ("stage", &self.stage),
            ("route", &self.route),
        ]
    }

    fn set(&self, params: Params) -> Params {
        self.pairs()
            .into_iter()
            .fold(params, |params, (name, value)| params.set(name, value))
    }

    fn names(&self) -> (String, String, String) {
        (self.api.clone(), self.stage.clone(), self.route.clone())
    }

    fn is(&self, row: &Row<'_>) -> bool {
        self.pairs()
            .into_iter()
            .all(|(name, value)| row.text(name) == Some(value))
    }
}

struct Data {
    now: Report,
    before: Report,
    latencies: Latencies,
    latencies_before: Latencies,
    changes: Report,
    /// Of the hours that the changes are counted from.
    week_before: Coverage,
    series: Report,
    steps: Report,
    cost_steps: Report,
    cost: Report,
    traces: Report,
    deploys: Report,
}

/// `GET /route`.
pub(crate) async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new("/route", query.as_deref(), &headers, (state.clock)())?;
    let key = Key::parse(&ask)?;
    let data = patient(&state, load(&state, &ask, &key)).await?;
    if !data.now.table.rows().any(|row| key.is(&row)) && data.series.table.num_rows() == 0 {
        return Err(unknown(&ask, &key, &data.now));
    }
    draw(move || RoutePage::new(&ask, &state, key, &data)?.render()).await
}

async fn load(state: &WebState, ask: &Ask, key: &Key) -> Result<Data, PageError> {
    let of_route = |params: Params| params.set("api", &*key.api).set("route", &*key.route);
    let (
        now,
        before,
        latencies,
        latencies_before,
        changes,
        week_before,
        series,
        steps,
        cost_steps,
        cost,
        traces,
        deploys,
    ) = tokio::try_join!(
        report(state, "routes", bounds(ask)),
        report(state, "routes", bounds_before(ask)),
        report(state, "latency-by-route", of_route(bounds(ask))),
        report(state, "latency-by-route", of_route(bounds_before(ask))),
        report(state, "cost-change", changes::compared(ask)),
        report(state, "own-cost", changes::weeks_before(ask)),
        report(state, "route-series", key.set(bounds(ask))),
        report(
            state,
            "routes-series",
            key.set(bounds(ask)).set("interval_s", ask.range.step_s())
        ),
        report(
            state,
            "routes-series",
            key.set(bounds(ask))
                .set("interval_s", ask.range.cost_step_s())
        ),
        report(state, "route-cost", key.set(bounds(ask))),
        report(
            state,
            "slowest-traces",
            key.set(bounds(ask)).set("limit", SLOWEST)
        ),
        report(state, "deploys", bounds(ask)),
    )?;
    Ok(Data {
        now,
        before,
        latencies: Latencies::new(&latencies),
        latencies_before: Latencies::new(&latencies_before),
        changes,
        week_before: week_before.coverage,
        series,
        steps,
        cost_steps,
        cost,
        traces,
        deploys,
    })
}

/// A route that is not there, with those most like it.
fn unknown(ask: &Ask, key: &Key, report: &Report) -> PageError {
    let wanted = key.route.to_lowercase();
    let mut known: Vec<(usize, String, String)> = report
        .table
        .rows()
        .filter_map(|row| {
            let (api, stage, route) = (row.text("api")?, row.text("stage")?, row.text("route")?);
            let link = ask.link(
                "/route",
                &[("api", api), ("stage", stage), ("route", route)],
            );
            Some((
                distance(&wanted, &route.to_lowercase()),
                format!("{route} · {api} / {stage}"),
                link,
            ))
        })
        .collect();
    known.sort();
    PageError::NotFound {
        what: format!(
            "No requests of “{}” on {} / {} in this range.",
            key.route, key.api, key.stage
        ),
        suggestions: known
            .into_iter()
            .take(5)
            .map(|(_, text, link)| (text, link))
            .collect(),
    }
}

/// Edits that turn one text into the other (Levenshtein), over the first 200 characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(200).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(200).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let edit = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = edit.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl RoutePage {
    fn new(ask: &Ask, state: &WebState, key: Key, data: &Data) -> Result<RoutePage, askama::Error> {
        let coverage = &data.now.coverage;
        let deploys = deploys(&data.deploys);
        let (moved, still) = moved(ask, &key, data);
        Ok(RoutePage {
            frame: Frame::new(key.route.clone(), ask, state, Some(coverage)),
            routes_href: ask.link("/routes", &[]),
            cards: cards(&key, data),
            latency: charts::latency(ask, &key, data, &deploys).render()?,
            requests: charts::requests(ask, &key, data, &deploys).render()?,
            cost: charts::cost(ask, &key, data, &deploys).render()?,
            cold: charts::cold(ask, &key, data, &deploys).render()?,
            moved,
            still,
            against: changes::against(ask),
            services: services(&data.cost),
            services_csv: ask.csv("route-cost", &key.pairs()),
            explain_href: ask.link("/reports/explain-route", &key.pairs()),
            traces: traces(&data.traces),
            traces_note: coverage_note(&data.traces.coverage, &["traces"]),
            deploys,
            api: key.api,
            stage: key.stage,
            route: key.route,
        })
    }
}

fn cards(key: &Key, data: &Data) -> Vec<Card> {
    let now = data.now.table.rows().find(|row| key.is(row));
    let before = data.before.table.rows().find(|row| key.is(row));
    let value = |row: &Option<Row<'_>>, latencies: &Latencies, column: &str| {
        row.as_ref().and_then(|row| latencies.value(row, column))
    };
    let mut cards = six(
        |column| {
            (
                value(&now, &data.latencies, column),
                value(&before, &data.latencies_before, column),
            )
        },
        &data.now.coverage,
        &data.before.coverage,
    );
    let basis = data.latencies.basis(&key.names());
    let from = basis.map_or_else(|| UNMEASURED.to_owned(), |basis| basis.text);
    for card in cards.iter_mut().filter(|card| card.ink == "p95") {
        card.notes.push(from.clone());
    }
    cards
}

/// Why the route's cost is another than in the week before, or why that cannot be said.
fn moved(ask: &Ask, key: &Key, data: &Data) -> (Option<Moved>, &'static str) {
    if let Some(why) = changes::incomparable(&data.now.coverage, &data.week_before) {
        return (None, why);
    }
    let moved = changes::moved(ask, &data.changes)
        .into_iter()
        .find(|moved| moved.is(&key.api, &key.stage, &key.route));
    (moved, "It cost as much as in the hours before.")
}

fn deploys(report: &Report) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for row in report.table.rows() {
        let (Some(ts), Some(name)) = (row.timestamp("ts"), row.text("name")) else {
            continue;
        };
        let change = row
            .text("change")
            .map(|change| format!(" ({change})"))
            .unwrap_or_default();
        // One deploy changes several resources within minutes.
        match marks.last_mut() {
            Some(last) if ts - last.ts < TimeDelta::minutes(10) => {
                last.label = format!("{}, {name}", last.label);
                last.detail = format!("{}, {name}{change}", last.detail);
            }
            _ => marks.push(Mark {
                ts,
                label: name.to_owned(),
                detail: format!("{name}{change}"),
            }),
        }
    }
    marks
}

fn services(report: &Report) -> Vec<ServiceCost> {
    let mut rows: Vec<Row<'_>> = report.table.rows().collect();
    let cost = |row: &Row<'_>| row.f64("cost_usd").unwrap_or(0.0);
    rows.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    let total: f64 = rows.iter().map(cost).sum();
    let most = rows.first().map_or(0.0, cost);
    rows.iter()
        .enumerate()
        .map(|(i, row)| ServiceCost {
            service: row.text("service").unwrap_or(format::MISSING).to_owned(),
            cost: Unit::Usd.text(row.f64("cost_usd")),
            share: Unit::Share.text((total > 0.0).then(|| cost(row) / total)),
            basis: row.text("basis").unwrap_or_default().to_owned(),
            estimated: row.bool("estimated").unwrap_or(false)
                || row.f64("cost_estimated").is_some_and(|s| s > 0.0005),
            class: Ink::Series(u8::try_from(i).unwrap_or(u8::MAX)).class(),
            width: if most > 0.0 {
                (cost(row) / most * 100.0).clamp(0.0, 100.0) as u32
            } else {
                0
            },
        })
        .collect()
}

fn traces(report: &Report) -> Vec<Trace> {
    report
        .table
        .rows()
        .map(|row| {
            let status = row.i64("status");
            Trace {
                id: row.text("trace_id").unwrap_or(format::MISSING).to_owned(),
                ts: row
                    .timestamp("ts")
                    .map_or_else(|| format::MISSING.to_owned(), format::day_second),
                duration: Unit::Ms.text(row.f64("duration_ms")),
                status: status
                    .map_or_else(|| format::MISSING.to_owned(), |status| status.to_string()),
                failed: status.is_some_and(|status| status >= 500),
                cold: match row.bool("cold_start") {
                    Some(true) => "cold",
                    Some(false) => "warm",
                    None => format::MISSING,
                },
                init: row
                    .f64("init_ms")
                    .filter(|_| row.bool("cold_start") == Some(true))
                    .map(format::ms),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
