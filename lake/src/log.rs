//! What a table's Delta log says: which files are in the table now. Followed commit by commit, and
//! written to as the commit that comes next, so neither costs more the longer the log is.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake::kernel::transaction::{CommitData, TransactionError};
use deltalake::kernel::{Action, Add, LogicalFileView, Remove, Version};
use deltalake::logstore::{CommitOrBytes, LogStoreRef, commit_uri_from_version, get_actions};
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaResult, DeltaTable, DeltaTableError, ObjectStoreError};
use object_store::ObjectStoreExt;
use uuid::Uuid;

use crate::stats::FileStats;

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

/// The files of a table as of a version.
pub(crate) struct Log {
    log_store: LogStoreRef,
    version: Version,
    files: HashMap<String, Arc<File>>,
}

impl Log {
    /// From a table that is loaded.
    pub(crate) fn of(table: &DeltaTable) -> DeltaResult<Log> {
        let state = table.snapshot()?;
        let files = state.log_data().into_iter().map(File::from).map(Arc::new);
        let files = files.map(|file| (file.path.clone(), file)).collect();
        Ok(Log {
            log_store: table.log_store(),
            version: state.version(),
            files,
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

    /// Makes the next commit; false if somebody else made it first, and nothing is written then.
    pub(crate) async fn commit(
        &mut self,
        actions: Vec<Action>,
        operation: DeltaOperation,
    ) -> DeltaResult<bool> {
        let commit = CommitData::new(actions, operation, HashMap::new(), Vec::new());
        let bytes = CommitOrBytes::LogBytes(commit.get_bytes()?);
        let next = self.version + 1;
        match self
            .log_store
            .write_commit_entry(next, bytes, Uuid::new_v4())
            .await
        {
            Ok(()) => {
                self.apply(&commit.actions);
                Ok(true)
            }
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(false),
            Err(error) => Err(DeltaTableError::from(error)),
        }
    }

    /// The next commit is these actions.
    fn apply(&mut self, actions: &[Action]) {
        self.version += 1;
        for action in actions {
            match action {
                Action::Add(add) => {
                    let file = Arc::new(File::from(add));
                    self.files.insert(file.path.clone(), file);
                }
                Action::Remove(remove) => {
                    self.files.remove(&remove.path);
                }
                _ => {}
            }
        }
    }
}
