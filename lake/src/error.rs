//! What can go wrong with the lake, said so that a person knows what to do.

use std::error::Error;
use std::io;

use crate::{ColumnError, Table};

type Cause = Box<dyn Error + Send + Sync>;

/// What went wrong with the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The location cannot be a lake.
    #[error("the lake cannot be at `{location}`: {reason}")]
    Location {
        /// As it was given.
        location: String,
        /// Why not.
        reason: String,
    },
    /// There is no lake at the location, or not yet all of it.
    #[error(
        "there is no lake at {location} (no table `{table}`): collect into it first, or name another folder"
    )]
    NotFound {
        /// Folder of the lake.
        location: String,
        /// First table that is not there.
        table: Table,
    },
    /// A newer Millicent wrote the lake.
    #[error(
        "the lake at {location} was written by a newer Millicent (schema version {found}, this one knows {supported}): upgrade Millicent, or name another folder"
    )]
    NewerSchema {
        /// Folder of the lake.
        location: String,
        /// Version that the lake has.
        found: u32,
        /// Newest version that this Millicent knows.
        supported: u32,
    },
    /// A Delta table of that name is there, but not with Millicent's columns.
    #[error(
        "table `{table}` at {location} is not what Millicent wrote: {reason}; restore it, or name another folder"
    )]
    Foreign {
        /// The table.
        table: Table,
        /// Folder of the lake.
        location: String,
        /// What is different.
        reason: String,
    },
    /// The disk or the quota is full; nothing was committed.
    #[error(
        "no space is left for the lake at {location}: free some; what was not stored is collected again"
    )]
    StorageFull {
        /// Folder of the lake.
        location: String,
        /// What the storage said.
        source: Cause,
    },
    /// The storage refuses access.
    #[error(
        "the lake at {location} cannot be {doing}: this user has no permission to, or the disk is read-only"
    )]
    Denied {
        /// Folder of the lake.
        location: String,
        /// `read` or `written`.
        doing: &'static str,
        /// What the storage said.
        source: Cause,
    },
    /// The storage fails in another way, or what is stored is damaged.
    #[error("table `{table}` of the lake at {location} cannot be {doing}")]
    Storage {
        /// The table.
        table: Table,
        /// Folder of the lake.
        location: String,
        /// `read` or `written`.
        doing: &'static str,
        /// What the storage said.
        source: Cause,
    },
    /// Other processes committed first, each time.
    #[error(
        "table `{table}` of the lake at {location} is too busy: others committed first, {attempts} times in a row; let fewer processes write to it"
    )]
    Contended {
        /// The table.
        table: Table,
        /// Folder of the lake.
        location: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A value cannot be stored as it is, or what is stored is not what the column says.
    #[error("a row of table `{table}` does not fit its columns")]
    Column {
        /// The table.
        table: Table,
        /// The column, and what is wrong with it.
        source: ColumnError,
    },
    /// A row is not the slice's, so replacing the slice again would double it.
    #[error("{count} of the rows for `{table}` are outside of the slice {slice}")]
    OutsideSlice {
        /// The table.
        table: Table,
        /// The slice.
        slice: String,
        /// How many rows.
        count: usize,
    },
    /// The slice names a column that the table does not have, or that is not a text.
    #[error("a slice of `{table}` cannot be by `{column}`: it has no such column of texts")]
    SliceColumn {
        /// The table.
        table: Table,
        /// The column.
        column: &'static str,
    },
    /// The rows are another table's than the slice is.
    #[error("rows of `{rows}` cannot replace a slice of `{slice}`")]
    WrongTable {
        /// The slice's.
        slice: Table,
        /// The rows'.
        rows: Table,
    },
}

impl LakeError {
    /// An error of storage, told apart by its cause as far down as it is.
    pub(crate) fn storage(
        table: Table,
        location: &str,
        doing: &'static str,
        source: impl Into<Cause>,
    ) -> LakeError {
        let source = source.into();
        let location = location.to_owned();
        match io_kind(source.as_ref()) {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                LakeError::StorageFull { location, source }
            }
            Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                LakeError::Denied {
                    location,
                    doing,
                    source,
                }
            }
            _ => LakeError::Storage {
                table,
                location,
                doing,
                source,
            },
        }
    }
}

/// The kind of the innermost I/O error in the chain.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        found = kind.or_else(|| kind_by_text(&error.to_string())).or(found);
        next = error.source();
    }
    found
}

/// Some layers of the Delta log pass on an error's text alone.
fn kind_by_text(text: &str) -> Option<io::ErrorKind> {
    let known = [
        ("No space left on device", io::ErrorKind::StorageFull),
        ("Disk quota exceeded", io::ErrorKind::QuotaExceeded),
        ("Permission denied", io::ErrorKind::PermissionDenied),
        ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
    ];
    known
        .into_iter()
        .find(|(phrase, _)| text.contains(phrase))
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use deltalake::{DeltaTableError, ObjectStoreError};

    use super::*;

    fn stored(error: io::Error) -> LakeError {
        let source = ObjectStoreError::Generic {
            store: "LocalFileSystem",
            source: Box::new(error),
        };
        LakeError::storage(
            Table::Spans,
            "/lake",
            "written",
            DeltaTableError::from(source),
        )
    }

    #[test]
    fn a_full_disk_is_recognised_below_other_errors() {
        let error = stored(io::Error::from_raw_os_error(28));
        assert!(matches!(error, LakeError::StorageFull { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("no space is left for the lake at /lake")
        );
    }

    #[test]
    fn a_read_only_folder_is_recognised_below_other_errors() {
        for code in [13, 30] {
            let error = stored(io::Error::from_raw_os_error(code));
            assert!(matches!(error, LakeError::Denied { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_layer_that_passes_on_text_alone_is_understood() {
        let text =
            DeltaTableError::Generic("put failed: No space left on device (os error 28)".into());
        let error = LakeError::storage(Table::Spans, "/lake", "written", text);
        assert!(matches!(error, LakeError::StorageFull { .. }), "{error:?}");
    }
}
