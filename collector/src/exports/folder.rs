//! An export in a folder of this machine, or one file of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Utc};

use super::manifest::{self, Manifest};

/// Folders below the given one that are looked into: `prefix/export/metadata/period/execution`.
const DEPTH: usize = 8;

/// Every manifest below the folder.
pub(super) fn manifests(folder: &Path) -> io::Result<Vec<Manifest>> {
    let mut found = Vec::new();
    let mut left = vec![(folder.to_path_buf(), 0)];
    while let Some((at, depth)) = left.pop() {
        for entry in fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                // Data files are many, and the manifest names them.
                let data = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name == "data");
                if depth < DEPTH && !data {
                    left.push((path, depth + 1));
                }
                continue;
            }
            let Ok(relative) = path.strip_prefix(folder) else {
                continue;
            };
            let Some(relative) = relative.to_str() else {
                continue;
            };
            if let Some((root, period)) = manifest::place(relative) {
                let (written, stamp) = stamp(&path)?;
                found.push(Manifest {
                    root: root.to_owned(),
                    period,
                    path: relative.to_owned(),
                    written,
                    stamp: format!("{stamp}{}", stamps_of_files(folder, root, &path)),
                });
            }
        }
    }
    Ok(manifest::newest(found))
}

/// When a file was written, and a text that changes when it is written again.
pub(super) fn stamp(path: &Path) -> io::Result<(DateTime<Utc>, String)> {
    let about = fs::metadata(path)?;
    let modified = about.modified()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((
        modified.into(),
        format!("{}-{}", since.as_nanos(), about.len()),
    ))
}

/// In a folder, files can be copied again without their manifest.
fn stamps_of_files(folder: &Path, root: &str, manifest: &Path) -> String {
    let files = fs::read(manifest)
        .ok()
        .and_then(|text| manifest::files(&text).ok())
        .unwrap_or_default();
    files
        .iter()
        .map(|file| match stamp(&path(folder, root, file)) {
            Ok((_, stamp)) => format!(" {stamp}"),
            Err(_) => " missing".to_owned(),
        })
        .collect()
}

/// A file of the export.
pub(super) fn path(folder: &Path, root: &str, relative: &str) -> PathBuf {
    folder.join(root).join(relative)
}
