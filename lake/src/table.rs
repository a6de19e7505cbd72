//! The tables of the lake, and rows of any of them.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::{
    AlertEvent, Collection, ColumnError, CostLine, LatencyBucket, MetricPoint, MetricSeries,
    Resource, Span, alert_events, collections, costs, latency_histograms, metric_series, metrics,
    resources, spans,
};

/// A table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One series, one period: [`MetricPoint`].
    Metrics,
    /// One X-Ray segment or subsegment: [`Span`].
    Spans,
    /// One line of the bill: [`CostLine`].
    Costs,
    /// A resource as it was found at a time: [`Resource`].
    Resources,
    /// What a window of a source came to: [`Collection`].
    Collections,
    /// A change of an alert's state, or a delivery: [`AlertEvent`].
    AlertEvents,
    /// Requests of a route or function by latency: [`LatencyBucket`].
    LatencyHistograms,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 7] = [
        Table::Metrics,
        Table::Spans,
        Table::Costs,
        Table::Resources,
        Table::Collections,
        Table::AlertEvents,
        Table::LatencyHistograms,
    ];

    /// Whether every lake has it. Those that came later are missing in a lake that an older
    /// Millicent wrote, and are then created, empty, when it is opened.
    pub(crate) fn is_original(self) -> bool {
        self != Table::LatencyHistograms
    }

    /// Its name, which is also its folder's in the lake.
    pub fn name(self) -> &'static str {
        match self {
            Table::Metrics => "metrics",
            Table::Spans => "spans",
            Table::Costs => "costs",
            Table::Resources => "resources",
            Table::Collections => "collections",
            Table::AlertEvents => "alert_events",
            Table::LatencyHistograms => "latency_histograms",
        }
    }

    /// Its columns, the partition column `date` last.
    pub fn schema(self) -> SchemaRef {
        match self {
            Table::Metrics => metrics::schema(),
            Table::Spans => spans::schema(),
            Table::Costs => costs::schema(),
            Table::Resources => resources::schema(),
            Table::Collections => collections::schema(),
            Table::AlertEvents => alert_events::schema(),
            Table::LatencyHistograms => latency_histograms::schema(),
        }
    }

    /// The time by which a row belongs to a window, and whose UTC date is `date`.
    pub fn window_column(self) -> &'static str {
        match self {
            Table::Spans => "trace_ts",
            _ => "ts",
        }
    }

    /// Order of the rows in a file.
    pub fn sorted_by(self) -> &'static [&'static str] {
        match self {
            Table::Metrics => metrics::SORTED_BY,
            Table::Spans => spans::SORTED_BY,
            Table::Costs => costs::SORTED_BY,
            Table::Resources => resources::SORTED_BY,
            Table::Collections => collections::SORTED_BY,
            Table::AlertEvents => alert_events::SORTED_BY,
            Table::LatencyHistograms => latency_histograms::SORTED_BY,
        }
    }

    /// Columns whose smallest and largest value in each file the Delta log has, exactly. Slices
    /// and queries over these leave out files without opening them.
    pub fn indexed(self) -> &'static [&'static str] {
        match self {
            Table::Metrics => metrics::INDEXED,
            Table::Spans => spans::INDEXED,
            Table::Costs => costs::INDEXED,
            Table::Resources => resources::INDEXED,
            Table::Collections => collections::INDEXED,
            Table::AlertEvents => alert_events::INDEXED,
            Table::LatencyHistograms => latency_histograms::INDEXED,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Of `metrics`.
    Metrics(Vec<MetricPoint>),
    /// Of `metrics`, by series.
    MetricSeries(Vec<MetricSeries>),
    /// Of `spans`.
    Spans(Vec<Span>),
    /// Of `costs`.
    Costs(Vec<CostLine>),
    /// Of `resources`.
    Resources(Vec<Resource>),
    /// Of `collections`.
    Collections(Vec<Collection>),
    /// Of `alert_events`.
    AlertEvents(Vec<AlertEvent>),
    /// Of `latency_histograms`.
    LatencyHistograms(Vec<LatencyBucket>),
}

impl Rows {
    /// The table that they are of.
    pub fn table(&self) -> Table {
        match self {
            Rows::Metrics(_) | Rows::MetricSeries(_) => Table::Metrics,
            Rows::Spans(_) => Table::Spans,
            Rows::Costs(_) => Table::Costs,
            Rows::Resources(_) => Table::Resources,
            Rows::Collections(_) => Table::Collections,
            Rows::AlertEvents(_) => Table::AlertEvents,
            Rows::LatencyHistograms(_) => Table::LatencyHistograms,
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        match self {
            Rows::Metrics(rows) => rows.len(),
            Rows::MetricSeries(series) => metric_series::count(series),
            Rows::Spans(rows) => rows.len(),
            Rows::Costs(rows) => rows.len(),
            Rows::Resources(rows) => rows.len(),
            Rows::Collections(rows) => rows.len(),
            Rows::AlertEvents(rows) => rows.len(),
            Rows::LatencyHistograms(rows) => rows.len(),
        }
    }

    /// Takes the last rows, at most so many.
    pub(crate) fn take(&mut self, most: usize) -> Rows {
        fn last<R>(rows: &mut Vec<R>, most: usize) -> Vec<R> {
            rows.split_off(rows.len().saturating_sub(most))
        }
        match self {
            Rows::Metrics(rows) => Rows::Metrics(last(rows, most)),
            Rows::MetricSeries(series) => Rows::MetricSeries(metric_series::take(series, most)),
            Rows::Spans(rows) => Rows::Spans(last(rows, most)),
            Rows::Costs(rows) => Rows::Costs(last(rows, most)),
            Rows::Resources(rows) => Rows::Resources(last(rows, most)),
            Rows::Collections(rows) => Rows::Collections(last(rows, most)),
            Rows::AlertEvents(rows) => Rows::AlertEvents(last(rows, most)),
            Rows::LatencyHistograms(rows) => Rows::LatencyHistograms(last(rows, most)),
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as Arrow, in their order.
    pub fn to_record_batch(&self) -> Result<RecordBatch, ColumnError> {
        match self {
            Rows::Metrics(rows) => metrics::to_record_batch(rows),
            Rows::MetricSeries(series) => metric_series::to_record_batch(series),
            Rows::Spans(rows) => spans::to_record_batch(rows),
            Rows::Costs(rows) => costs::to_record_batch(rows),
            Rows::Resources(rows) => resources::to_record_batch(rows),
            Rows::Collections(rows) => collections::to_record_batch(rows),
            Rows::AlertEvents(rows) => alert_events::to_record_batch(rows),
            Rows::LatencyHistograms(rows) => latency_histograms::to_record_batch(rows),
        }
    }
}
