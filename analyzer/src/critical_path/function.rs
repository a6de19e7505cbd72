//! `critical_path(spans)` in SQL: a list of spans in, a list of parts out.
//!
//! SQL's own means do not walk a tree from its end; everything around the walk is in
//! `queries/views/critical_paths.sql`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray, StructArray};
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
            [DataType::List(item)] if item.data_type().is_string() => {
                Ok(DataType::List(part_field()))
            }
            _ => exec_err!("critical_path takes a list of spans, see the view critical_paths"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let traces = arguments.args[0].to_array(arguments.number_rows)?;
        let traces = traces.as_list::<i32>();
        let steps = steps(traces.values())?;
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

/// The spans of all traces. A span is a text of fields, because the engine keeps a list of texts in a
/// fraction of the memory that it needs for a list of structures: id, parent, segment, inferred, name,
/// origin, namespace, label, start and end in microseconds, each ended by [`END_OF_FIELD`].
fn steps(spans: &ArrayRef) -> Result<Vec<Step>> {
    let texts = cast(spans, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    texts.iter().map(|text| step(text.unwrap_or(""))).collect()
}

/// ASCII's unit separator.
const END_OF_FIELD: char = '\u{1f}';

fn step(text: &str) -> Result<Step> {
    let mut fields = text.split(END_OF_FIELD);
    let mut next = || fields.next().unwrap_or("").to_owned();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let step = Step {
        id: next(),
        parent: some(next()),
        segment: next() == "true",
        inferred: next() == "true",
        name: next(),
        origin: some(next()),
        namespace: some(next()),
        label: next(),
        start_us: match next().parse() {
            Ok(start) => start,
            Err(_) => return exec_err!("critical_path: a span has no start: {text}"),
        },
        end_us: next().parse().ok(),
    };
    Ok(step)
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
