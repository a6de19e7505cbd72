//! What tests of pages need: a state over an empty lake, and reports whose rows are made up.

use std::{fmt::Write as _, sync::Arc};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use millicent_analyzer::{Analyzer, Coverage, Options, Report, SourceCoverage};
use millicent_lake::Lake;
use tokio::sync::watch;

use crate::{Progress, WebState};

/// The time of all tests.
pub(crate) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 24, 8, 48, 0).unwrap()
}

/// A state over an empty lake, in a folder that lives as long as the second value.
pub(crate) async fn state() -> (WebState, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap()).await.unwrap();
    let options = Options {
        clock: Arc::new(now),
        ..Options::default()
    };
    let analyzer = Analyzer::open(lake, options).await.unwrap();
    let (_, progress) = watch::channel(Progress {
        finished: true,
        ..Progress::default()
    });
    (
        WebState {
            analyzer,
            progress,
            clock: Arc::new(now),
        },
        folder,
    )
}

/// Every source with this share of completeness.
pub(crate) fn coverage(share: f64) -> Coverage {
    let sources = [
        "apigateway-metrics",
        "cost",
        "discovery",
        "lambda-metrics",
        "traces",
    ];
    let source = |name: &str| SourceCoverage {
        source: name.to_owned(),
        complete_share: share,
        complete_until: Some(now() - TimeDelta::minutes(4)),
        last_outcome: "complete".to_owned(),
        last_error: None,
    };
    Coverage {
        sources: sources.map(source).to_vec(),
        as_of: Some(now() - TimeDelta::minutes(1)),
    }
}

/// A cell of a made-up table.
pub(crate) enum Cell {
    Text(String),
    Number(f64),
    Whole(i64),
    Time(DateTime<Utc>),
    Flag(bool),
    /// Null, in a column of numbers.
    Missing,
}

impl Cell {
    fn sql(&self) -> String {
        match self {
            Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Cell::Number(number) => format!("CAST({number} AS DOUBLE)"),
            Cell::Whole(number) => format!("CAST({number} AS BIGINT)"),
            Cell::Time(ts) => format!("TIMESTAMP '{}'", ts.format("%Y-%m-%d %H:%M:%S")),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Missing => "CAST(NULL AS DOUBLE)".to_owned(),
        }
    }
}

/// A report with these rows.
pub(crate) async fn report(
    state: &WebState,
    columns: &[&str],
    rows: Vec<Vec<Cell>>,
    coverage: Coverage,
) -> Report {
    let mut sql = String::from("SELECT ");
    let names = columns
        .iter()
        .enumerate()
        .map(|(i, name)| format!("column{} AS {name}", i + 1));
    sql += &names.collect::<Vec<_>>().join(", ");
    sql += " FROM (VALUES ";
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(Cell::sql).collect();
        let _ = write!(
            sql,
            "{}({})",
            if i > 0 { ", " } else { "" },
            cells.join(", ")
        );
    }
    sql += ")";
    Report {
        query: state.analyzer.catalog().get("own-cost").unwrap(),
        table: state.analyzer.sql(&sql).await.unwrap(),
        coverage,
        elapsed_ms: 3,
    }
}
