//! An export as CSV. Columns are found by the header; null is an empty field or the word `NULL`.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};

use csv::{ErrorKind as CsvError, ReaderBuilder, StringRecord};

use super::assemble::Assembler;
use super::dialect::{Field, Layout};
use super::error::ExportError;
use super::row::Row;

struct Line<'a> {
    layout: &'a Layout,
    record: &'a StringRecord,
}

impl Row for Line<'_> {
    fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        let text = self.record.get(self.layout.at(field)?)?;
        (!text.is_empty() && text != "NULL").then_some(Cow::Borrowed(text))
    }
}

/// Reads every line.
pub(super) fn read(
    source: impl Read,
    name: &str,
    lines: &mut Assembler,
) -> Result<(), ExportError> {
    let mut reader = ReaderBuilder::new().from_reader(source);
    let header = reader
        .headers()
        .map_err(|error| unreadable(name, error))?
        .clone();
    let header: Vec<&str> = header
        .iter()
        .map(|column| column.trim_start_matches('\u{feff}').trim())
        .collect();
    let layout = Layout::of(name, &header)?;
    lines.open(&layout, name)?;
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| unreadable(name, error))?
    {
        let at = record.position().map_or(0, csv::Position::line);
        lines.take(
            &Line {
                layout: &layout,
                record: &record,
            },
            at,
        )?;
    }
    Ok(())
}

fn unreadable(name: &str, error: csv::Error) -> ExportError {
    let file = name.to_owned();
    match error.kind() {
        CsvError::Io(source) if source.kind() == ErrorKind::UnexpectedEof => {
            ExportError::Truncated { file }
        }
        // A CSV that is cut short ends in a line of fewer fields.
        _ => ExportError::Csv {
            file,
            source: error,
        },
    }
}
