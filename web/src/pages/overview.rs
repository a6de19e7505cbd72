//! `/`: what the account costs and how it does, against the period before.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use millicent_analyzer::{Report, Row};

use super::{Card, Page, bounds, draw, estimate_note, interval, report};
use crate::{
    WebState,
    charts::{Ink, Layer, Shape, Side, Slots, TimeChart, Widths},
    error::PageError,
    format::{self, Unit},
    frame::{Ask, Frame, coverage_note},
};

const METRICS: &[&str] = &["apigateway-metrics"];
const COST_METRICS: &[&str] = &["apigateway-metrics", "lambda-metrics"];

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    alerts: Vec<Alert>,
    cards: Vec<Card>,
    cost: String,
    requests: String,
    latency: String,
    cold: String,
    dearest: Vec<Dear>,
    services: Vec<Service>,
    services_csv: String,
    routes_href: String,
}

/// An alert that fires.
struct Alert {
    severity: String,
    text: String,
    since: String,
}

/// One of the dearest routes.
struct Dear {
    href: String,
    route: String,
    place: String,
    cost: String,
    per_1000: String,
    share: String,
    /// 0 to 100, of the dearest.
    width: u32,
}

/// What a service costs.
struct Service {
    name: String,
    cost: String,
    share: String,
    /// 0 to 100, of the dearest.
    width: u32,
    class: String,
}

struct Data {
    overview: Report,
    series: Report,
    routes: Report,
    services: Report,
}

/// `GET /`.
pub(crate) async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new("/", query.as_deref(), &headers, (state.clock)())?;
    let (data, alerts) = tokio::join!(load(&state, &ask), active_alerts(&state, &ask));
    let (data, alerts) = (data?, alerts?);
    draw(move || Overview::new(&ask, &state, &data, alerts)?.render()).await
}

async fn load(state: &WebState, ask: &Ask) -> Result<Data, PageError> {
    let (overview, series, routes, services) = tokio::try_join!(
        report(state, "overview", bounds(ask)),
        report(
            state,
            "overview-series",
            bounds(ask).set("interval_s", ask.range.step_s())
        ),
        report(state, "routes", bounds(ask)),
        report(state, "cost-by-day-and-service", bounds(ask)),
    )?;
    Ok(Data {
        overview,
        series,
        routes,
        services,
    })
}

async fn active_alerts(_state: &WebState, _ask: &Ask) -> Result<Vec<Alert>, PageError> {
    Ok(Vec::new())
}

impl Overview {
    fn new(
        ask: &Ask,
        state: &WebState,
        data: &Data,
        alerts: Vec<Alert>,
    ) -> Result<Overview, askama::Error> {
        let coverage = &data.overview.coverage;
        Ok(Overview {
            frame: Frame::new("Overview", ask, state, Some(coverage)),
            alerts,
            cards: cards(&data.overview),
            cost: cost_chart(ask, &data.series).render()?,
            requests: requests_chart(ask, &data.series).render()?,
            latency: latency_chart(ask, &data.series).render()?,
            cold: cold_chart(ask, &data.series).render()?,
            dearest: dearest(ask, &data.routes),
            services: services(&data.services),
            services_csv: ask.csv("cost-by-day-and-service", &[]),
            routes_href: ask.link("/routes", &[("sort", "cost")]),
        })
    }
}

fn cards(report: &Report) -> Vec<Card> {
    let period = |name: &str| {
        report
            .table
            .rows()
            .find(|row| row.text("period") == Some(name))
    };
    let (now, before) = (period("current"), period("previous"));
    let both = |column: &str| {
        let read = |row: &Option<Row<'_>>| row.as_ref().and_then(|row| row.f64(column));
        (read(&now), read(&before))
    };
    let card = |label, ink, unit, column, meaning, words, worse_when_up| {
        let (now, before) = both(column);
        Card::new(label, ink, unit, now, meaning).change(now, before, words, worse_when_up)
    };
    let estimated = estimate_note(both("cost_estimated").0);
    let note = |sources| coverage_note(&report.coverage, sources);
    let cold_interval = interval(
        Unit::Share,
        both("cold_start_rate_low").0,
        both("cold_start_rate_high").0,
    );
    let errors = both("errors").0;
    vec![
        card(
            "Cost",
            "cost",
            Unit::Usd,
            "cost_usd",
            "Unblended cost of the whole account in this range. What the bill has not settled yet is usage at the effective price of the last settled week.",
            ("more", "less"),
            Some(true),
        )
        .note(estimated.clone())
        .note(note(COST_METRICS)),
        card(
            "Cost per 1,000 requests",
            "unit-cost",
            Unit::Usd,
            "cost_per_1000_usd",
            "Cost of the range divided by the requests that the APIs counted, times 1,000.",
            ("more", "less"),
            Some(true),
        )
        .note(estimated)
        .note(note(COST_METRICS)),
        card(
            "Requests",
            "requests",
            Unit::Count,
            "requests",
            "Requests to all API stages, as API Gateway counts them.",
            ("more", "fewer"),
            None,
        )
        .note(note(METRICS)),
        card(
            "p95 latency",
            "p95",
            Unit::Ms,
            "p95_ms",
            "95 of 100 requests were answered within this time, as the APIs' clients saw it.",
            ("slower", "faster"),
            Some(true),
        )
        .note(interval(Unit::Ms, both("p95_low_ms").0, both("p95_high_ms").0))
        .note(note(METRICS)),
        card(
            "Errors",
            "errors",
            Unit::Share,
            "error_rate",
            "Share of requests that were answered with a 5xx status.",
            ("more", "fewer"),
            Some(true),
        )
        .note(errors.map(|errors| format!("{} requests", format::count_exact(errors))))
        .note(note(METRICS)),
        card(
            "Cold starts",
            "cold",
            Unit::Share,
            "cold_start_rate",
            "Share of invocations that waited for an initialisation, estimated from traces weighted by requests.",
            ("more", "fewer"),
            Some(true),
        )
        .note(cold_interval)
        .note(note(&["traces"])),
    ]
}

/// The columns of a series by slot of the range.
fn series(ask: &Ask, report: &Report, column: &str) -> Vec<Option<f64>> {
    slots(ask).place(
        report
            .table
            .rows()
            .filter_map(|row| Some((row.timestamp("ts")?, row.f64(column)))),
    )
}

fn slots(ask: &Ask) -> Slots {
    Slots::regular(ask.range.from, ask.range.to, ask.range.step_s())
}

fn chart(
    ask: &Ask,
    id: &'static str,
    title: &str,
    widths: Widths,
    layers: Vec<Layer>,
) -> TimeChart {
    TimeChart {
        id,
        title: title.to_owned(),
        subtitle: format!("per {}, UTC", format::step(ask.range.step_s())),
        from: ask.range.from,
        to: ask.range.to,
        slots: slots(ask),
        layers,
        marks: Vec::new(),
        provisional: None,
        widths,
        csv: Some(ask.csv(
            "overview-series",
            &[("interval_s", &ask.range.step_s().to_string())],
        )),
        empty: "No data in this range yet.".to_owned(),
    }
}

fn layer(
    name: &str,
    ink: Ink,
    unit: Unit,
    side: Side,
    shape: Shape,
    values: Vec<Option<f64>>,
) -> Layer {
    Layer {
        name: name.to_owned(),
        ink,
        unit,
        side,
        shape,
        values,
    }
}

/// One value by another, where both are known and the other is not zero.
fn ratio(above: &[Option<f64>], below: &[Option<f64>], scale: f64) -> Vec<Option<f64>> {
    above
        .iter()
        .zip(below)
        .map(|(a, b)| Some((*a)? / (*b).filter(|b| *b > 0.0)? * scale))
        .collect()
}

fn cost_chart(ask: &Ask, report: &Report) -> TimeChart {
    let (cost, requests) = (
        series(ask, report, "cost_usd"),
        series(ask, report, "requests"),
    );
    let per_1000 = ratio(&cost, &requests, 1_000.0);
    let estimated = series(ask, report, "cost_estimated")
        .into_iter()
        .map(|share| share.is_some_and(|s| s > 0.5));
    let layers = vec![
        layer("Cost", Ink::Cost, Unit::Usd, Side::Left, Shape::Bars, cost),
        layer(
            "Cost per 1,000 requests",
            Ink::UnitCost,
            Unit::Usd,
            Side::Right,
            Shape::Line,
            per_1000,
        ),
    ];
    TimeChart {
        provisional: Some((estimated.collect(), "paler: estimated".to_owned())),
        ..chart(ask, "cost", "Cost", Widths::Full, layers)
    }
}

fn requests_chart(ask: &Ask, report: &Report) -> TimeChart {
    let (requests, errors) = (
        series(ask, report, "requests"),
        series(ask, report, "errors"),
    );
    let rate = ratio(&errors, &requests, 1.0);
    let layers = vec![
        layer(
            "Requests",
            Ink::Requests,
            Unit::Count,
            Side::Left,
            Shape::Bars,
            requests,
        ),
        layer(
            "Errors",
            Ink::Errors,
            Unit::Share,
            Side::Right,
            Shape::Line,
            rate,
        ),
    ];
    chart(ask, "requests", "Requests and errors", Widths::Half, layers)
}

fn latency_chart(ask: &Ask, report: &Report) -> TimeChart {
    let layers = vec![layer(
        "p95",
        Ink::P95,
        Unit::Ms,
        Side::Left,
        Shape::Line,
        series(ask, report, "p95_ms"),
    )];
    chart(ask, "latency", "p95 latency", Widths::Half, layers)
}

fn cold_chart(ask: &Ask, report: &Report) -> TimeChart {
    let layers = vec![layer(
        "Cold starts",
        Ink::Cold,
        Unit::Count,
        Side::Left,
        Shape::Bars,
        series(ask, report, "cold_starts"),
    )];
    chart(ask, "cold", "Cold starts", Widths::Half, layers)
}

fn dearest(ask: &Ask, report: &Report) -> Vec<Dear> {
    let mut rows: Vec<Row<'_>> = report
        .table
        .rows()
        .filter(|row| row.f64("cost_usd").is_some())
        .collect();
    rows.sort_by(|a, b| {
        b.f64("cost_usd")
            .unwrap_or(0.0)
            .total_cmp(&a.f64("cost_usd").unwrap_or(0.0))
    });
    let most = rows
        .first()
        .and_then(|row| row.f64("cost_usd"))
        .unwrap_or(0.0);
    rows.iter()
        .take(5)
        .map(|row| {
            let text = |column| row.text(column).unwrap_or_default();
            let (api, stage, route) = (text("api"), text("stage"), text("route"));
            Dear {
                href: ask.link(
                    "/route",
                    &[("api", api), ("stage", stage), ("route", route)],
                ),
                route: route.to_owned(),
                place: format!("{api} / {stage}"),
                cost: Unit::Usd.text(row.f64("cost_usd")),
                per_1000: Unit::Usd.text(row.f64("cost_per_1000_usd")),
                share: Unit::Share.text(row.f64("share_of_cost")),
                width: width(row.f64("cost_usd").unwrap_or(0.0), most),
            }
        })
        .collect()
}

fn services(report: &Report) -> Vec<Service> {
    let mut by_service: Vec<(String, f64)> = Vec::new();
    for row in report.table.rows() {
        let (Some(name), Some(cost)) = (row.text("service"), row.f64("cost_usd")) else {
            continue;
        };
        match by_service.iter_mut().find(|(service, _)| service == name) {
            Some((_, sum)) => *sum += cost,
            None => by_service.push((name.to_owned(), cost)),
        }
    }
    by_service.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: f64 = by_service.iter().map(|(_, cost)| cost).sum();
    let most = by_service.first().map_or(0.0, |(_, cost)| *cost);
    by_service
        .into_iter()
        .enumerate()
        .map(|(i, (name, cost))| Service {
            name,
            cost: format::usd(cost),
            share: Unit::Share.text((total > 0.0).then_some(cost / total)),
            width: width(cost, most),
            class: Ink::Series(u8::try_from(i).unwrap_or(u8::MAX)).class(),
        })
        .collect()
}

fn width(value: f64, most: f64) -> u32 {
    if most > 0.0 {
        (value / most * 100.0).clamp(0.0, 100.0).round() as u32
    } else {
        0
    }
}
