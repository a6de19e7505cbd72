//! One table of the lake: commits to it, and reading it.
//!
//! A commit is made on top of exactly the files that it was planned on. If another process
//! committed meanwhile, the plan is made again on what stands then. So commits are one after
//! another, in every process, and none is lost or done twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use bytes::Bytes;
use chrono::NaiveDate;
use deltalake::kernel::{Action, Add};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, Path, checkpoints};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::files::{self, FileError};
use crate::log::{File, Followed, LOG, Log};
use crate::slice::{Filter, Verdict};
use crate::{DATE, LakeError, Table, durable, format, merging};

/// Commits that others may get in before ours, one after another.
pub(crate) const ATTEMPTS: u32 = 30;
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Size of the files that small ones are merged to: they are in memory once, compressed.
pub(crate) const MERGED_BYTES: i64 = 24 << 20;
/// Files read at a time.
pub(crate) const READERS: usize = 8;

/// What stands in place of what a filter selects.
pub(crate) struct Change<'a> {
    /// What goes: nothing, for an append.
    pub(crate) removed: Option<&'a Filter>,
    /// Files that are written already.
    pub(crate) added: Vec<Add>,
    /// For the table's history: what was replaced.
    pub(crate) predicate: Option<String>,
    /// Only if no later commit than this one changed what goes.
    pub(crate) since: Option<u64>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// It stands.
    Done,
    /// Somebody else changed the same rows since, and nothing was done.
    Superseded,
}

/// Files that go, and new ones that hold what stays of them.
#[derive(Default)]
pub(crate) struct Rewrite {
    pub(crate) removed: Vec<Arc<File>>,
    pub(crate) kept: Vec<Add>,
}

pub(crate) struct Store {
    pub(crate) table: Table,
    location: Arc<str>,
    pub(crate) folder: PathBuf,
    log_store: LogStoreRef,
    /// The table as delta-rs knows it, brought up to date when somebody asks for it.
    loaded: Mutex<DeltaTable>,
    /// Held while a commit is planned and made, so that this process does not compete with itself.
    pub(crate) log: Mutex<Log>,
}

impl Store {
    /// The table as it was loaded.
    pub(crate) fn new(
        table: Table,
        location: Arc<str>,
        loaded: DeltaTable,
    ) -> Result<Store, LakeError> {
        format::check(table, &location, &loaded)?;
        let folder = std::path::Path::new(&*location).join(table.name());
        let log = Log::of(&loaded, &folder)
            .map_err(|error| LakeError::storage(table, &location, "read", error))?;
        let log_store = loaded.log_store();
        Ok(Store {
            table,
            location,
            folder,
            log_store,
            loaded: Mutex::new(loaded),
            log: Mutex::new(log),
        })
    }

    /// The table as it stands now.
    pub(crate) async fn delta_table(&self) -> Result<DeltaTable, LakeError> {
        let mut loaded = self.loaded.lock().await;
        let before = loaded.version();
        loaded
            .update_state()
            .await
            .map_err(|error| self.unreadable(error))?;
        if loaded.version() != before {
            format::check(self.table, &self.location, &loaded)?;
        }
        Ok(loaded.clone())
    }

    /// Brings the log up to what stands now.
    pub(crate) async fn follow(&self, log: &mut Log) -> Result<(), LakeError> {
        match log.follow().await.map_err(|error| self.unreadable(error))? {
            Followed::UpToDate => {}
            Followed::Lost => {
                let table = self.delta_table().await?;
                *log = Log::of(&table, &self.folder).map_err(|error| self.unreadable(error))?;
            }
        }
        Ok(())
    }

    /// Writes rows as files for a [`Change`].
    pub(crate) async fn write(&self, batch: RecordBatch) -> Result<Vec<Add>, LakeError> {
        files::write(&self.folder, self.table, batch)
            .await
            .map_err(|error| self.unwritable(error))
    }

    /// Rows that pass the filter, with the columns of the table's files.
    pub(crate) async fn read(&self, filter: &Filter) -> Result<Vec<RecordBatch>, LakeError> {
        let files = {
            let mut log = self.log.lock().await;
            self.follow(&mut log).await?;
            select(&log, filter)
        };
        let batches = stream::iter(files.into_iter().map(|(file, _)| self.read_file(file)))
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

    pub(crate) async fn read_file(&self, file: Arc<File>) -> Result<RecordBatch, FileError> {
        files::read(&self.log_store.object_store(None), self.table, &file.path).await
    }

    /// The last commit that stands now.
    pub(crate) async fn version(&self) -> Result<u64, LakeError> {
        let mut log = self.log.lock().await;
        self.follow(&mut log).await?;
        Ok(log.version())
    }

    /// Makes the change in one commit. Its files are deleted again if that fails.
    pub(crate) async fn commit(&self, change: Change<'_>) -> Result<Committed, LakeError> {
        let result = self.try_commit(&change).await;
        if !matches!(result, Ok((Committed::Done, _))) {
            self.discard(&change.added).await;
        }
        let (committed, version) = result?;
        self.committed(version).await;
        Ok(committed)
    }

    /// Gives the version that is the change; none if there was nothing to change.
    async fn try_commit(&self, change: &Change<'_>) -> Result<(Committed, Option<u64>), LakeError> {
        let mut log = self.log.lock().await;
        for attempt in 0..ATTEMPTS {
            tokio::time::sleep(pause(attempt)).await;
            self.follow(&mut log).await?;
            if let (Some(since), Some(filter)) = (change.since, change.removed)
                && log.changed_since(since, filter)
            {
                return Ok((Committed::Superseded, None));
            }
            let rewrite = match change.removed {
                Some(filter) => self.rewrite(&log, filter).await?,
                None => Rewrite::default(),
            };
            if change.added.is_empty() && rewrite.removed.is_empty() {
                return Ok((Committed::Done, None));
            }
            let kept = rewrite.kept.clone();
            let (actions, operation) = describe(change, rewrite);
            let replaced = change.removed.map(Filter::extent);
            let committed = log.commit(actions, operation, replaced).await;
            if !matches!(committed, Ok(true)) {
                self.discard(&kept).await;
            }
            if committed.map_err(|error| self.unwritable(error))? {
                return Ok((Committed::Done, Some(log.version())));
            }
        }
        Err(self.contended())
    }

    pub(crate) async fn committed(&self, version: Option<u64>) {
        if version.is_some_and(|version| version.is_multiple_of(format::CHECKPOINT_INTERVAL)) {
            self.checkpoint().await;
        }
    }

    pub(crate) fn contended(&self) -> LakeError {
        LakeError::Contended {
            table: self.table,
            location: self.location.to_string(),
            attempts: ATTEMPTS,
        }
    }

    /// What has to be done to the table's files so that no row passes the filter.
    async fn rewrite(&self, log: &Log, filter: &Filter) -> Result<Rewrite, LakeError> {
        let mut rewrite = Rewrite::default();
        let mut mixed: BTreeMap<NaiveDate, Vec<Arc<File>>> = BTreeMap::new();
        for (file, verdict) in select(log, filter) {
            match (verdict, file.date()) {
                (Verdict::All, _) => rewrite.removed.push(file),
                (_, Some(date)) => mixed.entry(date).or_default().push(file),
                (_, None) => return Err(self.without_date(&file)),
            }
        }
        for (date, files) in mixed {
            for group in grouped(files) {
                match self.without(date, &group, filter).await {
                    Ok(None) => {}
                    Ok(Some(kept)) => {
                        rewrite.removed.extend(group);
                        rewrite.kept.extend(kept);
                    }
                    Err(error) => {
                        self.discard(&rewrite.kept).await;
                        return Err(self.unwritable(error));
                    }
                }
            }
        }
        Ok(rewrite)
    }

    /// What stays of files without the rows that pass; `None` if no row does.
    async fn without(
        &self,
        date: NaiveDate,
        files: &[Arc<File>],
        filter: &Filter,
    ) -> Result<Option<Option<Add>>, FileError> {
        let (table, filter) = (self.table, filter.clone());
        let inputs = self.fetch(files).await?;
        let merge = move || merging::merge_without(table, date, inputs, &filter);
        match tokio::task::spawn_blocking(merge).await?? {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(kept)) => Ok(Some(Some(files::put(&self.folder, kept).await?))),
        }
    }

    /// Files as they are on the disk.
    pub(crate) async fn fetch(&self, files: &[Arc<File>]) -> Result<Vec<(Path, Bytes)>, FileError> {
        let store = self.log_store.object_store(None);
        let mut fetched = Vec::with_capacity(files.len());
        for file in files {
            fetched.push(files::fetch(&store, &file.path).await?);
        }
        Ok(fetched)
    }

    pub(crate) fn without_date(&self, file: &File) -> LakeError {
        let what = format!("file {} has no {DATE}", file.path);
        self.unreadable(std::io::Error::other(what))
    }

    /// Sums the log up, so that who opens the table reads it quickly, and lets go of what is older
    /// than a day. The commits stand whether or not this works out.
    async fn checkpoint(&self) {
        let done = async {
            let table = self.delta_table().await?;
            checkpoints::create_checkpoint(&table, None)
                .await
                .map_err(|error| self.unwritable(error))?;
            let version = table.version().unwrap_or_default();
            let checkpoint = format!("{version:020}.checkpoint.parquet");
            // Before the commits that it sums up are let go of.
            self.sync_log(vec![checkpoint, "_last_checkpoint".to_owned()])
                .await?;
            checkpoints::cleanup_metadata(&table, None)
                .await
                .map_err(|error| self.unwritable(error))
        };
        if let Err(error) = done.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                table = self.table.name(),
                "no checkpoint of the table's log"
            );
        }
    }

    /// Syncs files of the log that delta-rs wrote.
    pub(crate) async fn sync_log(&self, names: Vec<String>) -> Result<(), LakeError> {
        durable::sync(self.folder.join(LOG), names)
            .await
            .map_err(|error| self.unwritable(error))
    }

    pub(crate) async fn discard(&self, files: &[Add]) {
        files::discard(&self.folder, files).await;
    }

    pub(crate) fn unreadable(
        &self,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> LakeError {
        LakeError::storage(self.table, &self.location, "read", error)
    }

    pub(crate) fn unwritable(
        &self,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> LakeError {
        LakeError::storage(self.table, &self.location, "written", error)
    }
}

/// Files in groups that are small enough to be merged.
fn grouped(files: Vec<Arc<File>>) -> Vec<Vec<Arc<File>>> {
    let mut groups: Vec<Vec<Arc<File>>> = Vec::new();
    let mut bytes = 0;
    for file in files {
        bytes += file.size();
        match groups.last_mut() {
            Some(group) if bytes <= MERGED_BYTES => group.push(file),
            _ => {
                bytes = file.size();
                groups.push(vec![file]);
            }
        }
    }
    groups
}

/// Files that may have rows that pass.
pub(crate) fn select(log: &Log, filter: &Filter) -> Vec<(Arc<File>, Verdict)> {
    let judged = log
        .files()
        .map(|file| (Arc::clone(file), filter.verdict(&file.stats)));
    judged
        .filter(|(_, verdict)| *verdict != Verdict::None)
        .collect()
}

/// As the Delta log has it.
pub(crate) fn describe(change: &Change<'_>, rewrite: Rewrite) -> (Vec<Action>, DeltaOperation) {
    let now = now_ms();
    let removed = rewrite
        .removed
        .iter()
        .map(|file| Action::Remove(file.remove(now)));
    let added = rewrite
        .kept
        .into_iter()
        .chain(change.added.iter().cloned())
        .map(Action::Add);
    let mode = match change.removed {
        Some(_) => SaveMode::Overwrite,
        None => SaveMode::Append,
    };
    let operation = DeltaOperation::Write {
        mode,
        partition_by: Some(vec![DATE.to_owned()]),
        predicate: change.predicate.clone(),
    };
    (removed.chain(added).collect(), operation)
}

/// The wall clock, by which a Delta log says when files came and went: milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis() as i64
}

/// None at first; then it doubles from attempt to attempt, and is a random part of that, so that two processes that
/// met once do not meet again.
pub(crate) fn pause(attempt: u32) -> Duration {
    if attempt == 0 {
        return Duration::ZERO;
    }
    let longest = SHORTEST_PAUSE
        .saturating_mul(1 << attempt.min(16))
        .min(LONGEST_PAUSE);
    let share = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    longest.mul_f64(share)
}
