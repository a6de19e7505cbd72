//! Lambda: per function. Reference: "Types of metrics for Lambda functions" in AWS Lambda's developer
//! guide. A point's time is the start of its invocation.

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{COUNT, LATENCY, MAXIMUM, MILLISECONDS, Metric, Of, SUM, Series};
use crate::source::System;

const FUNCTION: &[Metric] = &[
    ("Invocations", COUNT, SUM),
    ("Errors", COUNT, SUM),
    ("Throttles", COUNT, SUM),
    ("Duration", MILLISECONDS, LATENCY),
    ("ConcurrentExecutions", COUNT, MAXIMUM),
];

fn function(name: &str) -> Of {
    Of {
        system: System::Lambda,
        dimensions: vec![("FunctionName", name.to_owned())],
        resource: name.to_owned(),
        stage: None,
        route: None,
        operation: None,
    }
}

/// What every function has.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    resources
        .iter()
        .filter(|resource| resource.kind == "function")
        .flat_map(|resource| function(&resource.name).all(FUNCTION).collect::<Vec<_>>())
        .collect()
}

/// The series that a listed metric is.
pub(super) fn listed(listed: &Listed) -> Option<Series> {
    let [name] = listed.exactly(["FunctionName"])?;
    function(name).listed(FUNCTION, listed)
}
