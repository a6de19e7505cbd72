//! `/`: what the account costs and how it does, against the period before.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use millicent_alerts::{ActiveAlert, Alerts, AlertsConfig, AlertsError, Severity};
use millicent_analyzer::{Coverage, Report, Row};

use super::{
    Page, bounds, bounds_before,
    cards::{Card, six},
    draw, report,
};
use crate::{
    WebState,
    charts::{Ink, Layer, Shape, Side, Slots, TimeChart, Widths},
    error::PageError,
    format::{self, Unit},
    frame::{Ask, Frame},
};

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
    href: String,
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
    /// Of the period before.
    before: Coverage,
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
    let data = data?;
    draw(move || Overview::new(&ask, &state, &data, alerts)?.render()).await
}

async fn load(state: &WebState, ask: &Ask) -> Result<Data, PageError> {
    let (overview, before, series, routes, services) = tokio::try_join!(
        report(state, "overview", bounds(ask)),
        report(state, "own-cost", bounds_before(ask)),
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
        before: before.coverage,
        series,
        routes,
        services,
    })
}

/// Alerts that fire now, whatever range is shown. Another process may evaluate them, so they are
/// read from the lake.
async fn active_alerts(state: &WebState, ask: &Ask) -> Vec<Alert> {
    let config = AlertsConfig {
        every: Duration::from_secs(60),
        base_url: None,
        params: BTreeMap::new(),
    };
    let (analyzer, lake) = (state.analyzer.clone(), state.analyzer.lake().clone());
    let read = async {
        let alerts = Alerts::new(analyzer, lake, config, Vec::new(), state.clock.clone())?;
        alerts.refresh().await?;
        Ok::<_, AlertsError>(alerts.active())
    };
    match read.await {
        Ok(mut active) => {
            active.sort_by_key(|alert| {
                (
                    alert.severity != Severity::Critical,
                    Reverse(alert.fired_at),
                )
            });
            active.iter().map(|alert| Alert::new(ask, alert)).collect()
        }
        Err(error) => {
            tracing::error!(%error, "the alerts could not be read for the overview");
            vec![Alert {
                severity: "warning".to_owned(),
                text: "Alerts could not be read; the log says why.".to_owned(),
                since: String::new(),
                href: ask.link("/status", &[]),
            }]
        }
    }
}

impl Alert {
    fn new(ask: &Ask, alert: &ActiveAlert) -> Alert {
        let label = |name| alert.labels.get(name).map(String::as_str);
        let href = match (label("api"), label("stage"), label("route")) {
            (Some(api), Some(stage), Some(route)) => ask.link(
                "/route",
                &[("api", api), ("stage", stage), ("route", route)],
            ),
            _ => ask.link(&format!("/reports/{}", alert.rule), &[]),
        };
        let since = alert.since.unwrap_or(alert.fired_at);
        // The line says since when as well; here it stands apart.
        let text = alert
            .line
            .split(", since ")
            .next()
            .unwrap_or_default()
            .to_owned();
        Alert {
            severity: alert.severity.to_string(),
            text,
            since: format!("since {} UTC", format::minute(since)),
            href,
        }
    }
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
            cards: cards(&data.overview, &data.before),
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

fn cards(report: &Report, before: &Coverage) -> Vec<Card> {
    let period = |name: &str| {
        report
            .table
            .rows()
            .find(|row| row.text("period") == Some(name))
    };
    let (now, earlier) = (period("current"), period("previous"));
    let value = |row: &Option<Row<'_>>, column: &str| row.as_ref().and_then(|row| row.f64(column));
    six(
        |column| (value(&now, column), value(&earlier, column)),
        &report.coverage,
        before,
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        self,
        Cell::{Missing, Number, Text, Time, Whole},
    };

    #[tokio::test]
    async fn figures_of_the_account() {
        let (state, _folder) = testing::state().await;
        let ask = Ask::new("/", None, &HeaderMap::new(), testing::now()).unwrap();
        let coverage = || testing::coverage(0.998);
        let ts = ask.range.from;
        let overview = vec![
            vec![
                Text("current".into()),
                Number(4.5),
                Whole(1_000),
                Number(0.01),
                Missing,
            ],
            vec![
                Text("previous".into()),
                Number(3.0),
                Whole(1_000),
                Number(0.02),
                Missing,
            ],
        ];
        let route = |name: &str, cost| {
            vec![
                Text("a".into()),
                Text("b".into()),
                Text(name.into()),
                Number(cost),
                Number(0.5),
            ]
        };
        let data = Data {
            overview: testing::report(
                &state,
                &[
                    "period",
                    "cost_usd",
                    "requests",
                    "error_rate",
                    "cold_start_rate",
                ],
                overview,
                coverage(),
            )
            .await,
            before: coverage(),
            series: testing::report(
                &state,
                &["ts", "cost_usd", "requests", "errors", "p95_ms"],
                vec![vec![Time(ts), Number(0.1), Whole(40), Whole(0), Missing]],
                coverage(),
            )
            .await,
            routes: testing::report(
                &state,
                &["api", "stage", "route", "cost_usd", "share_of_cost"],
                vec![route("GET /cheap", 0.1), route("GET /\"><img src=x>", 3.0)],
                coverage(),
            )
            .await,
            services: testing::report(
                &state,
                &["service", "cost_usd"],
                vec![
                    vec![Text("AWS Lambda".into()), Number(1.0)],
                    vec![Text("AWS Lambda".into()), Number(2.0)],
                    vec![Text("Tax".into()), Number(1.0)],
                ],
                coverage(),
            )
            .await,
        };
        let html = Overview::new(&ask, &state, &data, Vec::new())
            .unwrap()
            .render()
            .unwrap();
        for text in [
            "$4.50",
            "50% more",
            "50% fewer",
            "as before",
            "No data in this range yet.",
            "75%",
            "As of 08:44 UTC",
        ] {
            assert!(html.contains(text), "{text} is not in the page");
        }
        assert!(!html.contains("<img") && !html.contains("NaN"));
        let (dear, cheap) = (
            html.find("img src").unwrap(),
            html.find("GET /cheap").unwrap(),
        );
        assert!(dear < cheap, "the dearest comes first");
        assert!(
            html.contains("<p class=\"value\">—</p>"),
            "missing cold starts are a dash"
        );
    }

    #[tokio::test]
    async fn an_empty_lake_has_no_alerts() {
        let (state, _folder) = testing::state().await;
        let ask = Ask::new("/", None, &HeaderMap::new(), testing::now()).unwrap();
        assert!(active_alerts(&state, &ask).await.is_empty());
    }
}
