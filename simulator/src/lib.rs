//! A simulated AWS account on AWS's wire protocols, with known truth.

pub mod aws_errors;
pub mod bill;
mod cloudwatch;
pub mod config;
mod cost_explorer;
pub mod decimal;
pub mod estate;
pub mod exports;
pub mod faults;
mod listings;
mod logs;
pub mod metrics;
pub mod model;
pub mod organisation;
pub mod prices;
pub mod scenario;
pub mod server;
pub mod slack;
mod sts;
pub mod traffic;
pub mod truth;
mod world;
mod xray;

pub use config::SimConfig;
pub use organisation::Organisation;
pub use world::World;
