//! Answers on stdout: tables for people, JSON and CSV for programs.

use std::io::{self, Write};

use arrow::datatypes::DataType;
use clap::ValueEnum;
use millicent_analyzer::Table;

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for a person.
    Table,
    /// A JSON array of objects; money as text, because it is exact.
    Json,
    /// Comma-separated values with a header line.
    Csv,
}

/// Widest that a cell of a table is shown.
const CELL_CHARS: usize = 60;

/// Prints to stdout.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints a line to stderr, where what is no answer goes.
pub(crate) fn say(text: &str) {
    // Without stderr there is nobody to say it to.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an answer.
pub(crate) fn print_table(table: &Table, format: Format) -> io::Result<()> {
    match format {
        Format::Table => print(&columns(table))?,
        Format::Csv => print(&table.to_csv())?,
        Format::Json => print(&format!("{:#}\n", table.to_json()))?,
    }
    if table.is_truncated() {
        say(&format!(
            "Only the first {} rows: aggregate, or ask for less.",
            table.num_rows()
        ));
    }
    Ok(())
}

/// The table in columns: numbers to the right, everything else to the left.
fn columns(table: &Table) -> String {
    let schema = table.schema();
    let header: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let right: Vec<bool> = schema
        .fields()
        .iter()
        .map(|field| is_number(field.data_type()))
        .collect();
    let rows: Vec<Vec<String>> = table
        .rows()
        .map(|row| {
            (0..header.len())
                .map(|column| cell(&row.display(column)))
                .collect()
        })
        .collect();
    let mut text = lay_out(&header, &rows, &right);
    text.push_str(&match rows.len() {
        1 => "(1 row)\n".to_owned(),
        rows => format!("({rows} rows)\n"),
    });
    text
}

/// Lines of aligned columns under a ruled header.
pub(crate) fn lay_out(header: &[String], rows: &[Vec<String>], right: &[bool]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| &row[column]).chain([&header[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths.iter().zip(right))
            .map(|(cell, (&width, right))| {
                if *right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let mut text = line(header);
    text.push_str(&line(&rule));
    for row in rows {
        text.push_str(&line(row));
    }
    text
}

fn cell(text: &str) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ");
    if text.chars().count() <= CELL_CHARS {
        return text;
    }
    text.chars().take(CELL_CHARS - 1).chain(['…']).collect()
}

fn is_number(kind: &DataType) -> bool {
    kind.is_numeric() || matches!(kind, DataType::Decimal128(_, _))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_are_to_the_right() {
        let cells = |row: &[&str]| {
            row.iter()
                .map(|cell| (*cell).to_owned())
                .collect::<Vec<_>>()
        };
        let text = lay_out(
            &cells(&["route", "requests"]),
            &[cells(&["GET /orders/{id}", "12"]), cells(&["", "1,204"])],
            &[false, true],
        );
        assert_eq!(
            text,
            "route             requests\n\
             ────────────────  ────────\n\
             GET /orders/{id}        12\n\
             \u{20}                    1,204\n"
        );
    }

    #[test]
    fn a_cell_is_one_short_line() {
        assert_eq!(cell("a\nb"), "a b");
        assert_eq!(cell(&"x".repeat(100)).chars().count(), CELL_CHARS);
    }
}
