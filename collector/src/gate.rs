//! What every account and region of one process shares of its memory: what a pass holds is bounded, and
//! so is what they hold together.

use tokio::sync::Semaphore;

/// Accounts and regions that pass at the same time.
pub(crate) const AT_ONCE: usize = 8;
/// Answers of `GetMetricData` that are read or wait to become rows: some five megabytes each.
const ANSWERS: usize = 12;

/// Never closed, so that there is always a permit to come.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Who passes holds a permit of it.
    pub(crate) places: Semaphore,
    /// Who asks for points holds a permit of it until the answer is a part of the rows.
    pub(crate) answers: Semaphore,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate {
            places: Semaphore::new(AT_ONCE),
            answers: Semaphore::new(ANSWERS),
        }
    }
}
