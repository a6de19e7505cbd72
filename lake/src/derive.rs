//! Rows made from the rows that stand: read, changed and written as one step.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::kernels::boolean::not;
use arrow::compute::{concat_batches, filter_record_batch};
use futures::{StreamExt, stream};

use crate::log::{File, Log};
use crate::slice::Filter;
use crate::store::{ATTEMPTS, Change, READERS, Rewrite, Store, describe, pause, select};
use crate::{ColumnError, LakeError, files};

/// Makes rows from the rows that stand.
pub(crate) type Derive<'a> =
    &'a (dyn Fn(&RecordBatch) -> Result<RecordBatch, ColumnError> + Send + Sync);

/// What happens to the rows from which others are derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Stay,
    Go,
}

/// Files that have rows that pass a filter, and all of their rows.
struct Split {
    removed: Vec<Arc<File>>,
    passing: RecordBatch,
    others: RecordBatch,
}

impl Store {
    /// Derives rows from those that pass the filter, and puts them in their place or beside them, in
    /// one commit on top of exactly the rows that they were derived from. Gives the derived rows.
    pub(crate) async fn derive(
        &self,
        filter: &Filter,
        standing: Standing,
        derive: Derive<'_>,
        predicate: String,
    ) -> Result<RecordBatch, LakeError> {
        let mut log = self.log.lock().await;
        for attempt in 0..ATTEMPTS {
            tokio::time::sleep(pause(attempt)).await;
            self.follow(&mut log).await?;
            let stood = self.split(&log, filter).await?;
            let derived = derive(&stood.passing).map_err(|source| LakeError::Column {
                table: self.table,
                source,
            })?;
            let (removed, written) = match standing {
                Standing::Stay => (Vec::new(), derived.clone()),
                Standing::Go => {
                    let derived = files::project(self.table, &derived)
                        .map_err(|error| self.unwritable(error))?;
                    let stays = concat_batches(&stood.others.schema(), [&stood.others, &derived]);
                    (
                        stood.removed,
                        stays.map_err(|error| self.unwritable(error))?,
                    )
                }
            };
            if removed.is_empty() && written.num_rows() == 0 {
                return Ok(derived);
            }
            let change = Change {
                removed: (standing == Standing::Go).then_some(filter),
                added: self.write(written).await?,
                predicate: Some(predicate.clone()),
                since: None,
            };
            let rewrite = Rewrite {
                removed,
                kept: Vec::new(),
            };
            let (actions, operation) = describe(&change, rewrite);
            let replaced = change.removed.map(Filter::extent);
            let committed = log.commit(actions, operation, replaced).await;
            if !matches!(committed, Ok(true)) {
                self.discard(&change.added).await;
            }
            if committed.map_err(|error| self.unwritable(error))? {
                let version = log.version();
                drop(log);
                self.committed(Some(version)).await;
                return Ok(derived);
            }
        }
        Err(self.contended())
    }

    /// The rows that pass the filter, and the others in the same files.
    async fn split(&self, log: &Log, filter: &Filter) -> Result<Split, LakeError> {
        let (mut removed, mut passing, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let mut batches = stream::iter(select(log, filter))
            .map(|(file, _)| async { (Arc::clone(&file), self.read_file(file).await) })
            .buffered(READERS);
        while let Some((file, batch)) = batches.next().await {
            let batch = batch.map_err(|error| self.unreadable(error))?;
            let parts = filter.mask(&batch).and_then(|mask| {
                let passing = filter_record_batch(&batch, &mask)?;
                Ok((passing, filter_record_batch(&batch, &not(&mask)?)?))
            });
            let (passes, rest) = parts.map_err(|error| self.unreadable(error))?;
            if passes.num_rows() > 0 {
                removed.push(file);
                passing.push(passes);
                others.push(rest);
            }
        }
        let schema = files::file_schema(self.table);
        let whole = |batches: Vec<RecordBatch>| {
            concat_batches(&schema, &batches).map_err(|error| self.unreadable(error))
        };
        Ok(Split {
            removed,
            passing: whole(passing)?,
            others: whole(others)?,
        })
    }
}
