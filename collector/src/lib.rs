//! The collector: AWS → rows. Discovery, metrics, traces and the bill, each window of each source
//! with what it came to and what it cost.
//!
//! [`Collector::pass`] reads what `collections` says, derives from it which windows are due
//! ([`windows`]), and for each of them asks AWS through its SDK, replaces the window's rows in the
//! lake and records the outcome. Nothing is kept beside the lake: killed at any moment, the next
//! pass goes on where the last commit stands.

mod access;
mod aws;
mod backoff;
mod clock;
mod collector;
mod config;
mod cost;
mod coverage;
mod discovery;
mod error;
mod estate;
mod exports;
mod filter;
mod gate;
mod knowledge;
mod meter;
mod metrics;
mod pace;
mod plan;
pub mod routes;
mod schedule;
pub mod segments;
mod source;
mod summary;
mod task;
#[cfg(test)]
mod testing;
mod traces;
mod trouble;
pub mod windows;

pub use access::default_region;
pub use clock::{Clock, SystemClock};
pub use collector::{Collector, Progress};
pub use config::{CollectConfig, ExternalId, Role, StaticCredentials, TraceConfig};
pub use error::CollectError;
pub use estate::{
    AccountConfig, Estate, EstateConfig, EstatePlan, EstateSummary, Place, PlaceSummary, Unreached,
};
pub use exports::ExportConfig;
pub use filter::Filter;
pub use plan::{Plan, PlannedSource};
pub use source::{Source, System};
pub use summary::{Incident, PassSummary, SourceSummary};
