//! What every account and region of one process shares of its memory: what a pass holds is bounded, and
//! so is what they hold together.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Accounts and regions that pass at the same time.
pub(crate) const AT_ONCE: usize = 8;
/// Points that are asked for, or wait to become rows: some sixty bytes each.
const POINTS: usize = 600_000;
/// Points that a permit is for.
const A_PERMIT: usize = 1_000;

/// Never closed, so that there is always a permit to come.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Who passes holds a permit of it.
    pub(crate) places: Semaphore,
    /// Who asks for points holds permits of it until they are a part of the rows.
    points: Semaphore,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate {
            places: Semaphore::new(AT_ONCE),
            points: Semaphore::new(POINTS / A_PERMIT),
        }
    }
}

impl Gate {
    /// Room for so many points, as soon as there is; first come, first served. Who asks for more
    /// than a quarter of all gets that.
    pub(crate) async fn room_for(&self, points: usize) -> Option<SemaphorePermit<'_>> {
        let permits = points.min(POINTS / 4).div_ceil(A_PERMIT);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        self.points.acquire_many(permits).await.ok()
    }
}
