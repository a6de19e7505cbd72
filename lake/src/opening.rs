//! Opening a lake, and creating what is not there.

use std::path::Path;
use std::sync::Arc;

use deltalake::{DeltaTable, DeltaTableBuilder};
use futures::future::join_all;
use url::Url;

use crate::log::{LOG, entry_name};
use crate::store::Store;
use crate::{Lake, LakeError, Table, durable, format, location};

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
}

/// All of them, or the first error once every one has ended: what is dropped half-way leaves
/// delta's readers behind, and they panic when the process then ends.
async fn all<T>(
    opening: impl Iterator<Item = impl Future<Output = Result<T, LakeError>>>,
) -> Result<Vec<T>, LakeError> {
    join_all(opening).await.into_iter().collect()
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
    let synced = async {
        durable::sync(folder.join(table.name()).join(LOG), vec![entry_name(0)]).await?;
        durable::sync(folder.join(table.name()), Vec::new()).await?;
        durable::sync(folder.to_owned(), Vec::new()).await
    };
    synced
        .await
        .map_err(|error| LakeError::storage(table, name, "written", error))?;
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
