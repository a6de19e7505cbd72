//! Samples by the minute in a compact form: what every metric of CloudWatch is made of.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    ops::Range,
};

use crate::{
    estate::Estate,
    metrics::{
        entry_points::EntryPoints,
        events::{Event, visit},
        layout::Layout,
        usage::Usage,
    },
    model::{
        BucketId, Call, Delivery, EXPRESS_MB, EntryPoint, Execution, FunctionId, Invocation,
        Micros, Minute, Target,
    },
};

const MINUTE: Micros = 60_000_000;

/// The samples of one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteSamples {
    offsets: Box<[u32]>,
    values: Box<[u32]>,
    counters: Box<[u64]>,
}

impl MinuteSamples {
    /// The samples of a slot, ascending, in microseconds.
    pub fn slot(&self, slot: u16) -> &[u32] {
        let slot = usize::from(slot);
        &self.values[self.offsets[slot] as usize..self.offsets[slot + 1] as usize]
    }

    /// The value of a counter.
    pub fn counter(&self, counter: u16) -> u64 {
        self.counters[usize::from(counter)]
    }
}

/// An hour of samples, and its usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Sixty minutes.
    pub minutes: Vec<MinuteSamples>,
    /// What is billed of it.
    pub usage: Usage,
}

impl Hour {
    /// The hour since the epoch; `minute` gives the requests of a minute.
    pub fn new(
        estate: &Estate,
        layout: &Layout,
        hour: i64,
        minute: impl Fn(i64) -> Minute,
    ) -> Hour {
        let first = hour * 60;
        let within = first * MINUTE..(first + 60) * MINUTE;
        let mut collector = Collector::new(layout, within.clone());
        let mut usage = Usage::none(estate);
        let entry_points = EntryPoints::of(estate);
        // What work causes may start in the next minute, never later.
        for index in first - 1..first + 60 {
            let minute = minute(index);
            collector.add(&minute);
            usage.add_minute(estate, &entry_points, &minute, &within);
        }
        Hour {
            minutes: collector.finish(),
            usage,
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let of_minute =
            |m: &MinuteSamples| 4 * (m.offsets.len() + m.values.len()) + 8 * m.counters.len() + 96;
        self.minutes.iter().map(of_minute).sum::<usize>() + 2_048
    }
}

struct Collector<'a> {
    layout: &'a Layout,
    within: Range<Micros>,
    /// By minute: slot << 32 | microseconds.
    samples: Vec<Vec<u64>>,
    counters: Vec<Box<[u64]>>,
    /// Start, end and function of every invocation that may run within the hour, and whether it runs in
    /// a provisioned environment.
    running: Vec<(Micros, Micros, FunctionId, bool)>,
}

impl<'a> Collector<'a> {
    fn new(layout: &'a Layout, within: Range<Micros>) -> Collector<'a> {
        Collector {
            layout,
            within,
            samples: vec![Vec::new(); 60],
            counters: vec![vec![0; layout.counters()].into_boxed_slice(); 60],
            running: Vec::new(),
        }
    }

    fn sample(&mut self, minute: usize, slot: u16, us: i64) {
        self.samples[minute]
            .push((u64::from(slot) << 32) | u64::from(u32::try_from(us).unwrap_or(u32::MAX)));
    }

    fn count(&mut self, minute: usize, counter: u16, by: u64) {
        self.counters[minute][usize::from(counter)] += by;
    }

    fn add(&mut self, minute: &Minute) {
        let layout = self.layout;
        for work in minute.all() {
            visit(work, &mut |at, event| {
                if let Event::Invocation(invocation) = event
                    && !invocation.throttled
                {
                    let provisioned = invocation.provisioned;
                    self.running
                        .push((at, invocation.end(), invocation.function, provisioned));
                }
                if !self.within.contains(&at) {
                    return;
                }
                let minute = ((at - self.within.start) / MINUTE) as usize;
                match event {
                    Event::Request(request) => {
                        self.sample(minute, layout.latency(request.route), request.latency_us);
                        let slot = layout.integration_latency(request.route);
                        self.sample(minute, slot, request.integration_latency_us);
                        if request.data_bytes > 0 {
                            let slot = layout.data_processed(request.route);
                            self.sample(minute, slot, request.data_bytes as i64 * 1_000);
                        }
                        match request.status {
                            400..500 => self.count(minute, layout.client_errors(request.route), 1),
                            500.. => self.count(minute, layout.server_errors(request.route), 1),
                            _ => {}
                        }
                    }
                    Event::Delivery(delivery) => self.delivery(minute, at, delivery),
                    Event::Execution(execution) => {
                        self.sample(minute, layout.started(execution.machine), 0);
                    }
                    Event::ExecutionEnd(execution) => {
                        self.execution_end(minute, work.start, execution);
                    }
                    Event::Invocation(invocation) => self.invocation(minute, invocation),
                    Event::Call(call) => self.call(minute, call),
                }
            });
        }
    }

    fn call(&mut self, minute: usize, call: &Call) {
        match &call.target {
            Target::Table { .. } => self.table_call(minute, call),
            Target::Bucket {
                bucket,
                operation,
                bytes,
            } => self.bucket_call(minute, call, *bucket, operation, *bytes),
            Target::AsyncFunction(consumer) => {
                let waited = consumer.start - call.start;
                self.sample(minute, self.layout.async_age(consumer.function), waited);
            }
            Target::Queue { .. } | Target::Machine { .. } => {}
        }
    }

    fn execution_end(&mut self, minute: usize, start: Micros, execution: &Execution) {
        let (layout, machine) = (self.layout, execution.machine);
        let took = execution.end - start;
        self.sample(minute, layout.execution_time(machine), took);
        if execution.failed {
            self.count(minute, layout.failed(machine), 1);
        } else {
            self.sample(minute, layout.succeeded(machine), 0);
        }
        let billed_us = execution.billed_ms(start) as i64 * 1_000;
        self.sample(minute, layout.express_ms(machine), billed_us);
        self.count(minute, layout.express_bytes(machine), EXPRESS_MB << 20);
    }

    fn delivery(&mut self, minute: usize, at: Micros, delivery: &Delivery) {
        let function = delivery.invocation.function;
        if delivery.is_asynchronous() {
            let waited = delivery.invocation.start - at;
            self.sample(minute, self.layout.async_age(function), waited);
        } else if matches!(delivery.by, EntryPoint::Stream(_)) {
            let slot = self.layout.iterator_age(function);
            self.sample(minute, slot, delivery.age_us);
        }
    }

    fn table_call(&mut self, minute: usize, call: &Call) {
        let Target::Table {
            table,
            operation,
            read_milli_units,
            write_milli_units,
            index,
            index_write_milli_units,
        } = call.target
        else {
            return;
        };
        let layout = self.layout;
        let index = index.and_then(|index| {
            layout
                .indexes_of(table)
                .find(|place| layout.indexes()[*place].1 == index)
        });
        let read_by = index.map_or_else(
            || layout.read_units(table),
            |place| layout.index_read_units(place),
        );
        self.count(minute, read_by, read_milli_units);
        self.count(minute, layout.write_units(table), write_milli_units);
        if index_write_milli_units > 0 {
            for place in layout.indexes_of(table) {
                let counter = layout.index_write_units(place);
                self.count(minute, counter, index_write_milli_units);
            }
        }
        let Some(place) = layout.operation(table, operation) else {
            return;
        };
        if call.failed {
            // Every attempt was throttled, and each is an event for the one key that was hot.
            let attempts = 1 + u64::from(call.retries);
            self.count(minute, layout.throttled_requests(place), attempts);
            let events = if writes(operation) {
                layout.write_throttles(table)
            } else {
                layout.read_throttles(table)
            };
            self.count(minute, events, attempts);
            return;
        }
        self.sample(minute, layout.table_latency(place), server_side_us(call));
        if returns_items(operation) {
            // An item takes half a kilobyte; half a unit reads four.
            let items = (read_milli_units / 500).max(1) * 8;
            self.sample(minute, layout.returned_items(place), items as i64 * 1_000);
        }
    }

    /// Every attempt is a request; those before the last were told to slow down.
    fn bucket_call(
        &mut self,
        minute: usize,
        call: &Call,
        bucket: BucketId,
        operation: &str,
        bytes: u64,
    ) {
        let layout = self.layout;
        let get = operation == "GetObject";
        let attempt_us = server_side_us(call);
        for _ in 0..=call.retries {
            self.sample(minute, layout.bucket_latency(bucket, get), attempt_us);
        }
        let errors = u64::from(call.retries) + u64::from(call.failed);
        self.count(minute, layout.bucket_errors(bucket), errors);
        if !call.failed {
            let first_byte = if get { attempt_us * 3 / 5 } else { attempt_us };
            self.sample(minute, layout.first_byte(bucket), first_byte);
            let moved = layout.bucket_bytes(bucket, get);
            self.sample(minute, moved, bytes as i64 * 1_000);
        }
    }

    fn invocation(&mut self, minute: usize, invocation: &Invocation) {
        if invocation.throttled {
            self.count(minute, self.layout.throttles(invocation.function), 1);
            return;
        }
        self.sample(
            minute,
            self.layout.duration(invocation.function),
            invocation.duration_us,
        );
        self.count(
            minute,
            self.layout.errors(invocation.function),
            u64::from(invocation.error),
        );
        if let Some(provisioned) = self.layout.provisioned(invocation.function) {
            let counter = if invocation.provisioned {
                provisioned.ran
            } else {
                provisioned.spilled
            };
            self.count(minute, counter, 1);
        }
        let (bytes, events) = (
            self.layout.log_bytes(invocation.function),
            self.layout.log_events(invocation.function),
        );
        self.count(minute, bytes, invocation.log_bytes);
        self.count(minute, events, invocation.log_events);
    }

    fn finish(mut self) -> Vec<MinuteSamples> {
        self.concurrency();
        let slots = self.layout.slots();
        let pack = |(mut samples, counters): (Vec<u64>, Box<[u64]>)| {
            samples.sort_unstable();
            let mut offsets = vec![0_u32; slots + 1];
            for sample in &samples {
                offsets[(sample >> 32) as usize + 1] += 1;
            }
            for slot in 0..slots {
                offsets[slot + 1] += offsets[slot];
            }
            MinuteSamples {
                offsets: offsets.into_boxed_slice(),
                values: samples.iter().map(|sample| *sample as u32).collect(),
                counters,
            }
        };
        self.samples
            .into_iter()
            .zip(self.counters)
            .map(pack)
            .collect()
    }

    /// The most invocations at once, by function, in provisioned environments and in the account, seen
    /// when one starts.
    fn concurrency(&mut self) {
        let mut running = std::mem::take(&mut self.running);
        running.sort_unstable();
        // The ends of what runs, by the counter that they are counted in.
        let mut ends: HashMap<u16, BinaryHeap<Reverse<Micros>>> = HashMap::new();
        for (start, end, function, provisioned) in running {
            let of_function = self.layout.concurrency(Some(function));
            let of_account = self.layout.concurrency(None);
            let ready = self.layout.provisioned(function);
            let ready = ready.filter(|_| provisioned);
            let ready = ready.map(|own| (own.most, own.environments));
            let counted = [(of_function, u64::MAX), (of_account, u64::MAX)];
            for (counter, at_most) in counted.into_iter().chain(ready) {
                let heap = ends.entry(counter).or_default();
                while heap.peek().is_some_and(|Reverse(ended)| *ended <= start) {
                    heap.pop();
                }
                heap.push(Reverse(end));
                if self.within.contains(&start) {
                    let minute = ((start - self.within.start) / MINUTE) as usize;
                    let most = &mut self.counters[minute][usize::from(counter)];
                    *most = (*most).max((heap.len() as u64).min(at_most));
                }
            }
        }
    }
}

/// Whether a throttled call of the operation is a write's.
pub(super) fn writes(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
    )
}

/// Whether DynamoDB tells the number of items that the operation returned.
pub(super) fn returns_items(operation: &str) -> bool {
    matches!(operation, "Query" | "Scan")
}

/// What DynamoDB and S3 measure of a call: without the network, and the last attempt only.
pub fn server_side_us(call: &Call) -> i64 {
    let last_attempt = match i64::from(call.retries) {
        0 => call.duration_us,
        retries => (call.duration_us - retries * 50_000) / (retries + 1),
    };
    last_attempt * 7 / 10
}
