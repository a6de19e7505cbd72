//! The lake: one Delta Lake table per subject, a window of it replaced whole or not at all.

pub mod alert_events;
pub mod collections;
pub mod costs;
pub mod metrics;
pub mod resources;
pub mod spans;

pub use alert_events::AlertEvent;
pub use collections::{Collection, Outcome};
pub use costs::CostLine;
pub use metrics::MetricPoint;
pub use resources::Resource;
pub use spans::Span;
