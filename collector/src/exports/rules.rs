//! What an export's words are in Cost Explorer's, so that a bill reads the same from every source.

use super::dialect::{Dialect, Field};
use super::row::Row;
use crate::cost::region_of;

/// Cost Explorer's SERVICE by `line_item_product_code`. Source: the reference's lists of both.
const SERVICES: &[(&str, &str)] = &[
    ("AWSLambda", "AWS Lambda"),
    ("AmazonApiGateway", "Amazon API Gateway"),
    ("AmazonS3", "Amazon Simple Storage Service"),
    ("AmazonDynamoDB", "Amazon DynamoDB"),
    ("AmazonStates", "AWS Step Functions"),
    ("AWSXRay", "AWS X-Ray"),
    ("AmazonCloudWatch", "AmazonCloudWatch"),
    ("AWSEvents", "CloudWatch Events"),
];

const EC2_COMPUTE: &str = "Amazon Elastic Compute Cloud - Compute";
const EC2_OTHER: &str = "EC2 - Other";

/// Cost Explorer's SERVICE: by the product's code where that is known, else the product's own name,
/// else its code. Tax is a service of its own there, and EC2 is two.
pub(super) fn service(row: &dyn Row, record_type: &str) -> Option<String> {
    let code = row.text(Field::ServiceCode);
    if record_type == "Tax" {
        return Some("Tax".to_owned());
    }
    if code.as_deref() == Some("AmazonEC2") {
        let instances = row
            .text(Field::Operation)
            .is_some_and(|operation| operation.starts_with("RunInstances"));
        return Some(if instances { EC2_COMPUTE } else { EC2_OTHER }.to_owned());
    }
    if let Some((_, service)) = SERVICES
        .iter()
        .find(|(known, _)| code.as_deref() == Some(known))
    {
        return Some((*service).to_owned());
    }
    let named = row.text(Field::Service).map(|name| name.into_owned());
    named
        .or_else(|| row.map(Field::Product).ok()?.remove("product_name"))
        .or_else(|| code.map(|code| code.into_owned()))
}

/// Cost Explorer's RECORD_TYPE. As in the rows that come from Cost Explorer, what has a usage type and a
/// quantity is `Usage`, whether a discount or a savings plan covers it or not.
///
/// CUR's `line_item_line_item_type` has the same words. FOCUS has fewer: what is bought is told by the
/// commitment that it is for, and an adjustment is a refund.
pub(super) fn record_type(dialect: Dialect, kind: &str, row: &dyn Row) -> String {
    let recurring = || row.text(Field::Frequency).as_deref() == Some("Recurring");
    let record = match (dialect, kind) {
        (Dialect::Cur, "DiscountedUsage" | "SavingsPlanCoveredUsage") => "Usage",
        (Dialect::Focus, "Purchase") => match row.text(Field::Commitment).as_deref() {
            Some(plan) if plan.contains("Savings Plan") && recurring() => "SavingsPlanRecurringFee",
            Some(plan) if plan.contains("Savings Plan") => "SavingsPlanUpfrontFee",
            Some(_) if recurring() => "RIFee",
            _ => "Fee",
        },
        (Dialect::Focus, "Adjustment") => "Refund",
        (_, kind) => kind,
    };
    record.to_owned()
}

/// The region: none for what counts the whole account; else as the file says; else from the prefix
/// of the usage type, which is all that Cost Explorer has.
pub(super) fn region(row: &dyn Row, usage_type: Option<&str>) -> Option<String> {
    if usage_type.is_some_and(|usage| usage.starts_with("Global-")) {
        return None;
    }
    match row.text(Field::Region) {
        Some(region) if region == "global" => None,
        Some(region) => Some(region.into_owned()),
        None => usage_type.and_then(region_of).map(str::to_owned),
    }
}
