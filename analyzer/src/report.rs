//! Runs a query of the catalog: values bound to its parameters, columns as its header says.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::catalog::{Kind, Query};
use crate::engine::Engine;
use crate::error::AnalyzeError;
use crate::params::ParamValue;
use crate::table::Table;

/// Plans the query, runs it, and gives its answer.
pub(crate) async fn run(
    engine: &Engine,
    session: &SessionContext,
    query: &Query,
    values: Vec<(String, Kind, Option<ParamValue>)>,
) -> Result<Table, AnalyzeError> {
    let frame = plan(session, query, values)
        .await
        .map_err(|error| engine.error(error))?;
    let answer = engine.collect(frame).await?;
    let schema = promised(query);
    let batches: Result<Vec<RecordBatch>, ArrowError> = answer
        .batches
        .iter()
        .map(|batch| as_promised(&schema, batch))
        .collect();
    batches
        .and_then(|batches| Table::new(&schema, &batches, answer.truncated))
        .map_err(|error| AnalyzeError::Execution(error.to_string()))
}

/// The query with its values bound.
pub(crate) async fn plan(
    session: &SessionContext,
    query: &Query,
    values: Vec<(String, Kind, Option<ParamValue>)>,
) -> Result<DataFrame, DataFusionError> {
    let values: Vec<(String, ScalarValue)> = values
        .into_iter()
        .map(|(name, kind, value)| (name, scalar(kind, value)))
        .collect();
    session.sql(&query.sql).await?.with_param_values(values)
}

/// A value, or the null of its type.
fn scalar(kind: Kind, value: Option<ParamValue>) -> ScalarValue {
    match (kind, value) {
        (_, Some(ParamValue::Text(text))) => ScalarValue::Utf8(Some(text)),
        (_, Some(ParamValue::Timestamp(time))) => micros(Some(time.timestamp_micros())),
        (_, Some(ParamValue::Integer(number))) => ScalarValue::Int64(Some(number)),
        (_, Some(ParamValue::Double(number))) => ScalarValue::Float64(Some(number)),
        (_, Some(ParamValue::Boolean(value))) => ScalarValue::Boolean(Some(value)),
        (Kind::Timestamp, None) => micros(None),
        (Kind::Integer, None) => ScalarValue::Int64(None),
        (Kind::Double, None) => ScalarValue::Float64(None),
        (Kind::Boolean, None) => ScalarValue::Boolean(None),
        (_, None) => ScalarValue::Utf8(None),
    }
}

fn micros(value: Option<i64>) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(value, Some("UTC".into()))
}

/// Arrow's type of a kind.
pub(crate) fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Integer => DataType::Int64,
        Kind::Double => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
        Kind::Decimal => DataType::Decimal128(38, 12),
        Kind::Date => DataType::Date32,
    }
}

/// The columns that a query's header names.
pub(crate) fn promised(query: &Query) -> SchemaRef {
    let fields = query
        .columns
        .iter()
        .map(|c| Field::new(&c.name, arrow_type(c.kind), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of a batch in the order and types that are promised.
pub(crate) fn as_promised(
    schema: &SchemaRef,
    batch: &RecordBatch,
) -> Result<RecordBatch, ArrowError> {
    let columns: Result<Vec<_>, ArrowError> = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch.column_by_name(field.name()).ok_or_else(|| {
                ArrowError::SchemaError(format!("the query has no column {}", field.name()))
            })?;
            cast(column, field.data_type())
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns?)
}
