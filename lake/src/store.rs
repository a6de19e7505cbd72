//! One table of the lake: its latest snapshot, kept between calls, and commits to it.
//!
//! A commit is made on top of exactly the snapshot that it was planned on. If another process
//! committed meanwhile, the plan is made again on what stands then. So commits are one after
//! another, in every process, and none is lost or done twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::kernels::boolean::not;
use arrow::compute::{concat_batches, filter_record_batch};
use deltalake::errors::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, LogicalFileView, Remove};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, Path};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::files::{self, FileError};
use crate::slice::{Filter, Verdict};
use crate::stats::FileStats;
use crate::{DATE, LakeError, Table, format};

/// Commits that others may get in before ours, one after another.
const ATTEMPTS: u32 = 30;
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Files read at a time.
const READERS: usize = 8;

/// What stands in place of what a filter selects.
pub(crate) struct Change<'a> {
    /// What goes: nothing, for an append.
    pub(crate) removed: Option<&'a Filter>,
    /// Files that are written already.
    pub(crate) added: Vec<Add>,
    /// For the table's history: what was replaced.
    pub(crate) predicate: Option<String>,
}

pub(crate) struct Store {
    table: Table,
    location: Arc<str>,
    log_store: LogStoreRef,
    /// The newest snapshot that was seen.
    latest: Mutex<DeltaTable>,
    /// Held while a commit is planned and made, so that this process does not compete with itself.
    turn: Mutex<()>,
    /// Statistics of the snapshot's files, which never change, by path.
    stats: SyncMutex<HashMap<String, Arc<FileStats>>>,
}

/// Files of a plan: those that go, and those that hold what stays of them.
struct Rewrite {
    removed: Vec<Remove>,
    kept: Vec<Add>,
}

impl Store {
    /// The table as it was loaded.
    pub(crate) fn new(
        table: Table,
        location: Arc<str>,
        loaded: DeltaTable,
    ) -> Result<Store, LakeError> {
        format::check(table, &location, &loaded)?;
        Ok(Store {
            table,
            location,
            log_store: loaded.log_store(),
            latest: Mutex::new(loaded),
            turn: Mutex::new(()),
            stats: SyncMutex::default(),
        })
    }

    /// The table as it stands now.
    pub(crate) async fn refresh(&self) -> Result<DeltaTable, LakeError> {
        let mut latest = self.latest.lock().await;
        let before = latest.version();
        latest
            .update_state()
            .await
            .map_err(|error| self.unreadable(error))?;
        if latest.version() != before {
            format::check(self.table, &self.location, &latest)?;
        }
        Ok(latest.clone())
    }

    /// Writes rows as files for a [`Change`].
    pub(crate) async fn write(&self, batch: RecordBatch) -> Result<Vec<Add>, LakeError> {
        let store = self.log_store.object_store(None);
        files::write(&store, self.table, batch)
            .await
            .map_err(|error| self.unwritable(error))
    }

    /// Rows that pass the filter, with the columns of the table's files.
    pub(crate) async fn read(&self, filter: &Filter) -> Result<Vec<RecordBatch>, LakeError> {
        let snapshot = self.refresh().await?;
        let files = self.select(&snapshot, filter)?;
        let paths: Vec<Path> = files
            .iter()
            .map(|(file, _)| file.object_store_path())
            .collect();
        let batches = stream::iter(paths.into_iter().map(|path| self.read_file(path)))
            .buffered(READERS)
            .try_collect::<Vec<_>>()
            .await
            .map_err(|error| self.unreadable(error))?;
        let passing = batches.into_iter().map(|batch| {
            let mask = filter.mask(&batch)?;
            Ok(filter_record_batch(&batch, &mask)?)
        });
        passing
            .collect::<Result<_, FileError>>()
            .map_err(|error| self.unreadable(error))
    }

    async fn read_file(&self, path: Path) -> Result<RecordBatch, FileError> {
        files::read(&self.log_store.object_store(None), self.table, path).await
    }

    /// Makes the change in one commit. Its files are deleted again if that fails.
    pub(crate) async fn commit(&self, change: Change<'_>) -> Result<(), LakeError> {
        let _turn = self.turn.lock().await;
        let result = self.try_commit(&change).await;
        if result.is_err() {
            self.discard(&change.added).await;
        }
        result
    }

    async fn try_commit(&self, change: &Change<'_>) -> Result<(), LakeError> {
        // What this process saw last is nearly always what stands, and is for free.
        let mut snapshot = self.latest.lock().await.clone();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(attempt)).await;
                snapshot = self.refresh().await?;
            }
            let rewrite = match change.removed {
                Some(filter) => self.rewrite(&snapshot, filter).await?,
                None => Rewrite {
                    removed: Vec::new(),
                    kept: Vec::new(),
                },
            };
            if change.added.is_empty() && rewrite.removed.is_empty() {
                // Nothing to do, if that is still so.
                let newest = self.refresh().await?;
                if newest.version() == snapshot.version() {
                    return Ok(());
                }
                continue;
            }
            let kept = rewrite.kept.clone();
            match self.commit_on(&snapshot, change, rewrite).await {
                Ok(true) => return Ok(()),
                Ok(false) => self.discard(&kept).await,
                Err(error) => {
                    self.discard(&kept).await;
                    return Err(error);
                }
            }
        }
        let location = self.location.to_string();
        Err(LakeError::Contended {
            table: self.table,
            location,
            attempts: ATTEMPTS,
        })
    }

    /// Commits as the version after the snapshot's; false if another commit is that already.
    async fn commit_on(
        &self,
        snapshot: &DeltaTable,
        change: &Change<'_>,
        rewrite: Rewrite,
    ) -> Result<bool, LakeError> {
        let state = snapshot
            .snapshot()
            .map_err(|error| self.unreadable(error))?;
        let mode = match change.removed {
            Some(_) => SaveMode::Overwrite,
            None => SaveMode::Append,
        };
        let operation = DeltaOperation::Write {
            mode,
            partition_by: Some(vec![DATE.to_owned()]),
            predicate: change.predicate.clone(),
        };
        let removed = rewrite.removed.into_iter().map(Action::Remove);
        let added = rewrite
            .kept
            .into_iter()
            .chain(change.added.iter().cloned())
            .map(Action::Add);
        // Old log entries are looked for only where a checkpoint lets them go.
        let checkpoint = (state.version() + 1).is_multiple_of(format::CHECKPOINT_INTERVAL);
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(checkpoint));
        let prepared = CommitBuilder::from(properties)
            .with_actions(removed.chain(added).collect())
            .build(Some(state), Arc::clone(&self.log_store), operation)
            .into_prepared_commit_future()
            .await
            .map_err(|error| self.unwritable(error))?;
        let committed = match prepared.await {
            Ok(committed) => committed,
            Err(error) if is_conflict(&error) => return Ok(false),
            Err(error) => return Err(self.unwritable(error)),
        };
        // From here on the change stands, whatever becomes of the checkpoint.
        match committed.await {
            Ok(finished) => {
                let mut latest = self.latest.lock().await;
                if latest.version() < Some(finished.version()) {
                    latest.state = Some(finished.snapshot());
                }
            }
            Err(error) => {
                tracing::warn!(%error, table = self.table.name(), "committed, but without its checkpoint");
            }
        }
        Ok(true)
    }

    /// What has to be done to the snapshot's files so that no row passes the filter.
    async fn rewrite(&self, snapshot: &DeltaTable, filter: &Filter) -> Result<Rewrite, LakeError> {
        let files = self.select(snapshot, filter)?;
        let mixed = files
            .iter()
            .filter(|(_, verdict)| *verdict == Verdict::Unknown);
        let paths: Vec<Path> = mixed.map(|(file, _)| file.object_store_path()).collect();
        let mut untouched = Vec::new();
        let mut kept = Vec::new();
        let mut batches = stream::iter(paths)
            .map(|path| async { (path.clone(), self.read_file(path).await) })
            .buffered(READERS);
        while let Some((path, batch)) = batches.next().await {
            let batch = batch.map_err(|error| self.unreadable(error))?;
            let others = filter
                .mask(&batch)
                .and_then(|mask| filter_record_batch(&batch, &not(&mask)?))
                .map_err(|error| self.unreadable(error))?;
            if others.num_rows() == batch.num_rows() {
                untouched.push(path);
            } else {
                kept.push(others);
            }
        }
        let removed = files
            .iter()
            .filter(|(file, _)| !untouched.contains(&file.object_store_path()))
            .map(|(file, _)| file.remove_action(true))
            .collect();
        let kept = concat_batches(&files::file_schema(self.table), &kept)
            .map_err(|error| self.unreadable(error))?;
        Ok(Rewrite {
            removed,
            kept: self.write(kept).await?,
        })
    }

    /// The snapshot's files that may have rows that pass.
    fn select(
        &self,
        snapshot: &DeltaTable,
        filter: &Filter,
    ) -> Result<Vec<(LogicalFileView, Verdict)>, LakeError> {
        let state = snapshot
            .snapshot()
            .map_err(|error| self.unreadable(error))?;
        let mut known = self
            .stats
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let log = state.log_data();
        if known.len() > 2 * log.num_files() + 1024 {
            known.clear();
        }
        let mut selected = Vec::new();
        for file in log.iter() {
            let path = file.path();
            let stats = match known.get(path.as_ref()) {
                Some(stats) => stats,
                None => {
                    let stats = FileStats::from_json(&file.stats().unwrap_or_default());
                    known.entry(path.into_owned()).or_insert(Arc::new(stats))
                }
            };
            match filter.verdict(stats) {
                Verdict::None => {}
                verdict => selected.push((file, verdict)),
            }
        }
        Ok(selected)
    }

    async fn discard(&self, files: &[Add]) {
        files::discard(&self.log_store.object_store(None), files).await;
    }

    fn unreadable(&self, error: impl std::error::Error + Send + Sync + 'static) -> LakeError {
        LakeError::storage(self.table, &self.location, "read", error)
    }

    fn unwritable(&self, error: impl std::error::Error + Send + Sync + 'static) -> LakeError {
        LakeError::storage(self.table, &self.location, "written", error)
    }
}

/// Another commit came first.
fn is_conflict(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => matches!(
            source,
            TransactionError::VersionAlreadyExists(_)
                | TransactionError::MaxCommitAttempts(_)
                | TransactionError::CommitConflict(_)
        ),
        _ => false,
    }
}

/// Doubles from attempt to attempt, and is a random part of that, so that two processes that
/// met once do not meet again.
fn pause(attempt: u32) -> Duration {
    let longest = SHORTEST_PAUSE
        .saturating_mul(1 << attempt.min(16))
        .min(LONGEST_PAUSE);
    let share = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    longest.mul_f64(share)
}
