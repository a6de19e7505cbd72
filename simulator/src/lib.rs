//! A simulated AWS account on AWS's wire protocols, with known truth.

pub mod config;
pub mod estate;
pub mod metrics;
pub mod model;
pub mod scenario;
pub mod traffic;
mod world;

pub use config::SimConfig;
pub use world::World;
