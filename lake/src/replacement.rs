//! A slice that is replaced by more rows than fit in memory: written in parts, committed at once.

use arrow::compute::kernels::boolean::not;
use deltalake::kernel::Add;

use crate::slice::Filter;
use crate::store::{Change, Committed};
use crate::{ColumnError, Lake, LakeError, Mark, Rows, Slice};

/// What will stand in the place of a slice; see [`Lake::begin_replace`].
///
/// Dropped without a commit, its files are no part of the table, and maintenance deletes them.
pub struct Replacement {
    lake: Lake,
    slice: Slice,
    filter: Filter,
    added: Vec<Add>,
    rows: u64,
}

impl Lake {
    /// Begins to replace everything in the slice. Nothing is changed before
    /// [`Replacement::commit`].
    ///
    /// # Errors
    /// [`LakeError::SliceColumn`] if the slice names a column that the table does not have.
    pub fn begin_replace(&self, slice: Slice) -> Result<Replacement, LakeError> {
        Ok(Replacement {
            filter: Filter::of(&slice)?,
            lake: self.clone(),
            slice,
            added: Vec::new(),
            rows: 0,
        })
    }
}

impl Replacement {
    /// Writes rows, as a file for each date that they have.
    ///
    /// # Errors
    /// As [`Lake::replace`].
    pub async fn write(&mut self, rows: Rows) -> Result<(), LakeError> {
        let table = self.slice.table;
        if rows.table() != table {
            return Err(LakeError::WrongTable {
                slice: table,
                rows: rows.table(),
            });
        }
        let column = |source| LakeError::Column { table, source };
        let batch = rows.to_record_batch().map_err(column)?;
        drop(rows);
        let outside = self.filter.mask(&batch).and_then(|mask| not(&mask));
        let outside = outside.map_err(|error| column(ColumnError::Arrow(error)))?;
        if outside.true_count() > 0 {
            return Err(LakeError::OutsideSlice {
                table,
                slice: self.slice.to_string(),
                count: outside.true_count(),
            });
        }
        let count = batch.num_rows() as u64;
        let store = &self.lake.stores[table as usize];
        self.added.extend(store.write(batch).await?);
        self.rows += count;
        Ok(())
    }

    /// Puts what was written in the place of everything in the slice, in one commit: all of it, or
    /// nothing. Gives the number of rows.
    ///
    /// # Errors
    /// As [`Lake::replace`]; the slice is then as it was.
    pub async fn commit(self) -> Result<u64, LakeError> {
        let change = Change {
            removed: Some(&self.filter),
            added: self.added,
            predicate: Some(self.slice.to_string()),
            since: None,
        };
        self.lake.stores[self.slice.table as usize]
            .commit(change)
            .await?;
        Ok(self.rows)
    }

    /// As [`Replacement::commit`], but only if nobody changed a row of the slice since the mark; see
    /// [`Lake::replace_since`]. Gives `None` if somebody did.
    ///
    /// # Errors
    /// As [`Lake::replace`]; the slice is then as it was.
    pub async fn commit_since(self, mark: &Mark) -> Result<Option<u64>, LakeError> {
        let change = Change {
            removed: Some(&self.filter),
            added: self.added,
            predicate: Some(self.slice.to_string()),
            since: Some(mark.of(self.slice.table)),
        };
        let committed = self.lake.stores[self.slice.table as usize]
            .commit(change)
            .await?;
        Ok((committed == Committed::Done).then_some(self.rows))
    }

    /// Gives up: deletes what was written. The slice stays as it is.
    pub async fn discard(self) {
        self.lake.stores[self.slice.table as usize]
            .discard(&self.added)
            .await;
    }
}
