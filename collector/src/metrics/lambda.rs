//! Lambda: per function, per alias or version with provisioned concurrency, and per event source
//! mapping that counts its events.
//!
//! Reference: "Types of metrics for Lambda functions" in AWS Lambda's developer guide. A point's time is
//! the start of its invocation. What only some functions have (asynchronous events, a URL, a stream)
//! is known from the list of metrics alone.

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{COUNT, Dimension, LATENCY, MAXIMUM, MILLISECONDS, Metric, Of, SUM, Series};
use crate::source::System;

const FUNCTION: &[Metric] = &[
    ("Invocations", COUNT, SUM),
    ("Errors", COUNT, SUM),
    ("Throttles", COUNT, SUM),
    ("Duration", MILLISECONDS, LATENCY),
    ("ConcurrentExecutions", COUNT, MAXIMUM),
];

/// Of functions that are invoked asynchronously, by a stream or by their URL.
const SOME_FUNCTIONS: &[Metric] = &[
    ("AsyncEventsReceived", COUNT, SUM),
    ("AsyncEventsDropped", COUNT, SUM),
    ("AsyncEventAge", MILLISECONDS, LATENCY),
    ("DeadLetterErrors", COUNT, SUM),
    ("DestinationDeliveryFailures", COUNT, SUM),
    ("RecursiveInvocationsDropped", COUNT, SUM),
    ("IteratorAge", MILLISECONDS, MAXIMUM),
    ("OffsetLag", COUNT, MAXIMUM),
    ("UrlRequestCount", COUNT, SUM),
    ("UrlRequestLatency", MILLISECONDS, LATENCY),
];

/// Namespace of Lambda Insights, an extension that some functions have.
pub(super) const INSIGHTS: &str = "LambdaInsights";
/// There is one of each initialisation and none of a warm start, so its number of samples is the
/// number of cold starts. Reference: "Metrics collected by Lambda Insights" in CloudWatch's user guide.
pub(super) const INIT_DURATION: Metric = ("init_duration", MILLISECONDS, LATENCY);

/// Of an alias or version with provisioned concurrency.
const PROVISIONED: &[Metric] = &[
    ("ProvisionedConcurrentExecutions", COUNT, MAXIMUM),
    ("ProvisionedConcurrencyInvocations", COUNT, SUM),
    ("ProvisionedConcurrencySpilloverInvocations", COUNT, SUM),
    ("ProvisionedConcurrencyUtilization", "None", MAXIMUM),
];

/// Of an event source mapping.
const MAPPING: &[Metric] = &[
    ("PolledEventCount", COUNT, SUM),
    ("FilteredOutEventCount", COUNT, SUM),
    ("InvokedEventCount", COUNT, SUM),
    ("FailedInvokeEventCount", COUNT, SUM),
    ("DroppedEventCount", COUNT, SUM),
    ("DeletedEventCount", COUNT, SUM),
    ("CommittedEventCount", COUNT, SUM),
    ("OnFailureDestinationDeliveredEventCount", COUNT, SUM),
    ("MaxOffsetLag", COUNT, MAXIMUM),
    ("SumOffsetLag", COUNT, MAXIMUM),
    ("ProvisionedPollers", COUNT, MAXIMUM),
];

fn of(resource: &str, stage: Option<&str>, dimensions: Vec<Dimension>) -> Of {
    Of {
        system: System::Lambda,
        dimensions,
        resource: resource.to_owned(),
        stage: stage.map(str::to_owned),
        route: None,
        operation: None,
    }
}

fn function(name: &str) -> Of {
    of(name, None, vec![("FunctionName", name.to_owned())])
}

/// What every function has.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    resources
        .iter()
        .filter(|resource| resource.kind == "function")
        .flat_map(|resource| function(&resource.name).all(FUNCTION).collect::<Vec<_>>())
        .collect()
}

/// The series that a listed metric is. Invocations by alias or version would count again what the
/// function counts; mappings stand under their own id.
pub(super) fn listed(listed: &Listed) -> Option<Series> {
    if let Some([name]) = listed.exactly(["FunctionName"]) {
        let of = function(name);
        return of
            .listed(FUNCTION, listed)
            .or_else(|| of.listed(SOME_FUNCTIONS, listed));
    }
    if let Some([id]) = listed.exactly(["EventSourceMappingUUID"]) {
        let dimensions = vec![("EventSourceMappingUUID", id.to_owned())];
        return of(id, None, dimensions).listed(MAPPING, listed);
    }
    let [name, part] = listed.exactly(["FunctionName", "Resource"])?;
    let (_, qualifier) = part.split_once(':')?;
    let dimensions = vec![
        ("FunctionName", name.to_owned()),
        ("Resource", part.to_owned()),
    ];
    of(name, Some(qualifier), dimensions).listed(PROVISIONED, listed)
}

/// The series that a listed metric of Lambda Insights is.
pub(super) fn insights(listed: &Listed) -> Option<Series> {
    let [name] = listed.exactly(["function_name"])?;
    let dimensions = vec![("function_name", name.to_owned())];
    of(name, None, dimensions).listed(&[INIT_DURATION], listed)
}

#[cfg(test)]
mod tests {
    use super::super::series::samples;
    use super::*;

    #[test]
    fn provisioned_concurrency_is_of_the_alias() {
        let alias = [("FunctionName", "search"), ("Resource", "search:live")];
        let of_alias = |metric| listed(&samples::listed(metric, &alias));
        let spilled = of_alias("ProvisionedConcurrencySpilloverInvocations").unwrap();
        assert_eq!(
            (spilled.resource.as_str(), spilled.stage.as_deref()),
            ("search", Some("live"))
        );
        assert_eq!(of_alias("Invocations"), None, "would count again");
        let unqualified = [("FunctionName", "search"), ("Resource", "search")];
        let metric = samples::listed("ProvisionedConcurrencyInvocations", &unqualified);
        assert_eq!(listed(&metric), None);
    }

    #[test]
    fn what_few_functions_have_is_collected_where_it_is_listed() {
        let age = samples::listed("IteratorAge", &[("FunctionName", "projector")]);
        assert_eq!(listed(&age).unwrap().statistics, MAXIMUM);
        assert!(
            known(&[samples::resource("function", "projector", &[])])
                .iter()
                .all(|series| series.metric != "IteratorAge")
        );
    }

    #[test]
    fn lambda_insights_tells_initialisations_in_a_namespace_of_its_own() {
        let listed = |metric| samples::listed(metric, &[("function_name", "search")]);
        let init = insights(&listed("init_duration")).unwrap();
        assert_eq!(
            (init.namespace(), init.resource.as_str()),
            (INSIGHTS, "search")
        );
        assert_eq!(insights(&listed("memory_utilization")), None);
    }

    #[test]
    fn a_mapping_stands_under_its_id() {
        let polled = samples::listed(
            "PolledEventCount",
            &[("EventSourceMappingUUID", "0f1e-2d3c")],
        );
        assert_eq!(listed(&polled).unwrap().resource, "0f1e-2d3c");
    }
}
