//! Stylesheet, script and icon: embedded, and served under an address that changes with them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

const CSS: &str = include_str!("../assets/millicent.css");
const JS: &str = include_str!("../assets/millicent.js");
const ICON: &str = include_str!("../assets/icon.svg");

static CSS_HREF: LazyLock<String> = LazyLock::new(|| versioned("millicent.css", CSS));
static JS_HREF: LazyLock<String> = LazyLock::new(|| versioned("millicent.js", JS));
static ICON_HREF: LazyLock<String> = LazyLock::new(|| versioned("icon.svg", ICON));

/// Address of the stylesheet.
pub(crate) fn css_href() -> &'static str {
    &CSS_HREF
}

/// Address of the script.
pub(crate) fn js_href() -> &'static str {
    &JS_HREF
}

/// Address of the icon.
pub(crate) fn icon_href() -> &'static str {
    &ICON_HREF
}

fn versioned(name: &str, content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("/assets/{name}?v={:016x}", hasher.finish())
}

/// `GET /assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let (kind, content) = match name.as_str() {
        "millicent.css" => ("text/css; charset=utf-8", CSS),
        "millicent.js" => ("text/javascript; charset=utf-8", JS),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return (StatusCode::NOT_FOUND, "there is no such asset\n").into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
