//! `/routes`: every route of every API, the dearest first.

use std::{cmp::Ordering, collections::HashMap};

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use millicent_analyzer::{Report, Row};

use super::{
    Page, bounds,
    cards::{estimate_note, interval},
    draw, report,
};
use crate::{
    WebState,
    charts::{Ink, Slots, sparkline},
    error::PageError,
    format::{self, Unit},
    frame::{Ask, Frame, coverage_note},
    query::href,
};

#[derive(Template)]
#[template(path = "routes.html")]
struct Routes {
    frame: Frame,
    headers: Vec<Header>,
    rows: Vec<Line>,
    filter: String,
    sort: &'static str,
    dir: &'static str,
    /// Rows of the table, and of the account.
    shown: usize,
    all: usize,
    total: Option<Line>,
    notes: Vec<String>,
    csv: String,
    range: Vec<(&'static str, String)>,
    clear: String,
}

/// A column that can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    /// In the URL.
    key: &'static str,
    label: &'static str,
    /// Of the report.
    column: &'static str,
    meaning: &'static str,
}

const COLUMNS: [Column; 9] = [
    Column {
        key: "route",
        label: "Route",
        column: "route",
        meaning: "Method and path template, with API and stage",
    },
    Column {
        key: "requests",
        label: "Requests",
        column: "requests",
        meaning: "As API Gateway counts them",
    },
    Column {
        key: "errors",
        label: "Errors",
        column: "error_rate",
        meaning: "Share of requests answered with a 5xx status",
    },
    Column {
        key: "p50",
        label: "p50",
        column: "p50_ms",
        meaning: "Half of the requests were answered within this time",
    },
    Column {
        key: "p95",
        label: "p95",
        column: "p95_ms",
        meaning: "95 of 100 requests were answered within this time",
    },
    Column {
        key: "cold",
        label: "Cold starts",
        column: "cold_start_rate",
        meaning: "Share of requests that waited for an initialisation, estimated from traces weighted by requests",
    },
    Column {
        key: "cost",
        label: "Cost",
        column: "cost_usd",
        meaning: "What the route's requests cost, over all services",
    },
    Column {
        key: "per-1000",
        label: "Per 1,000",
        column: "cost_per_1000_usd",
        meaning: "Cost of 1,000 requests of the route",
    },
    Column {
        key: "share",
        label: "Share",
        column: "share_of_cost",
        meaning: "Of the cost of all routes",
    },
];

/// How the table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sort {
    column: Column,
    descending: bool,
}

/// A header with the link that sorts by it.
struct Header {
    label: &'static str,
    meaning: &'static str,
    href: String,
    numeric: bool,
    /// `ascending`, `descending` or empty.
    sorted: &'static str,
}

/// A row of the table.
struct Line {
    href: String,
    route: String,
    place: String,
    requests: String,
    requests_exact: String,
    requests_shape: Option<String>,
    errors: String,
    bad: bool,
    p50: String,
    p95: String,
    p95_interval: Option<String>,
    cold: String,
    cold_interval: Option<String>,
    cost: String,
    cost_shape: Option<String>,
    estimate: Option<String>,
    per_1000: String,
    share: String,
    width: u32,
}

/// `GET /routes`.
pub(crate) async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new("/routes", query.as_deref(), &headers, (state.clock)())?;
    let sort = Sort::parse(&ask)?;
    let step_s = shape_step_s(&ask);
    let (routes, series) = tokio::try_join!(
        report(&state, "routes", bounds(&ask)),
        report(
            &state,
            "routes-series",
            bounds(&ask).set("interval_s", step_s)
        ),
    )?;
    draw(move || Routes::new(&ask, &state, sort, &routes, &series, step_s).render()).await
}

/// Sparklines are drawn with about 30 points.
fn shape_step_s(ask: &Ask) -> i64 {
    let step = ask.range.step_s();
    let points = ((ask.range.to - ask.range.from).num_seconds() / step).max(1);
    step * (points / 30).max(1)
}

impl Sort {
    fn parse(ask: &Ask) -> Result<Sort, PageError> {
        let key = ask.query.get("sort").unwrap_or("cost");
        let keys = || COLUMNS.map(|column| column.key).join(", ");
        let column = *COLUMNS
            .iter()
            .find(|column| column.key == key)
            .ok_or_else(|| {
                PageError::parameter(
                    "sort",
                    format!("“{key}” is not a column. It is one of {}", keys()),
                )
            })?;
        let descending = match ask.query.get("dir") {
            None => column.key != "route",
            Some("desc") => true,
            Some("asc") => false,
            Some(other) => {
                return Err(PageError::parameter(
                    "dir",
                    format!("“{other}” is no direction. It is asc or desc"),
                ));
            }
        };
        Ok(Sort { column, descending })
    }

    /// Orders two rows. What is missing comes last in both directions.
    fn compare(self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        let name = |row: &Row<'_>| {
            ["route", "api", "stage"].map(|column| row.text(column).unwrap_or_default().to_owned())
        };
        let turn = |order: Ordering| {
            if self.descending {
                order.reverse()
            } else {
                order
            }
        };
        let by_name = || name(a).cmp(&name(b));
        if self.column.key == "route" {
            return turn(by_name());
        }
        let value = |row: &Row<'_>| row.f64(self.column.column).filter(|v| v.is_finite());
        match (value(a), value(b)) {
            (Some(a), Some(b)) => turn(a.total_cmp(&b)).then_with(by_name),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => by_name(),
        }
    }
}

type Key = (String, String, String);

fn key(row: &Row<'_>) -> Key {
    let text = |column| row.text(column).unwrap_or_default().to_owned();
    (text("api"), text("stage"), text("route"))
}

impl Routes {
    fn new(
        ask: &Ask,
        state: &WebState,
        sort: Sort,
        report: &Report,
        series: &Report,
        step_s: i64,
    ) -> Routes {
        let filter = ask.query.get("q").unwrap_or_default().trim().to_owned();
        let all = report.table.num_rows();
        let mut rows: Vec<Row<'_>> = report
            .table
            .rows()
            .filter(|row| matches(row, &filter))
            .collect();
        rows.sort_by(|a, b| sort.compare(a, b));
        let most = rows
            .iter()
            .filter_map(|row| row.f64("share_of_cost"))
            .fold(0.0, f64::max);
        let shapes = Shapes::new(ask, series, step_s);
        let lines: Vec<Line> = rows
            .iter()
            .map(|row| Line::new(ask, row, most, &shapes))
            .collect();
        let mut notes: Vec<String> = Vec::new();
        for (what, sources) in [
            ("Requests and latency", &["apigateway-metrics"][..]),
            ("Cold starts", &["traces"]),
            ("Cost", &["apigateway-metrics", "lambda-metrics"]),
        ] {
            notes.extend(
                coverage_note(&report.coverage, sources).map(|note| format!("{what}: {note}.")),
            );
        }
        Routes {
            frame: Frame::new("Routes", ask, state, Some(&report.coverage)),
            headers: COLUMNS
                .iter()
                .map(|column| header(ask, sort, column))
                .collect(),
            shown: lines.len(),
            all,
            total: (rows.len() > 1).then(|| Line::total(&rows)),
            rows: lines,
            sort: sort.column.key,
            dir: if sort.descending { "desc" } else { "asc" },
            notes,
            csv: ask.csv("routes", &[]),
            range: ask.range.pairs(),
            clear: ask.link("/routes", &[("sort", sort.column.key)]),
            filter,
        }
    }
}

/// Every word of the filter is somewhere in route, API or stage.
fn matches(row: &Row<'_>, filter: &str) -> bool {
    let (api, stage, route) = key(row);
    let text = format!("{route} {api} {stage}").to_lowercase();
    filter
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

fn header(ask: &Ask, sort: Sort, column: &Column) -> Header {
    let active = sort.column.key == column.key;
    // A second click turns the order; the first one starts with what is most, or with A.
    let descending = if active {
        !sort.descending
    } else {
        column.key != "route"
    };
    let others = ask
        .query
        .pairs()
        .filter(|(key, _)| !matches!(*key, "sort" | "dir" | "theme"));
    let dir = if descending { "desc" } else { "asc" };
    Header {
        label: column.label,
        meaning: column.meaning,
        href: href(
            "/routes",
            others.chain([("sort", column.key), ("dir", dir)]),
        ),
        numeric: column.key != "route",
        sorted: match (active, sort.descending) {
            (true, true) => "descending",
            (true, false) => "ascending",
            _ => "",
        },
    }
}

/// Requests and cost of each route over time.
struct Shapes {
    slots: Slots,
    rows: HashMap<Key, (Vec<Option<f64>>, Vec<Option<f64>>)>,
}

impl Shapes {
    fn new(ask: &Ask, series: &Report, step_s: i64) -> Shapes {
        let slots = Slots::regular(ask.range.from, ask.range.to, step_s);
        let mut rows: HashMap<Key, (Vec<Option<f64>>, Vec<Option<f64>>)> = HashMap::new();
        for row in series.table.rows() {
            let Some(at) = row.timestamp("ts").and_then(|ts| slots.index_of(ts)) else {
                continue;
            };
            let none = || vec![None; slots.0.len()];
            let (requests, cost) = rows.entry(key(&row)).or_insert_with(|| (none(), none()));
            requests[at] = row.f64("requests");
            cost[at] = row.f64("cost_usd");
        }
        Shapes { slots, rows }
    }

    fn draw(&self, key: &Key, ink: Ink, unit: Unit) -> Option<String> {
        let (requests, cost) = self.rows.get(key)?;
        let values = if ink == Ink::Cost { cost } else { requests };
        // The last step is still under way and would look like a fall.
        let whole = if self.slots.0.len() > 2 {
            &values[..values.len() - 1]
        } else {
            values
        };
        let known = || whole.iter().flatten().copied();
        let (low, high) = (
            known().fold(f64::INFINITY, f64::min),
            known().fold(0.0, f64::max),
        );
        let step = self
            .slots
            .0
            .get(1)
            .map_or(0, |slot| (slot.to - slot.from).num_seconds());
        let label = format!(
            "{} to {} per {}",
            unit.text(Some(low)),
            unit.text(Some(high)),
            format::step(step.max(60))
        );
        sparkline(whole, ink, &label)
    }
}

impl Line {
    fn new(ask: &Ask, row: &Row<'_>, most: f64, shapes: &Shapes) -> Line {
        let key = key(row);
        let (api, stage, route) = &key;
        let share = row.f64("share_of_cost");
        Line {
            href: ask.link(
                "/route",
                &[("api", api), ("stage", stage), ("route", route)],
            ),
            place: format!("{api} / {stage}"),
            requests_shape: shapes.draw(&key, Ink::Requests, Unit::Count),
            cost_shape: shapes.draw(&key, Ink::Cost, Unit::Usd),
            p95_interval: interval(Unit::Ms, row.f64("p95_low_ms"), row.f64("p95_high_ms")),
            cold_interval: interval(
                Unit::Share,
                row.f64("cold_start_rate_low"),
                row.f64("cold_start_rate_high"),
            ),
            estimate: estimate_note(row.f64("cost_estimated")),
            width: share
                .filter(|_| most > 0.0)
                .map_or(0, |share| (share / most * 100.0).clamp(0.0, 100.0) as u32),
            ..Line::values(row, route.clone())
        }
    }

    fn values(row: &Row<'_>, route: String) -> Line {
        let requests = row.f64("requests");
        Line {
            href: String::new(),
            route,
            place: String::new(),
            requests: Unit::Count.text(requests),
            requests_exact: requests.map_or_else(String::new, format::count_exact),
            requests_shape: None,
            errors: Unit::Share.text(row.f64("error_rate")),
            bad: row.f64("error_rate").is_some_and(|rate| rate >= 0.01),
            p50: Unit::Ms.text(row.f64("p50_ms")),
            p95: Unit::Ms.text(row.f64("p95_ms")),
            p95_interval: None,
            cold: Unit::Share.text(row.f64("cold_start_rate")),
            cold_interval: None,
            cost: Unit::Usd.text(row.f64("cost_usd")),
            cost_shape: None,
            estimate: None,
            per_1000: Unit::Usd.text(row.f64("cost_per_1000_usd")),
            share: Unit::Share.text(row.f64("share_of_cost")),
            width: 0,
        }
    }

    /// Sums of the rows that are shown. Quantiles have no sum.
    fn total(rows: &[Row<'_>]) -> Line {
        let sum = |column: &str| {
            let known: Vec<f64> = rows.iter().filter_map(|row| row.f64(column)).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>())
        };
        let (requests, errors, cost) = (sum("requests"), sum("errors"), sum("cost_usd"));
        let ratio =
            |above: Option<f64>, scale: f64| Some(above? / requests.filter(|r| *r > 0.0)? * scale);
        Line {
            href: String::new(),
            route: format!("{} routes", rows.len()),
            place: String::new(),
            requests: Unit::Count.text(requests),
            requests_exact: requests.map_or_else(String::new, format::count_exact),
            requests_shape: None,
            errors: Unit::Share.text(ratio(errors, 1.0)),
            bad: false,
            p50: String::new(),
            p95: String::new(),
            p95_interval: None,
            cold: String::new(),
            cold_interval: None,
            cost: Unit::Usd.text(cost),
            cost_shape: None,
            estimate: None,
            per_1000: Unit::Usd.text(ratio(cost, 1_000.0)),
            share: Unit::Share.text(sum("share_of_cost")),
            width: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::testing::{
        self,
        Cell::{Missing, Number, Text, Time, Whole},
    };

    fn ask(query: &str) -> Ask {
        Ask::new("/routes", Some(query), &HeaderMap::new(), testing::now()).unwrap()
    }

    #[test]
    fn the_order_is_in_the_url() {
        let sort = Sort::parse(&ask("")).unwrap();
        assert_eq!((sort.column.key, sort.descending), ("cost", true));
        let sort = Sort::parse(&ask("sort=route")).unwrap();
        assert!(!sort.descending);
        let sort = Sort::parse(&ask("sort=p95&dir=asc")).unwrap();
        assert_eq!((sort.column.key, sort.descending), ("p95", false));
    }

    #[test]
    fn a_wrong_order_is_the_readers_mistake() {
        for (query, name) in [("sort=magic", "sort"), ("dir=up", "dir")] {
            match Sort::parse(&ask(query)) {
                Err(PageError::Parameter { name: got, .. }) => assert_eq!(got, name),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_second_click_turns_the_order_and_keeps_the_rest() {
        let ask = ask("range=7d&q=orders&sort=cost&dir=desc");
        let sort = Sort::parse(&ask).unwrap();
        let cost = header(&ask, sort, &COLUMNS[6]);
        assert_eq!(
            (cost.sorted, cost.href.as_str()),
            ("descending", "/routes?range=7d&q=orders&sort=cost&dir=asc")
        );
        let p95 = header(&ask, sort, &COLUMNS[4]);
        assert_eq!(
            (p95.sorted, p95.href.as_str()),
            ("", "/routes?range=7d&q=orders&sort=p95&dir=desc")
        );
    }

    #[tokio::test]
    async fn rows_are_filtered_sorted_and_summed() {
        let (state, _folder) = testing::state().await;
        let row = |route: &str, requests, cost| {
            vec![
                Text("shop".into()),
                Text("prod".into()),
                Text(route.into()),
                Whole(requests),
                cost,
            ]
        };
        let rows = vec![
            row("GET /orders", 100, Number(0.1)),
            row("POST /orders", 200, Missing),
            row("GET /carts", 300, Number(0.3)),
            row("PUT /orders/<b>", 400, Number(0.2)),
        ];
        let columns = ["api", "stage", "route", "requests", "cost_usd"];
        let report = testing::report(&state, &columns, rows, testing::coverage(1.0)).await;
        let series = testing::report(
            &state,
            &["api", "stage", "route", "ts", "requests", "cost_usd"],
            vec![vec![
                Text("shop".into()),
                Text("prod".into()),
                Text("GET /orders".into()),
                Time(testing::now() - TimeDelta::hours(5)),
                Whole(1),
                Missing,
            ]],
            testing::coverage(1.0),
        )
        .await;
        let ask = ask("q=ORDERS+shop");
        let sort = Sort::parse(&ask).unwrap();
        let page = Routes::new(&ask, &state, sort, &report, &series, shape_step_s(&ask));
        let order: Vec<&str> = page.rows.iter().map(|line| line.route.as_str()).collect();
        assert_eq!(
            order,
            ["PUT /orders/<b>", "GET /orders", "POST /orders"],
            "what is missing comes last"
        );
        let total = page.total.as_ref().unwrap();
        assert_eq!(
            (total.requests.as_str(), total.cost.as_str()),
            ("700", "$0.30")
        );
        let html = page.render().unwrap();
        assert!(html.contains("3 of 4 routes") && html.contains("aria-sort=\"descending\""));
        assert!(!html.contains("<b>") && html.contains("class=\"spark\""));
    }
}
