//! What starts functions besides APIs and buckets: queues, streams, schedules, state machines.

use serde_json::{Value, json};

use super::{Estate, Tag};
use crate::model::{FunctionId, TableId};

/// Index into [`Estate::queues`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub u16);

/// Index into [`Estate::state_machines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MachineId(pub u16);

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Name.
    pub name: &'static str,
    /// ARN.
    pub arn: String,
    /// URL, as the SDKs know it.
    pub url: String,
    /// Tags.
    pub tags: &'static [Tag],
}

/// What an event source mapping reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A queue.
    Queue(QueueId),
    /// The stream of a table.
    Stream(TableId),
}

/// An event source mapping of Lambda.
#[derive(Debug, Clone)]
pub struct EventSource {
    /// A UUID.
    pub uuid: &'static str,
    /// What it reads from.
    pub source: Source,
    /// The function that gets the batches.
    pub function: FunctionId,
    /// Most records of a batch.
    pub batch_size: u32,
    /// Seconds that a batch may wait to fill.
    pub window_s: u32,
}

/// An EventBridge schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Name.
    pub name: &'static str,
    /// Minutes between two runs.
    pub every_min: u32,
    /// What it starts.
    pub target: Target,
}

/// What a schedule starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A function, asynchronously.
    Function(FunctionId),
    /// An execution of a state machine.
    Machine(MachineId),
}

/// A state machine of Step Functions: a chain of tasks, then the end.
#[derive(Debug, Clone)]
pub struct StateMachine {
    /// Name.
    pub name: &'static str,
    /// ARN.
    pub arn: String,
    /// An express workflow; else a standard one.
    pub express: bool,
    /// X-Ray tracing is on.
    pub tracing: bool,
    /// Its tasks in order.
    pub tasks: &'static [Task],
    /// Tags.
    pub tags: &'static [Tag],
}

/// A state that invokes a function and waits for its answer.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name of the state.
    pub state: &'static str,
    /// What it invokes.
    pub function: FunctionId,
    /// By the integration `lambda:invoke`; else by the function's ARN as the resource.
    pub integration: bool,
}

/// The state in which every machine ends.
pub const LAST_STATE: &str = "Done";

impl StateMachine {
    /// Where it logs.
    pub fn log_group(&self) -> String {
        format!("/aws/vendedlogs/states/{}-Logs", self.name)
    }

    /// Its definition in Amazon States Language.
    pub fn definition(&self, estate: &Estate) -> Value {
        let mut states = serde_json::Map::new();
        for (at, task) in self.tasks.iter().enumerate() {
            let function = estate.function(task.function);
            let next = self.tasks.get(at + 1).map_or(LAST_STATE, |next| next.state);
            let state = if task.integration {
                json!({
                    "Type": "Task",
                    "Resource": "arn:aws:states:::lambda:invoke",
                    "Parameters": { "FunctionName": function.arn, "Payload.$": "$" },
                    "OutputPath": "$.Payload",
                    "Next": next,
                })
            } else {
                json!({ "Type": "Task", "Resource": function.arn, "Next": next })
            };
            states.insert(task.state.to_owned(), state);
        }
        states.insert(LAST_STATE.to_owned(), json!({ "Type": "Succeed" }));
        json!({
            "Comment": self.name,
            "StartAt": self.tasks.first().map_or(LAST_STATE, |task| task.state),
            "States": states,
        })
    }
}

impl Estate {
    /// The ARN that an event source mapping reads from.
    pub fn source_arn(&self, source: Source) -> String {
        match source {
            Source::Queue(queue) => self.queues[usize::from(queue.0)].arn.clone(),
            Source::Stream(table) => {
                let table = self.table(table);
                table.stream_arn().unwrap_or_else(|| table.arn.clone())
            }
        }
    }

    /// A state machine by its id.
    pub fn machine(&self, id: MachineId) -> &StateMachine {
        &self.state_machines[usize::from(id.0)]
    }
}
