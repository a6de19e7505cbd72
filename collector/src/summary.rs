//! What a pass came to.

use millicent_lake::{Collection, Outcome};
use rust_decimal::Decimal;

use crate::source::Source;
use crate::windows::Window;

/// A window that was not collected whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Which.
    pub window: Window,
    /// How it counts.
    pub outcome: Outcome,
    /// What happened, to what, and what to do.
    pub message: String,
}

/// One source in a pass.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSummary {
    /// Which.
    pub source: Source,
    /// Windows tried.
    pub windows: u64,
    /// Of these, collected whole.
    pub complete: u64,
    /// Rows written.
    pub rows: u64,
    /// Calls to AWS, retries included.
    pub calls: u64,
    /// What AWS bills for.
    pub billed_units: u64,
    /// At list price.
    pub cost_usd: Decimal,
    /// Windows that were not collected whole, in the order in which they were tried.
    pub incidents: Vec<Incident>,
}

impl SourceSummary {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            windows: 0,
            complete: 0,
            rows: 0,
            calls: 0,
            billed_units: 0,
            cost_usd: Decimal::ZERO,
            incidents: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, attempt: &Collection) {
        self.windows += 1;
        self.complete += u64::from(attempt.outcome == Outcome::Complete);
        self.rows += attempt.rows.unsigned_abs();
        self.calls += attempt.calls.unsigned_abs();
        self.billed_units += attempt.billed_units.unsigned_abs();
        self.cost_usd += attempt.cost_usd;
    }
}

/// A pass over all sources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PassSummary {
    /// In the order of [`Source::ALL`].
    pub sources: Vec<SourceSummary>,
    /// The pass was cancelled before every due window was tried.
    pub cancelled: bool,
}

impl PassSummary {
    /// Every window that was tried was collected whole.
    pub fn is_complete(&self) -> bool {
        !self.cancelled
            && self
                .sources
                .iter()
                .all(|source| source.incidents.is_empty())
    }

    /// What the pass cost at list price.
    pub fn cost_usd(&self) -> Decimal {
        self.sources.iter().map(|source| source.cost_usd).sum()
    }
}
