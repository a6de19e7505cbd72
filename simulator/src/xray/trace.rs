//! The trace of a piece of work, shaped as API Gateway, Lambda and the X-Ray SDK record it.
//!
//! ```text
//! AWS::ApiGateway::Stage ─ "Lambda" ◀─ AWS::Lambda ◀─ AWS::Lambda::Function ─ Initialization, Invocation, Overhead
//!                                                        Invocation ─ "DynamoDB" ◀─ AWS::DynamoDB::Table (inferred)
//!                                                                   └ "Lambda" (202) ◀─ AWS::Lambda ─ Dwell Time, Attempt #1
//!                                                                                          Attempt #1 ◀─ AWS::Lambda::Function …
//! ```
//!
//! ◀─ is another segment whose parent is the (sub)segment on its left. Times of API Gateway and of
//! `AWS::Lambda` are rounded to milliseconds, those inside the function are exact.

use serde_json::{Value, json};

use crate::estate::Estate;
use crate::model::{Delivery, Doing, Invocation, Micros, Request, Sender, Target, Work};
use crate::xray::function::{Accepted, Function};
use crate::xray::gateway::{gateway, lambda_end};
use crate::xray::ids::{self, Ids};
use crate::xray::segment::{Flags, Http, Segment};

/// What odd things a trace shows, chosen by its id alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oddities {
    /// The function's segment was lost, with all that it recorded.
    pub(crate) function_missing: bool,
    /// The environment had been initialised long before a request needed it.
    pub(crate) proactive: bool,
    /// A subsegment that was never closed.
    pub(crate) in_progress: bool,
}

impl Oddities {
    pub(crate) fn of(work: &Work) -> Self {
        Oddities {
            function_missing: ids::draw(work, 1) < 0.003,
            proactive: ids::draw(work, 2) < 0.004,
            in_progress: ids::draw(work, 3) < 0.05,
        }
    }
}

/// A whole trace.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) id: String,
    /// The root first.
    pub(crate) segments: Vec<Segment>,
    /// Something of it is not there.
    pub(crate) partial: bool,
}

impl Trace {
    /// The trace of sampled work.
    pub(crate) fn of(work: &Work, estate: &Estate) -> Trace {
        let recording = Recording {
            work,
            estate,
            odd: Oddities::of(work),
            ids: Ids::of(work),
            segments: Vec::new(),
            partial: false,
        };
        match &work.doing {
            Doing::Request(request) => recording.request(request),
            Doing::Delivery(delivery) => recording.delivery(delivery),
            Doing::Execution(execution) => recording.execution(execution),
        }
    }

    /// From the root's start to the last end, asynchronous tails included.
    pub(crate) fn duration_us(&self) -> i64 {
        let end = self
            .segments
            .iter()
            .map(Segment::last_end)
            .max()
            .unwrap_or_default();
        let start = self
            .segments
            .iter()
            .map(|segment| segment.start)
            .min()
            .unwrap_or_default();
        end - start
    }
}

/// A trace while it is put together.
pub(super) struct Recording<'a> {
    pub(super) work: &'a Work,
    pub(super) estate: &'a Estate,
    odd: Oddities,
    pub(super) ids: Ids,
    pub(super) segments: Vec<Segment>,
    partial: bool,
}

impl<'a> Recording<'a> {
    fn request(mut self, request: &Request) -> Trace {
        let end = lambda_end(self.work, request);
        // HTTP APIs emit no segment: what Lambda sees is all that there is.
        let parent = self.estate.api_of(request.route).tracing.then(|| {
            let (stage, integration) = gateway(self.work, request, self.estate, &mut self.ids);
            self.segments.push(stage);
            integration
        });
        self.synchronous(&request.invocation, parent, end);
        self.finish()
    }

    /// What delivers an event is not traced: the root is Lambda's segment.
    fn delivery(mut self, delivery: &Delivery) -> Trace {
        let invocation = &delivery.invocation;
        if delivery.is_asynchronous() {
            let accepted = self.work.start;
            let call = Accepted {
                at: accepted,
                answered: accepted + 2_000,
                parent: None,
            };
            self.function()
                .consumer(&call, invocation, &mut self.ids, &mut self.segments);
        } else {
            self.synchronous(invocation, None, invocation.end() + POLLER_TAIL_US);
            self.link(&delivery.senders);
        }
        self.finish()
    }

    /// Names the traces that sent the messages of a batch in the function's `Invocation`, or in its
    /// segment where there is none.
    fn link(&mut self, senders: &[Sender]) {
        let origin = Some("AWS::Lambda::Function");
        let function = self.segments.iter_mut().find(|own| own.origin == origin);
        let (Some(function), false) = (function, senders.is_empty()) else {
            return;
        };
        let link = |sender: &Sender| {
            json!({
                "trace_id": ids::trace_id_of(sender.start, sender.work),
                "id": format!("{:016x}", ids::sender(sender.message)),
                "attributes": { "aws.xray.reserved.reference_type": "parent" },
            })
        };
        let links = Some(senders.iter().map(link).collect());
        let inner = &mut function.subsegments;
        match inner.iter_mut().find(|own| own.name == "Invocation") {
            Some(invocation) => invocation.links = links,
            None => function.links = links,
        }
    }

    /// An invocation whose caller waits for it: its `AWS::Lambda` segment, and the function's.
    pub(super) fn synchronous(
        &mut self,
        invocation: &Invocation,
        parent: Option<u64>,
        end: Micros,
    ) {
        let lambda = lambda_segment(invocation, self.estate, &mut self.ids, parent, end);
        let lambda_id = lambda.id;
        self.segments.push(lambda);
        if invocation.throttled {
            return;
        }
        if self.odd.function_missing {
            self.partial = true;
            return;
        }
        self.function().record(
            invocation,
            lambda_id,
            end,
            &mut self.ids,
            &mut self.segments,
        );
    }

    fn function(&self) -> Function<'a> {
        Function {
            estate: self.estate,
            odd: self.odd,
            seed: ids::seed(self.work, 4),
        }
    }

    pub(super) fn finish(self) -> Trace {
        Trace {
            id: ids::trace_id(self.work),
            segments: self.segments,
            partial: self.partial,
        }
    }
}

/// When the last part of a trace ends: from then on it can be read.
pub(crate) fn last_end(work: &Work) -> Micros {
    let (invocation, end) = match &work.doing {
        // Its functions call nothing that outlives it.
        Doing::Execution(execution) => return execution.end + POLLER_TAIL_US,
        Doing::Request(request) => (&request.invocation, work.start + request.latency_us),
        Doing::Delivery(delivery) => {
            let invocation = &delivery.invocation;
            (invocation, invocation.end() + ATTEMPT_TAIL_US)
        }
    };
    consumers_end(invocation).map_or(end, |consumers| end.max(consumers))
}

/// When the last of the asynchronous consumers of an invocation ends.
fn consumers_end(invocation: &Invocation) -> Option<Micros> {
    let consumers = invocation
        .calls
        .iter()
        .filter_map(|call| match &call.target {
            Target::AsyncFunction(consumer) => Some(consumer.end() + ATTEMPT_TAIL_US),
            _ => None,
        });
    consumers.max()
}

/// How much longer an asynchronous attempt takes than its handler.
pub(crate) const ATTEMPT_TAIL_US: i64 = 9_000;

/// When Lambda's segment of a batch ends after its handler.
const POLLER_TAIL_US: i64 = 4_000;

/// Rounded to the millisecond, as API Gateway and Lambda's front end record times.
pub(crate) fn to_millisecond(at: Micros) -> Micros {
    (at + 500).div_euclid(1_000) * 1_000
}

fn lambda_segment(
    invocation: &Invocation,
    estate: &Estate,
    ids: &mut Ids,
    parent: Option<u64>,
    end: Micros,
) -> Segment {
    let function = estate.function(invocation.function);
    let flags = if invocation.throttled {
        Some(Flags {
            error: true,
            throttle: true,
            fault: false,
            explicit: false,
        })
    } else {
        // Lambda's own segment calls the function's failure an error, and its status 200.
        invocation.error.then_some(Flags {
            explicit: true,
            ..Flags::ERROR
        })
    };
    Segment {
        id: ids.span(),
        parent,
        name: function.name.to_owned(),
        origin: Some("AWS::Lambda"),
        start: to_millisecond(invocation.start),
        end: Some(to_millisecond(end)),
        flags,
        http: Some(Http {
            status: if invocation.throttled { 429 } else { 200 },
            ..Http::default()
        }),
        aws: Some(json!({ "request_id": ids.uuid() })),
        resource_arn: Some(function.arn.clone()),
        ..Segment::default()
    }
}

/// The cause of an unhandled error, as the X-Ray SDK notes it.
pub(crate) fn cause(id: u64, kind: &str, message: &str, remote: bool) -> Value {
    json!({
        "working_directory": "/var/task",
        "exceptions": [{
            "id": format!("{id:016x}"),
            "message": message,
            "type": kind,
            "remote": remote,
            "stack": [{ "path": "/var/task/handler", "line": 48, "label": "handle" }],
        }],
    })
}
