//! What makes a Delta table one of Millicent's: its columns, its partition and its version.

use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, TableProperty};

use crate::{DATE, LakeError, Table};

/// Version of the columns that this Millicent writes. It goes up when a table gets other columns.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Property of each table that says the version.
const VERSION_PROPERTY: &str = "millicent.schemaVersion";

/// Commits from one checkpoint of the Delta log to the next.
pub(crate) const CHECKPOINT_INTERVAL: u64 = 100;

/// What it takes to create the table.
pub(crate) fn creation(table: Table, at: &DeltaTable) -> Result<CreateBuilder, LakeError> {
    let refused = |error: &dyn std::error::Error| {
        foreign(
            table,
            at.table_url().as_str(),
            format!("its columns cannot be created: {error}"),
        )
    };
    let columns: StructType = table
        .schema()
        .as_ref()
        .try_into_kernel()
        .map_err(|error| refused(&error))?;
    Ok(CreateBuilder::new()
        .with_log_store(at.log_store())
        .with_table_name(table.name())
        .with_save_mode(SaveMode::Ignore)
        .with_columns(columns.fields().cloned())
        .with_partition_columns([DATE])
        .with_raise_if_key_not_exists(false)
        // Whoever comes second is told so, instead of writing the same definition again.
        .with_commit_properties(CommitProperties::default().with_max_retries(0))
        .with_configuration([(VERSION_PROPERTY, Some(SCHEMA_VERSION.to_string()))])
        .with_configuration_property(
            TableProperty::CheckpointInterval,
            Some(CHECKPOINT_INTERVAL.to_string()),
        )
        // Every commit lists the log, so it is kept short; old versions are no promise of ours.
        .with_configuration_property(TableProperty::LogRetentionDuration, Some("interval 1 days"))
        .with_configuration_property(
            TableProperty::DataSkippingStatsColumns,
            Some(table.indexed().join(",")),
        ))
}

/// Whether the table is ours, and of a version that we know.
pub(crate) fn check(table: Table, location: &str, found: &DeltaTable) -> Result<(), LakeError> {
    let foreign = |reason: String| foreign(table, location, reason);
    let snapshot = found
        .snapshot()
        .map_err(|error| LakeError::storage(table, location, "read", error))?;
    let version = snapshot.metadata().configuration().get(VERSION_PROPERTY);
    let version =
        version.ok_or_else(|| foreign(format!("it has no property {VERSION_PROPERTY}")))?;
    match version.parse() {
        Ok(SCHEMA_VERSION) => {}
        Ok(found) if found > SCHEMA_VERSION => {
            let location = location.to_owned();
            return Err(LakeError::NewerSchema {
                location,
                found,
                supported: SCHEMA_VERSION,
            });
        }
        _ => {
            return Err(foreign(format!(
                "its property {VERSION_PROPERTY} is `{version}`"
            )));
        }
    }
    if snapshot.protocol().min_reader_version() > 1 {
        return Err(foreign(
            "another program turned on features that Millicent does not read".into(),
        ));
    }
    if snapshot.metadata().partition_columns() != [DATE] {
        return Err(foreign(format!("it is not partitioned by `{DATE}`")));
    }
    let schema: arrow::datatypes::Schema = snapshot
        .schema()
        .as_ref()
        .try_into_arrow()
        .map_err(|error| foreign(format!("its columns cannot be read: {error}")))?;
    for expected in table.schema().fields() {
        match schema.field_with_name(expected.name()) {
            Err(_) => return Err(foreign(format!("it has no column `{}`", expected.name()))),
            Ok(field) if field.data_type() != expected.data_type() => {
                return Err(foreign(format!(
                    "column `{}` is {}, not {}",
                    expected.name(),
                    field.data_type(),
                    expected.data_type()
                )));
            }
            Ok(_) => {}
        }
    }
    let ours = table.schema();
    match schema
        .fields()
        .iter()
        .find(|field| ours.field_with_name(field.name()).is_err())
    {
        Some(field) => Err(foreign(format!(
            "it has a column `{}`, which is not ours",
            field.name()
        ))),
        None => Ok(()),
    }
}

fn foreign(table: Table, location: &str, reason: String) -> LakeError {
    LakeError::Foreign {
        table,
        location: location.to_owned(),
        reason,
    }
}
