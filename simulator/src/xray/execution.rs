//! The trace of an execution: the state machine's segment with a subsegment for each state, and what
//! its tasks invoke.

use serde_json::{Value, json};

use crate::{
    estate::LAST_STATE,
    model::{Execution, TaskRun},
    xray::{
        segment::{Flags, Http, Segment},
        trace::{Recording, Trace, to_millisecond},
    },
};

impl Recording<'_> {
    /// Step Functions samples by itself: the root is the state machine.
    pub(super) fn execution(mut self, execution: &Execution) -> Trace {
        let machine = self.estate.machine(execution.machine);
        let mut states = Vec::new();
        let mut calls = Vec::new();
        for (run, task) in execution.tasks.iter().zip(machine.tasks) {
            let (state, call) = self.state(run, task.state);
            calls.push(call);
            states.push(state);
        }
        if !execution.failed {
            states.push(Segment {
                id: self.ids.span(),
                name: LAST_STATE.to_owned(),
                start: to_millisecond(execution.end),
                end: Some(to_millisecond(execution.end)),
                cause: Some(json!({})),
                ..Segment::default()
            });
        }
        let run = if machine.express {
            format!("{}:{}", self.ids.uuid(), self.ids.uuid())
        } else {
            self.ids.uuid()
        };
        let arn = format!(
            "arn:aws:states:{}:{}:{}:{}:{run}",
            self.estate.region,
            self.estate.account_id,
            if machine.express {
                "express"
            } else {
                "execution"
            },
            machine.name
        );
        let segment = Segment {
            id: self.ids.span(),
            name: machine.name.to_owned(),
            origin: Some("AWS::StepFunctions::StateMachine"),
            start: to_millisecond(self.work.start),
            end: Some(to_millisecond(execution.end)),
            flags: execution.failed.then_some(Flags::FAULT),
            aws: Some(json!({ "resource_arn": arn })),
            resource_arn: Some(machine.arn.clone()),
            cause: Some(cause(execution.failed)),
            subsegments: states,
            ..Segment::default()
        };
        self.segments.push(segment);
        for (run, call) in execution.tasks.iter().zip(calls) {
            let end = run.invocation.end() + (run.end - run.invocation.end()) / 2;
            self.synchronous(&run.invocation, Some(call), end);
        }
        self.finish()
    }

    /// The subsegment of a state, and the id of the one in it that invokes the function.
    fn state(&mut self, run: &TaskRun, name: &str) -> (Segment, u64) {
        let function = self.estate.function(run.invocation.function);
        let failed = run.invocation.error;
        let call = Segment {
            id: self.ids.span(),
            name: "Lambda".to_owned(),
            start: to_millisecond(run.invocation.start - 2_000),
            end: Some(to_millisecond(run.end)),
            http: Some(Http {
                request: None,
                status: 200,
                content_length: Some(40 + self.ids.below(900)),
            }),
            aws: Some(json!({
                "retries": 0,
                "log_type": "Tail",
                "status_code": 200,
                "account_id": self.estate.account_id,
                "function_name": function.arn,
                "invocation_type": "RequestResponse",
                "region": self.estate.region,
                "operation": "Invoke",
                "request_id": self.ids.uuid(),
                "resource_names": [function.name],
            })),
            namespace: Some("aws"),
            cause: Some(json!({})),
            ..Segment::default()
        };
        let id = call.id;
        let state = Segment {
            id: self.ids.span(),
            name: name.to_owned(),
            start: to_millisecond(run.start),
            end: Some(to_millisecond(run.end)),
            flags: failed.then_some(Flags::FAULT),
            cause: Some(cause(failed)),
            subsegments: vec![call],
            ..Segment::default()
        };
        (state, id)
    }
}

/// Empty where nothing went wrong, as real documents have it.
fn cause(failed: bool) -> Value {
    if failed {
        json!({ "message": "States.TaskFailed" })
    } else {
        json!({})
    }
}
