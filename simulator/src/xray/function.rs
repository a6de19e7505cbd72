//! What happens inside a function: its segment, its calls and what they reach.
//!
//! Three generations of Lambda's instrumentation are in use, one a runtime: with `Invocation`
//! (most), without it (compiled runtimes, where the calls lie directly in the function's segment),
//! and the newer one without `Invocation` and with its timings as annotations.

use serde_json::{Value, json};

use crate::estate::Estate;
use crate::model::{Invocation, Micros, Target};
use crate::xray::call::failure;
use crate::xray::ids::{Ids, mix};
use crate::xray::segment::{Flags, Http, Segment};
use crate::xray::trace::{ATTEMPT_TAIL_US, Oddities, cause, to_millisecond};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `Initialization`, `Invocation`, `Overhead`.
    Classic,
    /// `Initialization` only.
    Compiled,
    /// `Init`, `Overhead` and annotations `aws:…`.
    New,
}

impl Style {
    fn of(runtime: &str) -> Style {
        match runtime {
            "provided.al2023" => Style::Compiled,
            "python3.13" => Style::New,
            _ => Style::Classic,
        }
    }
}

/// An asynchronous call of Lambda.
pub(crate) struct Accepted {
    /// When Lambda took it.
    pub(crate) at: Micros,
    /// When the caller had its answer, 202.
    pub(crate) answered: Micros,
    /// The subsegment that called, where the caller is traced.
    pub(crate) parent: Option<u64>,
}

/// Records the functions of one trace.
pub(crate) struct Function<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) odd: Oddities,
    pub(crate) seed: u64,
}

impl Function<'_> {
    /// Adds the function's segment and all that follows from it. `until` is when the
    /// `AWS::Lambda` segment or the attempt around it ends.
    pub(crate) fn record(
        &self,
        invocation: &Invocation,
        parent: u64,
        until: Micros,
        ids: &mut Ids,
        segments: &mut Vec<Segment>,
    ) {
        let function = self.estate.function(invocation.function);
        let style = Style::of(function.runtime);
        let (start, end) = (invocation.handler_start(), invocation.end());
        let tail = (until - end).max(0);
        let own = json!({ "function_arn": function.arn });
        let sub = |id, name: &str, start, end| Segment {
            id,
            name: name.to_owned(),
            start,
            end: Some(end),
            aws: Some(own.clone()),
            ..Segment::default()
        };

        let mut subsegments = Vec::new();
        if let Some((init_start, init_end)) = self.initialisation(invocation) {
            let name = match style {
                _ if function.snap_start => "Restore",
                Style::New => "Init",
                Style::Classic | Style::Compiled => "Initialization",
            };
            subsegments.push(sub(ids.span(), name, init_start, init_end));
        }
        let at = segments.len();
        let (calls, failed) = self.calls(invocation, ids, segments);
        let failure = invocation.error.then(|| {
            let (kind, message) =
                failed.unwrap_or(("Runtime.UnhandledError", "unhandled error in the handler"));
            cause(ids.span(), kind, message, false)
        });
        if style == Style::Classic {
            let mut invoked = sub(
                ids.span(),
                "Invocation",
                start + (invocation.duration_us / 50).min(50),
                end,
            );
            invoked.flags = invocation.error.then_some(Flags::FAULT);
            invoked.cause = failure.clone();
            invoked.subsegments = calls;
            subsegments.push(invoked);
        } else {
            subsegments.extend(calls);
        }
        if style != Style::Compiled {
            subsegments.push(sub(
                ids.span(),
                "Overhead",
                end + tail / 8,
                end + tail * 5 / 8,
            ));
        }
        // The order of siblings means nothing, and real documents keep none.
        if mix(self.seed) & 1 == 1 {
            subsegments.reverse();
        }
        let logs = json!([{
            "log_group": function.log_group(),
            "arn": format!("arn:aws:logs:{}:{}:log-group:{}", self.estate.region, self.estate.account_id, function.log_group()),
        }]);
        let segment = Segment {
            id: ids.span(),
            parent: Some(parent),
            name: function.name.to_owned(),
            origin: Some("AWS::Lambda::Function"),
            start,
            end: Some(end + tail * 6 / 8),
            flags: invocation.error.then_some(Flags::FAULT),
            aws: Some(match style {
                Style::New => json!({ "cloudwatch_logs": logs }),
                _ => json!({
                    "account_id": self.estate.account_id,
                    "function_arn": function.arn,
                    "resource_names": [function.name],
                    "cloudwatch_logs": logs,
                }),
            }),
            annotations: (style == Style::New).then(|| new_annotations(invocation, tail)),
            cause: failure.filter(|_| style != Style::Classic),
            subsegments,
            ..Segment::default()
        };
        segments.insert(at, segment);
    }

    /// The initialisation that this invocation waited for, or one from long before.
    fn initialisation(&self, invocation: &Invocation) -> Option<(Micros, Micros)> {
        let start = invocation.handler_start();
        let bits = mix(self.seed ^ 0x1417);
        match invocation.init_us {
            Some(length) => {
                // It ends a little before the function's segment starts.
                let gap = (1_000 + (bits % 8_000) as i64).min(invocation.placement_us / 4);
                Some((start - gap - length, start - gap))
            }
            None if self.odd.proactive => {
                let ago = 30_000_000 + (bits % 7_200_000_000) as i64;
                Some((start - ago - 400_000, start - ago))
            }
            None => None,
        }
    }

    /// The subsegments of the handler's calls, and the kind and message of one that failed; adds
    /// the segments that the calls reach.
    fn calls(
        &self,
        invocation: &Invocation,
        ids: &mut Ids,
        segments: &mut Vec<Segment>,
    ) -> (Vec<Segment>, Option<(&'static str, &'static str)>) {
        let mut failed = None;
        let mut subsegments = Vec::with_capacity(invocation.calls.len());
        let last = invocation.calls.len().saturating_sub(1);
        for (index, call) in invocation.calls.iter().enumerate() {
            let (mut subsegment, origin) = self.call(call, ids);
            if call.failed {
                let (flags, kind, message) = failure(call);
                subsegment.flags = Some(flags);
                subsegment.cause = Some(cause(ids.span(), kind, message, true));
                failed = Some((kind, message));
            }
            if invocation.error && self.odd.in_progress && index == last {
                // The environment ended before the SDK could close it.
                subsegment.end = None;
                subsegment.http = None;
            } else if let Some(origin) = origin {
                segments.push(inferred(&subsegment, origin, ids.span()));
            }
            if let Target::AsyncFunction(consumer) = &call.target {
                let accepted = Accepted {
                    at: call.start + call.duration_us / 2,
                    answered: call.start + call.duration_us * 3 / 4,
                    parent: Some(subsegment.id),
                };
                self.consumer(&accepted, consumer, ids, segments);
            }
            subsegments.push(subsegment);
        }
        (subsegments, failed)
    }

    /// The consumer of an asynchronous invocation: a short `AWS::Lambda` segment whose attempt
    /// outlives it.
    pub(crate) fn consumer(
        &self,
        call: &Accepted,
        consumer: &Invocation,
        ids: &mut Ids,
        segments: &mut Vec<Segment>,
    ) {
        let function = self.estate.function(consumer.function);
        let accepted = to_millisecond(call.at);
        let attempt_start = to_millisecond(consumer.start).max(accepted);
        let attempt_end = to_millisecond(consumer.end() + ATTEMPT_TAIL_US);
        let attempt = Segment {
            id: ids.span(),
            name: "Attempt #1".to_owned(),
            start: attempt_start,
            end: Some(attempt_end),
            flags: consumer.error.then_some(Flags::FAULT),
            http: Some(Http {
                status: 200,
                ..Http::default()
            }),
            ..Segment::default()
        };
        let dwell = Segment {
            id: ids.span(),
            name: "Dwell Time".to_owned(),
            start: accepted,
            end: (!self.odd.in_progress).then_some(attempt_start),
            ..Segment::default()
        };
        let attempt_id = attempt.id;
        segments.push(Segment {
            id: ids.span(),
            parent: call.parent,
            name: function.name.to_owned(),
            origin: Some("AWS::Lambda"),
            start: accepted,
            end: Some(to_millisecond(call.answered).max(accepted)),
            flags: consumer.error.then_some(Flags {
                explicit: true,
                ..Flags::ERROR
            }),
            http: Some(Http {
                status: 202,
                ..Http::default()
            }),
            aws: Some(json!({ "request_id": ids.uuid() })),
            resource_arn: Some(function.arn.clone()),
            subsegments: vec![dwell, attempt],
            ..Segment::default()
        });
        self.record(consumer, attempt_id, attempt_end, ids, segments);
    }
}

/// X-Ray infers the called resource's segment from the caller's subsegment: a copy of it, as a
/// child of it.
fn inferred(subsegment: &Segment, origin: &'static str, id: u64) -> Segment {
    Segment {
        id,
        parent: Some(subsegment.id),
        name: subsegment.name.clone(),
        origin: Some(origin),
        start: subsegment.start,
        end: subsegment.end,
        inferred: true,
        flags: subsegment.flags,
        http: subsegment.http.clone(),
        aws: subsegment.aws.clone(),
        cause: subsegment
            .cause
            .as_ref()
            .map(|cause| json!({ "message": cause["exceptions"][0]["message"] })),
        ..Segment::default()
    }
}

fn new_annotations(invocation: &Invocation, tail: i64) -> Value {
    let ms = |us: i64| us as f64 / 1e3;
    json!({
        "aws:responseLatency": ms(invocation.duration_us * 97 / 100),
        "aws:responseDuration": ms(invocation.duration_us - invocation.duration_us * 97 / 100),
        "aws:runtimeOverhead": ms(tail / 2),
        "aws:extensionOverhead": 0.0,
    })
}
