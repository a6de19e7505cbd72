//! Every metric of the account, as CloudWatch lists it, and its points over time.

use std::collections::HashMap;

use crate::{
    estate::{Api, ApiId, Estate},
    metrics::{
        samples::{Layout, MinuteSamples},
        statistic::Statistic,
    },
    model::{BucketId, FunctionId, RouteId, TableId},
};

/// A dimension's name and value.
pub type Dimension = (String, String);

/// One metric: a namespace, a name and an exact set of dimensions.
#[derive(Debug, Clone)]
pub struct Series {
    /// For example `AWS/Lambda`.
    pub namespace: &'static str,
    /// For example `Duration`.
    pub metric: &'static str,
    /// Ordered by name.
    pub dimensions: Vec<Dimension>,
    /// CloudWatch's name of the unit.
    pub unit: &'static str,
    source: Source,
}

/// Where the samples come from.
#[derive(Debug, Clone)]
enum Source {
    /// Microseconds, told as milliseconds.
    Times(Vec<u16>),
    /// Every sample of the slots counts one.
    Ones(Vec<u16>),
    /// Zero for every sample of the slots, one for what the counters count. Counts that have no
    /// sample of their own (throttled invocations) are `besides`.
    Flags {
        slots: Vec<u16>,
        counters: Vec<u16>,
        besides: bool,
    },
    /// One sample a minute.
    Gauge(u16),
    /// Thousandths of capacity units: their sum and, as DynamoDB emits it, a zero beside it.
    Units(u16),
    /// A bucket's bytes, or its objects: one sample a day.
    Bucket(BucketId, bool),
}

/// All series of an account.
#[derive(Debug)]
pub struct Registry {
    series: Vec<Series>,
    by_name: HashMap<(String, String, Vec<Dimension>), usize>,
}

impl Registry {
    /// The series of an estate.
    pub fn new(estate: &Estate, layout: &Layout) -> Registry {
        let mut builder = Builder { series: Vec::new() };
        builder.lambda(estate, layout);
        builder.api_gateway(estate, layout);
        builder.dynamodb(estate, layout);
        builder.s3(estate);
        let by_name = builder
            .series
            .iter()
            .enumerate()
            .map(|(index, s)| {
                (
                    (
                        s.namespace.to_owned(),
                        s.metric.to_owned(),
                        s.dimensions.clone(),
                    ),
                    index,
                )
            })
            .collect();
        Registry {
            series: builder.series,
            by_name,
        }
    }

    /// All of them, in a fixed order.
    pub fn all(&self) -> &[Series] {
        &self.series
    }

    /// The series with exactly these dimensions, in any order.
    pub fn find(
        &self,
        namespace: &str,
        metric: &str,
        mut dimensions: Vec<Dimension>,
    ) -> Option<&Series> {
        dimensions.sort();
        let index = self
            .by_name
            .get(&(namespace.to_owned(), metric.to_owned(), dimensions))?;
        Some(&self.series[*index])
    }
}

struct Builder {
    series: Vec<Series>,
}

impl Builder {
    fn add(
        &mut self,
        namespace: &'static str,
        metric: &'static str,
        unit: &'static str,
        dimensions: &[(&str, &str)],
        source: Source,
    ) {
        let mut dimensions: Vec<Dimension> = dimensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        dimensions.sort();
        self.series.push(Series {
            namespace,
            metric,
            dimensions,
            unit,
            source,
        });
    }

    fn lambda(&mut self, estate: &Estate, layout: &Layout) {
        let all: Vec<FunctionId> = (0..estate.functions.len() as u16).map(FunctionId).collect();
        self.lambda_set(layout, &[], &all, None);
        for id in all {
            let name = estate.function(id).name;
            self.lambda_set(layout, &[("FunctionName", name)], &[id], Some(id));
            self.lambda_set(
                layout,
                &[("FunctionName", name), ("Resource", name)],
                &[id],
                Some(id),
            );
        }
    }

    fn lambda_set(
        &mut self,
        layout: &Layout,
        dimensions: &[(&str, &str)],
        functions: &[FunctionId],
        one: Option<FunctionId>,
    ) {
        let slots: Vec<u16> = functions.iter().map(|f| layout.duration(*f)).collect();
        let errors = functions.iter().map(|f| layout.errors(*f)).collect();
        let throttles = functions.iter().map(|f| layout.throttles(*f)).collect();
        let mut add =
            |metric, unit, source| self.add("AWS/Lambda", metric, unit, dimensions, source);
        add("Invocations", "Count", Source::Ones(slots.clone()));
        add(
            "Errors",
            "Count",
            Source::Flags {
                slots: slots.clone(),
                counters: errors,
                besides: false,
            },
        );
        add(
            "Throttles",
            "Count",
            Source::Flags {
                slots: slots.clone(),
                counters: throttles,
                besides: true,
            },
        );
        add("Duration", "Milliseconds", Source::Times(slots));
        add(
            "ConcurrentExecutions",
            "Count",
            Source::Gauge(layout.concurrency(one)),
        );
    }

    fn api_gateway(&mut self, estate: &Estate, layout: &Layout) {
        for (index, api) in estate.apis.iter().enumerate() {
            let Api { name, stage, .. } = *api;
            let of_api = |id: &RouteId| estate.routes[usize::from(id.0)].api == ApiId(index as u16);
            let routes: Vec<RouteId> = (0..estate.routes.len() as u16)
                .map(RouteId)
                .filter(of_api)
                .collect();
            self.api_set(layout, &[("ApiName", name)], &routes);
            self.api_set(layout, &[("ApiName", name), ("Stage", stage)], &routes);
            for id in routes.iter().filter(|_| api.detailed_metrics) {
                let route = &estate.routes[usize::from(id.0)];
                let dimensions = [
                    ("ApiName", name),
                    ("Method", route.method),
                    ("Resource", route.resource),
                    ("Stage", stage),
                ];
                self.api_set(layout, &dimensions, &[*id]);
            }
        }
    }

    fn api_set(&mut self, layout: &Layout, dimensions: &[(&str, &str)], routes: &[RouteId]) {
        let slots: Vec<u16> = routes.iter().map(|r| layout.latency(*r)).collect();
        let integration = routes
            .iter()
            .map(|r| layout.integration_latency(*r))
            .collect();
        let client_errors = routes.iter().map(|r| layout.client_errors(*r)).collect();
        let server_errors = routes.iter().map(|r| layout.server_errors(*r)).collect();
        let mut add =
            |metric, unit, source| self.add("AWS/ApiGateway", metric, unit, dimensions, source);
        add("Count", "Count", Source::Ones(slots.clone()));
        add(
            "4XXError",
            "Count",
            Source::Flags {
                slots: slots.clone(),
                counters: client_errors,
                besides: false,
            },
        );
        add(
            "5XXError",
            "Count",
            Source::Flags {
                slots: slots.clone(),
                counters: server_errors,
                besides: false,
            },
        );
        add("Latency", "Milliseconds", Source::Times(slots));
        add(
            "IntegrationLatency",
            "Milliseconds",
            Source::Times(integration),
        );
    }

    fn dynamodb(&mut self, estate: &Estate, layout: &Layout) {
        for (index, table) in estate.tables.iter().enumerate() {
            let id = TableId(index as u16);
            let dimensions = [("TableName", table.name)];
            let mut add =
                |metric, source| self.add("AWS/DynamoDB", metric, "Count", &dimensions, source);
            add(
                "ConsumedReadCapacityUnits",
                Source::Units(layout.read_units(id)),
            );
            add(
                "ConsumedWriteCapacityUnits",
                Source::Units(layout.write_units(id)),
            );
        }
        for (place, (table, operation)) in layout.operations.iter().enumerate() {
            let dimensions = [
                ("TableName", estate.table(*table).name),
                ("Operation", *operation),
            ];
            let source = Source::Times(vec![layout.table_latency(place)]);
            self.add(
                "AWS/DynamoDB",
                "SuccessfulRequestLatency",
                "Milliseconds",
                &dimensions,
                source,
            );
        }
    }

    fn s3(&mut self, estate: &Estate) {
        for (index, bucket) in estate.buckets.iter().enumerate() {
            let id = BucketId(index as u16);
            let of = |kind| [("BucketName", bucket.name), ("StorageType", kind)];
            self.add(
                "AWS/S3",
                "BucketSizeBytes",
                "Bytes",
                &of("StandardStorage"),
                Source::Bucket(id, true),
            );
            self.add(
                "AWS/S3",
                "NumberOfObjects",
                "Count",
                &of("AllStorageTypes"),
                Source::Bucket(id, false),
            );
        }
    }
}

impl Series {
    /// The daily value of a series that has one a day, by days after the birth; none for others.
    pub fn daily(&self, estate: &Estate, days: i64) -> Option<f64> {
        let Source::Bucket(id, bytes) = self.source else {
            return None;
        };
        let (size, objects) = estate.bucket_size(id, days);
        Some(if bytes { size as f64 } else { objects as f64 })
    }

    /// It has one sample a day.
    pub fn is_daily(&self) -> bool {
        matches!(self.source, Source::Bucket(..))
    }

    /// It has a sample in that minute.
    pub fn is_active(&self, minute: &MinuteSamples) -> bool {
        let mut period = Period::default();
        period.add(self, minute, false);
        period.count > 0
    }
}

/// The samples of one series in one period. Values are thousandths, so that sums are exact.
#[derive(Debug, Default)]
pub struct Period {
    count: u64,
    sum: u64,
    least: u64,
    greatest: u64,
    /// All of them, where the statistic needs their order.
    values: Vec<u64>,
}

impl Period {
    /// Adds a minute's samples; `keep` them if the statistic needs their order.
    pub fn add(&mut self, series: &Series, minute: &MinuteSamples, keep: bool) {
        let count_of = |slots: &[u16]| {
            slots
                .iter()
                .map(|slot| minute.slot(*slot).len() as u64)
                .sum::<u64>()
        };
        match &series.source {
            Source::Times(slots) => {
                for slot in slots {
                    self.add_slice(minute.slot(*slot), keep);
                }
            }
            Source::Ones(slots) => self.add_times(1_000, count_of(slots), keep),
            Source::Flags {
                slots,
                counters,
                besides,
            } => {
                let ones = counters
                    .iter()
                    .map(|counter| minute.counter(*counter))
                    .sum::<u64>();
                let zeros = if *besides {
                    count_of(slots)
                } else {
                    count_of(slots) - ones
                };
                self.add_times(0, zeros, keep);
                self.add_times(1_000, ones, keep);
            }
            Source::Gauge(counter) => {
                let value = minute.counter(*counter);
                self.add_times(value * 1_000, u64::from(value > 0), keep);
            }
            Source::Units(counter) => {
                let value = minute.counter(*counter);
                self.add_times(value, u64::from(value > 0), keep);
                self.add_times(0, u64::from(value > 0), keep);
            }
            Source::Bucket(..) => {}
        }
    }

    fn add_slice(&mut self, ascending: &[u32], keep: bool) {
        let (Some(first), Some(last)) = (ascending.first(), ascending.last()) else {
            return;
        };
        let (first, last) = (u64::from(*first), u64::from(*last));
        self.least = if self.count == 0 {
            first
        } else {
            self.least.min(first)
        };
        self.greatest = self.greatest.max(last);
        self.count += ascending.len() as u64;
        self.sum += ascending.iter().map(|value| u64::from(*value)).sum::<u64>();
        if keep {
            self.values
                .extend(ascending.iter().map(|value| u64::from(*value)));
        }
    }

    fn add_times(&mut self, value: u64, times: u64, keep: bool) {
        if times == 0 {
            return;
        }
        self.least = if self.count == 0 {
            value
        } else {
            self.least.min(value)
        };
        self.greatest = self.greatest.max(value);
        self.count += times;
        self.sum += value * times;
        if keep {
            self.values
                .extend(std::iter::repeat_n(value, times as usize));
        }
    }

    /// The statistic over the period, and an empty period for the next one; none without samples.
    pub fn take(&mut self, statistic: Statistic) -> Option<f64> {
        let told = if self.count == 0 {
            None
        } else {
            match statistic {
                Statistic::SampleCount => Some(self.count as f64),
                Statistic::Sum => Some(self.sum as f64 / 1_000.0),
                Statistic::Average => Some(self.sum as f64 / 1_000.0 / self.count as f64),
                Statistic::Minimum => Some(self.least as f64 / 1_000.0),
                Statistic::Maximum => Some(self.greatest as f64 / 1_000.0),
                _ => {
                    self.values.sort_unstable();
                    let values: Vec<f64> = self
                        .values
                        .iter()
                        .map(|value| *value as f64 / 1_000.0)
                        .collect();
                    statistic.over(&values)
                }
            }
        };
        (self.count, self.sum, self.least, self.greatest) = (0, 0, 0, 0);
        self.values.clear();
        told
    }
}
