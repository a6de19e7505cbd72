//! DynamoDB tables and their global secondary indexes.

use aws_sdk_dynamodb::types::{
    GlobalSecondaryIndexDescription, ProvisionedThroughputDescription, TableDescription,
};
use millicent_lake::Resource;

use super::listing::{Each, Found, Pages, is_gone, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["table", "index"];

const LIST_TABLES: Operation = Operation("dynamodb:ListTables");
const DESCRIBE_TABLE: Operation = Operation("dynamodb:DescribeTable");

/// Between a table's name and its index's, as in the index's ARN.
const INDEX: &str = "/index/";

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut names = Vec::new();
    let mut pages = Pages::of(LIST_TABLES);
    loop {
        inner.pace.dynamodb.take(1.0).await;
        let page = inner
            .aws
            .dynamodb
            .list_tables()
            .set_exclusive_start_table_name(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST_TABLES.trouble(error))?;
        names.extend(
            page.table_names
                .into_iter()
                .flatten()
                .map(|name| (name, None)),
        );
        if !pages.turn(page.last_evaluated_table_name)? {
            break;
        }
    }
    let each = Each {
        what: "tables",
        kinds: KINDS,
        known,
        owner: |row| row.name.split(INDEX).next(),
    };
    Ok(each.ask(names, |name| describe(inner, meter, name)).await)
}

async fn describe(inner: &Inner, meter: &Meter, name: String) -> Result<Found, Trouble> {
    inner.pace.dynamodb.take(1.0).await;
    let described = inner
        .aws
        .dynamodb
        .describe_table()
        .table_name(name)
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await;
    match described {
        Ok(described) => Ok(Found::whole(
            described.table.map_or_else(Vec::new, |t| rows(inner, &t)),
        )),
        Err(error) if is_gone(&error) => Ok(Found::default()),
        Err(error) => Err(DESCRIBE_TABLE.trouble(error)),
    }
}

fn rows(inner: &Inner, table: &TableDescription) -> Vec<Resource> {
    let (Some(name), Some(arn)) = (table.table_name(), table.table_arn()) else {
        return Vec::new();
    };
    // A table that was never on demand has no summary of its billing mode.
    let mode = table
        .billing_mode_summary()
        .and_then(|summary| summary.billing_mode())
        .map_or("PROVISIONED", |mode| mode.as_str());
    let class = table
        .table_class_summary()
        .and_then(|summary| summary.table_class())
        .map_or("STANDARD", |class| class.as_str());
    let [read, write] = capacity(mode, table.provisioned_throughput());
    let streams = table
        .stream_specification()
        .is_some_and(|stream| stream.stream_enabled());
    let configuration = settings([
        ("billing_mode", Some(mode.to_owned())),
        ("read_capacity", read),
        ("write_capacity", write),
        ("table_class", Some(class.to_owned())),
        ("item_count", table.item_count().map(|n| n.to_string())),
        (
            "size_bytes",
            table.table_size_bytes().map(|n| n.to_string()),
        ),
        (
            "stream_arn",
            // A stream that was switched off keeps its ARN for a day.
            table
                .latest_stream_arn()
                .filter(|_| streams)
                .map(str::to_owned),
        ),
    ]);
    let mut rows = vec![row(inner, "table", name, arn, configuration)];
    for index in table.global_secondary_indexes() {
        rows.extend(index_row(inner, name, arn, mode, index));
    }
    rows
}

fn index_row(
    inner: &Inner,
    table: &str,
    table_arn: &str,
    mode: &str,
    index: &GlobalSecondaryIndexDescription,
) -> Option<Resource> {
    let name = index.index_name()?;
    let [read, write] = capacity(mode, index.provisioned_throughput());
    let configuration = settings([
        ("table", Some(table.to_owned())),
        ("billing_mode", Some(mode.to_owned())),
        ("read_capacity", read),
        ("write_capacity", write),
        ("item_count", index.item_count().map(|n| n.to_string())),
        (
            "size_bytes",
            index.index_size_bytes().map(|n| n.to_string()),
        ),
    ]);
    Some(row(
        inner,
        "index",
        format!("{table}{INDEX}{name}"),
        index
            .index_arn()
            .map_or_else(|| format!("{table_arn}{INDEX}{name}"), str::to_owned),
        configuration,
    ))
}

/// Units a second, to read and to write. On demand there are none, and AWS says zero.
fn capacity(
    mode: &str,
    throughput: Option<&ProvisionedThroughputDescription>,
) -> [Option<String>; 2] {
    let throughput = throughput.filter(|_| mode == "PROVISIONED");
    [
        throughput.and_then(|t| t.read_capacity_units()),
        throughput.and_then(|t| t.write_capacity_units()),
    ]
    .map(|units| units.map(|units| units.to_string()))
}
