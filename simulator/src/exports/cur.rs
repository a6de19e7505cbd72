//! Lines of CUR 2.0 as CSV. Columns are those of AWS's table dictionary that the bill has something
//! to say about; an export is free to choose its columns.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::split::Line;
use crate::{World, bill::midnight};

const COLUMNS: [&str; 20] = [
    "bill_billing_period_end_date",
    "bill_billing_period_start_date",
    "bill_payer_account_id",
    "line_item_currency_code",
    "line_item_line_item_type",
    "line_item_operation",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_unblended_cost",
    "line_item_unblended_rate",
    "line_item_usage_account_id",
    "line_item_usage_amount",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
    "line_item_usage_type",
    "pricing_unit",
    "product",
    "product_region_code",
    "product_servicecode",
    "resource_tags",
];

/// `line_item_product_code` by Cost Explorer's SERVICE, and the product's name where that is
/// another one.
const PRODUCTS: &[(&str, &str, &str)] = &[
    ("AWS Lambda", "AWSLambda", "AWS Lambda"),
    (
        "Amazon API Gateway",
        "AmazonApiGateway",
        "Amazon API Gateway",
    ),
    (
        "Amazon Simple Storage Service",
        "AmazonS3",
        "Amazon Simple Storage Service",
    ),
    ("Amazon DynamoDB", "AmazonDynamoDB", "Amazon DynamoDB"),
    ("AWS Step Functions", "AmazonStates", "AWS Step Functions"),
    ("AWS X-Ray", "AWSXRay", "AWS X-Ray"),
    ("AmazonCloudWatch", "AmazonCloudWatch", "AmazonCloudWatch"),
    ("EC2 - Other", "AmazonEC2", "Amazon Elastic Compute Cloud"),
    ("Amazon Route 53", "AmazonRoute53", "Amazon Route 53"),
    ("CloudWatch Events", "AWSEvents", "CloudWatch Events"),
    // Tax is a line of a product, and has no product of its own.
    ("Tax", "AWSLambda", "AWS Lambda"),
];

/// A file of these lines.
pub(super) fn file(lines: &[String]) -> String {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// One line.
pub(super) fn line(
    world: &World,
    month: &Range<NaiveDate>,
    Line { line, resource }: &Line,
) -> String {
    let account_id = &world.config().account_id;
    let product = PRODUCTS
        .iter()
        .find(|(service, _, _)| *service == line.service);
    let (code, name) = product.map_or((line.service, line.service), |(_, code, name)| {
        (*code, *name)
    });
    let (id, tags) = match resource {
        Some((id, tags)) => (id.as_str(), *tags),
        None => ("", &[][..]),
    };
    let start = midnight(line.date);
    let rate = if line.record_type == "Usage" && line.quantity.0 != 0 {
        (line.cost.0 as f64 / line.quantity.0 as f64).to_string()
    } else {
        String::new()
    };
    let tags: Map<String, Value> = tags
        .iter()
        .map(|(key, value)| (format!("user_{key}"), Value::from(*value)))
        .collect();
    let fields = [
        time(midnight(month.end)),
        time(midnight(month.start)),
        account_id.clone(),
        "USD".to_owned(),
        line.record_type.to_owned(),
        line.operation.to_owned(),
        code.to_owned(),
        id.to_owned(),
        line.cost.to_string(),
        rate,
        account_id.clone(),
        line.quantity.to_string(),
        time(start + TimeDelta::days(1)),
        time(start),
        line.usage_type.clone(),
        line.unit.to_owned(),
        serde_json::json!({ "product_name": name }).to_string(),
        line.region.clone(),
        code.to_owned(),
        Value::Object(tags).to_string(),
    ];
    fields.map(|field| quoted(&field)).join(",")
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// As CSV has it, in quotes where it must be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
