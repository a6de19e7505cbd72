//! `/reports`: every query of the catalog as a form and a table, written from its header.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    http::HeaderMap,
};
use millicent_analyzer::{Kind, Params, Query, Report, Row};
use serde_json::Value;

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

/// What a reader looks for, and the reports that tell it. What no group names comes last.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "What it costs",
        &[
            "cost-per-request-by-route",
            "cost-by-route-and-service",
            "explain-route",
            "route-cost",
            "cost-by-day-and-service",
            "cost-by-tag",
            "forecast",
        ],
    ),
    (
        "Does it add up",
        &["reconciliation", "estimate-against-bill"],
    ),
    (
        "What changed, and why",
        &["cost-change", "deploy-effect", "deploys"],
    ),
    (
        "How fast it is",
        &[
            "latency-by-route",
            "cold-starts-by-function",
            "slowest-traces",
        ],
    ),
    (
        "What stands behind it",
        &[
            "functions",
            "memory-right-sizing",
            "entry-points",
            "state-machines",
            "tables",
            "buckets",
            "log-groups",
            "idle-resources",
        ],
    ),
];

/// The last groups: everything else, what the collection itself did, and the rules.
const COLLECTION: &[&str] = &[
    "coverage",
    "collection-windows",
    "collection-filters",
    "own-cost",
];

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

/// Reports by what they tell, in the order of the groups; no group is empty, no report left out.
fn grouped<'a>(queries: &[&'a Query]) -> Vec<(&'static str, Vec<&'a Query>)> {
    let named = |names: &[&str]| -> Vec<&'a Query> {
        let of_name = |name: &&str| queries.iter().find(|query| query.name == *name).copied();
        names.iter().filter_map(of_name).collect()
    };
    let known = |name: &str| {
        let mut groups = GROUPS.iter().map(|(_, names)| *names).chain([COLLECTION]);
        groups.any(|names| names.contains(&name))
    };
    let rest = |alerts: bool| -> Vec<&'a Query> {
        let rest = queries.iter().copied();
        rest.filter(|query| query.alert.is_some() == alerts && !known(&query.name))
            .collect()
    };
    GROUPS
        .iter()
        .map(|(title, names)| (*title, named(names)))
        .chain([
            ("Behind the pages", rest(false)),
            ("What was collected", named(COLLECTION)),
            ("Alert rules", rest(true)),
        ])
        .filter(|(_, queries)| !queries.is_empty())
        .collect()
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

/// A value by the unit that its column's name ends with.
fn cell(column: &str, kind: Kind, value: &Value) -> String {
    let number = match value {
        Value::Null => return format::MISSING.to_owned(),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            if let Ok(ts) = chrono::DateTime::parse_from_rfc3339(text) {
                return format::second(ts.with_timezone(&chrono::Utc));
            }
            // A decimal is exact, so it is a text; it is always money.
            (kind == Kind::Decimal).then(|| text.parse().ok()).flatten()
        }
        _ => None,
    };
    match number {
        Some(number) => quantity(column, kind, number),
        None => match value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            other => other.to_string(),
        },
    }
}

fn quantity(column: &str, kind: Kind, number: f64) -> String {
    let ends = |ends: &[&str]| ends.iter().any(|end| column.ends_with(end));
    if kind == Kind::Decimal || ends(&["_usd"]) {
        format::usd(number)
    } else if ends(&["_ms"]) {
        format::ms(number)
    } else if column.contains("_rate")
        || column.contains("share")
        || matches!(column, "cost_estimated" | "covered" | "off")
    {
        format::percent(number)
    } else if ends(&["_percent"]) {
        format::percent(number / 100.0)
    } else if ends(&["_mb"]) {
        format!("{} MB", format::count_exact(number))
    } else if ends(&["_gb"]) {
        format!("{} GB", format::digits(number))
    } else if column.starts_with("bytes") {
        format::bytes(number)
    } else if number.fract() == 0.0 {
        format::count_exact(number)
    } else {
        format::digits(number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn every_report_is_in_one_group() {
        let (state, _folder) = testing::state().await;
        let catalog = state.analyzer.catalog();
        let queries: Vec<&Query> = catalog.iter().map(|query| &**query).collect();
        let groups = grouped(&queries);
        let mut listed: Vec<&str> = groups
            .iter()
            .flat_map(|(_, queries)| queries.iter().map(|query| &*query.name))
            .collect();
        listed.sort_unstable();
        let mut all: Vec<&str> = queries.iter().map(|query| &*query.name).collect();
        all.sort_unstable();
        assert_eq!(listed, all);
        let names = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .chain(COLLECTION);
        for name in names {
            assert!(all.contains(name), "there is no report {name}");
        }
    }

    #[test]
    fn cells_are_written_by_the_unit_in_the_name() {
        let double = |column: &str, value| cell(column, Kind::Double, &value);
        assert_eq!(double("p95_ms", json!(340.2)), "340 ms");
        assert_eq!(double("error_rate", json!(0.008)), "0.8%");
        assert_eq!(double("share_of_cost", json!(0.5)), "50%");
        assert_eq!(double("cost_estimated", json!(1.0)), "100%");
        assert_eq!(double("rise_percent", json!(412.0)), "412%");
        assert_eq!(double("memory_mb", json!(1_769.0)), "1,769 MB");
        assert_eq!(double("size_gb", json!(0.0312)), "0.031 GB");
        assert_eq!(double("bytes", json!(1.5 * 1024.0 * 1024.0)), "1.5 MB");
        assert_eq!(double("requests", json!(12_345)), "12,345");
        assert_eq!(double("invocations", json!(12_345.678)), "12,346");
        assert_eq!(double("effective_size", json!(1.2345)), "1.2");
        assert_eq!(double("requests", Value::Null), "—");
        let decimal = |column: &str, value| cell(column, Kind::Decimal, &value);
        assert_eq!(decimal("cost_usd", json!("0.0042")), "$0.0042");
        assert_eq!(decimal("threshold", json!("5.000000000000")), "$5.00");
        let text = |column: &str, value| cell(column, Kind::Text, &value);
        assert_eq!(text("route", json!("GET /<b>")), "GET /<b>");
        assert_eq!(text("account_id", json!("123456789012")), "123456789012");
        let time = json!("2026-11-24T08:00:00Z");
        assert_eq!(cell("ts", Kind::Timestamp, &time), "2026-11-24 08:00:00");
        assert_eq!(cell("cold_start", Kind::Boolean, &json!(true)), "yes");
    }
}
