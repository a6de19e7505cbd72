//! The bill from files: AWS Data Exports (CUR 2.0, FOCUS 1.0 and 1.2), from a bucket or a folder.
//!
//! An export is delivered as files by billing period, and a manifest that names them. A period is
//! replaced as a whole, in one commit, by exactly the manifest's files; whatever is wrong with one
//! of them leaves what was read before. What was read is remembered in the lake's `resources`, as the
//! kind `bill-export`, so that a manifest which has not changed is not read again.

mod assemble;
mod bucket;
mod csv_file;
mod dialect;
mod error;
mod file;
mod folder;
mod known;
mod load;
mod manifest;
mod parquet_file;
mod pass;
mod period;
mod place;
mod row;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use pass::{Checked, Claims, collect, planned};

/// A place where exports of the bill are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportConfig {
    /// A folder or `s3://bucket/prefix` with one export or several, or one file of an export.
    pub path: String,
}
