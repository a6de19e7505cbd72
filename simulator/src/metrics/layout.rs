//! Where the samples of every series are within a minute.

use crate::{
    estate::{Estate, MachineId},
    model::{BucketId, FunctionId, RouteId, TableId},
    traffic::{
        generated,
        profile::{TableOperation, table_operations},
    },
};

/// A run of places, one for each thing of a kind.
#[derive(Debug, Clone, Copy)]
struct Block(u16);

impl Block {
    fn at(self, index: u16) -> u16 {
        self.0 + index
    }
}

/// Hands out blocks, one after another.
#[derive(Debug, Default)]
struct Places(u16);

impl Places {
    fn take(&mut self, count: usize) -> Block {
        let block = Block(self.0);
        self.0 += count as u16;
        block
    }
}

/// Counters of a function with provisioned concurrency.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provisioned {
    /// How many environments are ready.
    pub(super) environments: u64,
    /// Counter of the invocations that ran in them.
    pub(super) ran: u16,
    /// Counter of those that did not.
    pub(super) spilled: u16,
    /// Counter of the most that ran in them at once.
    pub(super) most: u16,
}

/// Where the samples of a series are in a [`super::samples::MinuteSamples`]: in slots, which have
/// every sample, or in counters, which have a sum.
#[derive(Debug, Clone)]
pub struct Layout {
    operations: Vec<TableOperation>,
    indexes: Vec<(TableId, &'static str)>,
    /// Functions with provisioned concurrency, and how much.
    ready: Vec<(FunctionId, u64)>,
    functions: u16,

    latency: Block,
    integration_latency: Block,
    data_processed: Block,
    duration: Block,
    async_age: Block,
    iterator_age: Block,
    table_latency: Block,
    returned_items: Block,
    bucket_gets: Block,
    bucket_puts: Block,
    first_byte: Block,
    downloaded: Block,
    uploaded: Block,
    started: Block,
    succeeded: Block,
    execution_time: Block,
    express_ms: Block,
    slots: usize,

    client_errors: Block,
    server_errors: Block,
    errors: Block,
    throttles: Block,
    concurrency: Block,
    provisioned: Block,
    spilled: Block,
    provisioned_concurrency: Block,
    read_units: Block,
    write_units: Block,
    index_read_units: Block,
    index_write_units: Block,
    throttled_requests: Block,
    read_throttles: Block,
    write_throttles: Block,
    bucket_errors: Block,
    failed: Block,
    express_bytes: Block,
    log_bytes: Block,
    log_events: Block,
    counters: usize,
}

impl Layout {
    /// The layout of an estate.
    pub fn new(estate: &Estate) -> Layout {
        let operations = if estate.generated {
            generated::operations(estate)
        } else {
            // An estate without the shop's tables has none of their operations.
            let mut operations = table_operations();
            operations.retain(|own| usize::from(own.table.0) < estate.tables.len());
            operations
        };
        let indexes: Vec<(TableId, &'static str)> = (0..)
            .map(TableId)
            .zip(&estate.tables)
            .flat_map(|(id, table)| table.indexes.iter().map(move |index| (id, index.name)))
            .collect();
        let ready: Vec<(FunctionId, u64)> = (0..)
            .map(FunctionId)
            .zip(&estate.functions)
            .map(|(id, function)| (id, u64::from(function.provisioned_concurrency)))
            .filter(|(_, environments)| *environments > 0)
            .collect();
        let routes = estate.routes.len();
        let functions = estate.functions.len();
        let tables = estate.tables.len();
        let buckets = estate.buckets.len();
        let machines = estate.state_machines.len();
        let (mut slots, mut counters) = (Places::default(), Places::default());
        Layout {
            latency: slots.take(routes),
            integration_latency: slots.take(routes),
            data_processed: slots.take(routes),
            duration: slots.take(functions),
            async_age: slots.take(functions),
            iterator_age: slots.take(functions),
            table_latency: slots.take(operations.len()),
            returned_items: slots.take(operations.len()),
            bucket_gets: slots.take(buckets),
            bucket_puts: slots.take(buckets),
            first_byte: slots.take(buckets),
            downloaded: slots.take(buckets),
            uploaded: slots.take(buckets),
            started: slots.take(machines),
            succeeded: slots.take(machines),
            execution_time: slots.take(machines),
            express_ms: slots.take(machines),
            slots: usize::from(slots.0),

            client_errors: counters.take(routes),
            server_errors: counters.take(routes),
            errors: counters.take(functions),
            throttles: counters.take(functions),
            // One more for the account.
            concurrency: counters.take(functions + 1),
            provisioned: counters.take(ready.len()),
            spilled: counters.take(ready.len()),
            provisioned_concurrency: counters.take(ready.len()),
            read_units: counters.take(tables),
            write_units: counters.take(tables),
            index_read_units: counters.take(indexes.len()),
            index_write_units: counters.take(indexes.len()),
            throttled_requests: counters.take(operations.len()),
            read_throttles: counters.take(tables),
            write_throttles: counters.take(tables),
            bucket_errors: counters.take(buckets),
            failed: counters.take(machines),
            express_bytes: counters.take(machines),
            log_bytes: counters.take(functions),
            log_events: counters.take(functions),
            counters: usize::from(counters.0),

            functions: functions as u16,
            operations,
            indexes,
            ready,
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    pub(super) fn counters(&self) -> usize {
        self.counters
    }

    /// The operations on tables in the order of their places.
    pub(super) fn operations(&self) -> &[TableOperation] {
        &self.operations
    }

    /// The place of an operation on a table.
    pub(super) fn operation(&self, table: TableId, operation: &str) -> Option<usize> {
        self.operations
            .iter()
            .position(|own| own.table == table && own.operation == operation)
    }

    /// The places of a table's global secondary indexes.
    pub(super) fn indexes_of(&self, table: TableId) -> impl Iterator<Item = usize> {
        (0..self.indexes.len()).filter(move |place| self.indexes[*place].0 == table)
    }

    /// The global secondary indexes in the order of their places.
    pub(super) fn indexes(&self) -> &[(TableId, &'static str)] {
        &self.indexes
    }

    /// Slot of a route's `Latency`.
    pub fn latency(&self, route: RouteId) -> u16 {
        self.latency.at(route.0)
    }

    /// Slot of a route's `IntegrationLatency`.
    pub fn integration_latency(&self, route: RouteId) -> u16 {
        self.integration_latency.at(route.0)
    }

    /// Slot of the bytes × 1,000 of a route's requests.
    pub(super) fn data_processed(&self, route: RouteId) -> u16 {
        self.data_processed.at(route.0)
    }

    /// Slot of a function's `Duration`.
    pub fn duration(&self, function: FunctionId) -> u16 {
        self.duration.at(function.0)
    }

    /// Slot of how long a function's asynchronous events waited.
    pub(super) fn async_age(&self, function: FunctionId) -> u16 {
        self.async_age.at(function.0)
    }

    /// Slot of the age of the oldest record in each of a function's batches.
    pub(super) fn iterator_age(&self, function: FunctionId) -> u16 {
        self.iterator_age.at(function.0)
    }

    /// Slot of the latency of a table's operation, by its place.
    pub(super) fn table_latency(&self, place: usize) -> u16 {
        self.table_latency.at(place as u16)
    }

    /// Slot of the items that a query or scan returned, by the operation's place.
    pub(super) fn returned_items(&self, place: usize) -> u16 {
        self.returned_items.at(place as u16)
    }

    /// Slot of a state machine's starts.
    pub(super) fn started(&self, machine: MachineId) -> u16 {
        self.started.at(machine.0)
    }

    /// Slot of a state machine's ends without a failure.
    pub(super) fn succeeded(&self, machine: MachineId) -> u16 {
        self.succeeded.at(machine.0)
    }

    /// Slot of a state machine's `ExecutionTime`.
    pub(super) fn execution_time(&self, machine: MachineId) -> u16 {
        self.execution_time.at(machine.0)
    }

    /// Slot of an express workflow's billed durations.
    pub(super) fn express_ms(&self, machine: MachineId) -> u16 {
        self.express_ms.at(machine.0)
    }

    /// Counter of a state machine's failures.
    pub(super) fn failed(&self, machine: MachineId) -> u16 {
        self.failed.at(machine.0)
    }

    /// Counter of the bytes that an express workflow is billed for.
    pub(super) fn express_bytes(&self, machine: MachineId) -> u16 {
        self.express_bytes.at(machine.0)
    }

    /// Counter of a route's answers with 4xx.
    pub(super) fn client_errors(&self, route: RouteId) -> u16 {
        self.client_errors.at(route.0)
    }

    /// Counter of a route's answers with 5xx.
    pub(super) fn server_errors(&self, route: RouteId) -> u16 {
        self.server_errors.at(route.0)
    }

    /// Counter of a function's errors.
    pub(super) fn errors(&self, function: FunctionId) -> u16 {
        self.errors.at(function.0)
    }

    /// Counter of a function's throttles.
    pub(super) fn throttles(&self, function: FunctionId) -> u16 {
        self.throttles.at(function.0)
    }

    /// The most invocations of a function at once; for the account if none.
    pub(super) fn concurrency(&self, function: Option<FunctionId>) -> u16 {
        self.concurrency
            .at(function.map_or(self.functions, |function| function.0))
    }

    /// The counters of a function with provisioned concurrency; none for other functions.
    pub(super) fn provisioned(&self, function: FunctionId) -> Option<Provisioned> {
        let place = self.ready.iter().position(|(own, _)| *own == function)?;
        let at = |block: Block| block.at(place as u16);
        Some(Provisioned {
            environments: self.ready[place].1,
            ran: at(self.provisioned),
            spilled: at(self.spilled),
            most: at(self.provisioned_concurrency),
        })
    }

    /// Read request units of a table × 1,000.
    pub(super) fn read_units(&self, table: TableId) -> u16 {
        self.read_units.at(table.0)
    }

    /// Write request units of a table × 1,000.
    pub(super) fn write_units(&self, table: TableId) -> u16 {
        self.write_units.at(table.0)
    }

    /// Read request units × 1,000 of an index, by its place.
    pub(super) fn index_read_units(&self, place: usize) -> u16 {
        self.index_read_units.at(place as u16)
    }

    /// Write request units × 1,000 of an index, by its place.
    pub(super) fn index_write_units(&self, place: usize) -> u16 {
        self.index_write_units.at(place as u16)
    }

    /// Slot of an object operation's latency.
    pub(super) fn bucket_latency(&self, bucket: BucketId, get: bool) -> u16 {
        if get {
            self.bucket_gets.at(bucket.0)
        } else {
            self.bucket_puts.at(bucket.0)
        }
    }

    /// Slot of the time until the first byte of an answer.
    pub(super) fn first_byte(&self, bucket: BucketId) -> u16 {
        self.first_byte.at(bucket.0)
    }

    /// Slot of bytes × 1,000 that a request moved.
    pub(super) fn bucket_bytes(&self, bucket: BucketId, get: bool) -> u16 {
        if get {
            self.downloaded.at(bucket.0)
        } else {
            self.uploaded.at(bucket.0)
        }
    }

    /// Counter of a bucket's answers with 5xx.
    pub(super) fn bucket_errors(&self, bucket: BucketId) -> u16 {
        self.bucket_errors.at(bucket.0)
    }

    /// Requests of a table's operation that were throttled, by the operation's place.
    pub(super) fn throttled_requests(&self, place: usize) -> u16 {
        self.throttled_requests.at(place as u16)
    }

    /// Reads of a table that were throttled.
    pub(super) fn read_throttles(&self, table: TableId) -> u16 {
        self.read_throttles.at(table.0)
    }

    /// Writes to a table that were throttled.
    pub(super) fn write_throttles(&self, table: TableId) -> u16 {
        self.write_throttles.at(table.0)
    }

    /// Bytes that a function wrote to its log group.
    pub(super) fn log_bytes(&self, function: FunctionId) -> u16 {
        self.log_bytes.at(function.0)
    }

    /// Events that a function wrote to its log group.
    pub(super) fn log_events(&self, function: FunctionId) -> u16 {
        self.log_events.at(function.0)
    }
}
