//! What happens in a request, each part at its own time. Metrics and the bill both count these, so
//! that they agree: an invocation counts in the minute in which it started.

use crate::model::{Call, Invocation, Micros, Request};

/// A part of a request.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// API Gateway took the request.
    Request,
    /// A function was invoked: by the request, or asynchronously on its behalf.
    Invocation(&'a Invocation),
    /// A function called another service.
    Call(&'a Call),
}

/// Tells every part of the request with its time; the request itself first.
pub fn visit<'a>(request: &'a Request, tell: &mut impl FnMut(Micros, Event<'a>)) {
    tell(request.start, Event::Request);
    visit_invocation(&request.invocation, tell);
}

fn visit_invocation<'a>(invocation: &'a Invocation, tell: &mut impl FnMut(Micros, Event<'a>)) {
    tell(invocation.start, Event::Invocation(invocation));
    for call in &invocation.calls {
        tell(call.start, Event::Call(call));
        if let crate::model::Target::AsyncFunction(consumer) = &call.target {
            visit_invocation(consumer, tell);
        }
    }
}
