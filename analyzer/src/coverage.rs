//! Coverage: how much of a report's time the collector has, and until when.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

/// What stands behind a report, source by source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coverage {
    /// Every source that has ever been collected, by name.
    pub sources: Vec<SourceCoverage>,
    /// When the newest window of any source was collected; none for an empty lake.
    pub as_of: Option<DateTime<Utc>>,
}

/// Coverage of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceCoverage {
    /// For example `lambda-metrics`.
    pub source: String,
    /// Share of the report's time, up to now, that complete windows cover: 0 to 1. Of several
    /// accounts and regions it is the average.
    pub complete_share: f64,
    /// End of the newest complete window.
    pub complete_until: Option<DateTime<Utc>>,
    /// Outcome of the window that was collected last, for example `complete` or `throttled`.
    pub last_outcome: String,
    /// Its error.
    pub last_error: Option<String>,
}

impl Coverage {
    /// The source of that name.
    pub fn source(&self, name: &str) -> Option<&SourceCoverage> {
        self.sources.iter().find(|source| source.source == name)
    }
}

/// One row of `collections`, as far as coverage needs it.
#[derive(Debug, Clone)]
struct Window {
    source: String,
    place: String,
    from: i64,
    to: i64,
    outcome: String,
    error: Option<String>,
    collected_at: i64,
}

/// Every window of a state of the lake, by source, account and region, then time.
#[derive(Debug, Default)]
pub(crate) struct Windows(Vec<Window>);

impl Windows {
    /// Reads the table `collections`.
    pub(crate) fn read(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let batch = concat_batches(schema, batches)?;
        let text = |name: &str| cast(column(&batch, name)?, &DataType::Utf8);
        let time = |name: &str| {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            cast(column(&batch, name)?, &micros)
        };
        let (source, account, region) = (text("source")?, text("account_id")?, text("region")?);
        let (outcome, error) = (text("outcome")?, text("error")?);
        let (from, to, at) = (time("ts")?, time("window_end")?, time("collected_at")?);
        let string = |array: &dyn Array, row: usize| array.as_string::<i32>().value(row).to_owned();
        let micros =
            |array: &dyn Array, row| array.as_primitive::<TimestampMicrosecondType>().value(row);
        let mut windows: Vec<Window> = (0..batch.num_rows())
            .map(|row| Window {
                source: string(&source, row),
                place: format!("{}/{}", string(&account, row), string(&region, row)),
                from: micros(&from, row),
                to: micros(&to, row),
                outcome: string(&outcome, row),
                error: (!error.is_null(row)).then(|| string(&error, row)),
                collected_at: micros(&at, row),
            })
            .collect();
        windows.sort_by(|a, b| {
            (&a.source, &a.place, a.from, a.to).cmp(&(&b.source, &b.place, b.from, b.to))
        });
        Ok(Windows(windows))
    }

    /// Coverage of `[from, to)`, of which what lies after `now` is not expected yet.
    pub(crate) fn coverage(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Coverage {
        let end = to.map_or(now, |to| to.min(now)).timestamp_micros();
        let mut sources: BTreeMap<&str, Vec<&[Window]>> = BTreeMap::new();
        for windows in self
            .0
            .chunk_by(|a, b| a.source == b.source && a.place == b.place)
        {
            sources.entry(&windows[0].source).or_default().push(windows);
        }
        let sources = sources
            .into_iter()
            .filter_map(|(name, places)| {
                let all = || places.iter().copied().flatten();
                let last = all().max_by_key(|window| (window.collected_at, window.to))?;
                let shares = places.iter().map(|windows| {
                    let first = windows.first().map_or(end, |window| window.from);
                    share(
                        windows,
                        from.map_or(first, |from| from.timestamp_micros()),
                        end,
                    )
                });
                Some(SourceCoverage {
                    source: name.to_owned(),
                    complete_share: shares.sum::<f64>() / places.len() as f64,
                    complete_until: all()
                        .filter(|window| window.outcome == COMPLETE)
                        .map(|window| window.to)
                        .max()
                        .and_then(DateTime::from_timestamp_micros),
                    last_outcome: last.outcome.clone(),
                    last_error: last.error.clone(),
                })
            })
            .collect();
        let as_of = self.0.iter().map(|window| window.collected_at).max();
        Coverage {
            sources,
            as_of: as_of.and_then(DateTime::from_timestamp_micros),
        }
    }
}

const COMPLETE: &str = "complete";

fn column<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a std::sync::Arc<dyn Array>, ArrowError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| ArrowError::SchemaError(format!("collections has no column {name}")))
}

/// Share of `[from, to)` that the complete windows cover; they are sorted by start and may overlap.
fn share(windows: &[Window], from: i64, to: i64) -> f64 {
    if to <= from {
        return 1.0;
    }
    let mut covered = 0;
    let mut reached = from;
    for window in windows.iter().filter(|window| window.outcome == COMPLETE) {
        let (start, end) = (window.from.max(reached), window.to.min(to));
        if end > start {
            covered += end - start;
            reached = end;
        }
    }
    covered as f64 / (to - from) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, to: i64, outcome: &str) -> Window {
        Window {
            source: "traces".to_owned(),
            place: "1/eu".to_owned(),
            from,
            to,
            outcome: outcome.to_owned(),
            error: (outcome != COMPLETE).then(|| "refused".to_owned()),
            collected_at: to + 1,
        }
    }

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn overlapping_windows_count_once_and_refused_ones_never() {
        let windows = [
            window(0, 10, COMPLETE),
            window(5, 20, COMPLETE),
            window(20, 30, "throttled"),
            window(30, 40, COMPLETE),
        ];
        assert_eq!(share(&windows, 0, 40), 0.75);
        assert_eq!(share(&windows, 15, 35), 0.5);
        assert_eq!(share(&windows, 20, 30), 0.0);
        assert_eq!(share(&windows, 7, 7), 1.0);
    }

    #[test]
    fn the_future_is_not_missing() {
        let windows = Windows(vec![window(0, 10, COMPLETE), window(10, 20, "denied")]);
        let coverage = windows.coverage(Some(at(0)), Some(at(100)), at(20));
        let traces = coverage.source("traces").unwrap();
        assert_eq!(traces.complete_share, 0.5);
        assert_eq!(traces.complete_until, Some(at(10)));
        assert_eq!(traces.last_outcome, "denied");
        assert_eq!(traces.last_error.as_deref(), Some("refused"));
        assert_eq!(coverage.as_of, Some(at(21)));
    }

    #[test]
    fn an_empty_lake_has_no_sources() {
        let coverage = Windows::default().coverage(None, None, at(0));
        assert_eq!(coverage, Coverage::default());
    }
}
