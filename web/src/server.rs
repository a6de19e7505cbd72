//! The server: routes, limits, and a graceful end.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Form, Router,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{
    compression::CompressionLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer,
};

use crate::{WebError, WebState, api, assets, error::error_page, frame::Theme, guard, pages};

const BODY_LIMIT_BYTES: usize = 64 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// Serves pages and the JSON API until cancelled; requests under way get five seconds to end.
///
/// # Errors
/// The socket failed.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    cancel: CancellationToken,
) -> Result<(), WebError> {
    let address = listener.local_addr().map_err(WebError::Address)?;
    let app = router(state, address);
    let stop = cancel.clone();
    let server =
        axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await });
    let patience = async {
        cancel.cancelled().await;
        tokio::time::sleep(SHUTDOWN_PATIENCE).await;
    };
    tokio::select! {
        ended = server => ended.map_err(|source| WebError::Serve { address, source }),
        // A browser that keeps its connection open must not keep the process alive.
        () = patience => Ok(()),
    }
}

/// All routes with their layers, for a server that listens at `address`.
pub(crate) fn router(state: WebState, address: SocketAddr) -> Router {
    Router::new()
        .route("/", get(pages::overview::page))
        .route("/routes", get(pages::routes::page))
        .route("/route", get(pages::route::page))
        .route("/reports", get(pages::reports::list))
        .route("/reports/{*name}", get(pages::reports::page))
        .route("/status", get(pages::status::page))
        .route("/theme", post(theme))
        .route("/healthz", get(api::healthz))
        .route("/api/v1/reports", get(api::catalog))
        .route("/api/v1/reports/{*name}", get(api::report))
        .route("/api/v1/status", get(api::status))
        .route("/api/{*rest}", get(api::not_found))
        .route("/assets/{name}", get(assets::asset))
        .fallback(async || {
            error_page(
                StatusCode::NOT_FOUND,
                "Nothing is kept under this address.",
                &[],
            )
        })
        .with_state(state)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            REQUEST_TIMEOUT,
        ))
        .layer(middleware::from_fn_with_state(address, guard::host))
        .layer(middleware::from_fn(guard::headers))
        .layer(CompressionLayer::new())
}

#[derive(Deserialize)]
struct ThemeForm {
    theme: String,
    back: String,
}

/// `POST /theme`: remembers the colours in a cookie, and goes back.
async fn theme(Form(form): Form<ThemeForm>) -> Response {
    let cookie = match Theme::named(&form.theme) {
        Some(theme) => format!(
            "millicent-theme={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
            theme.name()
        ),
        None => "millicent-theme=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly".to_owned(),
    };
    // Only a path of ours: `//host` and `/\host` would lead elsewhere.
    let ours = form.back.starts_with('/')
        && !form.back.starts_with("//")
        && !form.back.contains(['\\', '\r', '\n']);
    let back = if ours { form.back } else { "/".to_owned() };
    (
        StatusCode::SEE_OTHER,
        [(header::SET_COOKIE, cookie), (header::LOCATION, back)],
    )
        .into_response()
}
