//! An export as Parquet: only the columns that a bill is made from are read, a few thousand lines
//! at a time.
//!
//! The physical types are not documented and no real CUR 2.0 file is public, so every plausible one
//! is read: doubles and decimals as their shortest exact text, timestamps of any unit, maps as
//! Parquet maps, as structs or as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::assemble::Assembler;
use super::dialect::{Field, Layout};
use super::error::ExportError;
use super::row::{Row, Wrong};

/// Lines read at a time.
const LINES: usize = 4_096;

enum Column {
    Absent,
    Text(StringArray),
    /// Microseconds since 1970, UTC.
    Time(ArrayRef),
    /// Lists of names and values.
    Map(ArrayRef),
    /// Names of the fields, and their values as texts.
    Struct(Vec<(String, StringArray)>),
}

/// Columns by field, as [`Field::ALL`] has them.
struct Batch(Vec<Column>);

struct Line<'a> {
    batch: &'a Batch,
    at: usize,
}

impl Row for Line<'_> {
    fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        match &self.batch.0[field as usize] {
            Column::Text(texts) if texts.is_valid(self.at) => {
                let text = texts.value(self.at);
                (!text.is_empty()).then_some(Cow::Borrowed(text))
            }
            _ => None,
        }
    }

    fn time(&self, field: Field) -> Result<Option<DateTime<Utc>>, Wrong> {
        match &self.batch.0[field as usize] {
            Column::Time(times) if times.is_valid(self.at) => {
                let micros = times.as_primitive::<TimestampMicrosecondType>();
                let micros = micros.value(self.at);
                match DateTime::from_timestamp_micros(micros) {
                    Some(time) => Ok(Some(time)),
                    None => Err(Wrong {
                        field,
                        found: format!("microsecond {micros} since 1970"),
                        expected: "a time",
                    }),
                }
            }
            Column::Time(_) => Ok(None),
            _ => super::row::time_of(self.text(field), field),
        }
    }

    fn map(&self, field: Field) -> Result<BTreeMap<String, String>, Wrong> {
        let pairs: BTreeMap<String, String> = match &self.batch.0[field as usize] {
            Column::Map(lists) if lists.is_valid(self.at) => entries(lists, self.at),
            Column::Struct(fields) => fields
                .iter()
                .filter(|(_, texts)| texts.is_valid(self.at))
                .map(|(name, texts)| (name.clone(), texts.value(self.at).to_owned()))
                .collect(),
            Column::Map(_) => BTreeMap::new(),
            _ => return super::row::map_of(self.text(field), field),
        };
        Ok(pairs)
    }
}

/// The names and values of one line; the column was made of two texts a pair.
fn entries(lists: &ArrayRef, at: usize) -> BTreeMap<String, String> {
    let pairs: StructArray = match lists.as_map_opt() {
        Some(map) => map.value(at),
        None => lists.as_list::<i32>().value(at).as_struct().clone(),
    };
    let (names, values) = (
        pairs.column(0).as_string::<i32>(),
        pairs.column(1).as_string::<i32>(),
    );
    names
        .iter()
        .zip(values)
        .filter_map(|(name, value)| Some((name?.to_owned(), value?.to_owned())))
        .collect()
}

/// Reads every line.
pub(super) fn read(file: File, name: &str, lines: &mut Assembler) -> Result<(), ExportError> {
    let damaged = |source| ExportError::Parquet {
        file: name.to_owned(),
        source,
    };
    let unreadable = |source| ExportError::Arrow {
        file: name.to_owned(),
        source,
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let schema = builder.schema().clone();
    let header: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let layout = Layout::of(name, &header)?;
    lines.open(&layout, name)?;

    let wanted = Field::ALL.into_iter().filter_map(|field| layout.at(field));
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(LINES)
        .build()
        .map_err(damaged)?;
    let mut before = 0;
    for batch in reader {
        let batch = batch.map_err(unreadable)?;
        let columns = columns(&layout, &batch).map_err(unreadable)?;
        for at in 0..batch.num_rows() {
            let line = Line {
                batch: &columns,
                at,
            };
            lines.take(&line, before + at as u64 + 1)?;
        }
        before += batch.num_rows() as u64;
    }
    Ok(())
}

fn columns(layout: &Layout, batch: &RecordBatch) -> Result<Batch, ArrowError> {
    let columns = Field::ALL.into_iter().map(|field| {
        match layout
            .at(field)
            .and_then(|_| batch.column_by_name(layout.name(field)))
        {
            Some(array) => column(array),
            None => Ok(Column::Absent),
        }
    });
    columns.collect::<Result<_, _>>().map(Batch)
}

fn column(array: &ArrayRef) -> Result<Column, ArrowError> {
    let text = |array: &ArrayRef| {
        cast(array, &DataType::Utf8).map(|texts| texts.as_string::<i32>().clone())
    };
    Ok(match array.data_type() {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Column::Time(cast(
            array,
            &DataType::Timestamp(TimeUnit::Microsecond, None),
        )?),
        DataType::Map(entry, sorted) => {
            let pair = texts_of(entry.data_type())?;
            let entry = entry.as_ref().clone().with_data_type(pair);
            Column::Map(cast(array, &DataType::Map(entry.into(), *sorted))?)
        }
        DataType::List(entry) => {
            let pair = texts_of(entry.data_type())?;
            let entry = entry.as_ref().clone().with_data_type(pair);
            Column::Map(cast(array, &DataType::List(entry.into()))?)
        }
        DataType::Struct(fields) => {
            let values = array.as_struct().columns();
            let columns = fields
                .iter()
                .zip(values)
                .map(|(field, values)| Ok((field.name().clone(), text(values)?)));
            Column::Struct(columns.collect::<Result<_, ArrowError>>()?)
        }
        _ => Column::Text(text(array)?),
    })
}

/// The type of a pair, with both as texts.
fn texts_of(pair: &DataType) -> Result<DataType, ArrowError> {
    match pair {
        DataType::Struct(fields) if fields.len() == 2 => {
            let texts = fields
                .iter()
                .map(|field| field.as_ref().clone().with_data_type(DataType::Utf8));
            Ok(DataType::Struct(texts.collect()))
        }
        other => Err(ArrowError::SchemaError(format!(
            "a map of names and values is {other}"
        ))),
    }
}
