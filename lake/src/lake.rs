//! The lake as the rest of Millicent sees it: open, replace, append, read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::kernels::boolean::not;
use chrono::{DateTime, Utc};
use deltalake::{DeltaTable, DeltaTableBuilder};
use futures::future::join_all;
use url::Url;

use crate::slice::Filter;
use crate::store::{Change, Store};
use crate::{
    AlertEvent, Collection, ColumnError, LakeError, Resource, Rows, Slice, Table, alert_events,
    collections, format, location, resources,
};

/// A lake: one Delta Lake table per subject, in a folder each under one folder.
///
/// Cheap to clone; clones share what they know of the tables. Several processes may write to a
/// lake at once: each commit is whole, and made on top of the one before.
#[derive(Clone)]
pub struct Lake {
    location: Arc<str>,
    stores: Arc<[Store]>,
}

impl Lake {
    /// Opens the lake at a path or `file://` URL, and creates it, or those of its tables that are
    /// missing.
    ///
    /// # Errors
    /// [`LakeError::NewerSchema`] if a newer Millicent wrote it, [`LakeError::Foreign`] if a table
    /// is not Millicent's, [`LakeError::Denied`] if it cannot be created there.
    pub async fn open(location: &str) -> Result<Lake, LakeError> {
        let folder = location::resolve(location)?;
        let name: Arc<str> = folder.display().to_string().into();
        let tables = Table::ALL
            .into_iter()
            .map(|table| open_or_create(table, &folder, &name));
        Ok(Lake {
            stores: all(tables).await?.into(),
            location: name,
        })
    }

    /// Opens the lake at a path or `file://` URL to read it; where there is none, nothing is
    /// created. A table that came after the lake was written is created; where that is not
    /// allowed, it is read as an empty one.
    ///
    /// # Errors
    /// [`LakeError::NotFound`] if there is none, or else as [`Lake::open`].
    pub async fn open_existing(location: &str) -> Result<Lake, LakeError> {
        let folder = location::resolve(location)?;
        let name: Arc<str> = folder.display().to_string().into();
        let tables = Table::ALL
            .into_iter()
            .map(|table| open_table(table, &folder, &name));
        let found = all(tables).await?;
        let missing = |(store, table): &(Option<Store>, Table)| {
            (store.is_none() && table.is_original()).then_some(*table)
        };
        let found: Vec<_> = found.into_iter().zip(Table::ALL).collect();
        if let Some(table) = found.iter().find_map(missing) {
            return Err(LakeError::NotFound {
                location: name.to_string(),
                table,
            });
        }
        let mut stores = Vec::with_capacity(found.len());
        for (store, table) in found {
            stores.push(match store {
                Some(store) => store,
                None => match open_or_create(table, &folder, &name).await {
                    Err(LakeError::Denied { .. }) => empty_table(table, &name).await?,
                    created => created?,
                },
            });
        }
        Ok(Lake {
            stores: stores.into(),
            location: name,
        })
    }

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
        let table = slice.table;
        if rows.table() != table {
            return Err(LakeError::WrongTable {
                slice: table,
                rows: rows.table(),
            });
        }
        self.replace_rows(&Filter::of(slice)?, slice.to_string(), rows)
            .await
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
        let mut rows = self
            .rows(Table::Collections, &filter, collections::from_record_batch)
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
        self.replace_rows(&filter, what, Rows::Collections(vec![collection]))
            .await?;
        Ok(())
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

    pub(crate) fn stores(&self) -> &[Store] {
        &self.stores
    }

    fn store(&self, table: Table) -> &Store {
        &self.stores[table as usize]
    }

    async fn replace_rows(
        &self,
        filter: &Filter,
        predicate: String,
        rows: Rows,
    ) -> Result<u64, LakeError> {
        let table = rows.table();
        let store = self.store(table);
        let batch = batch(&rows)?;
        let outside = filter.mask(&batch).and_then(|mask| not(&mask));
        let outside = outside.map_err(|error| LakeError::Column {
            table,
            source: ColumnError::Arrow(error),
        })?;
        match BooleanArray::true_count(&outside) {
            0 => {}
            count => {
                return Err(LakeError::OutsideSlice {
                    table,
                    slice: predicate,
                    count,
                });
            }
        }
        let added = store.write(batch).await?;
        store
            .commit(Change {
                removed: Some(filter),
                added,
                predicate: Some(predicate),
            })
            .await?;
        Ok(rows.len() as u64)
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

/// All of them, or the first error once every one has ended: what is dropped half-way leaves
/// delta's readers behind, and they panic when the process then ends.
async fn all<T>(
    opening: impl Iterator<Item = impl Future<Output = Result<T, LakeError>>>,
) -> Result<Vec<T>, LakeError> {
    join_all(opening).await.into_iter().collect()
}

fn batch(rows: &Rows) -> Result<RecordBatch, LakeError> {
    let table = rows.table();
    rows.to_record_batch()
        .map_err(|source| LakeError::Column { table, source })
}

/// The table in the lake's folder, not loaded.
fn delta_table(table: Table, folder: &Path, name: &str) -> Result<DeltaTable, LakeError> {
    let url = location::table_url(folder, table.name())?;
    DeltaTableBuilder::from_url(url)
        .and_then(DeltaTableBuilder::build)
        .map_err(|error| LakeError::storage(table, name, "read", error))
}

async fn open_table(
    table: Table,
    folder: &Path,
    name: &Arc<str>,
) -> Result<Option<Store>, LakeError> {
    let unreadable = |error| LakeError::storage(table, name, "read", error);
    match tokio::fs::metadata(folder.join(table.name())).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LakeError::storage(table, name, "read", error)),
    }
    let mut found = delta_table(table, folder, name)?;
    if !found
        .verify_deltatable_existence()
        .await
        .map_err(unreadable)?
    {
        return Ok(None);
    }
    found.load().await.map_err(unreadable)?;
    Store::new(table, Arc::clone(name), found).map(Some)
}

/// A table of no rows, in memory.
pub(crate) async fn empty_table(table: Table, name: &Arc<str>) -> Result<Store, LakeError> {
    let unreadable = |error| LakeError::storage(table, name, "read", error);
    let url = Url::parse("memory:///").map_err(|error| LakeError::Location {
        location: name.to_string(),
        reason: error.to_string(),
    })?;
    let nowhere = DeltaTableBuilder::from_url(url)
        .and_then(DeltaTableBuilder::build)
        .map_err(unreadable)?;
    let empty = format::creation(table, &nowhere)?
        .await
        .map_err(unreadable)?;
    Store::new(table, Arc::clone(name), empty)
}

async fn open_or_create(table: Table, folder: &Path, name: &Arc<str>) -> Result<Store, LakeError> {
    if let Some(store) = open_table(table, folder, name).await? {
        return Ok(store);
    }
    tokio::fs::create_dir_all(folder.join(table.name()))
        .await
        .map_err(|error| LakeError::storage(table, name, "written", error))?;
    let missing = delta_table(table, folder, name)?;
    let created = format::creation(table, &missing)?.await;
    // Whoever else created it meanwhile created the same.
    match (created, open_table(table, folder, name).await?) {
        (_, Some(store)) => Ok(store),
        (Err(error), None) => Err(LakeError::storage(table, name, "written", error)),
        (Ok(_), None) => Err(LakeError::NotFound {
            location: name.to_string(),
            table,
        }),
    }
}
