//! Every metric of the account, as CloudWatch lists it.

use std::collections::HashMap;

use super::{
    layout::Layout,
    samples::{returns_items, writes},
    series::{Dimension, Series, Source},
};
use crate::{
    estate::{self, ALIAS, Estate, MachineId},
    model::{BucketId, FunctionId, TableId},
};

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
        builder.s3(estate, layout);
        builder.states(estate, layout);
        builder.logs(estate, layout);
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

pub(super) struct Builder {
    series: Vec<Series>,
}

impl Builder {
    pub(super) fn add(
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
        if !all.is_empty() {
            self.lambda_set(layout, &[], &all, None);
        }
        let streams = estate
            .event_sources
            .iter()
            .filter(|own| matches!(own.source, estate::Source::Stream(_)));
        let streamed: Vec<FunctionId> = streams.map(|own| own.function).collect();
        let asynchronous = crate::traffic::profile::asynchronous(estate);
        for id in all {
            let function = estate.function(id);
            let name = function.name;
            let resource = if function.is_called_by_alias() {
                format!("{name}:{ALIAS}")
            } else {
                name.to_owned()
            };
            let own = [("FunctionName", name), ("Resource", resource.as_str())];
            for dimensions in [&own[..1], &own] {
                self.lambda_set(layout, dimensions, &[id], Some(id));
            }
            if let Some(provisioned) = layout.provisioned(id) {
                let most = provisioned.most;
                let mut add =
                    |metric, unit, source| self.add("AWS/Lambda", metric, unit, &own, source);
                let ran = Source::Gauge(provisioned.ran);
                add("ProvisionedConcurrencyInvocations", "Count", ran);
                let spilled = Source::Gauge(provisioned.spilled);
                add(
                    "ProvisionedConcurrencySpilloverInvocations",
                    "Count",
                    spilled,
                );
                let at_once = Source::Gauge(most);
                add("ProvisionedConcurrentExecutions", "Count", at_once);
                let share = Source::Share(most, provisioned.environments);
                add("ProvisionedConcurrencyUtilization", "None", share);
            }
            let mut add = |metric, unit, source| {
                self.add(
                    "AWS/Lambda",
                    metric,
                    unit,
                    &[("FunctionName", name)],
                    source,
                );
            };
            if asynchronous.contains(&id) {
                let slots = vec![layout.async_age(id)];
                add("AsyncEventsReceived", "Count", Source::Ones(slots.clone()));
                add("AsyncEventAge", "Milliseconds", Source::Times(slots));
            }
            if streamed.contains(&id) {
                let slots = vec![layout.iterator_age(id)];
                add("IteratorAge", "Milliseconds", Source::Times(slots));
            }
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

    fn dynamodb(&mut self, estate: &Estate, layout: &Layout) {
        for (index, table) in estate.tables.iter().enumerate() {
            let id = TableId(index as u16);
            let dimensions = [("TableName", table.name)];
            self.table_set(&dimensions, layout.read_units(id), layout.write_units(id));
            let own = || layout.operations().iter().filter(|own| own.table == id);
            // Reasons are told apart; on demand it is a key that gets more than its partition bears.
            for (is_write, counter, names) in [
                (
                    false,
                    layout.read_throttles(id),
                    ["ReadThrottleEvents", "ReadKeyRangeThroughputThrottleEvents"],
                ),
                (
                    true,
                    layout.write_throttles(id),
                    [
                        "WriteThrottleEvents",
                        "WriteKeyRangeThroughputThrottleEvents",
                    ],
                ),
            ] {
                if own().any(|own| own.throttled && writes(own.operation) == is_write) {
                    for metric in names {
                        let source = Source::Gauge(counter);
                        self.add("AWS/DynamoDB", metric, "Count", &dimensions, source);
                    }
                }
            }
        }
        for (place, (table, index)) in layout.indexes().iter().enumerate() {
            let dimensions = [
                ("TableName", estate.table(*table).name),
                ("GlobalSecondaryIndexName", *index),
            ];
            self.table_set(
                &dimensions,
                layout.index_read_units(place),
                layout.index_write_units(place),
            );
        }
        for (place, own) in layout.operations().iter().enumerate() {
            let dimensions = [
                ("TableName", estate.table(own.table).name),
                ("Operation", own.operation),
            ];
            let mut add = |metric, unit, source| {
                self.add("AWS/DynamoDB", metric, unit, &dimensions, source);
            };
            add(
                "SuccessfulRequestLatency",
                "Milliseconds",
                Source::Times(vec![layout.table_latency(place)]),
            );
            if returns_items(own.operation) {
                let items = Source::Times(vec![layout.returned_items(place)]);
                add("ReturnedItemCount", "Count", items);
            }
            if own.throttled {
                let requests = Source::Gauge(layout.throttled_requests(place));
                add("ThrottledRequests", "Count", requests);
            }
        }
    }

    fn table_set(&mut self, dimensions: &[(&str, &str)], read: u16, write: u16) {
        let mut add =
            |metric, source| self.add("AWS/DynamoDB", metric, "Count", dimensions, source);
        add("ConsumedReadCapacityUnits", Source::Units(read));
        add("ConsumedWriteCapacityUnits", Source::Units(write));
    }

    fn states(&mut self, estate: &Estate, layout: &Layout) {
        for (index, machine) in estate.state_machines.iter().enumerate() {
            let id = MachineId(index as u16);
            let dimensions = [("StateMachineArn", machine.arn.as_str())];
            let mut add =
                |metric, unit, source| self.add("AWS/States", metric, unit, &dimensions, source);
            // Step Functions tells each start twice, as one and as zero.
            add(
                "ExecutionsStarted",
                "Count",
                Source::Doubled(layout.started(id)),
            );
            let succeeded = Source::Ones(vec![layout.succeeded(id)]);
            add("ExecutionsSucceeded", "Count", succeeded);
            add(
                "ExecutionsFailed",
                "Count",
                Source::Gauge(layout.failed(id)),
            );
            let time = Source::Times(vec![layout.execution_time(id)]);
            add("ExecutionTime", "Milliseconds", time);
            if machine.express {
                let billed = Source::Times(vec![layout.express_ms(id)]);
                add("ExpressExecutionBilledDuration", "Milliseconds", billed);
                let bytes = Source::Gauge(layout.express_bytes(id));
                add("ExpressExecutionBilledMemory", "Bytes", bytes);
            }
        }
    }

    /// Lambda's log groups: what an invocation logs comes in with its start, as its cost does.
    fn logs(&mut self, estate: &Estate, layout: &Layout) {
        for (index, function) in estate.functions.iter().enumerate() {
            let id = FunctionId(index as u16);
            let group = function.log_group();
            let dimensions = [("LogGroupName", group.as_str())];
            let mut add = |metric, unit, counter| {
                self.add(
                    "AWS/Logs",
                    metric,
                    unit,
                    &dimensions,
                    Source::Gauge(counter),
                );
            };
            add("IncomingBytes", "Bytes", layout.log_bytes(id));
            add("IncomingLogEvents", "Count", layout.log_events(id));
        }
    }

    fn s3(&mut self, estate: &Estate, layout: &Layout) {
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
            // Nothing asks for a key with a prefix that is counted apart.
            let whole = bucket.metrics.iter().filter(|own| own.prefix.is_none());
            for configuration in whole {
                let dimensions = [("BucketName", bucket.name), ("FilterId", configuration.id)];
                self.s3_requests(layout, id, &dimensions);
            }
        }
    }

    fn s3_requests(&mut self, layout: &Layout, id: BucketId, dimensions: &[(&str, &str)]) {
        let gets = vec![layout.bucket_latency(id, true)];
        let puts = vec![layout.bucket_latency(id, false)];
        let all = [gets[0], puts[0]].to_vec();
        let errors = |counters| Source::Flags {
            slots: all.clone(),
            counters,
            besides: false,
        };
        let mut add = |metric, unit, source| self.add("AWS/S3", metric, unit, dimensions, source);
        add("AllRequests", "Count", Source::Ones(all.clone()));
        add("GetRequests", "Count", Source::Ones(gets));
        add("PutRequests", "Count", Source::Ones(puts));
        add("4xxErrors", "Count", errors(Vec::new()));
        add("5xxErrors", "Count", errors(vec![layout.bucket_errors(id)]));
        for (metric, get) in [("BytesDownloaded", true), ("BytesUploaded", false)] {
            let bytes = Source::Times(vec![layout.bucket_bytes(id, get)]);
            add(metric, "Bytes", bytes);
        }
        let first_byte = Source::Times(vec![layout.first_byte(id)]);
        add("FirstByteLatency", "Milliseconds", first_byte);
        add(
            "TotalRequestLatency",
            "Milliseconds",
            Source::Times(all.clone()),
        );
    }
}
