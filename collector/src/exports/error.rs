//! What can be wrong with an export, said so that a person knows what to do.

use std::io;

use parquet::errors::ParquetError;

/// What is wrong with a file of an export.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error(
        "{file} is a report of the older Cost and Usage Reports, with columns such as `lineItem/UnblendedCost`: \
         create a Data Export of the table CUR 2.0 (or FOCUS 1.2) and name its folder instead"
    )]
    Legacy { file: String },
    #[error(
        "{file} is neither CUR 2.0 nor FOCUS: its columns begin with {header}. Name the folder of a Data Export, or \
         one of its files"
    )]
    Unknown { file: String, header: String },
    #[error(
        "{file} is a {table} file without the columns {columns}: add them to the export's columns, and it is read \
         with the next refresh"
    )]
    MissingColumns {
        file: String,
        table: &'static str,
        columns: String,
    },
    #[error(
        "{file}, line {line}: `{column}` is {found}, not {expected}; nothing of this billing period is changed"
    )]
    Value {
        file: String,
        line: u64,
        column: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error("{file}, line {line}: the bill is in {currency}: only bills in USD can be read yet")]
    Currency {
        file: String,
        line: u64,
        currency: String,
    },
    #[error("{file}, line {line}: it is a bill of {provider}: only AWS's can be read")]
    Provider {
        file: String,
        line: u64,
        provider: String,
    },
    #[error(
        "{file}, line {line}: it is of the billing period {found}, and the manifest says {expected}: the export is \
         mixed up; copy it again"
    )]
    OtherPeriod {
        file: String,
        line: u64,
        found: String,
        expected: String,
    },
    #[error(
        "{file} is {found}, and the files before it {expected}: a billing period is of one table"
    )]
    Mixed {
        file: String,
        found: &'static str,
        expected: &'static str,
    },
    #[error("{file}, line {line}: the cost of a day does not fit 28 digits")]
    Overflow { file: String, line: u64 },
    #[error(
        "{file} is empty: it was cut short, or the manifest is older than the file; copy it again"
    )]
    Empty { file: String },
    #[error("{file} is a ZIP archive: set the export to GZIP or Parquet, or unpack it")]
    Zip { file: String },
    #[error("{file} can't be read: {source}")]
    Io { file: String, source: io::Error },
    #[error("{file} ends in the middle: it was cut short; copy it again")]
    Truncated { file: String },
    #[error("{file} is not a readable CSV: {source}")]
    Csv { file: String, source: csv::Error },
    #[error(
        "{file} is not a whole Parquet file ({source}): it was cut short or damaged; copy it again"
    )]
    Parquet { file: String, source: ParquetError },
    #[error("{file} is a Parquet file that can't be read ({source})")]
    Arrow {
        file: String,
        source: arrow::error::ArrowError,
    },
    #[error("reading the export was stopped")]
    Stopped,
}
