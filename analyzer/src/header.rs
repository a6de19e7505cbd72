//! The header of a query: comment lines that open the file.
//!
//! ```sql
//! -- title:   Latency by route
//! -- answers: Which routes are slow, and is it cold starts?
//! -- alert:   warning api, stage, route
//! -- stored:  by day
//! -- param:   from  timestamp  required   inclusive, UTC
//! -- param:   limit integer    default=20 how many rows
//! -- column:  p95_ms  double   milliseconds, as the API's clients saw it
//! ```
//!
//! `alert` stands in `alerts/` only: the severity and the columns that tell alerts apart. `stored` stands
//! in `views/` only: `by day` or `per state`. A line `--` without a key goes on with the text before it.

use crate::catalog::{AlertSpec, ColumnSpec, Kind, ParamSpec, Query, Stored};
use crate::error::AnalyzeError;

/// Parses a file of the catalog.
pub(crate) fn parse(name: &str, text: &str) -> Result<Query, AnalyzeError> {
    let mut query = Query {
        name: name.to_owned(),
        title: String::new(),
        answers: String::new(),
        params: Vec::new(),
        columns: Vec::new(),
        alert: None,
        sql: text.to_owned(),
        stored: Stored::No,
    };
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = line.strip_prefix("--") else {
            break;
        };
        last = index + 1;
        let fail = |problem: String| AnalyzeError::Header {
            file: format!("{name}.sql"),
            line: index + 1,
            problem,
        };
        let Some((key, value)) = comment.split_once(':').filter(|(key, _)| is_key(key)) else {
            continue_text(&mut query, comment.trim()).map_err(fail)?;
            continue;
        };
        entry(&mut query, key.trim(), value.trim()).map_err(fail)?;
    }
    let problem = if query.title.is_empty() {
        "the header has no \"-- title:\""
    } else if query.answers.is_empty() {
        "the header has no \"-- answers:\""
    } else if query.columns.is_empty() {
        "the header has no \"-- column:\""
    } else if name.starts_with("alerts/") != query.alert.is_some() {
        "\"-- alert:\" stands in every rule of alerts/, and nowhere else"
    } else {
        return Ok(query);
    };
    Err(AnalyzeError::Header {
        file: format!("{name}.sql"),
        line: last.max(1),
        problem: problem.to_owned(),
    })
}

fn is_key(key: &str) -> bool {
    matches!(
        key.trim(),
        "title" | "answers" | "alert" | "stored" | "param" | "column"
    )
}

fn entry(query: &mut Query, key: &str, value: &str) -> Result<(), String> {
    match key {
        "title" => query.title = value.to_owned(),
        "answers" => query.answers = value.to_owned(),
        "alert" => query.alert = Some(alert(value)?),
        "stored" => {
            query.stored = match value {
                "by day" => Stored::ByDay,
                "per state" => Stored::Whole,
                other => {
                    return Err(format!(
                        "stored is \"by day\" or \"per state\", not \"{other}\""
                    ));
                }
            };
        }
        "param" => {
            let param = param(value)?;
            if query.param(&param.name).is_some() {
                return Err(format!("parameter \"{}\" stands twice", param.name));
            }
            query.params.push(param);
        }
        _ => {
            let column = column(value)?;
            if query.columns.iter().any(|c| c.name == column.name) {
                return Err(format!("column \"{}\" stands twice", column.name));
            }
            query.columns.push(column);
        }
    }
    Ok(())
}

/// A comment without a key belongs to the entry before it.
fn continue_text(query: &mut Query, text: &str) -> Result<(), String> {
    let target = if let Some(column) = query.columns.last_mut() {
        &mut column.doc
    } else if let Some(param) = query.params.last_mut() {
        &mut param.doc
    } else if !query.answers.is_empty() {
        &mut query.answers
    } else {
        return Err("the header opens with \"-- title:\" and \"-- answers:\"".to_owned());
    };
    if !text.is_empty() {
        target.push(' ');
        target.push_str(text);
    }
    Ok(())
}

fn alert(value: &str) -> Result<AlertSpec, String> {
    let (severity, labels) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    if !matches!(severity, "warning" | "critical") {
        return Err(format!(
            "the severity is warning or critical, not \"{severity}\""
        ));
    }
    let labels = labels
        .split(',')
        .map(|label| label.trim().to_owned())
        .filter(|label| !label.is_empty())
        .collect();
    Ok(AlertSpec {
        severity: severity.to_owned(),
        labels,
    })
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::ALL
        .into_iter()
        .find(|(_, n)| *n == name)
        .map(|(kind, _)| kind)
        .ok_or_else(|| {
            let known: Vec<_> = Kind::ALL.into_iter().map(|(_, name)| name).collect();
            format!(
                "there is no type \"{name}\"; there are: {}",
                known.join(", ")
            )
        })
}

/// The next word and the rest.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn param(value: &str) -> Result<ParamSpec, String> {
    let (name, rest) = word(value);
    let (type_name, rest) = word(rest);
    let (presence, doc) = word(rest);
    let (required, default) = match presence.split_once('=') {
        Some(("default", default)) => (false, Some(default.to_owned())),
        _ if presence == "required" => (true, None),
        _ if presence == "optional" => (false, None),
        _ => {
            return Err(format!(
                "parameter \"{name}\" is required, optional or default=VALUE, not \"{presence}\""
            ));
        }
    };
    if doc.is_empty() {
        return Err(format!(
            "parameter \"{name}\" says nothing of what it means"
        ));
    }
    Ok(ParamSpec {
        name: name.to_owned(),
        kind: kind(type_name)?,
        required,
        default,
        doc: doc.to_owned(),
    })
}

fn column(value: &str) -> Result<ColumnSpec, String> {
    let (name, rest) = word(value);
    let (type_name, doc) = word(rest);
    if doc.is_empty() {
        return Err(format!("column \"{name}\" says nothing of what it means"));
    }
    Ok(ColumnSpec {
        name: name.to_owned(),
        kind: kind(type_name)?,
        doc: doc.to_owned(),
    })
}
