//! What a table's Delta log says: which files are in the table now. Followed commit by commit, and
//! written to as the commit that comes next, so neither costs more the longer the log is.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::slice::{Extent, Filter, Verdict};
use crate::stats::FileStats;
use crate::{DATE, durable};
use chrono::NaiveDate;
use deltalake::kernel::transaction::CommitData;
use deltalake::kernel::{Action, Add, LogicalFileView, Remove, Version};
use deltalake::logstore::{LogStoreRef, commit_uri_from_version, get_actions};
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaResult, DeltaTable, ObjectStoreError};
use object_store::ObjectStoreExt;
use serde::Deserialize;
use serde_json::json;

/// Folder of a table's log, in the table's.
pub(crate) const LOG: &str = "_delta_log";
/// Commits of which it is known what they changed: hours of them, when two collectors are busy.
const REMEMBERED: usize = 4_096;
/// Where a commit says which rows it replaced.
const EXTENT: &str = "millicentReplaced";

/// A file of the table.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) stats: FileStats,
    size: i64,
    partition_values: HashMap<String, Option<String>>,
}

impl File {
    /// The action that takes it out of the table, at a time in milliseconds since 1970.
    pub(crate) fn remove(&self, at_ms: i64) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change: true,
            deletion_timestamp: Some(at_ms),
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition_values.clone()),
            size: Some(self.size),
            ..Remove::default()
        }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> i64 {
        self.size
    }

    /// The day of its rows.
    pub(crate) fn date(&self) -> Option<NaiveDate> {
        self.partition_value(DATE)?.parse().ok()
    }

    /// Value of a partition column, as the log has it.
    pub(crate) fn partition_value(&self, column: &str) -> Option<&str> {
        self.partition_values.get(column)?.as_deref()
    }
}

impl From<&Add> for File {
    fn from(add: &Add) -> File {
        File {
            path: add.path.clone(),
            stats: FileStats::from_json(add.stats.as_deref().unwrap_or_default()),
            size: add.size,
            partition_values: add.partition_values.clone(),
        }
    }
}

impl From<LogicalFileView> for File {
    fn from(view: LogicalFileView) -> File {
        File {
            path: view.path().into_owned(),
            stats: FileStats::from_json(&view.stats().unwrap_or_default()),
            size: view.size(),
            partition_values: view.partition_values_map(),
        }
    }
}

/// Whether the log could be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Followed {
    /// It is known up to its last commit.
    UpToDate,
    /// The table's columns or properties changed, or the next commits are cleaned away already:
    /// the table has to be loaded and checked again.
    Lost,
}

/// Name of a commit's file in the log.
pub(crate) fn entry_name(version: Version) -> String {
    format!("{version:020}.json")
}

/// What a commit changed.
enum Changed {
    /// At most these rows.
    Extent(Extent),
    /// At most the rows of these files.
    Files(Vec<Arc<File>>),
}

impl Changed {
    fn meets(&self, filter: &Filter) -> bool {
        match self {
            Changed::Extent(extent) => extent.meets(filter),
            Changed::Files(files) => files
                .iter()
                .any(|file| filter.verdict(&file.stats) != Verdict::None),
        }
    }
}

/// The files of a table as of a version.
pub(crate) struct Log {
    log_store: LogStoreRef,
    folder: PathBuf,
    version: Version,
    files: HashMap<String, Arc<File>>,
    /// What the commits after `remembered_from` changed, in order; one that changed nothing is left out.
    changes: VecDeque<(Version, Changed)>,
    remembered_from: Version,
}

impl Log {
    /// From a table that is loaded, and its folder.
    pub(crate) fn of(table: &DeltaTable, folder: &Path) -> DeltaResult<Log> {
        let state = table.snapshot()?;
        let files = state.log_data().into_iter().map(File::from).map(Arc::new);
        let files = files.map(|file| (file.path.clone(), file)).collect();
        Ok(Log {
            log_store: table.log_store(),
            folder: folder.join(LOG),
            version: state.version(),
            files,
            changes: VecDeque::new(),
            remembered_from: state.version(),
        })
    }

    /// The last commit that is known.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// The table's files, in no order.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.files.values()
    }

    /// Whether a file is in the table.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether a commit after that version may have changed rows that pass. What is not remembered
    /// any more may have.
    pub(crate) fn changed_since(&self, version: Version, filter: &Filter) -> bool {
        version < self.remembered_from
            || self
                .changes
                .iter()
                .rev()
                .take_while(|(at, _)| *at > version)
                .any(|(_, changed)| changed.meets(filter))
    }

    /// Reads the commits that others made since.
    pub(crate) async fn follow(&mut self) -> DeltaResult<Followed> {
        // The log is cleaned up from its start, so as long as the last known commit is there, none
        // after it is gone, and the first that is missing is the next to be made.
        let known = commit_uri_from_version(Some(self.version));
        match self.log_store.object_store(None).head(&known).await {
            Ok(_) => {}
            Err(ObjectStoreError::NotFound { .. }) => return Ok(Followed::Lost),
            Err(error) => return Err(error.into()),
        }
        while let Some(commit) = self.log_store.read_commit_entry(self.version + 1).await? {
            let actions = get_actions(self.version + 1, &commit)?;
            let changed =
                |action: &Action| matches!(action, Action::Metadata(_) | Action::Protocol(_));
            if actions.iter().any(changed) {
                return Ok(Followed::Lost);
            }
            self.apply(&actions);
        }
        Ok(Followed::UpToDate)
    }

    /// Makes the next commit, which replaces the extent if there is one; false if somebody else made
    /// it first, and nothing is written then.
    pub(crate) async fn commit(
        &mut self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        replaced: Option<Extent>,
    ) -> DeltaResult<bool> {
        let replaced = replaced.map(|extent| (EXTENT.to_owned(), json!(extent)));
        let commit = CommitData::new(
            actions,
            operation,
            replaced.into_iter().collect(),
            Vec::new(),
        );
        let bytes = commit.get_bytes()?;
        let path = self.folder.join(entry_name(self.version + 1));
        let made = durable::publish(path, bytes).await?;
        if made {
            self.apply(&commit.actions);
        }
        Ok(made)
    }

    /// The next commit is these actions.
    fn apply(&mut self, actions: &[Action]) {
        self.version += 1;
        let mut touched = Vec::new();
        let mut extent = None;
        for action in actions {
            match action {
                Action::Add(add) => {
                    let file = Arc::new(File::from(add));
                    if add.data_change {
                        touched.push(Arc::clone(&file));
                    }
                    self.files.insert(file.path.clone(), file);
                }
                Action::Remove(remove) => {
                    let file = self.files.remove(&remove.path);
                    touched.extend(file.filter(|_| remove.data_change));
                }
                Action::CommitInfo(commit) => {
                    let said = commit.info.get(EXTENT);
                    extent = said.and_then(|said| Extent::deserialize(said).ok());
                }
                _ => {}
            }
        }
        if !touched.is_empty() {
            let changed = extent.map_or(Changed::Files(touched), Changed::Extent);
            self.changes.push_back((self.version, changed));
        }
        if self.changes.len() > REMEMBERED
            && let Some((version, _)) = self.changes.pop_front()
        {
            self.remembered_from = version;
        }
    }
}
