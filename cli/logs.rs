//! Logs go to stderr; answers go to stdout.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::failure::Usage;

/// Starts logging what the filter lets through.
pub(crate) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Usage(format!(
            "--log {filter}: {error}; expected a level (error, warn, info, debug, trace) or a list \
             like warn,millicent_collector=debug"
        ))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}
