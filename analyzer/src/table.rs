//! Tables: answers with their column types, to be read row by row or written as JSON or CSV.

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::sync::Arc;

/// An answer.
///
/// Columns have few types: text is `Utf8`, whole numbers `Int64`, numbers `Float64`, time
/// `Timestamp(µs, UTC)`, money `Decimal128(38, 12)`; what else a user's SQL gives stays as it is.
#[derive(Debug, Clone)]
pub struct Table {
    batch: RecordBatch,
    truncated: bool,
}

impl Table {
    /// One table of many batches; `truncated` says that rows were left out.
    pub(crate) fn new(
        schema: &SchemaRef,
        batches: &[RecordBatch],
        truncated: bool,
    ) -> Result<Table, ArrowError> {
        let batch = plain(&concat_batches(schema, batches)?)?;
        Ok(Table { batch, truncated })
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        self.batch.schema()
    }

    /// The rows in Arrow's form.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// There were more rows than allowed, and the rest was left out.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Names of the columns.
    pub fn column_names(&self) -> Vec<String> {
        self.schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect()
    }

    /// The rows, one after the other.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.num_rows()).map(move |index| Row { table: self, index })
    }

    /// The rows as JSON objects, keys in the order of the columns' names.
    ///
    /// Money is exact, so a decimal is a string (`"0.0000035"`); time is RFC 3339 in UTC; a number that is
    /// not finite is null.
    pub fn to_maps(&self) -> Vec<Map<String, Value>> {
        let schema = self.schema();
        self.rows()
            .map(|row| {
                schema
                    .fields()
                    .iter()
                    .enumerate()
                    .map(|(column, field)| (field.name().clone(), row.value(column)))
                    .collect()
            })
            .collect()
    }

    /// [`Table::to_maps`] as a JSON array.
    pub fn to_json(&self) -> Value {
        Value::Array(self.to_maps().into_iter().map(Value::Object).collect())
    }

    /// CSV with a header line (RFC 4180, lines end with LF); null is empty.
    pub fn to_csv(&self) -> String {
        let mut csv = String::new();
        let names = self.column_names();
        push_line(&mut csv, names.iter().map(String::as_str));
        for row in self.rows() {
            let cells: Vec<String> = (0..names.len()).map(|column| row.display(column)).collect();
            push_line(&mut csv, cells.iter().map(String::as_str));
        }
        csv
    }
}

fn push_line<'a>(csv: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            csv.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(cell);
        }
    }
    csv.push('\n');
}

/// A row of a table. Each reader gives `None` for null, for a column that is not there, and for one
/// of another type.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    index: usize,
}

impl<'a> Row<'a> {
    fn column<A: 'static>(&self, name: &str) -> Option<&'a A> {
        let column = self.table.batch.column_by_name(name)?;
        if column.is_null(self.index) {
            None
        } else {
            column.as_any().downcast_ref::<A>()
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.column::<StringArray>(name)
            .map(|column| column.value(self.index))
    }

    /// A number: doubles, whole numbers and decimals.
    pub fn f64(&self, name: &str) -> Option<f64> {
        if let Some(column) = self.column::<Float64Array>(name) {
            return Some(column.value(self.index));
        }
        if let Some(number) = self.i64(name) {
            return Some(number as f64);
        }
        let column = self.column::<Decimal128Array>(name)?;
        Some(column.value(self.index) as f64 / 10_f64.powi(i32::from(column.scale())))
    }

    /// A whole number.
    pub fn i64(&self, name: &str) -> Option<i64> {
        self.column::<Int64Array>(name)
            .map(|column| column.value(self.index))
    }

    /// True or false.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.column::<BooleanArray>(name)
            .map(|column| column.value(self.index))
    }

    /// A time.
    pub fn timestamp(&self, name: &str) -> Option<DateTime<Utc>> {
        let column = self.column::<TimestampMicrosecondArray>(name)?;
        DateTime::from_timestamp_micros(column.value(self.index))
    }

    /// Money, exact.
    pub fn decimal(&self, name: &str) -> Option<Decimal> {
        let column = self.column::<Decimal128Array>(name)?;
        exact(column.value(self.index), column.scale())
    }

    /// The value of the column at that position as JSON; see [`Table::to_maps`].
    pub fn value(&self, column: usize) -> Value {
        let array = self.table.batch.column(column);
        value(array.as_ref(), self.index)
    }

    /// The value as text for a table on a terminal or a CSV file; null is empty.
    pub fn display(&self, column: usize) -> String {
        match self.value(column) {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

fn exact(value: i128, scale: i8) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(value, u32::try_from(scale).ok()?)
        .ok()
        .map(|decimal| decimal.normalize())
}

fn value(array: &dyn Array, index: usize) -> Value {
    if array.is_null(index) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(index).into(),
        DataType::Boolean => array.as_boolean().value(index).into(),
        DataType::Int64 => array
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(index)
            .into(),
        DataType::Float64 => array
            .as_primitive::<arrow::datatypes::Float64Type>()
            .value(index)
            .into(),
        DataType::Decimal128(_, scale) => {
            let number = array
                .as_primitive::<arrow::datatypes::Decimal128Type>()
                .value(index);
            exact(number, *scale).map_or_else(|| formatted(array, index), |d| d.to_string().into())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array
                .as_primitive::<arrow::datatypes::TimestampMicrosecondType>()
                .value(index);
            DateTime::from_timestamp_micros(micros).map_or(Value::Null, |time| {
                time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
            })
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(index);
            (0..items.len())
                .map(|item| value(items.as_ref(), item))
                .collect()
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(index);
            let (keys, values) = (entries.column(0), entries.column(1));
            let pairs = (0..entries.len()).map(|entry| {
                let key = match value(keys.as_ref(), entry) {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                (key, value(values.as_ref(), entry))
            });
            Value::Object(pairs.collect())
        }
        _ => formatted(array, index),
    }
}

fn formatted(array: &dyn Array, index: usize) -> Value {
    ArrayFormatter::try_new(array, &FormatOptions::default()).map_or(Value::Null, |formatter| {
        formatter.value(index).to_string().into()
    })
}

/// The few types that [`Table`] promises.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let target = match field.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::Dictionary(_, value) if is_text(value) => DataType::Utf8,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => DataType::Int64,
            DataType::Float16 | DataType::Float32 => DataType::Float64,
            DataType::Timestamp(_, _) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            other => other.clone(),
        };
        columns.push(cast(column, &target)?);
        fields.push(Field::new(field.name(), target, true));
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}
