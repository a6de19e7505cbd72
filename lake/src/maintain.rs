//! Upkeep: small files of a day become one, and files that the table let go of are deleted.
//!
//! Rows are copied as they are, so sums, counts and percentiles stay what they were. A merge is one
//! commit and holds no lock while it reads and writes: if one of its files was replaced meanwhile,
//! the merge is thrown away.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use deltalake::kernel::Action;
use deltalake::operations::vacuum::VacuumMode;
use deltalake::protocol::DeltaOperation;

use crate::files::{self, FileError};
use crate::log::{File, Log, entry_name};
use crate::store::{ATTEMPTS, MERGED_BYTES, Store, now_ms, pause};
use crate::{DATE, Lake, LakeError, Table, merging};

/// Files up to this size are merged.
const SMALL_BYTES: i64 = 8 << 20;
/// A day that goes on is merged when it has as many small files; a day that is over, from two on.
const SMALL_FILES: usize = 16;
/// Files with later rows are left alone where windows are collected again until they are settled:
/// to replace one in a merged file is to write that file again.
fn quiet(table: Table) -> TimeDelta {
    match table {
        Table::Metrics | Table::Spans | Table::Costs | Table::LatencyHistograms => {
            TimeDelta::hours(3)
        }
        Table::Resources | Table::Collections | Table::AlertEvents => TimeDelta::zero(),
    }
}
/// Files that the table let go of stay this long, for whoever still reads an older version.
fn kept() -> TimeDelta {
    TimeDelta::days(7)
}

/// What upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Small files that were merged.
    pub merged: u64,
    /// Files that they were merged to.
    pub written: u64,
    /// Files that were deleted, which the table had let go of more than a week ago.
    pub deleted: u64,
}

impl std::ops::AddAssign for Upkeep {
    fn add_assign(&mut self, other: Upkeep) {
        self.merged += other.merged;
        self.written += other.written;
        self.deleted += other.deleted;
    }
}

impl Lake {
    /// Merges the small files of each table and day, and deletes files that no table has had for a
    /// week. Once an hour is often enough. Others may write meanwhile.
    ///
    /// # Errors
    /// If a table cannot be read or written. What was merged until then stays merged.
    pub async fn maintain(&self, now: DateTime<Utc>) -> Result<Upkeep, LakeError> {
        let mut done = Upkeep::default();
        for store in self.stores.iter() {
            done += store.merge_small_files(now).await?;
            done.deleted += store.delete_old_files().await?;
        }
        Ok(done)
    }
}

impl Store {
    async fn merge_small_files(&self, now: DateTime<Utc>) -> Result<Upkeep, LakeError> {
        let small = {
            let mut log = self.log.lock().await;
            self.follow(&mut log).await?;
            small_files(&log, self.table, now)
        };
        let mut done = Upkeep::default();
        for files in small {
            let merged = files.len() as u64;
            let written = self.merge(files).await?;
            if written > 0 {
                done += Upkeep {
                    merged,
                    written,
                    deleted: 0,
                };
            }
        }
        Ok(done)
    }

    /// Gives the number of files written: none if one of the files was replaced meanwhile.
    async fn merge(&self, merged: Vec<Arc<File>>) -> Result<u64, LakeError> {
        let Some(date) = merged.first().and_then(|file| file.date()) else {
            return Ok(0);
        };
        let inputs = self.fetch(&merged).await;
        let inputs = inputs.map_err(|error| self.unreadable(error))?;
        let table = self.table;
        let merge = move || merging::merge_all(table, date, inputs);
        let encoded = tokio::task::spawn_blocking(merge)
            .await
            .map_err(FileError::from)
            .flatten()
            .map_err(|error| self.unreadable(error))?;
        let mut added = match encoded {
            Some(encoded) => {
                let written = files::put(&self.folder, encoded).await;
                vec![written.map_err(|error| self.unwritable(error))?]
            }
            None => Vec::new(),
        };
        for add in &mut added {
            add.data_change = false;
        }
        let mut actions: Vec<Action> = Vec::new();
        for file in &merged {
            let mut remove = file.remove(now_ms());
            remove.data_change = false;
            actions.push(Action::Remove(remove));
        }
        actions.extend(added.iter().cloned().map(Action::Add));
        let committed = self.commit_merge(&merged, actions).await;
        if !matches!(committed, Ok(true)) {
            self.discard(&added).await;
        }
        Ok(if committed? { added.len() as u64 } else { 0 })
    }

    async fn commit_merge(
        &self,
        merged: &[Arc<File>],
        actions: Vec<Action>,
    ) -> Result<bool, LakeError> {
        for attempt in 0..ATTEMPTS {
            tokio::time::sleep(pause(attempt)).await;
            let mut log = self.log.lock().await;
            self.follow(&mut log).await?;
            if !merged.iter().all(|file| log.has(&file.path)) {
                return Ok(false);
            }
            let operation = DeltaOperation::Optimize {
                predicate: None,
                target_size: MERGED_BYTES,
            };
            let committed = log.commit(actions.clone(), operation, None).await;
            if committed.map_err(|error| self.unwritable(error))? {
                return Ok(true);
            }
        }
        // Others are busy; the next upkeep finds the files again.
        Ok(false)
    }

    async fn delete_old_files(&self) -> Result<u64, LakeError> {
        let table = self.delta_table().await?;
        let vacuum = table
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(kept());
        let (after, deleted) = vacuum.await.map_err(|error| self.unwritable(error))?;
        // The vacuum says in the log that it began and ended.
        let known = after.version().unwrap_or_default();
        let entries = (known.saturating_sub(1)..=known).map(entry_name);
        self.sync_log(entries.collect()).await?;
        Ok(deleted.files_deleted.len() as u64)
    }
}

/// Files to be merged into one, by day and size.
fn small_files(log: &Log, table: Table, now: DateTime<Utc>) -> Vec<Vec<Arc<File>>> {
    let settled = (now - quiet(table)).timestamp_micros();
    let today = now.date_naive().to_string();
    let mut days: BTreeMap<&str, Vec<&Arc<File>>> = BTreeMap::new();
    for file in log.files() {
        let last = file
            .stats
            .times
            .get(table.window_column())
            .map(|range| range.max);
        if file.size() <= SMALL_BYTES
            && last.is_some_and(|last| last < settled)
            && let Some(day) = file.partition_value(DATE)
        {
            days.entry(day).or_default().push(file);
        }
    }
    let mut groups = Vec::new();
    for (day, mut files) in days {
        // Dates are compared as they are written, which is by year, month and day.
        let fewest = if day < today.as_str() { 2 } else { SMALL_FILES };
        files.sort_by_key(|file| (file.size(), &file.path));
        let mut of_day = Vec::new();
        let mut group: Vec<Arc<File>> = Vec::new();
        let mut bytes = 0;
        for file in files {
            if bytes + file.size() > MERGED_BYTES {
                of_day.push(std::mem::take(&mut group));
                bytes = 0;
            }
            bytes += file.size();
            group.push(Arc::clone(file));
        }
        of_day.push(group);
        groups.extend(of_day.into_iter().filter(|group| group.len() >= fewest));
    }
    groups
}
