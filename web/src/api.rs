//! The JSON API: the same reports as the pages, for programs.
//!
//! Money is exact, so a decimal is a string; times are RFC 3339 in UTC; what is not known is null.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use millicent_analyzer::{Coverage, Params, Query, Report};
use serde_json::{Value, json};

use crate::{WebState, error::PageError, query, range::rfc3339};

/// An error as a program reads it: `{"error": {"code", "message"}}`.
pub(crate) struct ApiError(PageError);

impl<E: Into<PageError>> From<E> for ApiError {
    fn from(error: E) -> ApiError {
        ApiError(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let answer = self.0.answer();
        let body = json!({"error": {"code": answer.code, "message": answer.message}});
        (answer.status, Json(body)).into_response()
    }
}

/// `GET /api/v1/reports`: every report with its parameters and columns.
pub(crate) async fn catalog(State(state): State<WebState>) -> Json<Value> {
    Json(
        json!({"reports": state.analyzer.catalog().iter().map(|query| describe(query)).collect::<Vec<_>>()}),
    )
}

/// `GET /api/v1/reports/{name}?param=…`: its rows; `format=csv` for CSV.
pub(crate) async fn report(
    State(state): State<WebState>,
    Path(name): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Response, ApiError> {
    let asked = query::Query::parse(text.as_deref().unwrap_or_default());
    let csv = match asked.get("format") {
        None | Some("json") => false,
        Some("csv") => true,
        Some(other) => {
            return Err(PageError::parameter(
                "format",
                format!("“{other}” is not a format. It is json or csv"),
            )
            .into());
        }
    };
    let query = state.analyzer.catalog().get(&name)?;
    let pairs = asked.pairs().filter(|(key, _)| *key != "format");
    let params = Params::parse(
        &query,
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())),
    )?;
    let report = state.analyzer.report(&name, &params).await?;
    let written = tokio::task::spawn_blocking(move || {
        if csv {
            written_csv(&report)
        } else {
            Json(written_json(&report)).into_response()
        }
    });
    Ok(written.await?)
}

/// `GET /api/v1/status`: what has been collected, source by source.
pub(crate) async fn status(State(state): State<WebState>) -> Result<Json<Value>, ApiError> {
    let report = crate::pages::status::sources(&state).await?;
    let progress = state.progress.borrow().clone();
    Ok(Json(json!({
        "progress": {
            "phase": progress.phase,
            "done": progress.done,
            "total": progress.total,
            "finished": progress.finished,
        },
        "coverage": coverage(&report.coverage),
        "sources": report.table.to_json(),
    })))
}

/// `GET /healthz`: the process answers; with the age of what it has.
pub(crate) async fn healthz(State(state): State<WebState>) -> Result<Json<Value>, ApiError> {
    let now = (state.clock)();
    let report = crate::pages::status::sources(&state).await?;
    let as_of = report.coverage.as_of;
    Ok(Json(json!({
        "status": "ok",
        "collecting": !state.progress.borrow().finished,
        "as_of": as_of.map(rfc3339),
        "age_s": as_of.map(|as_of| (now - as_of).num_seconds().max(0)),
    })))
}

/// Any other address below `/api/`.
pub(crate) async fn not_found() -> Response {
    let body = json!({"error": {"code": "not-found", "message": "There is no such address. /api/v1/reports lists the reports."}});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn describe(query: &Query) -> Value {
    json!({
        "name": query.name,
        "title": query.title,
        "answers": query.answers,
        "href": format!("/api/v1/reports/{}", query.name),
        "params": query.params.iter().map(|param| json!({
            "name": param.name,
            "type": param.kind.name(),
            "required": param.required,
            "default": param.default,
            "doc": param.doc,
        })).collect::<Vec<_>>(),
        "columns": query.columns.iter().map(|column| json!({
            "name": column.name,
            "type": column.kind.name(),
            "doc": column.doc,
        })).collect::<Vec<_>>(),
    })
}

fn written_json(report: &Report) -> Value {
    json!({
        "report": report.query.name,
        "title": report.query.title,
        "rows": report.table.to_json(),
        "truncated": report.table.is_truncated(),
        "coverage": coverage(&report.coverage),
        "elapsed_ms": report.elapsed_ms,
    })
}

fn written_csv(report: &Report) -> Response {
    let file = report.query.name.replace('/', "-");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{file}.csv\""),
        ),
    ];
    (headers, report.table.to_csv()).into_response()
}

fn coverage(coverage: &Coverage) -> Value {
    json!({
        "as_of": coverage.as_of.map(rfc3339),
        "sources": coverage.sources.iter().map(|source| json!({
            "source": source.source,
            "complete_share": source.complete_share,
            "complete_until": source.complete_until.map(rfc3339),
            "last_outcome": source.last_outcome,
            "last_error": source.last_error,
        })).collect::<Vec<_>>(),
    })
}
