//! Where exports are: a folder, a file, or a bucket; what is there, and how its files are read.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use millicent_lake::Outcome;

use super::bucket::{Bucket, Download};
use super::folder;
use super::manifest;
use super::period::Period;
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::Trouble;

/// Missing files that are named.
const NAMED: usize = 3;

/// A place that the configuration names.
pub(super) enum Place {
    Folder(PathBuf),
    File(PathBuf),
    Bucket(Box<Bucket>),
}

/// A billing period of an export, or a file that stands alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The export, for messages and as its place in `collections`.
    pub(super) root: String,
    /// `None` for a file, whose lines say it.
    pub(super) period: Option<Period>,
    /// When AWS wrote it.
    pub(super) written: DateTime<Utc>,
    /// Changes when it is written again.
    pub(super) stamp: String,
    /// The manifest, or the file, as the place names it.
    path: String,
    /// Folder of the export as the place names it.
    folder: String,
}

/// A file of a billing period.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DataFile {
    /// For messages.
    pub(super) name: String,
    /// As the place names it.
    path: String,
}

/// A file that can be read: where it is, and for how long.
pub(super) enum Readable {
    Here(PathBuf),
    Downloaded(Download),
}

impl Readable {
    pub(super) fn path(&self) -> &Path {
        match self {
            Readable::Here(path) => path,
            Readable::Downloaded(download) => download.path(),
        }
    }
}

impl Place {
    /// The place of a path or of an `s3://` URL.
    pub(super) async fn of(inner: &Inner, path: &str, meter: &Meter) -> Result<Place, Trouble> {
        if path.starts_with("s3://") {
            let bucket = Bucket::open(inner, path, meter).await?;
            return Ok(Place::Bucket(Box::new(bucket)));
        }
        match std::fs::metadata(path) {
            Ok(about) if about.is_dir() => Ok(Place::Folder(path.into())),
            Ok(_) => Ok(Place::File(path.into())),
            Err(error) => Err(Trouble::failed(format!(
                "the export `{path}` can't be read: {error}. Check the path under [[exports]]"
            ))),
        }
    }

    /// Everything that can be read there, newest periods first.
    pub(super) async fn find(&self, name: &str, meter: &Meter) -> Result<Vec<Found>, Trouble> {
        let manifests = match self {
            Place::Folder(folder) => {
                let folder = folder.clone();
                let manifests = blocking(move || folder::manifests(&folder)).await?;
                manifests.map_err(|error| unreadable(name, &error))?
            }
            Place::File(path) => {
                let (written, stamp) =
                    folder::stamp(path).map_err(|error| unreadable(name, &error))?;
                return Ok(vec![Found {
                    root: name.to_owned(),
                    period: None,
                    written,
                    stamp,
                    path: name.to_owned(),
                    folder: String::new(),
                }]);
            }
            Place::Bucket(bucket) => {
                let listed = bucket.list(meter).await?;
                if let Some(object) = listed.file {
                    return Ok(vec![Found {
                        root: name.to_owned(),
                        period: None,
                        written: object.written,
                        stamp: object.stamp,
                        path: object.key,
                        folder: String::new(),
                    }]);
                }
                listed.manifests
            }
        };
        if manifests.is_empty() {
            return Err(Trouble::failed(format!(
                "no export is in `{name}`: there is no metadata/BILLING_PERIOD=…/…-Manifest.json in it. Name the folder that \
                 the export is delivered to (AWS delivers a new one within a day), or one file of an export"
            )));
        }
        let found = manifests.into_iter().map(|manifest| Found {
            root: below(name, &manifest.root),
            period: Some(manifest.period),
            written: manifest.written,
            stamp: manifest.stamp,
            path: manifest.path,
            folder: manifest.root,
        });
        Ok(found.collect())
    }

    /// The files of what was found, each of which is there as far as that can be told cheaply.
    pub(super) async fn files(
        &self,
        name: &str,
        found: &Found,
        meter: &Meter,
    ) -> Result<Vec<DataFile>, Trouble> {
        if found.period.is_none() {
            return Ok(vec![DataFile {
                name: found.root.clone(),
                path: found.path.clone(),
            }]);
        }
        let manifest = below(name, &found.path);
        let text = match self {
            Place::Folder(folder) => tokio::fs::read(folder.join(&found.path))
                .await
                .map_err(|error| unreadable(&manifest, &error))?,
            Place::File(path) => tokio::fs::read(path)
                .await
                .map_err(|error| unreadable(&manifest, &error))?,
            Place::Bucket(bucket) => bucket.text(&found.path, meter).await?,
        };
        let listed = manifest::files(&text).map_err(|wrong| {
            Trouble::failed(format!(
                "the manifest {manifest} can't be followed: {wrong}. What was read before stands"
            ))
        })?;
        let files: Vec<DataFile> = listed
            .iter()
            .map(|file| DataFile {
                name: below(&found.root, file),
                path: below(&found.folder, file),
            })
            .collect();
        if let Place::Folder(folder) = self {
            let missing: Vec<&str> = files
                .iter()
                .filter(|file| !folder.join(&file.path).is_file())
                .map(|file| file.name.as_str())
                .collect();
            if !missing.is_empty() {
                return Err(missing_files(&manifest, &missing));
            }
        }
        Ok(files)
    }

    /// The file, on this machine.
    pub(super) async fn fetch(&self, file: &DataFile, meter: &Meter) -> Result<Readable, Trouble> {
        match self {
            Place::Folder(folder) => Ok(Readable::Here(folder.join(&file.path))),
            Place::File(path) => Ok(Readable::Here(path.clone())),
            Place::Bucket(bucket) => bucket
                .download(&file.path, meter)
                .await
                .map(Readable::Downloaded),
        }
    }
}

/// What the manifest names is not all there.
pub(super) fn missing_files(manifest: &str, missing: &[&str]) -> Trouble {
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Trouble::failed(format!(
        "{}{more} is not there, and the manifest {manifest} names it: the export is not copied whole, or is being \
         refreshed. What was read before stands; it is tried again",
        missing[..missing.len().min(NAMED)].join(", ")
    ))
}

fn unreadable(what: &str, error: &std::io::Error) -> Trouble {
    Trouble {
        outcome: match error.kind() {
            std::io::ErrorKind::PermissionDenied => Outcome::Denied,
            _ => Outcome::Failed,
        },
        message: format!("{what} can't be read: {error}. Check that Millicent's user may read it"),
    }
}

/// A path below another, either of which may be empty.
fn below(folder: &str, path: &str) -> String {
    match (folder.trim_end_matches('/'), path) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

/// Work that blocks, on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Trouble::failed(format!("reading the export ended unexpectedly: {error}")))
}
