//! What can go wrong with an analysis, in words for the one who asked.

use std::time::Duration;

use datafusion::error::DataFusionError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// No query of that name.
    #[error("there is no report \"{name}\"; there are: {known}")]
    UnknownReport {
        /// As asked for.
        name: String,
        /// Names of the catalog, separated by commas.
        known: String,
    },
    /// A file of the catalog has no valid header.
    #[error("{file}:{line}: {problem}")]
    Header {
        /// Path below `queries/`.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// A parameter is unknown, missing or of the wrong type.
    #[error("report \"{report}\": {problem}")]
    Parameter {
        /// The report.
        report: String,
        /// The parameter's name.
        name: String,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// The statement is not one that reads.
    #[error(
        "{what} is not allowed: the lake is read-only here; use SELECT, WITH, EXPLAIN, SHOW or DESCRIBE"
    )]
    NotReadOnly {
        /// What the statement is, for example `CREATE TABLE`.
        what: String,
    },
    /// The statement wants to read a file.
    #[error(
        "reading the file '{0}' is not allowed: read the tables and views of the lake (SHOW TABLES lists them)"
    )]
    File(String),
    /// The SQL cannot be parsed or planned.
    #[error("the SQL is not valid: {0}")]
    Sql(String),
    /// It took too long.
    #[error("the query was stopped after {} s; narrow the time range or aggregate more", .0.as_secs())]
    Timeout(Duration),
    /// It needed more memory than allowed.
    #[error(
        "the query needs more than the allowed {limit_mb} MB of memory; narrow the time range or aggregate more ({detail})"
    )]
    Memory {
        /// The limit.
        limit_mb: usize,
        /// What the engine said.
        detail: String,
    },
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] millicent_lake::LakeError),
    /// Anything else that the engine met while running.
    #[error("the query failed: {0}")]
    Execution(String),
}

impl AnalyzeError {
    /// What the engine said, by its cause; `limit_bytes` is the memory limit that it ran under.
    pub(crate) fn engine(error: DataFusionError, limit_bytes: usize) -> AnalyzeError {
        let text = error.strip_backtrace();
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => AnalyzeError::Memory {
                limit_mb: limit_bytes >> 20,
                detail: text,
            },
            DataFusionError::Plan(_)
            | DataFusionError::SQL(_, _)
            | DataFusionError::SchemaError(_, _)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Diagnostic(_, _)
            | DataFusionError::Collection(_) => AnalyzeError::Sql(text),
            _ => AnalyzeError::Execution(text),
        }
    }
}
