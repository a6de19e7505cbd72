//! What goes wrong, told once, with its exit code.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use millicent_alerts::AlertsError;
use millicent_analyzer::AnalyzeError;

use crate::config::ConfigError;

/// What was asked for cannot be done as it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Prints the whole chain of an error and gives its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    // Whoever read our output has had enough of it.
    if error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
    }) {
        return ExitCode::SUCCESS;
    }
    let mut text = String::from("error: ");
    let mut last = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !last.contains(&cause) {
            if !last.is_empty() {
                text.push_str("\n  because: ");
            }
            text.push_str(&cause);
            last = cause;
        }
    }
    // Nobody is left to be told of a failure here.
    let _ = writeln!(io::stderr().lock(), "{text}");
    if is_usage(error) {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// Wrong usage or configuration: trying again without a change cannot help.
fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<ConfigError>()
            || matches!(
                cause.downcast_ref(),
                Some(AnalyzeError::UnknownReport { .. } | AnalyzeError::Parameter { .. })
            )
            || matches!(cause.downcast_ref(), Some(AlertsError::UnknownRule { .. }))
    })
}
