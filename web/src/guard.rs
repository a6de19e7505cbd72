//! What every request passes and every response carries: the host it was asked for, and headers
//! that keep a browser from doing more than these pages need.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::error::error_page;

/// Inline styles carry the widths of bars of progress; everything else is a class.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Refuses hosts that are not this server. A page of another site can point its own name at a
/// loopback address (DNS rebinding), but its browser then still names that host.
pub(crate) async fn host(
    State(listening): State<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let header = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = header.or_else(|| {
        request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
    });
    match host {
        Some(host) if is_ours(host, listening) => next.run(request).await,
        _ => error_page(
            StatusCode::MISDIRECTED_REQUEST,
            &format!(
                "Ask for http://{listening}/ or http://localhost:{}/ instead.",
                listening.port()
            ),
            &[],
        ),
    }
}

/// Answers before a browser or a proxy gives up: with what came out, or with what to ask instead.
pub(crate) async fn in_time(most: Duration, request: Request, next: Next) -> Response {
    let for_program = request.uri().path().starts_with("/api/");
    match tokio::time::timeout(most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => late(most, for_program),
    }
}

fn late(most: Duration, for_program: bool) -> Response {
    let message = format!(
        "The answer took longer than {} s. Ask for a shorter range, or try again when less is being collected.",
        most.as_secs()
    );
    if for_program {
        let body = json!({"error": {"code": "timeout", "message": message}});
        return (StatusCode::GATEWAY_TIMEOUT, Json(body)).into_response();
    }
    error_page(StatusCode::GATEWAY_TIMEOUT, &message, &[])
}

/// Whether a Host header names this machine by its loopback names, or the address listened on.
/// Ports are not compared: a tunnel may change them.
fn is_ours(host: &str, listening: SocketAddr) -> bool {
    let Some(uri) = format!("http://{host}/").parse::<Uri>().ok() else {
        return false;
    };
    // What follows the name may only be a port: user@host would name another one.
    let Some(name) = uri.host().filter(|name| host.starts_with(name)) else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name == "127.0.0.1"
        || name == "[::1]"
        || name.trim_matches(['[', ']']).parse() == Ok(listening.ip())
}

/// Headers of every response.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::{Body, to_bytes},
        middleware::from_fn,
    };
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_says_what_to_ask_instead() {
        for (uri, kind) in [("/", "text/html"), ("/api/v1/status", "application/json")] {
            let app = Router::new()
                .fallback(async || std::future::pending::<()>().await)
                .layer(from_fn(async |request: Request, next: Next| {
                    in_time(Duration::from_millis(1), request, next).await
                }));
            let request = Request::get(uri).body(Body::empty()).unwrap();
            let response = app.oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
            let found = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
            assert!(found.starts_with(kind), "{uri}: {found}");
            let body = to_bytes(response.into_body(), 100_000).await.unwrap();
            assert!(String::from_utf8_lossy(&body).contains("Ask for a shorter range"));
        }
    }

    #[test]
    fn only_our_own_names() {
        let listening: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:8080",
            "127.0.0.1:9999",
            "[::1]:8080",
        ] {
            assert!(is_ours(host, listening), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "evil.example@localhost",
            "192.168.0.7:8080",
            "",
            "a b",
        ] {
            assert!(!is_ours(host, listening), "{host}");
        }
        assert!(is_ours(
            "192.168.0.7:8080",
            "192.168.0.7:8080".parse().unwrap()
        ));
    }
}
