//! The only place that reads the environment and the clock; everything else is given them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// A variable's value; `None` where it is not set, empty or not text.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub(crate) fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What time it is.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The clock as the parts take it.
pub(crate) fn clock() -> Arc<dyn Fn() -> DateTime<Utc> + Send + Sync> {
    Arc::new(now)
}
