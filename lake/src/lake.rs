//! The lake as the rest of Millicent sees it: open, replace, append, read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::kernels::boolean::not;
use chrono::{DateTime, Utc};
use deltalake::DeltaTable;

use crate::derive::Standing;
use crate::slice::Filter;
use crate::store::{Change, Committed, Store};
use crate::{
    AlertEvent, Collection, ColumnError, LakeError, Resource, Rows, Slice, Table, alert_events,
    collections, resources,
};

/// Rows that are made columns of, sorted and written at a time: more are more files, which upkeep
/// merges.
const ROWS_AT_ONCE: usize = 250_000;

/// A lake: one Delta Lake table per subject, in a folder each under one folder.
///
/// Cheap to clone; clones share what they know of the tables. Several processes may write to a
/// lake at once: each commit is whole, and made on top of the one before.
#[derive(Clone)]
pub struct Lake {
    pub(crate) location: Arc<str>,
    pub(crate) stores: Arc<[Store]>,
}

impl Lake {
    /// The lake's folder, absolute.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Replaces everything in the slice with the rows, in one commit: all of it, or nothing. Twice
    /// the same is once. No rows empty the slice.
    ///
    /// Gives the number of rows.
    ///
    /// # Errors
    /// [`LakeError::OutsideSlice`] if a row is not the slice's, [`LakeError::StorageFull`],
    /// [`LakeError::Contended`], …; the slice is then as it was.
    pub async fn replace(&self, slice: &Slice, rows: Rows) -> Result<u64, LakeError> {
        same_table(slice, &rows)?;
        let count = rows.len() as u64;
        self.replace_rows(&Filter::of(slice)?, slice.to_string(), rows, None)
            .await?;
        Ok(count)
    }

    /// This moment in the history of every table. Taken before AWS is asked, it tells
    /// [`Lake::replace_since`] whether somebody else wrote the same rows meanwhile.
    ///
    /// # Errors
    /// If a table's log cannot be read.
    pub async fn mark(&self) -> Result<Mark, LakeError> {
        let mut versions = Vec::with_capacity(self.stores.len());
        for store in self.stores.iter() {
            versions.push(store.version().await?);
        }
        Ok(Mark { versions })
    }

    /// As [`Lake::replace`], but only if nobody changed a row of the slice since the mark: of several
    /// who read the same time at once, the first to commit stands, and an older reading never takes
    /// the place of a newer one.
    ///
    /// Gives the number of rows; `None` if somebody did, and nothing is then changed. A row that is
    /// not known to be another's counts as the slice's.
    ///
    /// # Errors
    /// As [`Lake::replace`].
    pub async fn replace_since(
        &self,
        mark: &Mark,
        slice: &Slice,
        rows: Rows,
    ) -> Result<Option<u64>, LakeError> {
        same_table(slice, &rows)?;
        let count = rows.len() as u64;
        let since = Some(mark.of(slice.table));
        let committed = self
            .replace_rows(&Filter::of(slice)?, slice.to_string(), rows, since)
            .await?;
        Ok((committed == Committed::Done).then_some(count))
    }

    /// Adds the rows, in one commit. Gives their number.
    ///
    /// # Errors
    /// As [`Lake::replace`]; nothing is then added.
    pub async fn append(&self, rows: Rows) -> Result<u64, LakeError> {
        let store = self.store(rows.table());
        let count = rows.len() as u64;
        if count > 0 {
            let added = store.write(batch(&rows)?).await?;
            store
                .commit(Change {
                    removed: None,
                    added,
                    predicate: None,
                    since: None,
                })
                .await?;
        }
        Ok(count)
    }

    /// The table as it stands now, as delta-rs knows it: to be read and queried. Write through
    /// [`Lake::replace`] and [`Lake::append`] only.
    ///
    /// # Errors
    /// If the table's log cannot be read.
    pub async fn delta_table(&self, table: Table) -> Result<DeltaTable, LakeError> {
        self.store(table).delta_table().await
    }

    /// Windows of a source that start at `since` or later, in the order of their start.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn collections(
        &self,
        source: &str,
        account_id: &str,
        region: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Collection>, LakeError> {
        let filter = Filter::window(Table::Collections, since, None)
            .and_equal("source", source)
            .and_equal("account_id", account_id)
            .and_equal("region", region);
        self.collections_that(&filter).await
    }

    /// As [`Lake::collections`], of every source and region of an account, at the price of one.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn collections_of(
        &self,
        account_id: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Collection>, LakeError> {
        let filter = Filter::window(Table::Collections, since, None);
        self.collections_that(&filter.and_equal("account_id", account_id))
            .await
    }

    async fn collections_that(&self, filter: &Filter) -> Result<Vec<Collection>, LakeError> {
        let mut rows = self
            .rows(Table::Collections, filter, collections::from_record_batch)
            .await?;
        rows.sort_by_key(|row| (row.ts, row.window_end));
        Ok(rows)
    }

    /// Records what a window came to, in place of what is recorded of the same window of the same
    /// source, account and region.
    ///
    /// # Errors
    /// As [`Lake::replace`].
    pub async fn record_collection(&self, collection: Collection) -> Result<(), LakeError> {
        let to = collection.ts + chrono::TimeDelta::microseconds(1);
        let filter = Filter::window(Table::Collections, collection.ts, Some(to))
            .and_at("window_end", collection.window_end)
            .and_equal("source", &collection.source)
            .and_equal("account_id", &collection.account_id)
            .and_equal("region", &collection.region);
        let what = format!("{} {}", collection.source, collection.ts);
        self.replace_rows(&filter, what, Rows::Collections(vec![collection]), None)
            .await?;
        Ok(())
    }

    /// Changes what `collections` has of a source in a span of time, on top of exactly what stands: no
    /// other collector's row is lost. `change` gets the rows whose window shares an instant with the
    /// slice's range, in the order of their start, and gives what stands in their place; it is called
    /// again when somebody else commits first. The slice says the source, account and region.
    ///
    /// Gives the rows that stand there now.
    ///
    /// # Errors
    /// As [`Lake::replace`]; nothing is then changed.
    pub async fn update_collections(
        &self,
        slice: &Slice,
        change: impl Fn(Vec<Collection>) -> Vec<Collection> + Send + Sync,
    ) -> Result<Vec<Collection>, LakeError> {
        let filter = Filter::overlapping(slice)?;
        let derive = |stood: &RecordBatch| {
            let mut stood = collections::from_record_batch(stood)?;
            stood.sort_by_key(|row| (row.ts, row.window_end));
            collections::to_record_batch(&change(stood))
        };
        let store = self.store(Table::Collections);
        let standing = store
            .derive(&filter, Standing::Go, &derive, slice.to_string())
            .await?;
        collections::from_record_batch(&standing).map_err(|source| LakeError::Column {
            table: Table::Collections,
            source,
        })
    }

    /// Adds those of the rows that say something new: of the rows of the same account, region, kind
    /// and ARN neither the one before nor the one after says the same. So a change that two
    /// collectors find is written once.
    ///
    /// Gives how many were added.
    ///
    /// # Errors
    /// As [`Lake::append`]; nothing is then added.
    pub async fn record_resources(&self, rows: Vec<Resource>) -> Result<u64, LakeError> {
        let Some(first) = rows.first() else {
            return Ok(0);
        };
        let home = |row: &Resource| (row.account_id.clone(), row.region.clone());
        let filter = match home(first) {
            one if rows.iter().all(|row| home(row) == one) => Filter::everything()
                .and_equal("account_id", &one.0)
                .and_equal("region", &one.1),
            _ => Filter::everything(),
        };
        let derive = |stood: &RecordBatch| {
            let stood = resources::from_record_batch(stood)?;
            resources::to_record_batch(&resources::new_ones(&rows, &stood))
        };
        let store = self.store(Table::Resources);
        let what = "resources that changed".to_owned();
        let added = store.derive(&filter, Standing::Stay, &derive, what).await?;
        Ok(added.num_rows() as u64)
    }

    /// The latest row of each resource by kind and ARN, in that order. Deleted ones are left out.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn current_resources(
        &self,
        account_id: &str,
        region: &str,
    ) -> Result<Vec<Resource>, LakeError> {
        let filter = Filter::everything()
            .and_equal("account_id", account_id)
            .and_equal("region", region);
        let rows = self
            .rows(Table::Resources, &filter, resources::from_record_batch)
            .await?;
        let mut latest: BTreeMap<(String, String), Resource> = BTreeMap::new();
        for row in rows {
            let key = (row.kind.clone(), row.arn.clone());
            if latest.get(&key).is_none_or(|known| known.ts <= row.ts) {
                latest.insert(key, row);
            }
        }
        Ok(latest
            .into_values()
            .filter(|resource| !resource.deleted)
            .collect())
    }

    /// Alert events at `since` or later, oldest first.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn alert_events(&self, since: DateTime<Utc>) -> Result<Vec<AlertEvent>, LakeError> {
        let filter = Filter::window(Table::AlertEvents, since, None);
        let mut rows = self
            .rows(Table::AlertEvents, &filter, alert_events::from_record_batch)
            .await?;
        rows.sort_by_key(|row| row.ts);
        Ok(rows)
    }

    fn store(&self, table: Table) -> &Store {
        &self.stores[table as usize]
    }

    async fn replace_rows(
        &self,
        filter: &Filter,
        predicate: String,
        mut rows: Rows,
        since: Option<u64>,
    ) -> Result<Committed, LakeError> {
        let table = rows.table();
        let store = self.store(table);
        let mut added = Vec::new();
        while !rows.is_empty() {
            let part = batch(&rows.take(ROWS_AT_ONCE));
            let written = match part.and_then(|part| inside(filter, &predicate, table, part)) {
                Ok(part) => store.write(part).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(files) => added.extend(files),
                Err(error) => {
                    store.discard(&added).await;
                    return Err(error);
                }
            }
        }
        drop(rows);
        let change = Change {
            removed: Some(filter),
            added,
            predicate: Some(predicate),
            since,
        };
        store.commit(change).await
    }

    pub(crate) async fn rows<R>(
        &self,
        table: Table,
        filter: &Filter,
        from_record_batch: fn(&RecordBatch) -> Result<Vec<R>, ColumnError>,
    ) -> Result<Vec<R>, LakeError> {
        let mut rows = Vec::new();
        for batch in self.store(table).read(filter).await? {
            let read = from_record_batch(&batch);
            rows.extend(read.map_err(|source| LakeError::Column { table, source })?);
        }
        Ok(rows)
    }
}

/// A moment in the history of a lake's tables; see [`Lake::mark`].
#[derive(Debug, Clone)]
pub struct Mark {
    /// By table.
    versions: Vec<u64>,
}

impl Mark {
    pub(crate) fn of(&self, table: Table) -> u64 {
        self.versions[table as usize]
    }
}

/// The batch, if all of its rows pass.
fn inside(
    filter: &Filter,
    slice: &str,
    table: Table,
    batch: RecordBatch,
) -> Result<RecordBatch, LakeError> {
    let outside = filter.mask(&batch).and_then(|mask| not(&mask));
    let outside = outside.map_err(|error| LakeError::Column {
        table,
        source: ColumnError::Arrow(error),
    })?;
    match outside.true_count() {
        0 => Ok(batch),
        count => Err(LakeError::OutsideSlice {
            table,
            slice: slice.to_owned(),
            count,
        }),
    }
}

fn same_table(slice: &Slice, rows: &Rows) -> Result<(), LakeError> {
    let (slice, rows) = (slice.table, rows.table());
    if slice == rows {
        Ok(())
    } else {
        Err(LakeError::WrongTable { slice, rows })
    }
}

fn batch(rows: &Rows) -> Result<RecordBatch, LakeError> {
    let table = rows.table();
    rows.to_record_batch()
        .map_err(|source| LakeError::Column { table, source })
}
