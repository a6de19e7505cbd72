//! Sorted files of one day become one sorted file, a batch at a time: what is in memory is the
//! compressed files, and a few rows of each.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::kernels::boolean::not;
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::error::ArrowError;
use arrow::row::{Row, RowConverter, Rows, SortField};
use bytes::Bytes;
use chrono::NaiveDate;
use deltalake::Path;
use parquet::arrow::ArrowWriter;

use crate::Table;
use crate::files::{self, Batches, Encoded, FileError};
use crate::slice::Filter;
use crate::stats::StatsOf;

/// Rows that are written at a time.
const BATCH: usize = 8_192;
/// Rows of all files together that are decoded at a time, about.
const DECODED: usize = 262_144;

/// Merges files of a day, without the rows that pass the filter. `None` if there is no row to leave
/// out, or else what stays, if anything does.
pub(crate) fn merge_without(
    table: Table,
    date: NaiveDate,
    inputs: Vec<(Path, Bytes)>,
    filter: &Filter,
) -> Result<Option<Option<Encoded>>, FileError> {
    let (merged, left_out) = merge(table, date, inputs, Some(filter))?;
    Ok((left_out > 0).then_some(merged))
}

/// Merges files of a day.
pub(crate) fn merge_all(
    table: Table,
    date: NaiveDate,
    inputs: Vec<(Path, Bytes)>,
) -> Result<Option<Encoded>, FileError> {
    Ok(merge(table, date, inputs, None)?.0)
}

/// Gives the file, if it has rows, and how many rows were left out.
fn merge(
    table: Table,
    date: NaiveDate,
    inputs: Vec<(Path, Bytes)>,
    left_out: Option<&Filter>,
) -> Result<(Option<Encoded>, usize), FileError> {
    let size = (DECODED / inputs.len().max(1)).clamp(256, BATCH);
    let mut merge = Merge {
        converter: converter(table)?,
        table,
        left_out,
        rows_left_out: 0,
        sources: Vec::new(),
        order: Vec::new(),
    };
    for (path, bytes) in inputs {
        merge.add(files::batches(table, &path, bytes, size)?)?;
    }
    let mut stats = StatsOf::new(table.indexed());
    let mut writer = None;
    while let Some(batch) = merge.next()? {
        let writer = match &mut writer {
            Some(writer) => writer,
            None => {
                let properties = Some(files::properties(table));
                writer.insert(ArrowWriter::try_new(
                    Vec::new(),
                    batch.schema(),
                    properties,
                )?)
            }
        };
        stats.add(&batch);
        writer.write(&batch)?;
    }
    let written = match writer {
        Some(writer) => Some(Encoded {
            date,
            bytes: writer.into_inner()?,
            stats: stats.finish(),
        }),
        None => None,
    };
    Ok((written, merge.rows_left_out))
}

/// A file half-way: the rows in hand, how they compare, and the next of them.
struct Source {
    batches: Batches,
    rows: RecordBatch,
    keys: Rows,
    at: usize,
}

impl Source {
    fn key(&self) -> Row<'_> {
        self.keys.row(self.at)
    }
}

struct Merge<'a> {
    table: Table,
    converter: RowConverter,
    left_out: Option<&'a Filter>,
    rows_left_out: usize,
    sources: Vec<Source>,
    /// A heap of the sources that have rows in hand, the one with the first row on top.
    order: Vec<usize>,
}

impl Merge<'_> {
    fn add(&mut self, mut batches: Batches) -> Result<(), FileError> {
        if let Some((rows, keys)) = self.rows_of(&mut batches)? {
            self.order.push(self.sources.len());
            self.sources.push(Source {
                batches,
                rows,
                keys,
                at: 0,
            });
            let mut child = self.order.len() - 1;
            while child > 0 && self.first(child, (child - 1) / 2) {
                self.order.swap(child, (child - 1) / 2);
                child = (child - 1) / 2;
            }
        }
        Ok(())
    }

    /// The next batch that has rows which are wanted.
    fn rows_of(&mut self, batches: &mut Batches) -> Result<Option<(RecordBatch, Rows)>, FileError> {
        for batch in batches {
            let mut batch = batch?;
            if let Some(filter) = self.left_out {
                let wanted = filter.mask(&batch).and_then(|mask| not(&mask))?;
                let all = batch.num_rows();
                batch = filter_record_batch(&batch, &wanted)?;
                self.rows_left_out += all - batch.num_rows();
            }
            if batch.num_rows() > 0 {
                let keys = sort_columns(self.table, &batch)?;
                let keys = self.converter.convert_columns(&keys)?;
                return Ok(Some((batch, keys)));
            }
        }
        Ok(None)
    }

    /// The next rows of all, in order.
    fn next(&mut self) -> Result<Option<RecordBatch>, FileError> {
        let mut picked = Vec::with_capacity(BATCH);
        let mut spent = None;
        while let Some(&top) = self.order.first() {
            let source = &mut self.sources[top];
            picked.push((top, source.at));
            source.at += 1;
            if source.at == source.rows.num_rows() {
                spent = Some(top);
                break;
            }
            self.sink();
            if picked.len() == BATCH {
                break;
            }
        }
        if picked.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = self.sources.iter().map(|source| &source.rows).collect();
        let batch = interleave_record_batch(&batches, &picked)?;
        if let Some(top) = spent {
            self.refill(top)?;
        }
        Ok(Some(batch))
    }

    /// The source on top has no more rows in hand.
    fn refill(&mut self, top: usize) -> Result<(), FileError> {
        let mut batches =
            std::mem::replace(&mut self.sources[top].batches, Box::new(std::iter::empty()));
        match self.rows_of(&mut batches)? {
            Some((rows, keys)) => {
                self.sources[top] = Source {
                    batches,
                    rows,
                    keys,
                    at: 0,
                };
            }
            None => {
                let source = &mut self.sources[top];
                source.rows = RecordBatch::new_empty(source.rows.schema());
                self.order.swap_remove(0);
            }
        }
        self.sink();
        Ok(())
    }

    /// Puts the source on top where it belongs.
    fn sink(&mut self) {
        let mut parent = 0;
        loop {
            let children = [2 * parent + 1, 2 * parent + 2];
            let mut first = parent;
            for child in children {
                if child < self.order.len() && self.first(child, first) {
                    first = child;
                }
            }
            if first == parent {
                return;
            }
            self.order.swap(parent, first);
            parent = first;
        }
    }

    /// Whether the source at the one place of the heap goes before that at the other.
    fn first(&self, one: usize, other: usize) -> bool {
        let (one, other) = (self.order[one], self.order[other]);
        let by_key = self.sources[one].key().cmp(&self.sources[other].key());
        by_key.then(one.cmp(&other)) == Ordering::Less
    }
}

fn converter(table: Table) -> Result<RowConverter, ArrowError> {
    let schema = table.schema();
    let fields = table.sorted_by().iter().map(|name| {
        let field = schema.field_with_name(name)?;
        Ok(SortField::new(field.data_type().clone()))
    });
    RowConverter::new(fields.collect::<Result<_, ArrowError>>()?)
}

fn sort_columns(
    table: Table,
    batch: &RecordBatch,
) -> Result<Vec<arrow::array::ArrayRef>, ArrowError> {
    let columns = table.sorted_by().iter().map(|name| {
        let index = batch.schema_ref().index_of(name)?;
        Ok(Arc::clone(batch.column(index)))
    });
    columns.collect()
}
