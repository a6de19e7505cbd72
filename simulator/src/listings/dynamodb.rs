//! Amazon DynamoDB's listing calls.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::estate::{Billing, Table};
use crate::listings::{created, page_of};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::xray::ids::{mix, uuid};

/// Tables on a page.
const PAGE: usize = 100;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Input {
    exclusive_start_table_name: Option<String>,
    limit: Option<usize>,
    table_name: Option<String>,
    resource_arn: Option<String>,
}

/// Answers an operation of DynamoDB.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let input: Input = ask.input()?;
    let tables = &ask.world.estate().tables;
    match ask.call.operation.as_str() {
        "ListTables" => list_tables(ask, &input),
        "DescribeTable" => {
            let name = input.table_name.unwrap_or_default();
            let table = tables
                .iter()
                .find(|table| table.name == name || table.arn == name)
                .ok_or_else(|| {
                    not_found(format!(
                        "Requested resource not found: Table: {name} not found"
                    ))
                })?;
            Ok(ask.json(&json!({ "Table": description(ask, table) })))
        }
        "ListTagsOfResource" => {
            let arn = input.resource_arn.unwrap_or_default();
            let table = tables
                .iter()
                .find(|table| table.arn == arn)
                .ok_or_else(|| {
                    not_found(format!(
                        "Requested resource not found: ResourceArn: {arn} not found"
                    ))
                })?;
            let tags: Vec<Value> = table
                .tags
                .iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect();
            Ok(ask.json(&json!({ "Tags": tags })))
        }
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn not_found(message: String) -> AwsError {
    AwsError::bad_request("ResourceNotFoundException", message)
}

fn list_tables(ask: &Ask<'_>, input: &Input) -> Result<Answer, AwsError> {
    let mut names: Vec<&str> = ask
        .world
        .estate()
        .tables
        .iter()
        .map(|table| table.name)
        .collect();
    names.sort_unstable();
    let limit = input.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(AwsError::bad_request(
            "ValidationException",
            format!(
                "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: \
                 Member must have value between 1 and {PAGE}"
            ),
        ));
    }
    let from = input
        .exclusive_start_table_name
        .as_deref()
        .map_or(0, |start| names.partition_point(|name| *name <= start));
    let (page, next) = page_of(&names, from, ask.page(limit));
    let mut answer = json!({ "TableNames": page });
    if let (Some(_), Some(last)) = (next, page.last()) {
        answer["LastEvaluatedTableName"] = (*last).into();
    }
    Ok(ask.json(&answer))
}

fn description(ask: &Ask<'_>, table: &Table) -> Value {
    let created = created(ask).timestamp();
    let bits = table
        .name
        .bytes()
        .fold(0, |bits, byte| mix(bits ^ u64::from(byte)));
    let keys = std::iter::once(table.hash_key).chain(table.indexes.iter().map(|i| i.hash_key));
    let attributes: Vec<Value> = keys
        .map(|key| json!({ "AttributeName": key, "AttributeType": "S" }))
        .collect();
    let (read, write) = match table.billing {
        Billing::OnDemand => (0, 0),
        Billing::Provisioned { read, write } => (read, write),
    };
    let throughput = json!({
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": read,
        "WriteCapacityUnits": write,
    });
    let mut answer = json!({
        "TableName": table.name,
        "TableArn": table.arn,
        "TableId": uuid(bits, mix(bits)),
        "TableStatus": "ACTIVE",
        "CreationDateTime": created,
        "AttributeDefinitions": attributes,
        "KeySchema": [{ "AttributeName": table.hash_key, "KeyType": "HASH" }],
        "ProvisionedThroughput": throughput,
        "TableSizeBytes": table.bytes,
        "ItemCount": table.items,
        "DeletionProtectionEnabled": true,
    });
    // A table that was always provisioned says nothing about its mode.
    if table.billing == Billing::OnDemand {
        answer["BillingModeSummary"] = json!({
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": created,
        });
    }
    if !table.indexes.is_empty() {
        let indexes = table.indexes.iter();
        let indexes: Vec<Value> = indexes
            .map(|index| {
                json!({
                    "IndexName": index.name,
                    "IndexArn": format!("{}/index/{}", table.arn, index.name),
                    "KeySchema": [{ "AttributeName": index.hash_key, "KeyType": "HASH" }],
                    "Projection": { "ProjectionType": "ALL" },
                    "IndexStatus": "ACTIVE",
                    "ProvisionedThroughput": throughput,
                    "IndexSizeBytes": index.bytes,
                    "ItemCount": index.items,
                })
            })
            .collect();
        answer["GlobalSecondaryIndexes"] = indexes.into();
    }
    if let (Some(label), Some(arn)) = (table.stream, table.stream_arn()) {
        answer["StreamSpecification"] =
            json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
        answer["LatestStreamLabel"] = label.into();
        answer["LatestStreamArn"] = arn.into();
    }
    answer
}
