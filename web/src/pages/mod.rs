//! The pages: each a struct, a template and a handler in one file.

use axum::response::Html;
use millicent_analyzer::{Params, Report};

use crate::{WebState, ask::Ask, error::PageError};

pub(crate) mod cards;
pub(crate) mod overview;
pub(crate) mod reports;
pub(crate) mod route;
pub(crate) mod routes;
pub(crate) mod status;

/// A page, or what is wrong.
pub(crate) type Page = Result<Html<String>, PageError>;

/// The range of a page as parameters of a report.
pub(crate) fn bounds(ask: &Ask) -> Params {
    Params::new()
        .set("from", ask.range.from)
        .set("to", ask.range.to)
}

/// One report of the page's range.
async fn report(state: &WebState, name: &str, params: Params) -> Result<Report, PageError> {
    Ok(state.analyzer.report(name, &params).await?)
}

/// Draws and writes a page on a thread that may take its time.
async fn draw(write: impl FnOnce() -> Result<String, askama::Error> + Send + 'static) -> Page {
    Ok(Html(tokio::task::spawn_blocking(write).await??))
}

/// The period of the same length before the page's.
pub(crate) fn bounds_before(ask: &Ask) -> Params {
    let length = ask.range.to - ask.range.from;
    Params::new()
        .set("from", ask.range.from - length)
        .set("to", ask.range.from)
}
