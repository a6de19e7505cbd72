//! Files that outlive a power cut: written to the disk, not only to its cache, before anything is
//! built on them. On a file system that cannot sync a folder, that part is left to it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

/// Turned off to measure what it costs.
#[cfg(test)]
pub(crate) static SYNCING: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);

/// Writes a file whose name nobody else uses; its folder is created.
pub(crate) async fn write(path: PathBuf, bytes: Bytes) -> io::Result<()> {
    blocking(move || {
        let folder = parent(&path)?;
        let created = !folder.is_dir();
        if created {
            fs::create_dir_all(folder)?;
        }
        write_file(&path, &bytes)?;
        sync_folder(folder)?;
        if created {
            sync_folder(parent(folder)?)?;
        }
        Ok(())
    })
    .await
}

/// Writes a file, whole from the moment at which it is there; false if there is one of that name.
pub(crate) async fn publish(path: PathBuf, bytes: Bytes) -> io::Result<bool> {
    blocking(move || {
        let folder = parent(&path)?;
        // Beside the data files: if it is left behind, upkeep deletes it as one that no table has.
        let staged = parent(folder)?.join(format!("{}.staged", Uuid::new_v4()));
        write_file(&staged, &bytes)?;
        let linked = fs::hard_link(&staged, &path);
        // A leftover does no harm.
        let _ = fs::remove_file(&staged);
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Err(error) = sync_folder(folder) {
            // Others see it by now: it stands, though a power cut might undo it.
            tracing::warn!(%error, path = %path.display(), "a commit could not be synced to the disk");
        }
        Ok(true)
    })
    .await
}

/// Syncs files that another library wrote, where they are, and their folder.
pub(crate) async fn sync(folder: PathBuf, names: Vec<String>) -> io::Result<()> {
    blocking(move || {
        for name in names {
            match File::open(folder.join(name)) {
                Ok(file) => sync_file(&file)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        sync_folder(&folder)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        sync_file(&file)
    });
    if written.is_err() {
        // Of a full disk, for example; nobody knows the file yet.
        let _ = fs::remove_file(path);
    }
    written
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::other(format!("{} has no folder", path.display())))
}

fn sync_file(file: &File) -> io::Result<()> {
    #[cfg(test)]
    if !SYNCING.load(std::sync::atomic::Ordering::Relaxed) {
        return Ok(());
    }
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| sync_file(&folder)) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_to_publish_a_name_has_it() {
        let table = tempfile::tempdir().unwrap();
        let log = table.path().join("_delta_log");
        fs::create_dir(&log).unwrap();
        let path = log.join("0.json");
        let first = publish(path.clone(), Bytes::from_static(b"first")).await;
        let second = publish(path.clone(), Bytes::from_static(b"second")).await;
        assert!(first.unwrap() && !second.unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(
            fs::read_dir(table.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }

    #[tokio::test]
    async fn a_folder_is_created_with_its_first_file() {
        let table = tempfile::tempdir().unwrap();
        let path = table.path().join("date=2026-01-01/x.parquet");
        write(path.clone(), Bytes::from_static(b"rows"))
            .await
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"rows");
        write(path.clone(), Bytes::new()).await.unwrap_err();
    }
}
