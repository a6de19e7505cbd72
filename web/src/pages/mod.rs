//! The pages: each a struct, a template and a handler in one file.

use std::time::Duration;

use axum::response::Html;
use millicent_analyzer::{Params, Report};

use crate::{WebState, ask::Ask, error::PageError};

pub(crate) mod cards;
mod changes;
mod latency;
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

/// How long a page waits for its numbers while the first collection is under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for the data of a page. While the first collection is under way the engine is busy with
/// it, so the page does not wait for long: it then says how far the collection is, and asks again.
async fn patient<T>(
    state: &WebState,
    load: impl Future<Output = Result<T, PageError>>,
) -> Result<T, PageError> {
    if state.progress.borrow().finished {
        return load.await;
    }
    match tokio::time::timeout(PATIENCE, load).await {
        Ok(loaded) => loaded,
        Err(_) => Err(PageError::Loading(state.progress.borrow().clone())),
    }
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

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse};
    use tokio::sync::watch;

    use super::*;
    use crate::{Progress, testing};

    #[tokio::test]
    async fn a_page_is_there_while_the_first_numbers_are_not() {
        let (mut state, _folder) = testing::state().await;
        let under_way = Progress {
            phase: "Collecting <traces>".to_owned(),
            done: 1,
            total: 4,
            finished: false,
        };
        state.progress = watch::channel(under_way).1;
        let never = std::future::pending::<Result<(), PageError>>();
        let response = patient(&state, never).await.unwrap_err().into_response();
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(response.into_body(), 100_000)
            .await
            .unwrap();
        let html = String::from_utf8_lossy(&body);
        assert!(html.contains("width:25%") && html.contains("http-equiv=\"refresh\""));
        assert!(!html.contains("<traces>"));
    }
}
