//! Ctrl-C and SIGTERM end a role in good order.

use std::future::Future;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::output::say;

/// What who collects is told at the first Ctrl-C.
pub(crate) const COLLECTING: &str = "\nFinishing the windows under way; what is missing goes on from there next time. Ctrl-C again stops at once.";

/// A token that the first Ctrl-C or SIGTERM cancels, with these words unless they are empty. After
/// that the signals kill again, so that a second Ctrl-C ends what does not end by itself.
pub(crate) fn token(words: &'static str) -> anyhow::Result<CancellationToken> {
    let cancel = CancellationToken::new();
    let told = cancel.clone();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.cancel();
        if !words.is_empty() {
            say(words);
        }
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        #[expect(clippy::disallowed_methods, reason = "the user asks twice to end now")]
        std::process::exit(130);
    });
    Ok(cancel)
}

/// Runs a role on a runtime of its own. Blocking work that is left behind does not keep the
/// process.
pub(crate) fn block_on<T>(role: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(role);
    runtime.shutdown_background();
    result
}
