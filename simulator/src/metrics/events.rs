//! What happens in a piece of work, each part at its own time. Metrics and the bill both count
//! these, so that they agree: an invocation counts in the minute in which it started.

use crate::model::{Call, Delivery, Doing, Execution, Invocation, Micros, Request, Target, Work};

/// A part of a piece of work.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// API Gateway took the request.
    Request(&'a Request),
    /// Lambda took an event or a batch of them.
    Delivery(&'a Delivery),
    /// An execution of a state machine started.
    Execution(&'a Execution),
    /// An execution of a state machine ended.
    ExecutionEnd(&'a Execution),
    /// A function was invoked: by what started the work, or asynchronously on its behalf.
    Invocation(&'a Invocation),
    /// A function called another service.
    Call(&'a Call),
}

/// Tells every part of the work with its time; its start first.
pub fn visit<'a>(work: &'a Work, tell: &mut impl FnMut(Micros, Event<'a>)) {
    match &work.doing {
        Doing::Request(request) => {
            tell(work.start, Event::Request(request));
            visit_invocation(&request.invocation, tell);
        }
        Doing::Delivery(delivery) => {
            tell(work.start, Event::Delivery(delivery));
            visit_invocation(&delivery.invocation, tell);
        }
        Doing::Execution(execution) => {
            tell(work.start, Event::Execution(execution));
            for task in &execution.tasks {
                visit_invocation(&task.invocation, tell);
            }
            tell(execution.end, Event::ExecutionEnd(execution));
        }
    }
}

fn visit_invocation<'a>(invocation: &'a Invocation, tell: &mut impl FnMut(Micros, Event<'a>)) {
    tell(invocation.start, Event::Invocation(invocation));
    for call in &invocation.calls {
        tell(call.start, Event::Call(call));
        if let Target::AsyncFunction(consumer) = &call.target {
            visit_invocation(consumer, tell);
        }
    }
}
