//! `/reports`: every query of the catalog as a form and a table, written from its header.

mod cell;
mod groups;

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    http::HeaderMap,
};
use millicent_analyzer::{Kind, Params, Query, Report, Row};
use serde_json::Value;

use self::{cell::cell, groups::grouped};
use super::{Page, draw, report};
use crate::{WebState, ask::Ask, format, frame::Frame, query::href, range::rfc3339};

/// More rows than this are left to the CSV file.
const MOST_ROWS: usize = 500;

#[derive(Template)]
#[template(path = "reports.html")]
struct List {
    frame: Frame,
    groups: Vec<(&'static str, Vec<Entry>)>,
}

struct Entry {
    href: String,
    title: String,
    name: String,
    answers: String,
}

/// `GET /reports`.
pub(crate) async fn list(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new("/reports", query.as_deref(), &headers, (state.clock)())?;
    let coverage = super::status::sources(&state).await?.coverage;
    draw(move || {
        let catalog = state.analyzer.catalog();
        let queries: Vec<&Query> = catalog.iter().map(|query| &**query).collect();
        let groups = grouped(&queries).into_iter().map(|(title, queries)| {
            let entries = queries.into_iter().map(|query| Entry::new(&ask, query));
            (title, entries.collect())
        });
        List {
            groups: groups.collect(),
            frame: Frame::new("Reports", &ask, &state, Some(&coverage)),
        }
        .render()
    })
    .await
}

impl Entry {
    fn new(ask: &Ask, query: &Query) -> Entry {
        Entry {
            href: ask.link(&format!("/reports/{}", query.name), &[]),
            title: query.title.clone(),
            name: query.name.clone(),
            answers: query.answers.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    name: String,
    answers: String,
    list_href: String,
    fields: Vec<Field>,
    range: Vec<(&'static str, String)>,
    /// Set where parameters are missing: nothing was asked yet.
    waiting: Vec<String>,
    table: Option<Answer>,
    columns: Vec<Column>,
    sql: String,
}

/// A field of the form.
struct Field {
    name: String,
    kind: &'static str,
    value: String,
    doc: String,
    required: bool,
    placeholder: String,
}

struct Answer {
    rows: Vec<Vec<Cell>>,
    all: usize,
    cut: bool,
    elapsed: String,
    csv: String,
    json: String,
}

struct Cell {
    text: String,
    /// Page of the route that the row is about.
    href: Option<String>,
    missing: bool,
}

struct Column {
    name: String,
    doc: String,
    numeric: bool,
}

/// `GET /reports/{name}`.
pub(crate) async fn page(
    State(state): State<WebState>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let ask = Ask::new(
        "/reports/{name}",
        query.as_deref(),
        &headers,
        (state.clock)(),
    )?;
    let query = state.analyzer.catalog().get(&name)?;
    let values = values(&ask, &query);
    let missing: Vec<String> = query
        .params
        .iter()
        .filter(|param| param.required && !values.iter().any(|(name, _)| *name == param.name))
        .map(|param| param.name.clone())
        .collect();
    let answer = if missing.is_empty() {
        let params = Params::parse(&query, values.iter().cloned())?;
        Some(report(&state, &query.name, params).await?)
    } else {
        None
    };
    draw(move || ReportPage::new(&ask, &state, &query, &values, missing, answer.as_ref()).render())
        .await
}

/// Values by parameter: those of the URL, and the page's range for `from` and `to`.
fn values(ask: &Ask, query: &Query) -> Vec<(String, String)> {
    query
        .params
        .iter()
        .filter_map(|param| {
            let value = match param.name.as_str() {
                "from" => Some(rfc3339(ask.range.from)),
                "to" => Some(rfc3339(ask.range.to)),
                "interval_s" => Some(
                    ask.query
                        .get("interval_s")
                        .map_or_else(|| ask.range.step_s().to_string(), str::to_owned),
                ),
                other => ask.query.get(other).map(str::to_owned),
            };
            Some((param.name.clone(), value?))
        })
        .collect()
}

impl ReportPage {
    fn new(
        ask: &Ask,
        state: &WebState,
        query: &Query,
        values: &[(String, String)],
        waiting: Vec<String>,
        report: Option<&Report>,
    ) -> ReportPage {
        let fields = query
            .params
            .iter()
            .filter(|param| !matches!(param.name.as_str(), "from" | "to"))
            .map(|param| Field {
                name: param.name.clone(),
                kind: if matches!(param.kind, Kind::Integer | Kind::Double) {
                    "number"
                } else {
                    "text"
                },
                value: values
                    .iter()
                    .find(|(name, _)| *name == param.name)
                    .map_or_else(String::new, |(_, v)| v.clone()),
                doc: param.doc.clone(),
                required: param.required,
                placeholder: param.default.clone().unwrap_or_default(),
            })
            .collect();
        let mut frame = Frame::new(
            query.title.clone(),
            ask,
            state,
            report.map(|report| &report.coverage),
        );
        frame.readdress(&format!("/reports/{}", query.name));
        ReportPage {
            frame,
            name: query.name.clone(),
            answers: query.answers.clone(),
            list_href: ask.link("/reports", &[]),
            fields,
            range: ask.range.pairs(),
            waiting,
            table: report.map(|report| Answer::new(ask, query, values, report)),
            columns: query
                .columns
                .iter()
                .map(|column| Column {
                    name: column.name.clone(),
                    doc: column.doc.clone(),
                    numeric: matches!(column.kind, Kind::Integer | Kind::Double | Kind::Decimal),
                })
                .collect(),
            sql: query.sql.clone(),
        }
    }
}

impl Answer {
    fn new(ask: &Ask, query: &Query, values: &[(String, String)], report: &Report) -> Answer {
        let pairs = || {
            values
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
        };
        let path = format!("/api/v1/reports/{}", query.name);
        let positions: Vec<Option<usize>> = {
            let names = report.table.column_names();
            query
                .columns
                .iter()
                .map(|column| names.iter().position(|name| *name == column.name))
                .collect()
        };
        let rows = report.table.rows().take(MOST_ROWS).map(|row| {
            let cells = query.columns.iter().zip(&positions);
            cells
                .map(|(column, at)| {
                    let value = at.map_or(Value::Null, |at| row.value(at));
                    Cell {
                        missing: value.is_null(),
                        text: cell(&column.name, column.kind, &value),
                        href: (column.name == "route")
                            .then(|| route_href(ask, &row))
                            .flatten(),
                    }
                })
                .collect()
        });
        Answer {
            rows: rows.collect(),
            all: report.table.num_rows(),
            cut: report.table.is_truncated() || report.table.num_rows() > MOST_ROWS,
            elapsed: format::ms(report.elapsed_ms as f64),
            csv: href(&path, pairs().chain([("format", "csv")])),
            json: href(&path, pairs()),
        }
    }
}

/// The page of the route that a row is about.
fn route_href(ask: &Ask, row: &Row<'_>) -> Option<String> {
    let names = ["api", "stage", "route"];
    let [api, stage, route] = names.map(|name| row.text(name));
    Some(ask.link(
        "/route",
        &[("api", api?), ("stage", stage?), ("route", route?)],
    ))
}
