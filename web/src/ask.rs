//! What a request for a page asks: its range, its parameters, and links that keep them.

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};

use crate::{
    error::PageError,
    query::{Query, href},
    range::{Range, rfc3339},
};

/// A page's own colours instead of the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    /// By its name in a URL or a cookie; anything else follows the system.
    pub(crate) fn named(name: &str) -> Option<Theme> {
        match name {
            "light" => Some(Theme::Light),
            "dark" => Some(Theme::Dark),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    fn of_cookie(headers: &HeaderMap) -> Option<Theme> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == "millicent-theme")
            .and_then(|(_, value)| Theme::named(value))
    }
}

/// What a request asked for, read once.
pub(crate) struct Ask {
    /// Path of the page.
    pub(crate) path: &'static str,
    /// Everything after the `?`.
    pub(crate) query: Query,
    /// The range of time.
    pub(crate) range: Range,
    /// What time it is.
    pub(crate) now: DateTime<Utc>,
    /// Colours that were asked for; `None` follows the system.
    pub(crate) theme: Option<Theme>,
}

impl Ask {
    /// Reads a request.
    pub(crate) fn new(
        path: &'static str,
        query: Option<&str>,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> Result<Ask, PageError> {
        let query = Query::parse(query.unwrap_or_default());
        let range = Range::parse(&query, now)?;
        let theme = match query.get("theme") {
            Some(name) => Theme::named(name),
            None => Theme::of_cookie(headers),
        };
        Ok(Ask {
            path,
            query,
            range,
            now,
            theme,
        })
    }

    /// A link that keeps the range.
    pub(crate) fn link(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let range = self.range.pairs();
        href(
            path,
            pairs
                .iter()
                .copied()
                .chain(range.iter().map(|(key, value)| (*key, value.as_str()))),
        )
    }

    /// A link to the rows of a report in this range, as CSV.
    pub(crate) fn csv(&self, report: &str, pairs: &[(&str, &str)]) -> String {
        let (from, to) = (rfc3339(self.range.from), rfc3339(self.range.to));
        let bounds = [
            ("from", from.as_str()),
            ("to", to.as_str()),
            ("format", "csv"),
        ];
        href(
            &format!("/api/v1/reports/{report}"),
            pairs.iter().copied().chain(bounds),
        )
    }

    /// This page with another range: everything else in the URL is kept.
    pub(crate) fn with_range(&self, name: &str) -> String {
        href(self.path, self.others().chain([("range", name)]))
    }

    /// What the URL says besides range and colours.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query
            .pairs()
            .filter(|(key, _)| !matches!(*key, "range" | "from" | "to" | "theme"))
    }

    /// This page, to come back to.
    pub(crate) fn here(&self) -> String {
        href(
            self.path,
            self.query.pairs().filter(|(key, _)| *key != "theme"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;

    fn ask(query: &str) -> Ask {
        Ask::new("/routes", Some(query), &HeaderMap::new(), now()).unwrap()
    }

    #[test]
    fn links_keep_the_range_and_the_range_keeps_the_rest() {
        let ask = ask("range=7d&sort=cost&q=a%26b");
        assert_eq!(
            ask.link("/route", &[("api", "a b")]),
            "/route?api=a+b&range=7d"
        );
        assert_eq!(ask.with_range("14d"), "/routes?sort=cost&q=a%26b&range=14d");
        assert_eq!(ask.here(), "/routes?range=7d&sort=cost&q=a%26b");
    }

    #[test]
    fn theme_of_the_url_before_that_of_the_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=b; millicent-theme=dark".parse().unwrap());
        let theme = |query| Ask::new("/", Some(query), &headers, now()).unwrap().theme;
        assert_eq!(theme(""), Some(Theme::Dark));
        assert_eq!(theme("theme=light"), Some(Theme::Light));
        assert_eq!(theme("theme=auto"), None);
    }
}
