//! What kind of waiting a span's own time is.

use super::Step;

pub(super) fn is_function(step: &Step) -> bool {
    step.segment && step.origin.as_deref() == Some("AWS::Lambda::Function")
}

/// `Initialization` (newer: `Init`; SnapStart: `Restore`) of a function's segment.
pub(super) fn is_initialisation(step: &Step) -> bool {
    !step.segment && matches!(step.name.as_str(), "Initialization" | "Init" | "Restore")
}

/// A part of an asynchronous invocation.
pub(super) fn is_queued(step: &Step) -> bool {
    !step.segment && (step.name == "Dwell Time" || is_attempt(step))
}

fn is_attempt(step: &Step) -> bool {
    !step.segment && step.name.starts_with("Attempt #")
}

/// A call to another service or to somewhere else.
fn is_call(step: &Step) -> bool {
    !step.segment && step.namespace.is_some()
}

/// Which part of a trace a span is in.
#[derive(Debug, Clone)]
pub(super) struct Place {
    within: Within,
    /// Of the segment.
    label: String,
    /// Of the call, where it is in one.
    call: Option<String>,
}

/// What the segment is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Within {
    Gateway,
    /// Lambda, which places a function's environment, initialises it and runs it.
    Lambda,
    Function,
    StateMachine,
    Other,
}

impl Place {
    /// Where a path begins.
    pub(super) fn start(step: &Step) -> Place {
        let within = match step.origin.as_deref() {
            Some("AWS::ApiGateway::Stage") => Within::Gateway,
            Some("AWS::Lambda") => Within::Lambda,
            Some("AWS::Lambda::Function") => Within::Function,
            Some("AWS::StepFunctions::StateMachine") => Within::StateMachine,
            _ => Within::Other,
        };
        Place {
            within,
            label: step.label.clone(),
            call: is_call(step).then(|| step.label.clone()),
        }
    }

    /// The place of a child.
    pub(super) fn below(&self, child: &Step) -> Place {
        if child.segment {
            return Place::start(child);
        }
        let mut place = self.clone();
        // A gateway's call is how it reaches what serves the route.
        if place.call.is_none() && place.within != Within::Gateway && is_call(child) {
            place.call = Some(child.label.clone());
        }
        place
    }

    /// What the time is shown as.
    pub(super) fn part<'a>(&'a self, step: &'a Step) -> &'a str {
        if let Some(call) = &self.call {
            return call;
        }
        let of_segment = step.segment
            || self.within == Within::Gateway
            || is_initialisation(step)
            || is_queued(step)
            || matches!(step.name.as_str(), "Invocation" | "Overhead");
        if of_segment { &self.label } else { &step.label }
    }

    /// The kinds of a span's own times, more than zero microseconds each. `queued` tells that Lambda kept
    /// an event to attempt it afterwards, `function` when the function began that an invocation waited for.
    ///
    /// - `gateway`: API Gateway, and its way to what serves the route
    /// - `placement`: Lambda found or made an environment, code download included
    /// - `init`: the function was initialised
    /// - `handler`: the function ran and waited for nothing else
    /// - `call`: it waited for another service, or whatever calls it waited there
    /// - `overhead`: the runtime and Lambda, after the handler
    /// - `function`: placement and handler, where the function's segment is missing
    /// - `waiting`: an event waited for its invocation, or for another attempt
    /// - `state machine`: a state machine's states, without what they call
    /// - `other`: any other service's segment
    pub(super) fn kinds(
        &self,
        step: &Step,
        queued: bool,
        function: Option<i64>,
        own: &[(i64, i64)],
    ) -> Vec<(&'static str, i64)> {
        let sum = |holds: &dyn Fn(i64) -> bool| -> i64 {
            let own = own.iter().filter(|(_, to)| holds(*to));
            own.map(|(from, to)| to - from).sum()
        };
        let all = sum(&|_| true);
        let invokes = self.within == Within::Lambda && (step.segment || is_attempt(step));
        let kinds = match (self.within, function) {
            _ if self.call.is_some() => vec![("call", all)],
            _ if is_initialisation(step) => vec![("init", all)],
            (Within::Gateway, _) => vec![("gateway", all)],
            (Within::Lambda, Some(began)) if invokes => vec![
                ("placement", sum(&|to| to <= began)),
                ("overhead", sum(&|to| to > began)),
            ],
            (Within::Lambda, None) if invokes && !queued => vec![("function", all)],
            (Within::Lambda, _) => vec![("waiting", all)],
            (Within::Function, _) if step.name == "Overhead" => vec![("overhead", all)],
            (Within::Function, _) => vec![("handler", all)],
            (Within::StateMachine, _) => vec![("state machine", all)],
            (Within::Other, _) => vec![("other", all)],
        };
        kinds.into_iter().filter(|(_, us)| *us > 0).collect()
    }
}
