//! `/`: what the account costs and how it does, against the period before.

mod charts;

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
    changes::{self, Moved},
    draw, patient, report,
};
use crate::{
    WebState,
    ask::Ask,
    charts::Ink,
    error::PageError,
    format::{self, Unit},
    frame::Frame,
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
    moved: Vec<Moved>,
    /// Said where nothing moved, or nothing can be compared.
    still: &'static str,
    against: String,
    changes_href: String,
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
    /// The same in steps of an hour at least: cost, and what is estimated from traces.
    hours: Report,
    /// What requests caused, route by route, in those steps.
    route_series: Report,
    routes: Report,
    services: Report,
    changes: Report,
    /// Of the hours that the changes are counted from.
    week_before: Coverage,
}

/// `GET /`.
pub(crate) async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new("/", query.as_deref(), &headers, (state.clock)())?;
    let both = async {
        tokio::try_join!(load(&state, &ask), async {
            Ok(active_alerts(&state, &ask).await)
        })
    };
    let (data, alerts) = patient(&state, both).await?;
    draw(move || Overview::new(&ask, &state, &data, alerts)?.render()).await
}

async fn load(state: &WebState, ask: &Ask) -> Result<Data, PageError> {
    let (step, cost_step) = (ask.range.step_s(), ask.range.cost_step_s());
    let (overview, before, series, hours, route_series, routes, services, changes, week_before) = tokio::try_join!(
        report(state, "overview", bounds(ask)),
        report(state, "own-cost", bounds_before(ask)),
        report(
            state,
            "overview-series",
            bounds(ask).set("interval_s", step)
        ),
        report(
            state,
            "overview-series",
            bounds(ask).set("interval_s", cost_step)
        ),
        report(
            state,
            "routes-series",
            bounds(ask).set("interval_s", cost_step)
        ),
        report(state, "routes", bounds(ask)),
        report(state, "cost-by-day-and-service", bounds(ask)),
        report(state, "cost-change", changes::compared(ask)),
        report(state, "own-cost", changes::weeks_before(ask)),
    )?;
    Ok(Data {
        overview,
        before: before.coverage,
        series,
        hours,
        route_series,
        routes,
        services,
        changes,
        week_before: week_before.coverage,
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
        let (moved, still) = match changes::incomparable(coverage, &data.week_before) {
            Some(why) => (Vec::new(), why),
            None => (
                changes::moved(ask, &data.changes),
                "Everything costs as much as in the hours before.",
            ),
        };
        Ok(Overview {
            frame: Frame::new("Overview", ask, state, Some(coverage)),
            alerts,
            cards: cards(&data.overview, &data.before),
            cost: charts::cost(ask, data).render()?,
            requests: charts::requests(ask, data).render()?,
            latency: charts::latency(ask, data).render()?,
            cold: charts::cold(ask, data).render()?,
            moved,
            still,
            against: changes::against(ask),
            changes_href: ask.link("/reports/cost-change", &[]),
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
    let mut cards = six(
        |column| (value(&now, column), value(&earlier, column)),
        &report.coverage,
        before,
    );
    let caused = value(&now, "routes_cost_usd")
        .map(|cost| format!("{} of it caused by requests", format::usd(cost)));
    cards[0].notes.splice(0..0, caused);
    cards
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
mod tests;
