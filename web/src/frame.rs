//! What surrounds every page: navigation, the range selector, freshness and progress.

use chrono::{DateTime, TimeDelta, Utc};
use millicent_analyzer::Coverage;

use crate::{
    WebState,
    ask::{Ask, Theme},
    assets, format,
    range::PRESETS,
};

/// How old the data is.
pub(crate) struct Freshness {
    /// For example `Data until 08:43 UTC, 5 min ago`.
    pub(crate) text: String,
    /// Class of the stylesheet: `fresh`, `late` or `stale`.
    pub(crate) class: &'static str,
}

/// The first collection under way.
pub(crate) struct Loading {
    pub(crate) phase: String,
    pub(crate) done: u64,
    pub(crate) total: u64,
    /// 0 to 100.
    pub(crate) percent: u64,
}

/// A choice of the range selector or the navigation.
pub(crate) struct Choice {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) active: bool,
}

/// What surrounds a page.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) css: &'static str,
    pub(crate) js: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) theme: &'static str,
    pub(crate) here: String,
    pub(crate) path: String,
    pub(crate) home: String,
    pub(crate) nav: Vec<Choice>,
    pub(crate) ranges: Vec<Choice>,
    /// The bounds for the form of explicit ones, as its fields take them.
    pub(crate) from_field: String,
    pub(crate) to_field: String,
    pub(crate) custom: bool,
    pub(crate) range_label: String,
    pub(crate) range_bounds: String,
    /// Other parameters that the form of explicit bounds keeps.
    pub(crate) kept: Vec<(String, String)>,
    pub(crate) freshness: Option<Freshness>,
    pub(crate) trouble: Vec<String>,
    pub(crate) status_href: String,
    pub(crate) loading: Option<Loading>,
    /// The range ends now, so new data can arrive.
    pub(crate) live: bool,
    pub(crate) version: &'static str,
}

impl Frame {
    /// The frame of a page whose numbers have this coverage.
    pub(crate) fn new(
        title: impl Into<String>,
        ask: &Ask,
        state: &WebState,
        coverage: Option<&Coverage>,
    ) -> Frame {
        let pages = [
            ("Overview", "/"),
            ("Routes", "/routes"),
            ("Reports", "/reports"),
            ("Status", "/status"),
        ];
        let field = |ts: DateTime<Utc>| ts.format("%Y-%m-%dT%H:%M").to_string();
        let progress = state.progress.borrow().clone();
        let loading = (!progress.finished).then(|| Loading {
            percent: progress.percent(),
            phase: progress.phase,
            done: progress.done,
            total: progress.total,
        });
        Frame {
            title: title.into(),
            css: assets::css_href(),
            js: assets::js_href(),
            icon: assets::icon_href(),
            theme: ask.theme.map_or("auto", Theme::name),
            here: ask.here(),
            path: ask.path.to_owned(),
            home: ask.link("/", &[]),
            nav: pages
                .into_iter()
                .map(|(label, path)| Choice {
                    label,
                    href: ask.link(path, &[]),
                    active: ask.path == path
                        || (ask.path == "/route" && path == "/routes")
                        || (ask.path == "/reports/{name}" && path == "/reports"),
                })
                .collect(),
            ranges: PRESETS
                .iter()
                .map(|preset| Choice {
                    label: preset.label,
                    href: ask.with_range(preset.name),
                    active: ask.range.preset == Some(preset),
                })
                .collect(),
            from_field: field(ask.range.from),
            to_field: field(ask.range.to),
            custom: ask.range.preset.is_none(),
            range_label: ask.range.label(),
            range_bounds: format::span(ask.range.from, ask.range.to),
            kept: ask
                .others()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            freshness: coverage.and_then(|coverage| freshness(coverage, ask.now)),
            trouble: coverage.map(trouble).unwrap_or_default(),
            status_href: ask.link("/status", &[]),
            loading,
            live: ask.range.preset.is_some(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Puts a page's address in place of its route's pattern, in all links that lead back to it.
    pub(crate) fn readdress(&mut self, path: &str) {
        let links = self.ranges.iter_mut().map(|choice| &mut choice.href);
        for link in links.chain([&mut self.here, &mut self.path]) {
            if let Some(rest) = link.strip_prefix("/reports/{name}") {
                *link = format!("{path}{rest}");
            }
        }
    }
}

/// Age of the numbers: until when metrics are complete, or else when anything was collected last.
fn freshness(coverage: &Coverage, now: DateTime<Utc>) -> Option<Freshness> {
    let metrics = coverage
        .sources
        .iter()
        .filter(|source| source.source.ends_with("-metrics"));
    let until = metrics
        .filter_map(|source| source.complete_until)
        .min()
        .or(coverage.as_of)?;
    let age = now - until;
    let class = if age > TimeDelta::hours(2) {
        "stale"
    } else if age > TimeDelta::minutes(30) {
        "late"
    } else {
        "fresh"
    };
    let when = if age > TimeDelta::hours(20) {
        format::minute(until)
    } else {
        until.format("%H:%M").to_string()
    };
    Some(Freshness {
        text: format!("As of {when} UTC, {} ago", format::age(age)),
        class,
    })
}

/// Sources whose last window is not what it should be, in words.
fn trouble(coverage: &Coverage) -> Vec<String> {
    coverage
        .sources
        .iter()
        .filter(|source| !matches!(source.last_outcome.as_str(), "complete" | ""))
        .map(|source| format!("{} {}", source.source, outcome_words(&source.last_outcome)))
        .collect()
}

/// An outcome as the end of a sentence.
pub(crate) fn outcome_words(outcome: &str) -> &str {
    match outcome {
        "complete" => "is complete",
        "partial" => "is incomplete",
        "denied" => "was denied by AWS",
        "throttled" => "is throttled by AWS",
        "failed" => "failed",
        "over-budget" => "stopped at the daily budget",
        other => other,
    }
}

/// A note beside a number whose source has not all of the range; `None` where it has.
///
/// The last minutes of a range that ends now are always still to come; the freshness says so, and
/// a hundredth of the range is not worth a note at each number.
pub(crate) fn coverage_note(coverage: &Coverage, sources: &[&str]) -> Option<String> {
    let least = sources
        .iter()
        .map(|name| {
            coverage
                .source(name)
                .map_or(0.0, |source| source.complete_share)
        })
        .fold(1.0, f64::min);
    (least < 0.99).then(|| {
        if least <= 0.0 {
            "not collected in this range".to_owned()
        } else {
            format!("{} of the range collected", format::percent_complete(least))
        }
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use millicent_analyzer::SourceCoverage;

    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 24, 8, 48, 0).unwrap()
    }

    fn source(name: &str, share: f64, outcome: &str) -> SourceCoverage {
        SourceCoverage {
            source: name.to_owned(),
            complete_share: share,
            complete_until: Some(now() - TimeDelta::minutes(5)),
            last_outcome: outcome.to_owned(),
            last_error: None,
        }
    }

    #[test]
    fn coverage_is_said_where_it_is_not_whole() {
        let coverage = Coverage {
            sources: vec![
                source("apigateway-metrics", 0.926, "throttled"),
                source("traces", 0.999, "complete"),
            ],
            as_of: Some(now()),
        };
        assert_eq!(coverage_note(&coverage, &["traces"]), None);
        assert_eq!(
            coverage_note(&coverage, &["apigateway-metrics", "traces"]).unwrap(),
            "92% of the range collected"
        );
        assert_eq!(
            coverage_note(&coverage, &["cost"]).unwrap(),
            "not collected in this range"
        );
        assert_eq!(
            trouble(&coverage),
            ["apigateway-metrics is throttled by AWS"]
        );
        assert_eq!(
            freshness(&coverage, now()).unwrap().text,
            "As of 08:43 UTC, 5 min ago"
        );
        assert_eq!(
            freshness(&coverage, now() + TimeDelta::hours(3))
                .unwrap()
                .class,
            "stale"
        );
        assert!(freshness(&Coverage::default(), now()).is_none());
    }
}
