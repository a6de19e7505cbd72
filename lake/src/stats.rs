//! What the Delta log says about a file: how many rows, and between which values.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Texts up to this many bytes are written whole or not at all, so bounds are exact.
const LONGEST_TEXT: usize = 256;

/// Smallest and largest value in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range<T> {
    pub(crate) min: T,
    pub(crate) max: T,
    /// `None` where the writer did not say.
    pub(crate) nulls: Option<u64>,
}

/// Bounds of a file's columns; a column that is not here is not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FileStats {
    pub(crate) rows: u64,
    pub(crate) texts: HashMap<String, Range<String>>,
    /// In microseconds since 1970.
    pub(crate) times: HashMap<String, Range<i64>>,
}

/// As Delta's protocol writes it: <https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics>.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    num_records: u64,
    min_values: HashMap<String, Value>,
    max_values: HashMap<String, Value>,
    null_count: HashMap<String, Value>,
}

impl FileStats {
    /// Bounds of the columns in a batch.
    pub(crate) fn of(batch: &RecordBatch, columns: &'static [&'static str]) -> FileStats {
        let mut stats = StatsOf::new(columns);
        stats.add(batch);
        stats.finish()
    }

    /// As a Delta log entry has it.
    pub(crate) fn to_json(&self) -> String {
        let mut written = Written {
            num_records: self.rows,
            ..Written::default()
        };
        let mut put = |name: &str, min: Value, max: Value, nulls: Option<u64>| {
            written.min_values.insert(name.to_owned(), min);
            written.max_values.insert(name.to_owned(), max);
            written
                .null_count
                .extend(nulls.map(|nulls| (name.to_owned(), json!(nulls))));
        };
        for (name, range) in &self.texts {
            put(name, json!(range.min), json!(range.max), range.nulls);
        }
        for (name, range) in &self.times {
            if let (Some(min), Some(max)) = (time_text(range.min), time_text(range.max)) {
                put(name, json!(min), json!(max), range.nulls);
            }
        }
        json!(written).to_string()
    }

    /// From a Delta log entry. What cannot be read is left out, and so is not known.
    pub(crate) fn from_json(text: &str) -> FileStats {
        let written: Written = serde_json::from_str(text).unwrap_or_default();
        let mut stats = FileStats {
            rows: written.num_records,
            ..FileStats::default()
        };
        for (name, min) in &written.min_values {
            let (Some(min), Some(max)) = (
                min.as_str(),
                written.max_values.get(name).and_then(Value::as_str),
            ) else {
                continue;
            };
            let nulls = written.null_count.get(name).and_then(Value::as_u64);
            let range = Range {
                min: min.to_owned(),
                max: max.to_owned(),
                nulls,
            };
            if let (Some((min, _)), Some((max, coarse))) = (time(min), time(max)) {
                let range = Range {
                    min,
                    max: max + coarse,
                    nulls,
                };
                stats.times.insert(name.clone(), range);
            }
            stats.texts.insert(name.clone(), range);
        }
        stats
    }
}

/// Gathers the bounds of columns over batches.
pub(crate) struct StatsOf {
    columns: &'static [&'static str],
    stats: FileStats,
    nulls: HashMap<&'static str, u64>,
    too_long: HashSet<&'static str>,
}

impl StatsOf {
    pub(crate) fn new(columns: &'static [&'static str]) -> StatsOf {
        StatsOf {
            columns,
            stats: FileStats::default(),
            nulls: HashMap::new(),
            too_long: HashSet::new(),
        }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.stats.rows += batch.num_rows() as u64;
        for name in self.columns {
            let Some(array) = batch.column_by_name(name) else {
                continue;
            };
            *self.nulls.entry(name).or_default() += array.null_count() as u64;
            match array.data_type() {
                DataType::Utf8 => {
                    let array = array.as_string::<i32>();
                    let Some((min, max)) = min_string(array).zip(max_string(array)) else {
                        continue;
                    };
                    if min.len().max(max.len()) > LONGEST_TEXT {
                        self.too_long.insert(name);
                    }
                    widen(&mut self.stats.texts, name, min.to_owned(), max.to_owned());
                }
                DataType::Timestamp(..) => {
                    let array = array.as_primitive::<TimestampMicrosecondType>();
                    if let Some((min, max)) = min(array).zip(max(array)) {
                        widen(&mut self.stats.times, name, min, max);
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn finish(mut self) -> FileStats {
        self.stats
            .texts
            .retain(|name, _| !self.too_long.contains(name.as_str()));
        for (name, nulls) in self.nulls {
            if let Some(range) = self.stats.texts.get_mut(name) {
                range.nulls = Some(nulls);
            }
            if let Some(range) = self.stats.times.get_mut(name) {
                range.nulls = Some(nulls);
            }
        }
        self.stats
    }
}

fn widen<T: Ord>(ranges: &mut HashMap<String, Range<T>>, name: &str, min: T, max: T) {
    match ranges.get_mut(name) {
        Some(range) => {
            if min < range.min {
                range.min = min;
            }
            if max > range.max {
                range.max = max;
            }
        }
        None => {
            let nulls = None;
            ranges.insert(name.to_owned(), Range { min, max, nulls });
        }
    }
}

/// Always to the microsecond, which is what tells our bounds from those cut to milliseconds.
fn time_text(micros: i64) -> Option<String> {
    let time: DateTime<Utc> = DateTime::from_timestamp_micros(micros)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Microseconds since 1970, and how many may have been cut off: other writers of Delta tables
/// cut times to milliseconds.
fn time(text: &str) -> Option<(i64, i64)> {
    let micros = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
    let digits = text.split_once('.').map_or(0, |(_, fraction)| {
        fraction.bytes().take_while(u8::is_ascii_digit).count()
    });
    Some((micros, if digits >= 6 { 0 } else { 999 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_cut_to_milliseconds_are_widened() {
        let stats = FileStats::from_json(
            r#"{"numRecords":2,"minValues":{"ts":"2026-01-01T00:00:00.123Z"},
                "maxValues":{"ts":"2026-01-01T00:00:00.123Z"},"nullCount":{"ts":0}}"#,
        );
        assert_eq!(stats.times["ts"].max - stats.times["ts"].min, 999);
    }

    #[test]
    fn bounds_survive_the_log() {
        let stats = FileStats {
            rows: 3,
            texts: [(
                "region".into(),
                Range {
                    min: "a\"'".into(),
                    max: "ü".into(),
                    nulls: Some(1),
                },
            )]
            .into(),
            times: [(
                "ts".into(),
                Range {
                    min: -1,
                    max: 1_700_000_000_000_001,
                    nulls: Some(0),
                },
            )]
            .into(),
        };
        let mut read = FileStats::from_json(&stats.to_json());
        read.texts.retain(|name, _| name != "ts");
        assert_eq!(read, stats);
    }

    #[test]
    fn what_is_not_json_is_not_known() {
        assert_eq!(FileStats::from_json("{"), FileStats::default());
    }
}
