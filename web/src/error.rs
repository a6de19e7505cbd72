//! What a page answers when it cannot answer: what happened, to what, and what to do.

use std::sync::atomic::{AtomicU64, Ordering};

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use millicent_analyzer::AnalyzeError;

use crate::{Progress, assets};

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// A parameter of the URL is not valid.
    #[error("{name}: {problem}")]
    Parameter {
        /// Its name in the URL.
        name: String,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// There is no such thing.
    #[error("{what}")]
    NotFound {
        /// What there is none of.
        what: String,
        /// What may have been meant: text and link.
        suggestions: Vec<(String, String)>,
    },
    /// The analysis was refused or stopped.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// The first numbers are not there yet.
    #[error("the first numbers are still being collected")]
    Loading(Progress),
    /// A page or a chart could not be written.
    #[error("the page could not be written")]
    Render(#[from] askama::Error),
    /// A task of the server ended early.
    #[error("the drawing of the page was stopped")]
    Task(#[from] tokio::task::JoinError),
}

impl PageError {
    /// A parameter that is not valid.
    pub(crate) fn parameter(name: impl Into<String>, problem: impl Into<String>) -> PageError {
        PageError::Parameter {
            name: name.into(),
            problem: problem.into(),
        }
    }

    /// Status, a short name for programs, and the message for a person.
    pub(crate) fn answer(&self) -> Answer {
        let (status, code, message) = match self {
            PageError::Parameter { .. } => {
                (StatusCode::BAD_REQUEST, "bad-parameter", self.to_string())
            }
            PageError::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", self.to_string()),
            PageError::Analyze(error) => match error {
                AnalyzeError::UnknownReport { .. } => {
                    (StatusCode::NOT_FOUND, "unknown-report", error.to_string())
                }
                AnalyzeError::Parameter { .. } => {
                    (StatusCode::BAD_REQUEST, "bad-parameter", error.to_string())
                }
                AnalyzeError::Timeout(_) => {
                    (StatusCode::GATEWAY_TIMEOUT, "timeout", error.to_string())
                }
                AnalyzeError::Memory { .. } => (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "too-much-memory",
                    error.to_string(),
                ),
                _ => return self.internal(),
            },
            PageError::Loading(_) => (StatusCode::OK, "loading", self.to_string()),
            PageError::Render(_) | PageError::Task(_) => return self.internal(),
        };
        Answer {
            status,
            code,
            message,
        }
    }

    /// Logs the whole chain once, under an id that the reader can give.
    fn internal(&self) -> Answer {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut chain = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            chain = format!("{chain}: {cause}");
            source = cause.source();
        }
        tracing::error!(error_id = id, error = chain, "a page could not be shown");
        Answer {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal",
            message: format!(
                "Something failed inside Millicent. Its log has the cause as error_id={id}; nothing was changed. \
                 Try again, and if it stays, look there."
            ),
        }
    }
}

/// An error as it is sent.
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Short name, stable for programs.
    pub(crate) code: &'static str,
    /// For a person.
    pub(crate) message: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    css: &'static str,
    icon: &'static str,
    status: u16,
    heading: &'a str,
    message: &'a str,
    suggestions: &'a [(String, String)],
}

#[derive(Template)]
#[template(path = "loading.html")]
struct LoadingPage<'a> {
    css: &'static str,
    icon: &'static str,
    progress: &'a Progress,
    percent: u64,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let PageError::Loading(progress) = &self {
            let (css, icon) = (assets::css_href(), assets::icon_href());
            let percent = progress.percent();
            if let Ok(html) = (LoadingPage {
                css,
                icon,
                progress,
                percent,
            })
            .render()
            {
                return Html(html).into_response();
            }
        }
        let answer = self.answer();
        let suggestions = match &self {
            PageError::NotFound { suggestions, .. } => suggestions.as_slice(),
            _ => &[],
        };
        error_page(answer.status, &answer.message, suggestions)
    }
}

/// A page that says what is wrong.
pub(crate) fn error_page(
    status: StatusCode,
    message: &str,
    suggestions: &[(String, String)],
) -> Response {
    let heading = match status {
        StatusCode::BAD_REQUEST => "This address has a mistake in it",
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::GATEWAY_TIMEOUT | StatusCode::UNPROCESSABLE_ENTITY => {
            "That was too much at once"
        }
        StatusCode::MISDIRECTED_REQUEST => "This server does not answer for that host",
        _ => "This page could not be shown",
    };
    let page = ErrorPage {
        css: assets::css_href(),
        icon: assets::icon_href(),
        status: status.as_u16(),
        heading,
        message,
        suggestions,
    };
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (status, message.to_owned()).into_response(),
    }
}
