//! The time, passed in.

use chrono::{DateTime, Utc};

/// Tells the time. Tests and the demo pass their own.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place that asks the machine.
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
