//! Dashboard, JSON API and charts.
//!
//! Pages are written on the server and work without their script; every state is in the URL, and
//! nothing is asked of another host. A page is a struct, a template and a handler together in one
//! file of `pages`.

use std::{fmt, net::SocketAddr, sync::Arc};

use chrono::{DateTime, Utc};
use millicent_analyzer::Analyzer;
use tokio::sync::watch;

mod api;
mod ask;
mod assets;
mod change;
mod charts;
mod error;
mod format;
mod frame;
mod guard;
mod pages;
mod query;
mod range;
mod server;
#[cfg(test)]
mod testing;

pub use server::serve;

/// What the pages read.
#[derive(Clone)]
pub struct WebState {
    /// Answers every question.
    pub analyzer: Analyzer,
    /// How far the first collection is.
    pub progress: watch::Receiver<Progress>,
    /// What time it is.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl fmt::Debug for WebState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebState")
            .field("progress", &*self.progress.borrow())
            .finish_non_exhaustive()
    }
}

/// How far the collection is that fills an empty lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is under way, for example `Collecting traces`.
    pub phase: String,
    /// Steps done.
    pub done: u64,
    /// Steps in all, as far as known.
    pub total: u64,
    /// Everything that there was to collect is there; from now on it is live.
    pub finished: bool,
}

impl Progress {
    /// Part that is done, 0 to 100.
    pub(crate) fn percent(&self) -> u64 {
        (self.done.min(self.total) * 100)
            .checked_div(self.total)
            .unwrap_or(0)
    }
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The socket has no address of its own.
    #[error("the web server cannot tell its own address")]
    Address(#[source] std::io::Error),
    /// The socket failed.
    #[error("the web server at {address} failed")]
    Serve {
        /// Where it listened.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
