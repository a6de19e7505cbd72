//! Percentiles of routes over the whole range, and what they are from.

use std::collections::HashMap;

use millicent_analyzer::{Report, Row};

use crate::format;

type Key = (String, String, String);

/// Why a route may have no percentiles of the range.
pub(super) const UNMEASURED: &str = "no trace shows it, as of HTTP and WebSocket APIs: [collect] histograms = true measures every route";

/// Percentiles by route, as `latency-by-route` has them.
pub(super) struct Latencies(HashMap<Key, Latency>);

struct Latency {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p95_low_ms: Option<f64>,
    p95_high_ms: Option<f64>,
    histograms: bool,
    traces: i64,
}

/// What a percentile is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Basis {
    /// For a place beside the number: empty for the usual one.
    pub(super) mark: &'static str,
    /// In words.
    pub(super) text: String,
    /// What its interval is.
    pub(super) interval: &'static str,
}

impl Latencies {
    pub(super) fn new(report: &Report) -> Latencies {
        let text = |row: &Row<'_>, column: &str| row.text(column).unwrap_or_default().to_owned();
        let rows = report.table.rows().map(|row| {
            let key = (text(&row, "api"), text(&row, "stage"), text(&row, "route"));
            let latency = Latency {
                p50_ms: row.f64("p50_ms"),
                p95_ms: row.f64("p95_ms"),
                p95_low_ms: row.f64("p95_low_ms"),
                p95_high_ms: row.f64("p95_high_ms"),
                histograms: row.text("basis") == Some("histograms"),
                traces: row.i64("traces").unwrap_or(0),
            };
            (key, latency)
        });
        Latencies(rows.collect())
    }

    /// A figure of a route: the percentiles from here, everything else from its own row.
    pub(super) fn value(&self, row: &Row<'_>, column: &str) -> Option<f64> {
        let text = |column: &str| row.text(column).unwrap_or_default().to_owned();
        let of_route = || self.0.get(&(text("api"), text("stage"), text("route")));
        match column {
            "p50_ms" => of_route()?.p50_ms,
            "p95_ms" => of_route()?.p95_ms,
            "p95_low_ms" => of_route()?.p95_low_ms,
            "p95_high_ms" => of_route()?.p95_high_ms,
            _ => row.f64(column),
        }
    }

    /// What the percentiles of a route are from; `None` where it has none.
    pub(super) fn basis(&self, key: &Key) -> Option<Basis> {
        let latency = self.0.get(key).filter(|latency| latency.p95_ms.is_some())?;
        Some(if latency.histograms {
            Basis {
                mark: "hist",
                text: "from histograms of all requests".to_owned(),
                interval: "the bucket of the histogram that it lies in",
            }
        } else {
            Basis {
                mark: "",
                text: format!(
                    "from {} traces, weighted by requests",
                    format::count_exact(latency.traces as f64)
                ),
                interval: "95% interval",
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        self,
        Cell::{Missing, Number, Text, Whole},
    };

    #[tokio::test]
    async fn a_percentile_says_what_it_is_from() {
        let (state, _folder) = testing::state().await;
        let row = |route: &str, p95, basis: &str, traces| {
            let key = ["web", "live", route].map(|text| Text(text.into()));
            key.into_iter()
                .chain([p95, Text(basis.into()), Whole(traces)])
                .collect()
        };
        let rows = vec![
            row("GET /a", Number(40.0), "histograms", 0),
            row("GET /b", Number(50.0), "weighted traces", 1_234),
            row("GET /c", Missing, "weighted traces", 0),
        ];
        let columns = ["api", "stage", "route", "p95_ms", "basis", "traces"];
        let report = testing::report(&state, &columns, rows, testing::coverage(1.0)).await;
        let latencies = Latencies::new(&report);
        let of = |route: &str| ("web".to_owned(), "live".to_owned(), route.to_owned());
        assert_eq!(latencies.basis(&of("GET /a")).unwrap().mark, "hist");
        let traced = latencies.basis(&of("GET /b")).unwrap();
        assert_eq!(traced.text, "from 1,234 traces, weighted by requests");
        assert_eq!(latencies.basis(&of("GET /c")), None);
        assert_eq!(latencies.basis(&of("GET /d")), None);
        let seen: Vec<_> = report
            .table
            .rows()
            .map(|row| latencies.value(&row, "p95_ms"))
            .collect();
        assert_eq!(seen, [Some(40.0), Some(50.0), None]);
    }
}
