//! DynamoDB: consumed units and throttles per table and index; latency, requests and errors per table
//! and operation.
//!
//! Reference: "DynamoDB metrics and dimensions" in Amazon DynamoDB's developer guide. Of consumed
//! units only the sum means something: zeros are emitted beside them. The number of samples of
//! `SuccessfulRequestLatency` is the number of requests that succeeded, which nothing else tells.
//! Which operations a table has is known from the list of metrics alone.

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{COUNT, Dimension, LATENCY, MILLISECONDS, Metric, Of, SUM, Series};
use crate::source::System;

/// Of a table without its indexes, or of an index.
const TABLE: &[Metric] = &[
    ("ConsumedReadCapacityUnits", COUNT, SUM),
    ("ConsumedWriteCapacityUnits", COUNT, SUM),
    ("ReadThrottleEvents", COUNT, SUM),
    ("WriteThrottleEvents", COUNT, SUM),
];

/// What the throttles of a table or an index come from; there are only those that happened.
const THROTTLE_REASONS: &[Metric] = &[
    ("ReadProvisionedThroughputThrottleEvents", COUNT, SUM),
    ("WriteProvisionedThroughputThrottleEvents", COUNT, SUM),
    ("ReadAccountLimitThrottleEvents", COUNT, SUM),
    ("WriteAccountLimitThrottleEvents", COUNT, SUM),
    ("ReadKeyRangeThroughputThrottleEvents", COUNT, SUM),
    ("WriteKeyRangeThroughputThrottleEvents", COUNT, SUM),
    ("ReadMaxOnDemandThroughputThrottleEvents", COUNT, SUM),
    ("WriteMaxOnDemandThroughputThrottleEvents", COUNT, SUM),
];

/// Of an operation on a table.
const OPERATION: &[Metric] = &[
    ("SuccessfulRequestLatency", MILLISECONDS, LATENCY),
    ("ThrottledRequests", COUNT, SUM),
    ("SystemErrors", COUNT, SUM),
];

fn of(resource: String, operation: Option<&str>, dimensions: Vec<Dimension>) -> Of {
    Of {
        system: System::DynamoDb,
        dimensions,
        resource,
        stage: None,
        route: None,
        operation: operation.map(str::to_owned),
    }
}

fn table(name: &str) -> Of {
    let dimensions = vec![("TableName", name.to_owned())];
    of(name.to_owned(), None, dimensions)
}

/// An index stands under its table, as in its ARN.
fn index(table: &str, name: &str) -> Of {
    let dimensions = vec![
        ("TableName", table.to_owned()),
        ("GlobalSecondaryIndexName", name.to_owned()),
    ];
    of(format!("{table}/index/{name}"), None, dimensions)
}

/// What tables and indexes have, apart from their operations.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    let of_resource = |resource: &Resource| match resource.kind.as_str() {
        "table" => Some(table(&resource.name)),
        "index" => {
            let (of, name) = resource.name.split_once("/index/")?;
            Some(index(of, name))
        }
        _ => None,
    };
    resources
        .iter()
        .filter_map(of_resource)
        .flat_map(|of| of.all(TABLE).collect::<Vec<_>>())
        .collect()
}

/// The series that a listed metric is.
pub(super) fn listed(listed: &Listed) -> Option<Series> {
    if let Some([table, operation]) = listed.exactly(["TableName", "Operation"]) {
        let dimensions = vec![
            ("TableName", table.to_owned()),
            ("Operation", operation.to_owned()),
        ];
        return of(table.to_owned(), Some(operation), dimensions).listed(OPERATION, listed);
    }
    let of = if let Some([name]) = listed.exactly(["TableName"]) {
        table(name)
    } else {
        let [of, name] = listed.exactly(["TableName", "GlobalSecondaryIndexName"])?;
        index(of, name)
    };
    of.listed(TABLE, listed)
        .or_else(|| of.listed(THROTTLE_REASONS, listed))
}

#[cfg(test)]
mod tests {
    use super::super::series::samples;
    use super::*;

    #[test]
    fn tables_and_indexes_have_units_and_throttles() {
        let known = known(&[
            samples::resource("table", "orders", &[]),
            samples::resource("index", "orders/index/by-customer", &[]),
            samples::resource("function", "orders", &[]),
        ]);
        assert_eq!(known.len(), 2 * TABLE.len());
        assert_eq!(known[4].resource, "orders/index/by-customer");
        let dimensions: Vec<&str> = known[4].dimensions.iter().map(|d| d.1.as_str()).collect();
        assert_eq!(dimensions, ["orders", "by-customer"]);
    }

    #[test]
    fn an_operation_is_told_by_its_dimension() {
        let dimensions = [("TableName", "orders"), ("Operation", "GetItem")];
        let series = listed(&samples::listed("SuccessfulRequestLatency", &dimensions)).unwrap();
        assert_eq!(
            (series.resource.as_str(), series.operation.as_deref()),
            ("orders", Some("GetItem"))
        );
        assert_eq!(series.statistics.len(), 5);
    }

    #[test]
    fn what_is_not_of_a_table_or_not_used_is_left_out() {
        let table = ("TableName", "orders");
        for (metric, dimensions) in [
            ("UserErrors", &[][..]),
            ("ReturnedItemCount", &[table, ("Operation", "Query")]),
            (
                "SuccessfulRequestLatency",
                &[table, ("Operation", "GetRecords"), ("StreamLabel", "x")],
            ),
            ("ProvisionedReadCapacityUnits", &[table]),
        ] {
            assert_eq!(listed(&samples::listed(metric, dimensions)), None);
        }
    }

    #[test]
    fn a_throttle_is_collected_by_its_reason_where_there_was_one() {
        let metric = "WriteKeyRangeThroughputThrottleEvents";
        let series = listed(&samples::listed(metric, &[("TableName", "orders")]));
        assert_eq!(series.unwrap().metric, metric);
    }
}
