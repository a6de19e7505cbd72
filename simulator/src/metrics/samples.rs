//! Samples by the minute in a compact form: what every metric of CloudWatch is made of.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use crate::{
    estate::Estate,
    metrics::{
        events::{Event, visit},
        usage::Usage,
    },
    model::{FunctionId, Invocation, Micros, Minute, RouteId, TableId, Target},
    traffic::profile::table_operations,
};

const MINUTE: Micros = 60_000_000;

/// Where the samples of a series are in a [`MinuteSamples`].
#[derive(Debug, Clone)]
pub struct Layout {
    routes: u16,
    functions: u16,
    tables: u16,
    /// Tables and their operations, in the order of their slots.
    pub operations: Vec<(TableId, &'static str)>,
}

impl Layout {
    /// The layout of an estate.
    pub fn new(estate: &Estate) -> Layout {
        Layout {
            routes: estate.routes.len() as u16,
            functions: estate.functions.len() as u16,
            tables: estate.tables.len() as u16,
            operations: table_operations(),
        }
    }

    /// Slot of a route's `Latency`.
    pub fn latency(&self, route: RouteId) -> u16 {
        route.0
    }

    /// Slot of a route's `IntegrationLatency`.
    pub fn integration_latency(&self, route: RouteId) -> u16 {
        self.routes + route.0
    }

    /// Slot of a function's `Duration`.
    pub fn duration(&self, function: FunctionId) -> u16 {
        2 * self.routes + function.0
    }

    /// Slot of the latency of a table's operation, by its place in [`Layout::operations`].
    pub fn table_latency(&self, place: usize) -> u16 {
        2 * self.routes + self.functions + place as u16
    }

    fn slots(&self) -> usize {
        usize::from(self.table_latency(self.operations.len()))
    }

    /// Counter of a route's answers with 4xx.
    pub fn client_errors(&self, route: RouteId) -> u16 {
        route.0
    }

    /// Counter of a route's answers with 5xx.
    pub fn server_errors(&self, route: RouteId) -> u16 {
        self.routes + route.0
    }

    /// Counter of a function's errors.
    pub fn errors(&self, function: FunctionId) -> u16 {
        2 * self.routes + function.0
    }

    /// Counter of a function's throttles.
    pub fn throttles(&self, function: FunctionId) -> u16 {
        2 * self.routes + self.functions + function.0
    }

    /// The most invocations of a function at once; for the account if none.
    pub fn concurrency(&self, function: Option<FunctionId>) -> u16 {
        2 * self.routes + 2 * self.functions + function.map_or(self.functions, |f| f.0)
    }

    /// Read request units of a table × 1,000.
    pub fn read_units(&self, table: TableId) -> u16 {
        2 * self.routes + 3 * self.functions + 1 + table.0
    }

    /// Write request units of a table × 1,000.
    pub fn write_units(&self, table: TableId) -> u16 {
        self.read_units(table) + self.tables
    }

    /// Bytes that a function wrote to its log group.
    pub fn log_bytes(&self, function: FunctionId) -> u16 {
        self.write_units(TableId(self.tables)) + function.0
    }

    /// Events that a function wrote to its log group.
    pub fn log_events(&self, function: FunctionId) -> u16 {
        self.log_bytes(function) + self.functions
    }

    fn counters(&self) -> usize {
        usize::from(self.log_events(FunctionId(self.functions)))
    }
}

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
        // What a request causes may start in the next minute, never later.
        for index in first - 1..first + 60 {
            let minute = minute(index);
            collector.add(&minute);
            usage.add_minute(estate, &minute, &within);
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
    /// Start, end and function of every invocation that may run within the hour.
    running: Vec<(Micros, Micros, FunctionId)>,
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
        for request in &minute.requests {
            visit(request, &mut |at, event| {
                if let Event::Invocation(invocation) = event
                    && !invocation.throttled
                {
                    self.running
                        .push((at, invocation.end(), invocation.function));
                }
                if !self.within.contains(&at) {
                    return;
                }
                let minute = ((at - self.within.start) / MINUTE) as usize;
                match event {
                    Event::Request => {
                        self.sample(minute, layout.latency(request.route), request.latency_us);
                        let slot = layout.integration_latency(request.route);
                        self.sample(minute, slot, request.integration_latency_us);
                        match request.status {
                            400..500 => self.count(minute, layout.client_errors(request.route), 1),
                            500.. => self.count(minute, layout.server_errors(request.route), 1),
                            _ => {}
                        }
                    }
                    Event::Invocation(invocation) => self.invocation(minute, invocation),
                    Event::Call(call) => {
                        if let Target::Table {
                            table,
                            operation,
                            read_milli_units,
                            write_milli_units,
                        } = call.target
                        {
                            self.count(minute, layout.read_units(table), read_milli_units);
                            self.count(minute, layout.write_units(table), write_milli_units);
                            let place = layout.operations.binary_search(&(table, operation));
                            if let (Ok(place), false) = (place, call.failed) {
                                self.sample(
                                    minute,
                                    layout.table_latency(place),
                                    server_side_us(call),
                                );
                            }
                        }
                    }
                }
            });
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

    /// The most invocations at once, by function and in the account, seen when one starts.
    fn concurrency(&mut self) {
        let mut running = std::mem::take(&mut self.running);
        running.sort_unstable();
        let functions = usize::from(self.layout.functions);
        let mut ends: Vec<BinaryHeap<Reverse<Micros>>> = vec![BinaryHeap::new(); functions + 1];
        for (start, end, function) in running {
            for (heap, whose) in [(usize::from(function.0), Some(function)), (functions, None)] {
                let heap = &mut ends[heap];
                while heap.peek().is_some_and(|Reverse(ended)| *ended <= start) {
                    heap.pop();
                }
                heap.push(Reverse(end));
                if self.within.contains(&start) {
                    let minute = ((start - self.within.start) / MINUTE) as usize;
                    let most =
                        &mut self.counters[minute][usize::from(self.layout.concurrency(whose))];
                    *most = (*most).max(heap.len() as u64);
                }
            }
        }
    }
}

/// What DynamoDB measures of a call: without the network, and the last attempt only.
pub fn server_side_us(call: &crate::model::Call) -> i64 {
    let last_attempt = match i64::from(call.retries) {
        0 => call.duration_us,
        retries => (call.duration_us - retries * 50_000) / (retries + 1),
    };
    last_attempt * 7 / 10
}
