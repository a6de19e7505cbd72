//! Rows of a window on their way into the lake: written in parts when there are many, so that neither a
//! large account nor a long history takes more memory.

use millicent_lake::{Lake, LakeError, MetricPoint, Replacement, Rows, Slice};

use crate::task::Collected;
use crate::trouble::{Trouble, chain};

/// Rows of a part: some ten megabytes.
const MOST_ROWS: usize = 20_000;

/// The rows of one window.
pub(super) struct Parts {
    slice: Slice,
    rows: Vec<MetricPoint>,
    /// From the second part on.
    written: Option<Replacement>,
    lake: Lake,
}

impl Parts {
    pub(super) fn begin(lake: &Lake, slice: Slice) -> Self {
        Self {
            slice,
            rows: Vec::new(),
            written: None,
            lake: lake.clone(),
        }
    }

    /// Adds rows; writes what has come together when it is enough for a part.
    pub(super) async fn add(&mut self, rows: Vec<MetricPoint>) -> Result<(), Trouble> {
        self.rows.extend(rows);
        if self.rows.len() < MOST_ROWS {
            return Ok(());
        }
        self.write().await
    }

    async fn write(&mut self) -> Result<(), Trouble> {
        let rows = std::mem::take(&mut self.rows);
        let written = match &mut self.written {
            Some(written) => written,
            None => {
                let begun = self.lake.begin_replace(self.slice.clone());
                self.written.insert(begun.map_err(unwritable)?)
            }
        };
        written.write(Rows::Metrics(rows)).await.map_err(unwritable)
    }

    /// All of them, still to be committed.
    pub(super) async fn end(mut self) -> Result<Collected, Trouble> {
        if self.written.is_some() && !self.rows.is_empty() {
            self.write().await?;
        }
        Ok(match self.written {
            Some(written) => Collected::in_parts(written),
            None => Collected::whole(self.slice, Rows::Metrics(self.rows)),
        })
    }
}

fn unwritable(error: LakeError) -> Trouble {
    Trouble::failed(chain(&error))
}
