//! Data files: rows sorted and split by date into Parquet, and read back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch};
use arrow::compute::{
    LexicographicalComparator, SortColumn, cast, concat_batches, lexsort_to_indices, partition,
    take_record_batch,
};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use bytes::Bytes;
use chrono::NaiveDate;
use deltalake::kernel::Add;
use deltalake::{ObjectStore, Path};
use object_store::ObjectStoreExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

use crate::stats::FileStats;
use crate::store::now_ms;
use crate::{DATE, Table, durable};

/// Row groups are small so that one series of a day is read without the rest of the file.
const ROWS_PER_GROUP: usize = 131_072;
const MICROS_PER_DAY: i64 = 86_400_000_000;
const ZSTD_LEVEL: i32 = 3;
/// Who wrote a file: only of ours it is known that the rows are in the table's order.
const WRITER: &str = "millicent";

/// What can go wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Store(#[from] deltalake::ObjectStoreError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error("{path} has no column `{column}`")]
    MissingColumn { path: Path, column: String },
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}

/// The rows of a file, some at a time.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, FileError>>>;

/// A file's rows, encoded.
pub(crate) struct Encoded {
    pub(crate) date: NaiveDate,
    pub(crate) bytes: Vec<u8>,
    pub(crate) stats: FileStats,
}

/// The table's columns as they are in its files: all but the partition column.
pub(crate) fn file_schema(table: Table) -> SchemaRef {
    let schema = table.schema();
    let fields = schema.fields().iter().filter(|field| field.name() != DATE);
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

/// Writes the rows, in any order, as one file for each date that they have. They are not in the
/// table until the returned actions are committed.
pub(crate) async fn write(
    folder: &std::path::Path,
    table: Table,
    batch: RecordBatch,
) -> Result<Vec<Add>, FileError> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let encoded = tokio::task::spawn_blocking(move || encode(table, &batch)).await??;
    let mut added = Vec::with_capacity(encoded.len());
    for file in encoded {
        match put(folder, file).await {
            Ok(add) => added.push(add),
            Err(error) => {
                discard(folder, &added).await;
                return Err(error);
            }
        }
    }
    Ok(added)
}

/// Deletes files that did not come to be part of the table. One that cannot be deleted now is
/// found by the vacuum.
pub(crate) async fn discard(folder: &std::path::Path, files: &[Add]) {
    for file in files {
        if let Err(error) = tokio::fs::remove_file(folder.join(&file.path)).await {
            tracing::debug!(%error, path = file.path, "an unused file stays until the vacuum");
        }
    }
}

/// Writes a file. It is not in the table until the returned action is committed.
pub(crate) async fn put(folder: &std::path::Path, file: Encoded) -> Result<Add, FileError> {
    let date = file.date.to_string();
    let path = format!("{DATE}={date}/{}.zstd.parquet", Uuid::new_v4());
    let size = file.bytes.len() as i64;
    durable::write(folder.join(&path), Bytes::from(file.bytes)).await?;
    Ok(Add {
        path,
        partition_values: HashMap::from([(DATE.to_owned(), Some(date))]),
        size,
        modification_time: now_ms(),
        data_change: true,
        stats: Some(file.stats.to_json()),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    })
}

fn encode(table: Table, batch: &RecordBatch) -> Result<Vec<Encoded>, FileError> {
    let batch = project(table, batch)?;
    let (dates, batch) = sort(table, &batch)?;
    let properties = properties(table);
    let days = dates.as_primitive::<arrow::datatypes::Int32Type>();
    let mut files = Vec::new();
    for range in partition(&[Arc::clone(&dates)])?.ranges() {
        let rows = batch.slice(range.start, range.len());
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties.clone()))?;
        writer.write(&rows)?;
        files.push(Encoded {
            date: date(days.value(range.start))?,
            bytes: writer.into_inner()?,
            stats: FileStats::of(&rows, table.indexed()),
        });
    }
    Ok(files)
}

/// The columns of [`file_schema`], in its order.
pub(crate) fn project(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    batch.project(&positions(&file_schema(table), &batch.schema())?)
}

/// By date, and within a date as the table says; with the day of each row.
fn sort(table: Table, batch: &RecordBatch) -> Result<(ArrayRef, RecordBatch), FileError> {
    let column = |name: &str| {
        let missing = || ArrowError::SchemaError(format!("there is no column `{name}`"));
        batch.column_by_name(name).cloned().ok_or_else(missing)
    };
    let times = column(table.window_column())?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let days: Int32Array = times.unary(|micros| micros.div_euclid(MICROS_PER_DAY) as i32);
    let days: ArrayRef = Arc::new(days);
    let by = |values| SortColumn {
        values,
        options: None,
    };
    let mut keys = vec![by(Arc::clone(&days))];
    for name in table.sorted_by() {
        keys.push(by(column(name)?));
    }
    // Whoever reads CloudWatch has them in order; to see that is cheaper than to sort.
    let comparator = LexicographicalComparator::try_new(&keys)?;
    if (1..batch.num_rows()).all(|row| comparator.compare(row - 1, row).is_le()) {
        return Ok((days, batch.clone()));
    }
    let order = lexsort_to_indices(&keys, None)?;
    let days = arrow::compute::take(&days, &order, None)?;
    Ok((days, take_record_batch(batch, &order)?))
}

fn date(days: i32) -> Result<NaiveDate, ArrowError> {
    let date = NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(days.into()));
    date.ok_or_else(|| ArrowError::ComputeError(format!("day {days} since 1970 is not a date")))
}

fn positions(wanted: &Schema, schema: &Schema) -> Result<Vec<usize>, ArrowError> {
    wanted
        .fields()
        .iter()
        .map(|field| schema.index_of(field.name()))
        .collect()
}

pub(crate) fn properties(table: Table) -> WriterProperties {
    let compression = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    WriterProperties::builder()
        .set_created_by(WRITER.to_owned())
        .set_compression(Compression::ZSTD(compression))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_sorting_columns(Some(sorting_columns(table)))
        .build()
}

/// Parquet counts leaves, of which a map has two.
fn sorting_columns(table: Table) -> Vec<SortingColumn> {
    let schema = file_schema(table);
    let leaves = |field: &Arc<arrow::datatypes::Field>| match field.data_type() {
        DataType::Map(..) => 2,
        _ => 1,
    };
    let leaf = |name: &&str| {
        let before = schema
            .fields()
            .iter()
            .take_while(|field| field.name() != name);
        SortingColumn {
            column_idx: before.map(leaves).sum::<i32>(),
            descending: false,
            nulls_first: true,
        }
    };
    table.sorted_by().iter().map(leaf).collect()
}

/// The rows of a file, with the columns and types of [`file_schema`], whoever wrote it.
pub(crate) async fn read(
    store: &dyn ObjectStore,
    table: Table,
    path: &str,
) -> Result<RecordBatch, FileError> {
    let (path, bytes) = fetch(store, path).await?;
    let decode = move || {
        let batches = decode(table, &path, bytes, ROWS_PER_GROUP)?.1;
        let batches = batches.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&file_schema(table), &batches)?)
    };
    tokio::task::spawn_blocking(decode).await?
}

/// A file as it is.
pub(crate) async fn fetch(store: &dyn ObjectStore, path: &str) -> Result<(Path, Bytes), FileError> {
    let path = Path::parse(path).unwrap_or_else(|_| Path::from(path));
    let bytes = store.get(&path).await?.bytes().await?;
    Ok((path, bytes))
}

/// The rows of a file in the order of the table, with the columns and types of [`file_schema`], some
/// at a time. A file of another writer is sorted first.
pub(crate) fn batches(
    table: Table,
    path: &Path,
    bytes: Bytes,
    rows: usize,
) -> Result<Batches, FileError> {
    let (ours, batches) = decode(table, path, bytes, rows)?;
    if ours {
        return Ok(Box::new(batches));
    }
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    let batch = concat_batches(&file_schema(table), &batches)?;
    let (_, sorted) = sort(table, &batch)?;
    Ok(Box::new(std::iter::once(Ok(sorted))))
}

/// Whether we wrote the file, and its rows as they are in it.
fn decode(
    table: Table,
    path: &Path,
    bytes: Bytes,
    rows: usize,
) -> Result<
    (
        bool,
        impl Iterator<Item = Result<RecordBatch, FileError>> + 'static,
    ),
    FileError,
> {
    let wanted = file_schema(table);
    let path = path.clone();
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let ours = builder.metadata().file_metadata().created_by() == Some(WRITER);
    let reader = builder.with_batch_size(rows).build()?;
    let batches = reader.map(move |batch| {
        let batch = batch?;
        let columns = wanted.fields().iter().map(|field| {
            let column =
                batch
                    .column_by_name(field.name())
                    .ok_or_else(|| FileError::MissingColumn {
                        path: path.clone(),
                        column: field.name().clone(),
                    })?;
            Ok(cast(column, field.data_type())?)
        });
        let columns = columns.collect::<Result<Vec<_>, FileError>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&wanted), columns)?)
    });
    Ok((ours, batches))
}
