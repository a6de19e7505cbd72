//! From rows to Arrow and back. A table file lists its row's fields once, in [`columns!`]; their
//! Rust types say what the columns are: `Option` is nullable, `Decimal` is money, and so on.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

use crate::cells::Cell;

/// Name of the partition column: the UTC date of the window column.
pub const DATE: &str = "date";

/// What is wrong with a value or a column.
#[derive(Debug, thiserror::Error)]
pub enum ColumnError {
    /// The value has more digits than `Decimal128(38,12)` holds; it is never rounded silently.
    #[error("{value} does not fit 26 digits before and 12 after the point, and is not rounded")]
    Decimal {
        /// The value.
        value: String,
    },
    /// A text that is none of the values that the column can have.
    #[error("`{value}` is not one of its values")]
    Unknown {
        /// The text.
        value: String,
    },
    /// The time is outside of what microseconds since 1970 in 64 bits can say.
    #[error("microsecond {micros} since 1970 is not a time")]
    Time {
        /// Microseconds since 1970.
        micros: i64,
    },
    /// The batch has no such column.
    #[error("there is no such column")]
    Missing,
    /// A null where the column has none.
    #[error("it has a null, which it never has")]
    Null,
    /// The column has another type.
    #[error("it is {found}, not {expected}")]
    Type {
        /// As it is.
        found: DataType,
        /// As it should be.
        expected: DataType,
    },
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// One of the above, in this column.
    #[error("column `{column}`: {source}")]
    In {
        /// Name of the column.
        column: &'static str,
        /// What is wrong with it.
        source: Box<ColumnError>,
    },
}

/// The Arrow field of a column; `get` only says which field of the row it is.
pub(crate) fn field<R, C: Cell>(name: &str, _get: fn(&R) -> &C) -> Field {
    Field::new(name, C::data_type(), C::NULLABLE)
}

/// The column's values of all rows.
pub(crate) fn array<R, C: Cell>(
    name: &'static str,
    rows: &[R],
    get: fn(&R) -> &C,
) -> Result<ArrayRef, ColumnError> {
    C::to_array(rows.iter().map(get)).map_err(|source| in_column(name, source))
}

/// The column's values, one by row.
pub(crate) fn cells<C: Cell>(
    batch: &RecordBatch,
    name: &'static str,
) -> Result<std::vec::IntoIter<C>, ColumnError> {
    let found = batch.column_by_name(name).ok_or(ColumnError::Missing);
    found
        .and_then(|array| C::from_array(array))
        .map(Vec::into_iter)
        .map_err(|source| in_column(name, source))
}

fn in_column(column: &'static str, source: ColumnError) -> ColumnError {
    ColumnError::In {
        column,
        source: Box::new(source),
    }
}

/// The field of the partition column.
pub(crate) fn date_field() -> Arc<Field> {
    Arc::new(Field::new(DATE, DataType::Date32, false))
}

/// Gives a table file its `schema`, `to_record_batch` and `from_record_batch`: a column for each
/// field listed, named as the field is, and `date`, which is the UTC date of the field named first.
macro_rules! columns {
    ($row:ident, date of $window:ident, [$($column:ident),+ $(,)?]) => {
        /// A column for each field of the row, and `date`, by which the table is partitioned.
        pub fn schema() -> ::arrow::datatypes::SchemaRef {
            static SCHEMA: ::std::sync::LazyLock<::arrow::datatypes::SchemaRef> =
                ::std::sync::LazyLock::new(|| {
                    let fields = vec![
                        $(::std::sync::Arc::new($crate::columns::field(
                            stringify!($column),
                            |row: &$row| &row.$column,
                        )),)+
                        $crate::columns::date_field(),
                    ];
                    ::std::sync::Arc::new(::arrow::datatypes::Schema::new(fields))
                });
            SCHEMA.clone()
        }

        /// The rows as Arrow, in their order, with the columns of [`schema`].
        pub fn to_record_batch(
            rows: &[$row],
        ) -> ::std::result::Result<::arrow::array::RecordBatch, $crate::ColumnError> {
            let columns = vec![
                $($crate::columns::array(stringify!($column), rows, |row: &$row| &row.$column)?,)+
                $crate::cells::dates(rows.iter().map(|row| row.$window)),
            ];
            Ok(::arrow::array::RecordBatch::try_new(schema(), columns)?)
        }

        /// The rows of a batch that has the columns of [`schema`]; `date` may be left out.
        pub fn from_record_batch(
            batch: &::arrow::array::RecordBatch,
        ) -> ::std::result::Result<Vec<$row>, $crate::ColumnError> {
            $(let mut $column = $crate::columns::cells(batch, stringify!($column))?;)+
            let row = |_| Some($row { $($column: $column.next()?),+ });
            Ok((0..batch.num_rows()).map_while(row).collect())
        }
    };
}
pub(crate) use columns;
