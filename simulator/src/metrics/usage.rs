//! What is billed and what the truth tells, added up over some time: by route and by function.

use std::ops::{AddAssign, Range};

use crate::{
    estate::{Estate, Protocol},
    metrics::events::{Event, visit},
    model::{Call, EntryPoint, Invocation, Micros, Minute, Request, Target, Work},
};

/// Bytes of a request that an HTTP API counts as one.
const HTTP_METERED_BYTES: u64 = 512 << 10;

/// A quantity that the bill counts and that a request causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meter {
    /// Requests to REST APIs.
    ApiRequests,
    /// Requests to HTTP APIs, one for every 512 KB begun.
    HttpApiRequests,
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
    /// Traces recorded by X-Ray.
    Traces,
    /// Bytes ingested by CloudWatch Logs.
    LogBytes,
}

impl Meter {
    /// How many there are.
    pub const COUNT: usize = 12;
    /// All of them, in order.
    pub const ALL: [Meter; Meter::COUNT] = [
        Meter::ApiRequests,
        Meter::HttpApiRequests,
        Meter::LambdaRequestsX86,
        Meter::LambdaRequestsArm,
        Meter::LambdaMbMsX86,
        Meter::LambdaMbMsArm,
        Meter::TableReadMilliUnits,
        Meter::TableWriteMilliUnits,
        Meter::BucketTier1,
        Meter::BucketTier2,
        Meter::Traces,
        Meter::LogBytes,
    ];
}

/// What the requests of one route did and caused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteUsage {
    /// Requests.
    pub requests: u64,
    /// Answered with 4xx.
    pub client_errors: u64,
    /// Answered with 5xx.
    pub server_errors: u64,
    /// Requests that waited for an initialisation.
    pub cold_starts: u64,
    /// By [`Meter`]: all that they caused, in their own and in asynchronous functions.
    pub meters: [u64; Meter::COUNT],
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
    /// Billed duration × MB.
    pub mb_ms: u64,
}

/// Usage of the whole account over some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// By route, in the estate's order.
    pub routes: Vec<RouteUsage>,
    /// By function, in the estate's order.
    pub functions: Vec<FunctionUsage>,
}

impl Usage {
    /// Nothing yet.
    pub fn none(estate: &Estate) -> Usage {
        Usage {
            routes: vec![RouteUsage::default(); estate.routes.len()],
            functions: vec![FunctionUsage::default(); estate.functions.len()],
        }
    }

    /// The total of a meter over all routes.
    pub fn total(&self, meter: Meter) -> u64 {
        self.routes
            .iter()
            .map(|route| route.meters[meter as usize])
            .sum()
    }

    /// Adds what of the minute's requests happens within the time.
    pub fn add_minute(&mut self, estate: &Estate, minute: &Minute, within: &Range<Micros>) {
        for work in minute.all() {
            let EntryPoint::Route(route) = work.entry_point();
            let route = usize::from(route.0);
            visit(work, &mut |at, event| {
                if within.contains(&at) {
                    match event {
                        Event::Request(request) => self.add_request(estate, work, request),
                        Event::Invocation(invocation) => {
                            self.add_invocation(estate, route, invocation)
                        }
                        Event::Call(call) => self.add_call(estate, route, call),
                    }
                }
            });
        }
    }

    fn add_request(&mut self, estate: &Estate, work: &Work, request: &Request) {
        let (requests, metered) = match estate.api_of(request.route).protocol {
            Protocol::Rest => (Meter::ApiRequests, 1),
            Protocol::Http | Protocol::WebSocket => (
                Meter::HttpApiRequests,
                request.data_bytes.div_ceil(HTTP_METERED_BYTES),
            ),
        };
        let route = &mut self.routes[usize::from(request.route.0)];
        route.requests += 1;
        route.client_errors += u64::from((400..500).contains(&request.status));
        route.server_errors += u64::from(request.status >= 500);
        route.cold_starts += u64::from(request.invocation.init_us.is_some());
        route.meters[requests as usize] += metered;
        route.meters[Meter::Traces as usize] += u64::from(work.sampled);
    }

    fn add_invocation(&mut self, estate: &Estate, route: usize, invocation: &Invocation) {
        let function = &mut self.functions[usize::from(invocation.function.0)];
        if invocation.throttled {
            function.throttles += 1;
            return;
        }
        let billed_ms = invocation.billed_ms();
        let mb_ms = billed_ms * u64::from(invocation.memory_mb);
        function.invocations += 1;
        function.errors += u64::from(invocation.error);
        function.cold_starts += u64::from(invocation.init_us.is_some());
        function.init_us += invocation.init_us.unwrap_or(0).unsigned_abs();
        function.billed_ms += billed_ms;
        function.mb_ms += mb_ms;
        let meters = &mut self.routes[route].meters;
        let (requests, duration) = if estate.function(invocation.function).is_arm() {
            (Meter::LambdaRequestsArm, Meter::LambdaMbMsArm)
        } else {
            (Meter::LambdaRequestsX86, Meter::LambdaMbMsX86)
        };
        meters[requests as usize] += 1;
        meters[duration as usize] += mb_ms;
        meters[Meter::LogBytes as usize] += invocation.log_bytes;
    }

    fn add_call(&mut self, estate: &Estate, route: usize, call: &Call) {
        let meters = &mut self.routes[route].meters;
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
            Target::AsyncFunction(_) => {}
        }
    }
}

impl AddAssign<&Usage> for Usage {
    fn add_assign(&mut self, other: &Usage) {
        for (to, from) in self.routes.iter_mut().zip(&other.routes) {
            to.requests += from.requests;
            to.client_errors += from.client_errors;
            to.server_errors += from.server_errors;
            to.cold_starts += from.cold_starts;
            for (to, from) in to.meters.iter_mut().zip(&from.meters) {
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
        }
    }
}
