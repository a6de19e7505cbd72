//! Which rows a window owns, decided for whole files by their statistics and else row by row.

use std::fmt;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{Array, BooleanArray, RecordBatch, Scalar, StringArray};
use arrow::compute::kernels::boolean::and;
use arrow::compute::kernels::cmp::{eq, gt_eq, lt};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::stats::FileStats;
use crate::{LakeError, Table};

/// Which rows a window owns: equality on some columns, and a half-open range of the table's
/// [window column](Table::window_column), to the microsecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The table.
    pub table: Table,
    /// Columns of texts, and the value that each has in the slice.
    pub equal: Vec<(&'static str, String)>,
    /// Start, inclusive.
    pub from: DateTime<Utc>,
    /// End, exclusive.
    pub to: DateTime<Utc>,
}

/// `account_id = '1' and ts >= …`, for messages and for the table's history.
impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (column, value) in &self.equal {
            write!(f, "{column} = '{}' and ", value.replace('\'', "''"))?;
        }
        let column = self.table.window_column();
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        write!(
            f,
            "{column} >= '{}' and {column} < '{}'",
            time(self.from),
            time(self.to)
        )
    }
}

/// What a filter says of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No row passes.
    None,
    /// Every row passes.
    All,
    /// It has to be read.
    Unknown,
}

/// What a filter selects, as the log entry of the commit that replaced it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Extent {
    equal: Vec<(String, String)>,
    times: Vec<(String, i64, i64)>,
}

impl Extent {
    /// Whether a row may be in both.
    pub(crate) fn meets(&self, filter: &Filter) -> bool {
        let other_text = self.equal.iter().any(|(column, value)| {
            let mut same = filter.equal.iter().filter(|(name, _)| name == column);
            same.any(|(_, wanted)| wanted != value)
        });
        let other_time = self.times.iter().any(|(column, from, to)| {
            let mut same = filter.times.iter().filter(|(name, ..)| name == column);
            same.any(|(_, wanted_from, wanted_to)| wanted_to <= from || to <= wanted_from)
        });
        !other_text && !other_time
    }
}

/// Rows with certain texts and with times in certain half-open ranges.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    equal: Vec<(&'static str, String)>,
    /// Column, first microsecond, and the microsecond after the last.
    times: Vec<(&'static str, i64, i64)>,
}

impl Filter {
    /// Rows of a table whose window column is in the range.
    pub(crate) fn window(table: Table, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Filter {
        let to = to.map_or(i64::MAX, |to| to.timestamp_micros());
        let times = vec![(table.window_column(), from.timestamp_micros(), to)];
        Filter {
            equal: Vec::new(),
            times,
        }
    }

    /// Every row.
    pub(crate) fn everything() -> Filter {
        Filter {
            equal: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Of these the rows that have this text.
    pub(crate) fn and_equal(mut self, column: &'static str, value: &str) -> Filter {
        self.equal.push((column, value.to_owned()));
        self
    }

    /// Of these the rows that have exactly this time.
    pub(crate) fn and_at(mut self, column: &'static str, time: DateTime<Utc>) -> Filter {
        let micros = time.timestamp_micros();
        self.times.push((column, micros, micros + 1));
        self
    }

    /// The slice's rows; an error if it names columns that the table does not have.
    pub(crate) fn of(slice: &Slice) -> Result<Filter, LakeError> {
        let table = slice.table;
        let schema = table.schema();
        for (column, _) in &slice.equal {
            let field = schema.field_with_name(column);
            if !field.is_ok_and(|field| *field.data_type() == DataType::Utf8) {
                return Err(LakeError::SliceColumn { table, column });
            }
        }
        let window = Filter::window(table, slice.from, Some(slice.to));
        Ok(Filter {
            equal: slice.equal.clone(),
            ..window
        })
    }

    /// Rows of `collections` whose window shares an instant with the slice's range.
    pub(crate) fn overlapping(slice: &Slice) -> Result<Filter, LakeError> {
        let mut filter = Filter::of(slice)?;
        filter.times = vec![
            ("ts", i64::MIN, slice.to.timestamp_micros()),
            ("window_end", slice.from.timestamp_micros() + 1, i64::MAX),
        ];
        Ok(filter)
    }

    pub(crate) fn extent(&self) -> Extent {
        let equal = self.equal.iter();
        let times = self.times.iter();
        Extent {
            equal: equal
                .map(|(column, value)| ((*column).to_owned(), value.clone()))
                .collect(),
            times: times
                .map(|(column, from, to)| ((*column).to_owned(), *from, *to))
                .collect(),
        }
    }

    /// What the file's statistics say.
    pub(crate) fn verdict(&self, file: &FileStats) -> Verdict {
        let texts = self
            .equal
            .iter()
            .map(|(column, value)| match file.texts.get(*column) {
                Some(range) if *value < range.min || *value > range.max => Verdict::None,
                Some(range) if range.min == range.max && range.nulls == Some(0) => Verdict::All,
                _ => Verdict::Unknown,
            });
        let times = self
            .times
            .iter()
            .map(|(column, from, to)| match file.times.get(*column) {
                Some(range) if range.max < *from || range.min >= *to => Verdict::None,
                Some(range) if range.min >= *from && range.max < *to && range.nulls == Some(0) => {
                    Verdict::All
                }
                _ => Verdict::Unknown,
            });
        texts
            .chain(times)
            .fold(Verdict::All, |all, one| match (all, one) {
                (Verdict::None, _) | (_, Verdict::None) => Verdict::None,
                (Verdict::All, Verdict::All) => Verdict::All,
                _ => Verdict::Unknown,
            })
    }

    /// Which rows of the batch pass. A null never does.
    pub(crate) fn mask(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = |name: &str| {
            let missing = || ArrowError::SchemaError(format!("there is no column `{name}`"));
            batch.column_by_name(name).ok_or_else(missing)
        };
        let mut mask = BooleanArray::from(vec![true; batch.num_rows()]);
        for (name, value) in &self.equal {
            let value = Scalar::new(StringArray::from(vec![value.as_str()]));
            mask = and(&mask, &not_null(eq(column(name)?, &value)?))?;
        }
        for (name, from, to) in &self.times {
            let time = |micros: i64| {
                Scalar::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC"))
            };
            let times = column(name)?;
            mask = and(&mask, &not_null(gt_eq(times, &time(*from))?))?;
            mask = and(&mask, &not_null(lt(times, &time(*to))?))?;
        }
        Ok(mask)
    }
}

fn not_null(mask: BooleanArray) -> BooleanArray {
    if mask.null_count() == 0 {
        mask
    } else {
        prep_null_mask_filter(&mask)
    }
}
