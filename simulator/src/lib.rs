//! A simulated AWS account on AWS's wire protocols, with known truth.

pub mod bill;
pub mod config;
pub mod decimal;
pub mod estate;
pub mod metrics;
pub mod model;
pub mod prices;
pub mod scenario;
pub mod traffic;
pub mod truth;
mod world;

pub use config::SimConfig;
pub use world::World;
