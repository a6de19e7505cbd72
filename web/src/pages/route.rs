//! `/route`: one route: how fast, how often, how dear, and what stands behind it.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use chrono::{DateTime, TimeDelta, Utc};
use millicent_analyzer::{Params, Report, Row};

use super::{
    Page, bounds, bounds_before,
    cards::{Card, six},
    draw, report,
};
use crate::{
    WebState,
    charts::{Ink, Layer, Mark, Shape, Side, Slots, TimeChart, Widths},
    error::PageError,
    format::{self, Unit},
    frame::{Ask, Frame, coverage_note},
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
    services: Vec<ServiceCost>,
    services_csv: String,
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

    fn is(&self, row: &Row<'_>) -> bool {
        self.pairs()
            .into_iter()
            .all(|(name, value)| row.text(name) == Some(value))
    }
}

struct Data {
    now: Report,
    before: Report,
    series: Report,
    coarse: Report,
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
    let data = load(&state, &ask, &key).await?;
    if !data.now.table.rows().any(|row| key.is(&row)) && data.series.table.num_rows() == 0 {
        return Err(unknown(&ask, &key, &data.now));
    }
    draw(move || RoutePage::new(&ask, &state, key, &data)?.render()).await
}

async fn load(state: &WebState, ask: &Ask, key: &Key) -> Result<Data, PageError> {
    let length = ask.range.to - ask.range.from;
    let (now, before, series, coarse, cost, traces, deploys) = tokio::try_join!(
        report(state, "routes", bounds(ask)),
        report(state, "routes", bounds_before(ask)),
        report(state, "route-series", key.set(bounds(ask))),
        report(
            state,
            "routes-series",
            bounds(ask).set("interval_s", ask.range.step_s())
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
        series,
        coarse,
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
        Ok(RoutePage {
            frame: Frame::new(key.route.clone(), ask, state, Some(coverage)),
            routes_href: ask.link("/routes", &[]),
            cards: cards(&key, data),
            latency: latency_chart(ask, &key, data, &deploys).render()?,
            requests: requests_chart(ask, &key, data, &deploys).render()?,
            cost: cost_chart(ask, &key, data, &deploys).render()?,
            services: services(&data.cost),
            services_csv: ask.csv("route-cost", &key.pairs()),
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
    let value = |row: &Option<Row<'_>>, column: &str| row.as_ref().and_then(|row| row.f64(column));
    six(
        |column| (value(&now, column), value(&before, column)),
        &data.now.coverage,
        &data.before.coverage,
    )
}

fn deploys(report: &Report) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for row in report.table.rows() {
        let Some(ts) = row.timestamp("ts") else {
            continue;
        };
        let label = row.text("name").unwrap_or("deploy").to_owned();
        // One deploy changes several resources within minutes.
        match marks.last_mut() {
            Some(last) if ts - last.ts < TimeDelta::minutes(10) => {
                last.label = format!("{}, {label}", last.label)
            }
            _ => marks.push(Mark { ts, label }),
        }
    }
    marks
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

/// Latency at CloudWatch's own resolution: percentiles are never averaged.
fn latency_chart(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let rows: Vec<(DateTime<Utc>, i64, Row<'_>)> = data
        .series
        .table
        .rows()
        .filter_map(|row| Some((row.timestamp("ts")?, row.i64("period_s").unwrap_or(60), row)))
        .collect();
    let slots = Slots::of_periods(rows.iter().map(|(ts, period_s, _)| (*ts, *period_s)));
    let values = |column: &str| slots.place(rows.iter().map(|(ts, _, row)| (*ts, row.f64(column))));
    let layers = [
        ("p99", Ink::P99, "p99_ms"),
        ("p95", Ink::P95, "p95_ms"),
        ("p50", Ink::P50, "p50_ms"),
    ]
    .into_iter()
    .map(|(name, ink, column)| layer(name, ink, Unit::Ms, Side::Left, Shape::Line, values(column)))
    .collect();
    let period = rows.iter().map(|(_, period_s, _)| *period_s).max();
    TimeChart {
        id: "latency",
        title: "Latency".to_owned(),
        subtitle: period.map_or_else(String::new, |period_s| format!("each {}, UTC", format::step(period_s))),
        from: ask.range.from,
        to: ask.range.to,
        layers,
        slots,
        marks: deploys.to_vec(),
        provisional: None,
        widths: Widths::Full,
        csv: Some(ask.csv("route-series", &key.pairs())),
        empty: "CloudWatch has no latency of this route in this range. Detailed metrics may be off for its stage."
            .to_owned(),
    }
}

fn bars(ask: &Ask, key: &Key, deploys: &[Mark]) -> TimeChart {
    TimeChart {
        id: "requests",
        title: "Requests and errors".to_owned(),
        subtitle: format!("per {}, UTC", format::step(ask.range.step_s())),
        from: ask.range.from,
        to: ask.range.to,
        slots: Slots::regular(ask.range.from, ask.range.to, ask.range.step_s()),
        layers: Vec::new(),
        marks: deploys.to_vec(),
        provisional: None,
        widths: Widths::Half,
        csv: Some(ask.csv("route-series", &key.pairs())),
        empty: "No requests in this range.".to_owned(),
    }
}

fn coarse(chart: &TimeChart, key: &Key, data: &Data, column: &str) -> Vec<Option<f64>> {
    let rows = data.coarse.table.rows().filter(|row| key.is(row));
    chart
        .slots
        .place(rows.filter_map(|row| Some((row.timestamp("ts")?, row.f64(column)))))
}

fn ratio(above: &[Option<f64>], below: &[Option<f64>], scale: f64) -> Vec<Option<f64>> {
    above
        .iter()
        .zip(below)
        .map(|(a, b)| Some((*a)? / (*b).filter(|b| *b > 0.0)? * scale))
        .collect()
}

fn requests_chart(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let chart = bars(ask, key, deploys);
    let (requests, errors) = (
        coarse(&chart, key, data, "requests"),
        coarse(&chart, key, data, "errors"),
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
    TimeChart { layers, ..chart }
}

fn cost_chart(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let chart = bars(ask, key, deploys);
    let (cost, requests) = (
        coarse(&chart, key, data, "cost_usd"),
        coarse(&chart, key, data, "requests"),
    );
    let per_1000 = ratio(&cost, &requests, 1_000.0);
    let layers = vec![
        layer("Cost", Ink::Cost, Unit::Usd, Side::Left, Shape::Bars, cost),
        layer(
            "Per 1,000 requests",
            Ink::UnitCost,
            Unit::Usd,
            Side::Right,
            Shape::Line,
            per_1000,
        ),
    ];
    TimeChart {
        id: "cost",
        title: "Cost".to_owned(),
        layers,
        csv: Some(ask.csv(
            "routes-series",
            &[("interval_s", &ask.range.step_s().to_string())],
        )),
        empty: "No cost of this route in this range yet.".to_owned(),
        ..chart
    }
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
                    .map_or_else(|| format::MISSING.to_owned(), format::second),
                duration: Unit::Ms.text(row.f64("duration_ms")),
                status: status
                    .map_or_else(|| format::MISSING.to_owned(), |status| status.to_string()),
                failed: status.is_some_and(|status| status >= 500),
                cold: match row.bool("cold_start") {
                    Some(true) => "cold",
                    Some(false) => "warm",
                    None => format::MISSING,
                },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        self,
        Cell::{self, Flag, Missing, Number, Text, Time, Whole},
    };

    const HOSTILE: &str = "GET /<script>alert('1')</script>\"";

    fn ask(query: &str) -> Ask {
        Ask::new("/route", Some(query), &HeaderMap::new(), testing::now()).unwrap()
    }

    async fn data(state: &WebState, ask: &Ask) -> Data {
        let key = || {
            vec![
                Text("shop".into()),
                Text("prod".into()),
                Text(HOSTILE.into()),
            ]
        };
        let at = |minutes: i64| Time(ask.range.to - TimeDelta::minutes(minutes));
        let of_key = |cells: Vec<Cell>| key().into_iter().chain(cells).collect::<Vec<_>>();
        let coverage = || testing::coverage(0.926);
        let report = async |columns: &[&str], rows: Vec<Vec<Cell>>| {
            testing::report(state, columns, rows, coverage()).await
        };
        let routes = ["api", "stage", "route", "requests", "p95_ms", "cost_usd"];
        Data {
            now: report(
                &routes,
                vec![of_key(vec![Whole(1_200), Missing, Number(0.42)])],
            )
            .await,
            before: report(
                &routes,
                vec![of_key(vec![Whole(1_000), Number(300.0), Number(0.40)])],
            )
            .await,
            series: report(
                &["ts", "period_s", "p50_ms", "p95_ms", "p99_ms"],
                vec![
                    vec![at(60), Whole(60), Number(20.0), Number(90.0), Number(300.0)],
                    vec![at(59), Whole(60), Number(21.0), Number(95.0), Number(310.0)],
                    vec![at(20), Whole(60), Number(22.0), Missing, Number(320.0)],
                ],
            )
            .await,
            coarse: report(
                &[
                    "api", "stage", "route", "ts", "requests", "errors", "cost_usd",
                ],
                vec![of_key(vec![at(60), Whole(600), Whole(3), Number(0.2)])],
            )
            .await,
            cost: report(
                &["service", "cost_usd", "basis", "cost_estimated"],
                vec![vec![
                    Text("AWS Lambda".into()),
                    Number(0.3),
                    Text("traced time".into()),
                    Number(1.0),
                ]],
            )
            .await,
            traces: report(
                &["trace_id", "ts", "duration_ms", "status", "cold_start"],
                vec![vec![
                    Text("1-<b>".into()),
                    at(30),
                    Number(1_240.0),
                    Whole(502),
                    Flag(true),
                ]],
            )
            .await,
            deploys: report(
                &["ts", "name"],
                vec![
                    vec![at(58), Text("orders<i>".into())],
                    vec![at(57), Text("cart".into())],
                ],
            )
            .await,
        }
    }

    #[tokio::test]
    async fn one_route_with_everything_that_is_known_of_it() {
        let (state, _folder) = testing::state().await;
        let key = Key {
            api: "shop".into(),
            stage: "prod".into(),
            route: HOSTILE.into(),
        };
        let ask = ask("range=24h");
        let data = data(&state, &ask).await;
        let html = RoutePage::new(&ask, &state, key, &data)
            .unwrap()
            .render()
            .unwrap();
        for tag in ["<script>alert", "<b>", "orders<i>", "NaN"] {
            assert!(!html.contains(tag), "{tag} is in the page");
        }
        for text in [
            "$0.42",
            "92% of the range collected",
            "traced time",
            "1.24 s",
            "502",
            "orders&#60;i&#62;, cart",
        ] {
            assert!(html.contains(text), "{text} is not in the page");
        }
        assert!(
            html.contains("<p class=\"value\">—</p>"),
            "the missing p95 is a dash"
        );
        assert!(html.contains("not compared: not fully collected"));
    }

    #[tokio::test]
    async fn an_unknown_route_suggests_those_like_it() {
        let (state, _folder) = testing::state().await;
        let ask = ask("range=7d");
        let row = |route: &str| vec![Text("shop".into()), Text("prod".into()), Text(route.into())];
        let rows = vec![
            row("POST /checkout"),
            row("GET /orders"),
            row("GET /orders/{id}"),
        ];
        let report = testing::report(
            &state,
            &["api", "stage", "route"],
            rows,
            testing::coverage(1.0),
        )
        .await;
        let key = Key {
            api: "shop".into(),
            stage: "prod".into(),
            route: "GET /order".into(),
        };
        match unknown(&ask, &key, &report) {
            PageError::NotFound { what, suggestions } => {
                assert!(what.contains("GET /order"));
                assert_eq!(suggestions[0].0, "GET /orders · shop / prod");
                assert_eq!(
                    suggestions[0].1,
                    "/route?api=shop&stage=prod&route=GET+%2Forders&range=7d"
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn likeness_counts_edits() {
        assert_eq!(distance("get /orders", "get /orders"), 0);
        assert_eq!(distance("get /order", "get /orders"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert!(
            distance("get /orders", "get /orders/{id}") < distance("get /orders", "post /checkout")
        );
    }
}
