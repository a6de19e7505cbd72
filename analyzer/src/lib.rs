//! Analyses over the lake: the catalog of queries, prices, attribution, reports.
//!
//! [`Analyzer::report`] runs a query of the catalog with bound parameters, [`Analyzer::sql`] runs what a
//! user wrote, read-only and bounded. Both see the same tables and views: the lake's own tables, and
//! the views of `queries/views/`, each computed when it is first needed, the heavy ones once per state.

mod analyzer;
mod batches;
mod catalog;
mod coverage;
mod critical_path;
mod engine;
mod error;
mod header;
mod params;
mod percentile;
mod report;
mod sampled_rate;
mod sql;
mod state;
mod table;
mod views;

pub use analyzer::{Analyzer, Options, Report};
pub use batches::Batches;
pub use catalog::{AlertSpec, Catalog, ColumnSpec, Kind, ParamSpec, Query};
pub use coverage::{Coverage, SourceCoverage};
pub use error::AnalyzeError;
pub use params::{ParamValue, Params};
pub use table::{Row, Table};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
