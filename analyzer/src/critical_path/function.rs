//! `critical_path(spans)` in SQL: a list of spans in, a list of parts out.
//!
//! SQL's own means do not walk a tree from its end; everything around the walk is in
//! `queries/views/critical_paths.sql`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{Part, Step, paths};

/// The function, to be registered in a session.
pub(crate) fn critical_path() -> ScalarUDF {
    ScalarUDF::from(CriticalPath {
        signature: Signature::any(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CriticalPath {
    signature: Signature,
}

/// The fields of a part.
fn part_fields() -> Fields {
    let text = |name| Field::new(name, DataType::Utf8, false);
    Fields::from(vec![
        text("root_id"),
        text("path"),
        text("span_id"),
        text("kind"),
        text("part"),
        Field::new("own_us", DataType::Int64, false),
    ])
}

fn part_field() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(part_fields()), true))
}

impl ScalarUDFImpl for CriticalPath {
    fn name(&self) -> &str {
        "critical_path"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [DataType::List(item)] if matches!(item.data_type(), DataType::Struct(_)) => {
                Ok(DataType::List(part_field()))
            }
            _ => exec_err!("critical_path takes a list of spans, see the view critical_paths"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let traces = arguments.args[0].to_array(arguments.number_rows)?;
        let traces = traces.as_list::<i32>();
        let steps = steps(traces.values().as_struct())?;
        let mut parts = Vec::new();
        let mut lengths = Vec::with_capacity(traces.len());
        for (row, bounds) in traces.offsets().windows(2).enumerate() {
            let (from, to) = (bounds[0] as usize, bounds[1] as usize);
            let before = parts.len();
            if traces.is_valid(row) {
                parts.extend(paths(&steps[from..to]));
            }
            lengths.push(parts.len() - before);
        }
        let list = ListArray::try_new(
            part_field(),
            OffsetBuffer::from_lengths(lengths),
            Arc::new(rows(&parts)?),
            None,
        )?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}

/// The spans of all traces, whatever way the engine keeps their texts in.
fn steps(spans: &StructArray) -> Result<Vec<Step>> {
    let columns = RecordBatch::from(spans.clone());
    let column = |name: &str, kind: DataType| -> Result<ArrayRef> {
        match columns.column_by_name(name) {
            Some(column) => Ok(cast(column, &kind)?),
            None => exec_err!("critical_path: a span has no {name}"),
        }
    };
    let text =
        |name| -> Result<StringArray> { Ok(column(name, DataType::Utf8)?.as_string().clone()) };
    let time =
        |name| -> Result<Int64Array> { Ok(column(name, DataType::Int64)?.as_primitive().clone()) };
    let flag = |name| -> Result<BooleanArray> {
        Ok(column(name, DataType::Boolean)?.as_boolean().clone())
    };
    let (ids, parents, labels) = (text("span_id")?, text("parent_id")?, text("label")?);
    let (names, origins, namespaces) = (text("name")?, text("origin")?, text("namespace")?);
    let (segments, inferred) = (flag("segment")?, flag("inferred")?);
    let (starts, ends) = (time("start_us")?, time("end_us")?);
    let some =
        |texts: &StringArray, at: usize| texts.is_valid(at).then(|| texts.value(at).to_owned());
    Ok((0..columns.num_rows())
        .map(|at| Step {
            id: some(&ids, at).unwrap_or_default(),
            parent: some(&parents, at),
            segment: segments.value(at),
            inferred: inferred.value(at),
            name: some(&names, at).unwrap_or_default(),
            origin: some(&origins, at),
            namespace: some(&namespaces, at),
            label: some(&labels, at).unwrap_or_default(),
            start_us: starts.value(at),
            end_us: ends.is_valid(at).then(|| ends.value(at)),
        })
        .collect())
}

fn rows(parts: &[Part]) -> Result<StructArray> {
    let text = |of: fn(&Part) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(parts.iter().map(of)))
    };
    let own_us = Int64Array::from_iter_values(parts.iter().map(|part| part.own_us));
    Ok(StructArray::try_new(
        part_fields(),
        vec![
            text(|part| &part.root),
            text(|part| part.path),
            text(|part| &part.span),
            text(|part| part.kind),
            text(|part| &part.part),
            Arc::new(own_us),
        ],
        None,
    )?)
}
