//! What is billed and what the truth tells, added up over some time: by entry point and by
//! function.

use std::ops::{AddAssign, Range};

use crate::{
    estate::{CONNECT, DISCONNECT, Estate, Protocol},
    metrics::{
        entry_points::EntryPoints,
        events::{Event, visit},
    },
    model::{
        Call, EXPRESS_MB, EntryPoint, Execution, Invocation, Micros, Minute, Request, Target, Work,
    },
};

/// Bytes of a request that an HTTP API counts as one.
const HTTP_METERED_BYTES: u64 = 512 << 10;

/// Bytes of a message that a WebSocket API counts as one.
const MESSAGE_METERED_BYTES: u64 = 32 << 10;

/// A quantity that the bill counts and that a request causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meter {
    /// Requests to REST APIs.
    ApiRequests,
    /// Requests to HTTP APIs, one for every 512 KB begun.
    HttpApiRequests,
    /// Messages of WebSocket APIs, one for every 32 KB begun.
    Messages,
    /// Minutes that clients are connected to WebSocket APIs.
    ConnectionMinutes,
    /// Invocations of x86 functions.
    LambdaRequestsX86,
    /// Invocations of arm functions.
    LambdaRequestsArm,
    /// Billed milliseconds × MB of x86 functions.
    LambdaMbMsX86,
    /// Billed milliseconds × MB of arm functions.
    LambdaMbMsArm,
    /// Read request units × 1,000.
    TableReadMilliUnits,
    /// Write request units × 1,000.
    TableWriteMilliUnits,
    /// PUT, COPY, POST and LIST requests to S3.
    BucketTier1,
    /// GET and all other requests to S3.
    BucketTier2,
    /// State transitions of standard workflows.
    StateTransitions,
    /// Executions of express workflows.
    ExpressRequests,
    /// Billed milliseconds × MB of express workflows.
    ExpressMbMs,
    /// Traces recorded by X-Ray.
    Traces,
    /// Bytes ingested by CloudWatch Logs.
    LogBytes,
    /// Milliseconds × MB in provisioned environments of x86 functions.
    LambdaProvisionedMbMsX86,
    /// Milliseconds × MB in provisioned environments of arm functions.
    LambdaProvisionedMbMsArm,
}

impl Meter {
    /// How many there are.
    pub const COUNT: usize = 19;
    /// All of them, in order.
    pub const ALL: [Meter; Meter::COUNT] = [
        Meter::ApiRequests,
        Meter::HttpApiRequests,
        Meter::Messages,
        Meter::ConnectionMinutes,
        Meter::LambdaRequestsX86,
        Meter::LambdaRequestsArm,
        Meter::LambdaMbMsX86,
        Meter::LambdaMbMsArm,
        Meter::TableReadMilliUnits,
        Meter::TableWriteMilliUnits,
        Meter::BucketTier1,
        Meter::BucketTier2,
        Meter::StateTransitions,
        Meter::ExpressRequests,
        Meter::ExpressMbMs,
        Meter::Traces,
        Meter::LogBytes,
        Meter::LambdaProvisionedMbMsX86,
        Meter::LambdaProvisionedMbMsArm,
    ];
}

/// What the requests of one route, or the events of another entry point, did and caused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryUsage {
    /// Requests, or times that it started work.
    pub requests: u64,
    /// Answered with 4xx.
    pub client_errors: u64,
    /// Answered with 5xx, or failed.
    pub server_errors: u64,
    /// Those that waited for an initialisation.
    pub cold_starts: u64,
    /// How long the clients of those waited, together.
    pub cold_us: u64,
    /// How long the clients of all of them waited.
    pub waited_us: u64,
    /// By [`Meter`]: all that they caused, in their own and in asynchronous functions.
    pub meters: [u64; Meter::COUNT],
    /// What of it those caused that were answered with 5xx, or failed.
    pub failed_meters: [u64; Meter::COUNT],
}

/// What one function did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionUsage {
    /// Invocations that ran.
    pub invocations: u64,
    /// Those that failed.
    pub errors: u64,
    /// Invocations that did not run.
    pub throttles: u64,
    /// Invocations that waited for an initialisation.
    pub cold_starts: u64,
    /// Their initialisations, together.
    pub init_us: u64,
    /// Billed duration.
    pub billed_ms: u64,
    /// Billed duration × MB in environments on demand.
    pub mb_ms: u64,
    /// Billed duration × MB in provisioned environments.
    pub provisioned_mb_ms: u64,
    /// What of both the invocations had that failed.
    pub failed_mb_ms: u64,
}

/// Usage of the whole account over some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// By route, in the estate's order.
    pub routes: Vec<EntryUsage>,
    /// By entry point that is no route, in the order of [`EntryPoints`].
    pub others: Vec<EntryUsage>,
    /// By function, in the estate's order.
    pub functions: Vec<FunctionUsage>,
}

impl Usage {
    /// Nothing yet.
    pub fn none(estate: &Estate) -> Usage {
        Usage {
            routes: vec![EntryUsage::default(); estate.routes.len()],
            others: vec![EntryUsage::default(); EntryPoints::of(estate).all().len()],
            functions: vec![FunctionUsage::default(); estate.functions.len()],
        }
    }

    /// Every entry point: the routes, then the others.
    pub fn entries(&self) -> impl Iterator<Item = &EntryUsage> {
        self.routes.iter().chain(&self.others)
    }

    /// The total of a meter over all entry points.
    pub fn total(&self, meter: Meter) -> u64 {
        self.entries().map(|own| own.meters[meter as usize]).sum()
    }

    /// Adds what of the minute's work happens within the time.
    pub fn add_minute(
        &mut self,
        estate: &Estate,
        entry_points: &EntryPoints,
        minute: &Minute,
        within: &Range<Micros>,
    ) {
        for work in minute.all() {
            let entry_point = work.entry_point();
            let place = entry_points.place(entry_point);
            let entry = match (entry_point, place) {
                (EntryPoint::Route(route), _) => &mut self.routes[usize::from(route.0)],
                (_, Some(place)) => &mut self.others[place],
                // What nothing was configured to start does not start.
                (_, None) => continue,
            };
            let functions = &mut self.functions;
            let before = entry.meters;
            visit(work, &mut |at, event| {
                if within.contains(&at) {
                    match event {
                        Event::Request(request) => entry.add_request(estate, work, request),
                        Event::Delivery(delivery) => {
                            entry.add_start(work, delivery.invocation.init_us.is_some());
                            entry.server_errors += u64::from(delivery.invocation.error);
                        }
                        Event::Execution(execution) => {
                            entry.add_execution(estate, work, execution);
                        }
                        Event::ExecutionEnd(_) => {}
                        Event::Invocation(invocation) => {
                            let function = &mut functions[usize::from(invocation.function.0)];
                            function.add(invocation);
                            entry.add_invocation(estate, invocation);
                        }
                        Event::Call(call) => entry.add_call(estate, call),
                    }
                }
            });
            if work.failed() {
                for (at, failed) in entry.failed_meters.iter_mut().enumerate() {
                    *failed += entry.meters[at] - before[at];
                }
            }
        }
    }
}

impl EntryUsage {
    fn add_start(&mut self, work: &Work, cold: bool) {
        self.requests += 1;
        self.cold_starts += u64::from(cold);
        self.meters[Meter::Traces as usize] += u64::from(work.sampled);
    }

    fn add_request(&mut self, estate: &Estate, work: &Work, request: &Request) {
        let route = &estate.routes[usize::from(request.route.0)];
        let (requests, metered) = match estate.api_of(request.route).protocol {
            Protocol::Rest => (Meter::ApiRequests, 1),
            Protocol::Http => (
                Meter::HttpApiRequests,
                request.data_bytes.div_ceil(HTTP_METERED_BYTES),
            ),
            // To open and to close a connection is no message.
            Protocol::WebSocket if matches!(route.resource, CONNECT | DISCONNECT) => {
                (Meter::ConnectionMinutes, request.connected_min)
            }
            Protocol::WebSocket => (
                Meter::Messages,
                request.data_bytes.div_ceil(MESSAGE_METERED_BYTES),
            ),
        };
        let cold = request.invocation.init_us.is_some();
        self.add_start(work, cold);
        self.waited_us += request.latency_us.unsigned_abs();
        self.cold_us += u64::from(cold) * request.latency_us.unsigned_abs();
        self.client_errors += u64::from((400..500).contains(&request.status));
        self.server_errors += u64::from(request.status >= 500);
        self.meters[requests as usize] += metered;
    }

    fn add_execution(&mut self, estate: &Estate, work: &Work, execution: &Execution) {
        let mut tasks = execution.tasks.iter();
        self.add_start(work, tasks.any(|task| task.invocation.init_us.is_some()));
        self.server_errors += u64::from(execution.failed);
        if estate.machine(execution.machine).express {
            let mb_ms = EXPRESS_MB * execution.billed_ms(work.start);
            self.meters[Meter::ExpressRequests as usize] += 1;
            self.meters[Meter::ExpressMbMs as usize] += mb_ms;
        } else {
            self.meters[Meter::StateTransitions as usize] += execution.transitions();
        }
    }

    fn add_invocation(&mut self, estate: &Estate, invocation: &Invocation) {
        if invocation.throttled {
            return;
        }
        let is_arm = estate.function(invocation.function).is_arm();
        let requests = if is_arm {
            Meter::LambdaRequestsArm
        } else {
            Meter::LambdaRequestsX86
        };
        let duration = match (invocation.provisioned, is_arm) {
            (false, false) => Meter::LambdaMbMsX86,
            (false, true) => Meter::LambdaMbMsArm,
            (true, false) => Meter::LambdaProvisionedMbMsX86,
            (true, true) => Meter::LambdaProvisionedMbMsArm,
        };
        self.meters[requests as usize] += 1;
        self.meters[duration as usize] += invocation.billed_ms() * u64::from(invocation.memory_mb);
        self.meters[Meter::LogBytes as usize] += invocation.log_bytes;
    }

    fn add_call(&mut self, estate: &Estate, call: &Call) {
        let meters = &mut self.meters;
        match &call.target {
            Target::Table {
                table,
                read_milli_units,
                write_milli_units,
                index_write_milli_units,
                ..
            } => {
                let indexes = estate.table(*table).indexes.len() as u64;
                meters[Meter::TableReadMilliUnits as usize] += read_milli_units;
                meters[Meter::TableWriteMilliUnits as usize] +=
                    write_milli_units + index_write_milli_units * indexes;
            }
            Target::Bucket { operation, .. } => {
                let tier1 = matches!(
                    *operation,
                    "PutObject" | "CopyObject" | "PostObject" | "ListObjectsV2"
                );
                let tier = if tier1 {
                    Meter::BucketTier1
                } else {
                    Meter::BucketTier2
                };
                // Every attempt is a request.
                meters[tier as usize] += 1 + u64::from(call.retries);
            }
            Target::Queue { .. } | Target::Machine { .. } | Target::AsyncFunction(_) => {}
        }
    }
}

impl FunctionUsage {
    /// What a function used of a meter; none of a meter that is not Lambda's, or of the other architecture.
    pub fn metered(&self, is_arm: bool, meter: Meter) -> Option<u64> {
        let (arm, used) = match meter {
            Meter::LambdaRequestsX86 => (false, self.invocations),
            Meter::LambdaRequestsArm => (true, self.invocations),
            Meter::LambdaMbMsX86 => (false, self.mb_ms),
            Meter::LambdaMbMsArm => (true, self.mb_ms),
            Meter::LambdaProvisionedMbMsX86 => (false, self.provisioned_mb_ms),
            Meter::LambdaProvisionedMbMsArm => (true, self.provisioned_mb_ms),
            _ => return None,
        };
        (arm == is_arm).then_some(used)
    }

    fn add(&mut self, invocation: &Invocation) {
        if invocation.throttled {
            self.throttles += 1;
            return;
        }
        let billed_ms = invocation.billed_ms();
        self.invocations += 1;
        self.errors += u64::from(invocation.error);
        self.cold_starts += u64::from(invocation.init_us.is_some());
        self.init_us += invocation.init_us.unwrap_or(0).unsigned_abs();
        self.billed_ms += billed_ms;
        let mb_ms = billed_ms * u64::from(invocation.memory_mb);
        if invocation.provisioned {
            self.provisioned_mb_ms += mb_ms;
        } else {
            self.mb_ms += mb_ms;
        }
        self.failed_mb_ms += u64::from(invocation.error) * mb_ms;
    }
}

impl AddAssign<&Usage> for Usage {
    fn add_assign(&mut self, other: &Usage) {
        let own = self.routes.iter_mut().chain(&mut self.others);
        for (to, from) in own.zip(other.entries()) {
            to.requests += from.requests;
            to.client_errors += from.client_errors;
            to.server_errors += from.server_errors;
            to.cold_starts += from.cold_starts;
            to.cold_us += from.cold_us;
            to.waited_us += from.waited_us;
            let own = to.meters.iter_mut().chain(&mut to.failed_meters);
            for (to, from) in own.zip(from.meters.iter().chain(&from.failed_meters)) {
                *to += from;
            }
        }
        for (to, from) in self.functions.iter_mut().zip(&other.functions) {
            to.invocations += from.invocations;
            to.errors += from.errors;
            to.throttles += from.throttles;
            to.cold_starts += from.cold_starts;
            to.init_us += from.init_us;
            to.billed_ms += from.billed_ms;
            to.mb_ms += from.mb_ms;
            to.provisioned_mb_ms += from.provisioned_mb_ms;
            to.failed_mb_ms += from.failed_mb_ms;
        }
    }
}
