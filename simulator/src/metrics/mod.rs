//! CloudWatch's view of the requests: samples by the minute, and what is added up of them.

mod apis;
pub mod entry_points;
pub mod events;
pub mod layout;
pub mod registry;
pub mod samples;
pub mod series;
pub mod statistic;
pub mod usage;

#[cfg(test)]
mod tests;
