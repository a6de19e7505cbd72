//! The order of the table, as its URL says it.

use std::cmp::Ordering;

use millicent_analyzer::Row;

use crate::{ask::Ask, error::PageError, query::href};

/// A column that can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// In the URL.
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    /// Of the report.
    pub(super) column: &'static str,
    pub(super) meaning: &'static str,
}

pub(super) const COLUMNS: [Column; 9] = [
    Column {
        key: "route",
        label: "Route",
        column: "route",
        meaning: "Method and path template, with API and stage",
    },
    Column {
        key: "cost",
        label: "Cost",
        column: "cost_usd",
        meaning: "What the route's requests cost, over all services",
    },
    Column {
        key: "per-1000",
        label: "Per 1,000",
        column: "cost_per_1000_usd",
        meaning: "Cost of 1,000 requests of the route",
    },
    Column {
        key: "share",
        label: "Share",
        column: "share_of_cost",
        meaning: "Of the cost of everything in the account",
    },
    Column {
        key: "requests",
        label: "Requests",
        column: "requests",
        meaning: "As API Gateway counts them",
    },
    Column {
        key: "errors",
        label: "Errors",
        column: "error_rate",
        meaning: "Share of requests answered with a 5xx status",
    },
    Column {
        key: "p50",
        label: "p50",
        column: "p50_ms",
        meaning: "Half of the requests were answered within this time: from histograms of all requests, else estimated from traces",
    },
    Column {
        key: "p95",
        label: "p95",
        column: "p95_ms",
        meaning: "95 of 100 requests were answered within this time: from histograms of all requests, else estimated from traces",
    },
    Column {
        key: "cold",
        label: "Cold starts",
        column: "cold_start_rate",
        meaning: "Share of requests that waited for an initialisation, estimated from traces weighted by requests",
    },
];

/// How the table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) column: Column,
    pub(super) descending: bool,
}

/// A header with the link that sorts by it.
pub(super) struct Header {
    pub(super) label: &'static str,
    pub(super) meaning: &'static str,
    pub(super) href: String,
    pub(super) numeric: bool,
    /// `ascending`, `descending` or empty.
    pub(super) sorted: &'static str,
}

impl Sort {
    /// Reads it from the URL; the dearest first where it says nothing.
    pub(super) fn parse(ask: &Ask) -> Result<Sort, PageError> {
        let key = ask.query.get("sort").unwrap_or("cost");
        let keys = || COLUMNS.map(|column| column.key).join(", ");
        let column = *COLUMNS
            .iter()
            .find(|column| column.key == key)
            .ok_or_else(|| {
                PageError::parameter(
                    "sort",
                    format!("“{key}” is not a column. It is one of {}", keys()),
                )
            })?;
        let descending = match ask.query.get("dir") {
            None => column.key != "route",
            Some("desc") => true,
            Some("asc") => false,
            Some(other) => {
                return Err(PageError::parameter(
                    "dir",
                    format!("“{other}” is no direction. It is asc or desc"),
                ));
            }
        };
        Ok(Sort { column, descending })
    }

    /// Orders two rows. What is missing comes last in both directions.
    pub(super) fn compare(
        self,
        a: &Row<'_>,
        b: &Row<'_>,
        read: impl Fn(&Row<'_>, &str) -> Option<f64>,
    ) -> Ordering {
        let name = |row: &Row<'_>| {
            ["route", "api", "stage"].map(|column| row.text(column).unwrap_or_default().to_owned())
        };
        let turn = |order: Ordering| {
            if self.descending {
                order.reverse()
            } else {
                order
            }
        };
        let by_name = || name(a).cmp(&name(b));
        if self.column.key == "route" {
            return turn(by_name());
        }
        let value = |row: &Row<'_>| read(row, self.column.column).filter(|v| v.is_finite());
        match (value(a), value(b)) {
            (Some(a), Some(b)) => turn(a.total_cmp(&b)).then_with(by_name),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => by_name(),
        }
    }
}

/// The header of a column, with the link that sorts by it.
pub(super) fn header(ask: &Ask, sort: Sort, column: &Column) -> Header {
    let active = sort.column.key == column.key;
    // A second click turns the order; the first one starts with what is most, or with A.
    let descending = if active {
        !sort.descending
    } else {
        column.key != "route"
    };
    let others = ask
        .query
        .pairs()
        .filter(|(key, _)| !matches!(*key, "sort" | "dir" | "theme"));
    let dir = if descending { "desc" } else { "asc" };
    Header {
        label: column.label,
        meaning: column.meaning,
        href: href(
            "/routes",
            others.chain([("sort", column.key), ("dir", dir)]),
        ),
        numeric: column.key != "route",
        sorted: match (active, sort.descending) {
            (true, true) => "descending",
            (true, false) => "ascending",
            _ => "",
        },
    }
}
