//! What happened: the work that started in one minute, from which every view (metrics, traces, the
//! bill, the truth) is derived and nothing else.

use crate::estate::{MachineId, QueueId};

/// Microseconds since the Unix epoch.
pub type Micros = i64;

/// Index into [`crate::estate::Estate::functions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u16);

/// Index into [`crate::estate::Estate::routes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u16);

/// Index into [`crate::estate::Estate::tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u16);

/// Index into [`crate::estate::Estate::buckets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(pub u16);

/// What was started in one minute.
#[derive(Debug, Clone, Default)]
pub struct Minute {
    /// Minutes since the Unix epoch.
    pub minute: i64,
    /// What started of itself in this minute, by start.
    pub work: Vec<Work>,
    /// What that causes by way of queues, streams and events, by start: in this minute or in the
    /// next.
    pub caused: Vec<Work>,
}

impl Minute {
    /// All of its work, and what that causes.
    pub fn all(&self) -> impl Iterator<Item = &Work> {
        self.work.iter().chain(&self.caused)
    }

    /// The clients' requests among it.
    pub fn requests(&self) -> impl Iterator<Item = (&Work, &Request)> {
        self.all().filter_map(|work| Some((work, work.request()?)))
    }
}

/// What starts work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryPoint {
    /// A client's request to a route of an API.
    Route(RouteId),
    /// A schedule, by its place in [`crate::estate::Estate::schedules`].
    Schedule(u16),
    /// Messages of a queue.
    Queue(QueueId),
    /// Records of a table's stream.
    Stream(TableId),
    /// A new object of a bucket.
    Bucket(BucketId),
    /// An execution of a state machine, whoever started it.
    Machine(MachineId),
}

/// Something that was started once, with all that it does.
#[derive(Debug, Clone)]
pub struct Work {
    /// 128 bits that identify it; the trace id and every span id derive from it.
    pub id: u128,
    /// When it was started: a request when API Gateway received it.
    pub start: Micros,
    /// Chosen by X-Ray's sampling rule (reservoir of one a second, then a share).
    pub sampled: bool,
    /// What was started.
    pub doing: Doing,
}

/// What is started.
#[derive(Debug, Clone)]
pub enum Doing {
    /// A client's request.
    Request(Request),
    /// An event, or a batch of them, that is delivered to a function.
    Delivery(Delivery),
    /// An execution of a state machine.
    Execution(Execution),
}

impl Work {
    /// What started it.
    pub fn entry_point(&self) -> EntryPoint {
        match &self.doing {
            Doing::Request(request) => EntryPoint::Route(request.route),
            Doing::Delivery(delivery) => delivery.by,
            Doing::Execution(execution) => EntryPoint::Machine(execution.machine),
        }
    }

    /// Answered with 5xx, or failed.
    pub fn failed(&self) -> bool {
        match &self.doing {
            Doing::Request(request) => request.status >= 500,
            Doing::Delivery(delivery) => delivery.invocation.error,
            Doing::Execution(execution) => execution.failed,
        }
    }

    /// The client's request that it is.
    pub fn request(&self) -> Option<&Request> {
        match &self.doing {
            Doing::Request(request) => Some(request),
            Doing::Delivery(_) | Doing::Execution(_) => None,
        }
    }
}

/// One request of a client to an API.
#[derive(Debug, Clone)]
pub struct Request {
    /// The route that it matches.
    pub route: RouteId,
    /// Path as the client sent it, without stage and host.
    pub path: String,
    /// Method as the client sent it.
    pub method: &'static str,
    /// As the client waited: API Gateway's `Latency`, which a WebSocket API does not tell.
    pub latency_us: i64,
    /// API Gateway's `IntegrationLatency`.
    pub integration_latency_us: i64,
    /// Status that the client got.
    pub status: u16,
    /// Bytes of request and answer as HTTP APIs count them, of the message for WebSocket APIs; 0 for
    /// REST APIs.
    pub data_bytes: u64,
    /// Minutes that a client stays connected, told when it connects to a WebSocket API; else 0.
    pub connected_min: u64,
    /// The function call behind it.
    pub invocation: Invocation,
}

/// What a schedule, a bucket, a queue or a stream gives to a function. The work starts when Lambda
/// accepts it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where it comes from.
    pub by: EntryPoint,
    /// Messages or records of the batch; 1 where there are no batches.
    pub records: u32,
    /// How old the oldest record is when the function is invoked.
    pub age_us: i64,
    /// The calls that sent the messages of a queue, as far as they were traced.
    pub senders: Vec<Sender>,
    /// The function call that it makes.
    pub invocation: Invocation,
}

impl Delivery {
    /// Lambda answers at once and invokes the function later; else the caller waits.
    pub fn is_asynchronous(&self) -> bool {
        matches!(self.by, EntryPoint::Schedule(_) | EntryPoint::Bucket(_))
    }
}

/// One execution of a state machine: its tasks, one after another.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Which state machine.
    pub machine: MachineId,
    /// The tasks that ran, in the order of the definition; none after one that failed.
    pub tasks: Vec<TaskRun>,
    /// When it ended.
    pub end: Micros,
    /// A task failed.
    pub failed: bool,
}

impl Execution {
    /// State transitions that are billed, as in AWS's example: into the first state, from each to
    /// the next, and to the end.
    pub fn transitions(&self) -> u64 {
        self.tasks.len() as u64 + if self.failed { 1 } else { 2 }
    }

    /// Milliseconds that an express workflow started at `start` is billed for, rounded up to 100.
    pub fn billed_ms(&self, start: Micros) -> u64 {
        (self.end - start).unsigned_abs().div_ceil(100_000) * 100
    }
}

/// MB that an express workflow is billed for: 64 at least, and these use no more.
pub const EXPRESS_MB: u64 = 64;

/// A state that invoked a function and waited for its answer.
#[derive(Debug, Clone)]
pub struct TaskRun {
    /// When the state was entered.
    pub start: Micros,
    /// When it was left.
    pub end: Micros,
    /// The function call that it made.
    pub invocation: Invocation,
}

/// A traced call that sent a message.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    /// [`Work::id`] of the work that it belongs to.
    pub work: u128,
    /// [`Work::start`] of that work.
    pub start: Micros,
    /// Of [`Target::Queue`].
    pub message: u128,
}

/// One invocation of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Which function.
    pub function: FunctionId,
    /// When Lambda accepted it (`AWS::Lambda` starts).
    pub start: Micros,
    /// From acceptance to the start of the initialisation or, warm, of the handler.
    pub placement_us: i64,
    /// Length of the initialisation that this request waited for, or of a snapshot's restoration.
    pub init_us: Option<i64>,
    /// What of that is billed: of a restoration only what loads the runtime and runs hooks.
    pub init_billed_us: i64,
    /// It ran in an environment that was provisioned for its alias.
    pub provisioned: bool,
    /// Lambda's `Duration`: the handler alone.
    pub duration_us: i64,
    /// Counted in Lambda's `Errors`.
    pub error: bool,
    /// Throttled by Lambda: it never ran; `duration_us` is 0 and there are no calls.
    pub throttled: bool,
    /// Memory when it ran, in MB (a deploy may change it).
    pub memory_mb: u32,
    /// Bytes that it wrote to its log group, the platform's own lines included.
    pub log_bytes: u64,
    /// Lines of them, each of which is an event.
    pub log_events: u64,
    /// What the handler called, by start.
    pub calls: Vec<Call>,
}

impl Invocation {
    /// When the handler began.
    pub fn handler_start(&self) -> Micros {
        self.start + self.placement_us + self.init_us.unwrap_or(0)
    }

    /// When the handler ended.
    pub fn end(&self) -> Micros {
        self.handler_start() + self.duration_us
    }

    /// What is billed: duration and initialisation, rounded up to a millisecond (since 2025-08-01).
    pub fn billed_ms(&self) -> u64 {
        (self.duration_us + self.init_billed_us)
            .unsigned_abs()
            .div_ceil(1_000)
    }
}

/// One call of a handler to another service.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it began.
    pub start: Micros,
    /// How long the handler waited for it.
    pub duration_us: i64,
    /// SDK retries within it.
    pub retries: u8,
    /// It failed for good.
    pub failed: bool,
    /// What was called.
    pub target: Target,
}

/// What a handler called.
#[derive(Debug, Clone)]
pub enum Target {
    /// DynamoDB on demand: operation and the request units that it consumed, in thousandths.
    Table {
        /// Which table.
        table: TableId,
        /// For example `PutItem`.
        operation: &'static str,
        /// Read request units × 1,000.
        read_milli_units: u64,
        /// Write request units × 1,000.
        write_milli_units: u64,
        /// The global secondary index that a query reads; its read units are the index's.
        index: Option<&'static str>,
        /// Write request units × 1,000 that each of the table's indexes takes up for the write.
        index_write_milli_units: u64,
    },
    /// S3.
    Bucket {
        /// Which bucket.
        bucket: BucketId,
        /// For example `GetObject`.
        operation: &'static str,
        /// Bytes moved.
        bytes: u64,
    },
    /// A message for a queue.
    Queue {
        /// Which queue.
        queue: QueueId,
        /// 128 bits that identify the message.
        message: u128,
    },
    /// The start of an execution, which goes on by itself.
    Machine {
        /// Which state machine.
        machine: MachineId,
    },
    /// An asynchronous invocation: the call takes the time of the 202, the consumer runs later.
    AsyncFunction(Box<Invocation>),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of real REPORT lines.
    #[test]
    fn duration_and_initialisation_are_billed_rounded_up() {
        let billed = |duration_us, init_us| {
            let invocation = Invocation {
                function: FunctionId(0),
                start: 0,
                placement_us: 5_000,
                init_us,
                init_billed_us: init_us.unwrap_or(0),
                provisioned: false,
                duration_us,
                error: false,
                throttled: false,
                memory_mb: 128,
                log_bytes: 0,
                log_events: 0,
                calls: Vec::new(),
            };
            invocation.billed_ms()
        };
        assert_eq!(billed(133_610, Some(80_000)), 214);
        assert_eq!(billed(1_233_960, Some(463_512)), 1_698);
        assert_eq!(billed(1_072_145, None), 1_073);
        assert_eq!(billed(2_000, None), 2);
    }
}
