//! Serves a simulated account until it is interrupted: `cargo run --example serve -- [port] [seed]`.
//!
//! Prints the endpoint URL on its first line. The account is two weeks old and lives in real time.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example is a program of its own"
)]

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use millicent_simulator::{SimConfig, World, server};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let now = Utc::now();
    let config =
        SimConfig::new(seed, now - TimeDelta::days(14), now).with_clock(Arc::new(Utc::now));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let cancel = CancellationToken::new();
    let handle = server::start(World::new(config), listener, cancel.clone()).await?;
    println!("{}", handle.url());
    tokio::signal::ctrl_c().await?;
    cancel.cancel();
    handle.stopped().await;
    Ok(())
}
