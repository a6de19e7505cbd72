//! Step Functions: executions per state machine.
//!
//! Reference: "Step Functions metrics" in AWS Step Functions' developer guide. `ExecutionsStarted` is
//! emitted twice, 1 and then 0, so its number of samples means nothing and its sum is the number.
//! What a standard machine is billed for, its transitions, no metric tells; an express one is billed
//! by `ExpressExecutionBilledDuration` and its memory.

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{BYTES, COUNT, LATENCY, MILLISECONDS, Metric, Of, SUM, Series};
use crate::source::System;

const MACHINE: &[Metric] = &[
    ("ExecutionsStarted", COUNT, SUM),
    ("ExecutionsSucceeded", COUNT, SUM),
    ("ExecutionsFailed", COUNT, SUM),
    ("ExecutionsTimedOut", COUNT, SUM),
    ("ExecutionsAborted", COUNT, SUM),
    ("ExecutionThrottled", COUNT, SUM),
    ("ExecutionTime", MILLISECONDS, LATENCY),
];

/// Of express machines.
const EXPRESS: &[Metric] = &[
    ("ExpressExecutionBilledDuration", MILLISECONDS, SUM),
    ("ExpressExecutionBilledMemory", BYTES, SUM),
];

fn machine(arn: &str) -> Of {
    let name = arn.rsplit(':').next().unwrap_or(arn);
    Of {
        system: System::StepFunctions,
        dimensions: vec![("StateMachineArn", arn.to_owned())],
        resource: name.to_owned(),
        stage: None,
        route: None,
        operation: None,
    }
}

/// What every state machine has.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    let mut series = Vec::new();
    for resource in resources.iter().filter(|r| r.kind == "state-machine") {
        let of = machine(&resource.arn);
        series.extend(of.all(MACHINE));
        if resource
            .configuration
            .get("type")
            .is_some_and(|kind| kind == "EXPRESS")
        {
            series.extend(of.all(EXPRESS));
        }
    }
    series
}

/// The series that a listed metric is.
pub(super) fn listed(listed: &Listed) -> Option<Series> {
    let [arn] = listed.exactly(["StateMachineArn"])?;
    let of = machine(arn);
    of.listed(MACHINE, listed)
        .or_else(|| of.listed(EXPRESS, listed))
}

#[cfg(test)]
mod tests {
    use super::super::series::samples;
    use super::*;

    const ARN: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:order-fulfilment";

    #[test]
    fn a_machine_goes_by_its_name_and_what_started_by_its_sum() {
        let dimensions = [("StateMachineArn", ARN)];
        let series = listed(&samples::listed("ExecutionsStarted", &dimensions)).unwrap();
        assert_eq!(series.resource, "order-fulfilment");
        assert_eq!(series.statistics, SUM);
    }

    #[test]
    fn versions_and_aliases_would_count_again() {
        let dimensions = [("StateMachineArn", ARN), ("Alias", "live")];
        assert_eq!(
            listed(&samples::listed("ExecutionsStarted", &dimensions)),
            None
        );
    }

    #[test]
    fn only_an_express_machine_has_billed_durations() {
        let known_of = |kind: &str| {
            let mut resource =
                samples::resource("state-machine", "order-fulfilment", &[("type", kind)]);
            resource.arn = ARN.into();
            known(&[resource]).len()
        };
        assert_eq!(known_of("STANDARD"), MACHINE.len());
        assert_eq!(known_of("EXPRESS"), MACHINE.len() + EXPRESS.len());
    }
}
