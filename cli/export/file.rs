//! A file that is there whole or not at all, as Parquet or CSV.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use arrow::array::RecordBatch;
use arrow::csv::{Writer as CsvWriter, WriterBuilder};
use arrow::datatypes::SchemaRef;
use clap::ValueEnum;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tempfile::{Builder, NamedTempFile, TempPath};

use crate::failure::Usage;

/// Rows that a Parquet file keeps in memory before it writes them.
const ROWS_PER_GROUP: usize = 65_536;

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Apache Parquet, money as DECIMAL(38, 12).
    Parquet,
    /// Comma-separated values with a header line, null as nothing.
    Csv,
}

impl Format {
    /// As the name of a file tells: `.parquet`, `.csv` or `.csv.gz`.
    pub(crate) fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        match name.trim_end_matches(".gz") {
            name if name.ends_with(".csv") => Some(Format::Csv),
            name if name.ends_with(".parquet") => Some(Format::Parquet),
            _ => None,
        }
    }

    /// The end of a file's name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv => "csv",
        }
    }
}

type Bytes = BufWriter<fs::File>;

enum Writer {
    Parquet(Box<ArrowWriter<Bytes>>),
    Csv(Box<CsvWriter<Bytes>>),
    Packed(Box<CsvWriter<GzEncoder<Bytes>>>),
}

/// A file under way: it has another name until it is whole, and goes when it is dropped before.
pub(crate) struct Growing {
    path: PathBuf,
    force: bool,
    hidden: TempPath,
    writer: Writer,
}

impl Growing {
    /// Begins a file that will be at `path`; `gzip` packs a CSV.
    pub(crate) fn begin(
        path: &Path,
        force: bool,
        format: Format,
        gzip: bool,
        schema: SchemaRef,
    ) -> anyhow::Result<Growing> {
        may_stand_at(path, force)?;
        let (file, hidden) = beside(path)?.into_parts();
        let bytes = BufWriter::new(file);
        let csv = WriterBuilder::new().with_header(true);
        let writer = match (format, gzip) {
            (Format::Parquet, _) => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
                    .build();
                let writer = ArrowWriter::try_new(bytes, schema, Some(properties))
                    .with_context(|| cannot_write(path))?;
                Writer::Parquet(Box::new(writer))
            }
            (Format::Csv, false) => Writer::Csv(Box::new(csv.build(bytes))),
            (Format::Csv, true) => {
                Writer::Packed(Box::new(csv.build(GzEncoder::new(bytes, Level::default()))))
            }
        };
        Ok(Growing {
            path: path.to_owned(),
            force,
            hidden,
            writer,
        })
    }

    /// More rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        match &mut self.writer {
            Writer::Parquet(writer) => writer.write(rows).map_err(anyhow::Error::from),
            Writer::Csv(writer) => writer.write(rows).map_err(anyhow::Error::from),
            Writer::Packed(writer) => writer.write(rows).map_err(anyhow::Error::from),
        }
        .with_context(|| cannot_write(&self.path))
    }

    /// The file is whole and takes its name. Gives its size in bytes.
    pub(crate) fn finish(self) -> anyhow::Result<u64> {
        let path = &self.path;
        let bytes = match self.writer {
            Writer::Parquet(writer) => writer.into_inner().map_err(anyhow::Error::from),
            Writer::Csv(writer) => Ok(writer.into_inner()),
            Writer::Packed(writer) => writer.into_inner().finish().map_err(anyhow::Error::from),
        };
        let size = bytes
            .and_then(|bytes| Ok(bytes.into_inner().map_err(io::IntoInnerError::into_error)?))
            .and_then(|mut file| {
                file.flush()?;
                file.sync_all()?;
                Ok(file.metadata()?.len())
            })
            .with_context(|| cannot_write(path))?;
        let named = match self.force {
            true => self.hidden.persist(path),
            false => self.hidden.persist_noclobber(path),
        };
        match named {
            Ok(()) => Ok(size),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(stands(path).into())
            }
            Err(failed) => Err(failed.error).with_context(|| cannot_write(path)),
        }
    }
}

/// Refuses what is no place for a file, before anything is computed.
pub(crate) fn may_stand_at(path: &Path, force: bool) -> anyhow::Result<()> {
    if path.is_dir() {
        return Err(Usage(format!(
            "--output {}: it is a folder; name a file in it",
            path.display()
        ))
        .into());
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(stands(path).into());
    }
    beside(path).map(drop)
}

/// An empty hidden file in the same folder, so that it can take the name in one step.
fn beside(path: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().map_or_else(
        || "export".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let prefix = format!(".{name}.");
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Others may read it, as any file that a user makes; the umask still counts.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
        .tempfile_in(folder)
        .with_context(|| format!("cannot write into the folder {}", folder.display()))
}

fn stands(path: &Path) -> Usage {
    Usage(format!(
        "{} is there already: --force replaces it, --output names another",
        path.display()
    ))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

    use super::*;

    fn rows() -> RecordBatch {
        let texts = StringArray::from(vec![Some("a,b"), None]);
        RecordBatch::try_from_iter_with_nullable([("x", Arc::new(texts) as _, true)]).unwrap()
    }

    fn begin(path: &Path, force: bool) -> anyhow::Result<Growing> {
        Growing::begin(path, force, Format::Csv, false, rows().schema())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_name_tells_the_format() {
        for (name, format) in [
            ("a.parquet", Some(Format::Parquet)),
            ("dir/a.CSV", Some(Format::Csv)),
            ("a.csv.gz", Some(Format::Csv)),
            ("a.txt", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut growing = begin(&path, false).unwrap();
        growing.write(&rows()).unwrap();
        assert!(!path.exists());
        drop(growing);
        assert!(names(folder.path()).is_empty(), "nothing is left behind");

        let mut growing = begin(&path, false).unwrap();
        growing.write(&rows()).unwrap();
        let size = growing.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n\"a,b\"\n\"\"\n");
        assert_eq!(size, fs::metadata(&path).unwrap().len());
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn what_stands_is_replaced_only_when_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let growing = begin(&path, false).unwrap();
        fs::write(&path, "mine").unwrap();
        let late = growing.finish().unwrap_err().to_string();
        assert!(late.contains("--force"), "{late}");
        assert!(begin(&path, false).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        begin(&path, true).unwrap().finish().unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), "mine");
        assert!(begin(folder.path(), true).is_err(), "a folder is no file");
        let nowhere = folder.path().join("none/a.csv");
        let error = begin(&nowhere, false).err().unwrap().to_string();
        assert!(error.contains("none"), "{error}");
    }
}
