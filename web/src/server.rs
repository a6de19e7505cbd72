//! The server: routes, limits, and a graceful end.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Form, Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{compression::CompressionLayer, limit::RequestBodyLimitLayer};

use crate::{WebError, WebState, api, ask::Theme, assets, error::error_page, guard, pages};

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
        .layer(middleware::from_fn(async |request: Request, next: Next| {
            guard::in_time(REQUEST_TIMEOUT, request, next).await
        }))
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

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::{HeaderMap, Method, Request},
    };
    use tower::ServiceExt as _;

    use super::*;
    use crate::testing;

    async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 10_000_000).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8_lossy(&body).into_owned(),
        )
    }

    fn get_request(uri: &str) -> Request<Body> {
        Request::get(uri)
            .header(header::HOST, "localhost:8080")
            .body(Body::empty())
            .unwrap()
    }

    async fn app() -> (Router, tempfile::TempDir) {
        let (state, folder) = testing::state().await;
        (router(state, "127.0.0.1:8080".parse().unwrap()), folder)
    }

    #[tokio::test]
    async fn other_hosts_are_refused_and_headers_are_on_everything() {
        let (app, _folder) = app().await;
        let request = Request::get("/")
            .header(header::HOST, "evil.example")
            .body(Body::empty())
            .unwrap();
        let (status, headers, body) = ask(&app, request).await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST);
        assert!(!body.contains("evil.example"));
        assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY));
        for uri in [
            "/assets/millicent.css",
            "/nowhere",
            "/api/v1/reports",
            "/status",
        ] {
            let (_, headers, _) = ask(&app, get_request(uri)).await;
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{uri}");
            assert!(
                headers[header::CONTENT_SECURITY_POLICY]
                    .to_str()
                    .unwrap()
                    .starts_with("default-src 'none'")
            );
            assert!(
                headers.contains_key(header::REFERRER_POLICY)
                    && headers.contains_key(header::CACHE_CONTROL)
            );
        }
    }

    #[tokio::test]
    async fn mistakes_in_an_address_are_named() {
        let (app, _folder) = app().await;
        for (uri, status, says) in [
            (
                "/?range=yesterday",
                StatusCode::BAD_REQUEST,
                "“yesterday” is not a range",
            ),
            (
                "/?from=2026-11-24&to=2026-11-20",
                StatusCode::BAD_REQUEST,
                "from must lie before to",
            ),
            (
                "/routes?sort=<script>",
                StatusCode::BAD_REQUEST,
                "&#60;script&#62;",
            ),
            (
                "/route?api=shop&stage=prod",
                StatusCode::BAD_REQUEST,
                "route",
            ),
            (
                "/nowhere",
                StatusCode::NOT_FOUND,
                "Nothing is kept under this address",
            ),
            ("/reports/none-such", StatusCode::NOT_FOUND, "none-such"),
        ] {
            let (got, headers, body) = ask(
                &app,
                get_request(&uri.replace('<', "%3C").replace('>', "%3E")),
            )
            .await;
            assert_eq!(got, status, "{uri}");
            assert!(
                headers[header::CONTENT_TYPE]
                    .to_str()
                    .unwrap()
                    .starts_with("text/html")
            );
            assert!(body.contains(says), "{uri}: {body}");
            assert!(!body.contains("<script>"));
        }
    }

    #[tokio::test]
    async fn mistakes_of_programs_are_json() {
        let (app, _folder) = app().await;
        for (uri, status, code) in [
            (
                "/api/v1/reports/none-such",
                StatusCode::NOT_FOUND,
                "unknown-report",
            ),
            (
                "/api/v1/reports/own-cost",
                StatusCode::BAD_REQUEST,
                "bad-parameter",
            ),
            (
                "/api/v1/reports/own-cost?from=x&to=2026-11-24",
                StatusCode::BAD_REQUEST,
                "bad-parameter",
            ),
            (
                "/api/v1/reports/own-cost?format=xml",
                StatusCode::BAD_REQUEST,
                "bad-parameter",
            ),
            ("/api/v2", StatusCode::NOT_FOUND, "not-found"),
        ] {
            let (got, _, body) = ask(&app, get_request(uri)).await;
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(got, status, "{uri}");
            assert_eq!(body["error"]["code"], code, "{uri}");
            assert!(!body["error"]["message"].as_str().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn the_api_tells_of_an_empty_lake() {
        let (app, _folder) = app().await;
        let (status, _, body) = ask(&app, get_request("/api/v1/reports")).await;
        let catalog: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, StatusCode::OK);
        let own = catalog["reports"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["name"] == "own-cost")
            .unwrap();
        assert_eq!(own["params"][0]["type"], "timestamp");
        let range = "from=2026-11-23&to=2026-11-24";
        let (status, _, body) = ask(
            &app,
            get_request(&format!("/api/v1/reports/own-cost?{range}")),
        )
        .await;
        let report: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &report["rows"]),
            (StatusCode::OK, &serde_json::json!([]))
        );
        let (_, headers, body) = ask(
            &app,
            get_request(&format!("/api/v1/reports/own-cost?{range}&format=csv")),
        )
        .await;
        assert!(
            headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/csv")
        );
        assert!(body.starts_with("source,account_id,region"));
        let (status, _, body) = ask(&app, get_request("/healthz")).await;
        let health: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &health["age_s"]),
            (StatusCode::OK, &serde_json::Value::Null)
        );
    }

    #[tokio::test]
    async fn pages_of_an_empty_lake_say_so() {
        let (app, _folder) = app().await;
        for uri in ["/status", "/reports", "/reports/own-cost"] {
            let (status, _, body) = ask(&app, get_request(uri)).await;
            assert_eq!(status, StatusCode::OK, "{uri}: {body}");
            assert!(
                body.contains("Nothing collected yet") && !body.contains("NaN"),
                "{uri}"
            );
        }
    }

    #[tokio::test]
    async fn the_theme_is_remembered_and_leads_back_to_us_only() {
        let (app, _folder) = app().await;
        for (back, to) in [
            ("/routes?q=a", "/routes?q=a"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil", "/"),
        ] {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("theme", "dark")
                .append_pair("back", back)
                .finish();
            let request = Request::builder()
                .method(Method::POST)
                .uri("/theme")
                .header(header::HOST, "127.0.0.1:8080")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(form))
                .unwrap();
            let (status, headers, _) = ask(&app, request).await;
            assert_eq!(status, StatusCode::SEE_OTHER);
            assert_eq!(headers[header::LOCATION], to);
            assert!(
                headers[header::SET_COOKIE]
                    .to_str()
                    .unwrap()
                    .starts_with("millicent-theme=dark")
            );
        }
    }

    #[tokio::test]
    async fn it_ends_when_it_is_told_to() {
        let (state, _folder) = testing::state().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cancel = CancellationToken::new();
        let server = tokio::spawn(serve(listener, state, cancel.clone()));
        cancel.cancel();
        tokio::time::timeout(Duration::from_secs(2), server)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}
