//! `/routes`: every route of every API, the dearest first.

mod line;
mod sort;

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
};
use millicent_analyzer::{Coverage, Report, Row};

use self::{
    line::{Line, Shapes},
    sort::{COLUMNS, Header, Sort, header},
};
use super::{
    Page, bounds, draw,
    latency::{Latencies, UNMEASURED},
    patient, report,
};
use crate::{
    WebState,
    ask::Ask,
    frame::{Frame, coverage_note},
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
    unmeasured: &'static str,
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
    let (routes, latencies, series) = patient(&state, async {
        tokio::try_join!(
            report(&state, "routes", bounds(&ask)),
            report(&state, "latency-by-route", bounds(&ask)),
            report(
                &state,
                "routes-series",
                bounds(&ask).set("interval_s", step_s)
            ),
        )
    })
    .await?;
    let latencies = Latencies::new(&latencies);
    draw(move || Routes::new(&ask, &state, sort, (&routes, &latencies), &series, step_s).render())
        .await
}

/// Sparklines are drawn with about 30 points, an hour apart at least.
fn shape_step_s(ask: &Ask) -> i64 {
    let step = ask.range.cost_step_s();
    let points = ((ask.range.to - ask.range.from).num_seconds() / step).max(1);
    step * (points / 30).max(1)
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
        (report, latencies): (&Report, &Latencies),
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
        rows.sort_by(|a, b| sort.compare(a, b, |row, column| latencies.value(row, column)));
        let most = rows
            .iter()
            .filter_map(|row| row.f64("share_of_cost"))
            .fold(0.0, f64::max);
        let shapes = Shapes::new(ask, series, step_s);
        let mut lines: Vec<Line> = rows
            .iter()
            .map(|row| Line::new(ask, row, most, &shapes, latencies))
            .collect();
        let mut notes = coverage_notes(&report.coverage);
        // Said once where it holds for every row.
        if !rows.is_empty()
            && rows.iter().all(|row| {
                row.f64("cost_estimated")
                    .is_some_and(|share| share > 0.9995)
            })
        {
            notes.push("Cost is estimated until the bill of these days settles.".to_owned());
            lines.iter_mut().for_each(|line| line.estimate = None);
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
            unmeasured: UNMEASURED,
        }
    }
}

/// What is not fully collected, figures with the same coverage in one sentence.
fn coverage_notes(coverage: &Coverage) -> Vec<String> {
    let figures: [(&str, &[&str]); 3] = [
        ("Requests", &["apigateway-metrics"]),
        ("latency and cold starts", &["traces"]),
        ("cost", &["apigateway-metrics", "lambda-metrics"]),
    ];
    let mut notes: Vec<(String, String)> = Vec::new();
    for (what, sources) in figures {
        let Some(note) = coverage_note(coverage, sources) else {
            continue;
        };
        match notes.iter_mut().find(|(_, same)| *same == note) {
            Some((names, _)) => *names = format!("{names}, {what}"),
            None => notes.push((what.to_owned(), note)),
        }
    }
    notes
        .into_iter()
        .map(|(what, note)| format!("{what}: {note}."))
        .collect()
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

#[cfg(test)]
mod tests;
