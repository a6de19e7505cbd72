//! The lake: one Delta Lake table per subject, a window of it replaced whole or not at all.
//!
//! A table file has the row as a struct, and beside it `schema`, `to_record_batch` and
//! `from_record_batch`. [`Lake`] opens the tables under one location, [`Lake::replace`]s what a
//! [`Slice`] owns, and hands out [`deltalake::DeltaTable`]s to whoever queries them.

mod cells;
mod columns;
mod derive;
mod durable;
mod error;
mod files;
mod format;
mod lake;
mod location;
mod log;
mod maintain;
mod merging;
mod metric_series;
mod opening;
mod replacement;
mod slice;
mod stats;
mod store;
mod table;

pub mod alert_events;
pub mod collections;
pub mod costs;
pub mod latency_histograms;
pub mod metrics;
pub mod resources;
pub mod spans;

pub use alert_events::AlertEvent;
pub use collections::{Collection, Outcome};
pub use columns::{ColumnError, DATE};
pub use costs::CostLine;
pub use error::LakeError;
pub use lake::{Lake, Mark};
pub use latency_histograms::LatencyBucket;
pub use maintain::Upkeep;
pub use metric_series::{MetricSeries, PointValues};
pub use metrics::MetricPoint;
pub use replacement::Replacement;
pub use resources::Resource;
pub use slice::Slice;
pub use spans::Span;
pub use table::{Rows, Table};

#[cfg(test)]
mod tests;
