//! SQL that a user wrote: one statement, which reads tables and views and nothing else.

use std::collections::VecDeque;

use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as Ast;

use crate::engine::Engine;
use crate::error::AnalyzeError;
use crate::table::Table;

/// Checks, plans and runs a statement.
pub(crate) async fn run(
    engine: &Engine,
    session: &SessionContext,
    text: &str,
) -> Result<Table, AnalyzeError> {
    let statement = single(text)?;
    reads_only(&statement)?;
    reads_no_file(session, &statement)?;
    let state = session.state();
    let plan = state
        .statement_to_plan(statement)
        .await
        .map_err(|error| engine.error(error))?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)
        .map_err(|error| AnalyzeError::NotReadOnly {
            what: error.strip_backtrace(),
        })?;
    let frame = session
        .execute_logical_plan(plan)
        .await
        .map_err(|error| engine.error(error))?;
    let answer = engine.collect(frame).await?;
    Table::new(&answer.schema, &answer.batches, answer.truncated)
        .map_err(|error| AnalyzeError::Execution(error.to_string()))
}

/// Names of the tables that a query reads, in the order that it has them.
pub(crate) fn tables_read(text: &str) -> Result<Vec<String>, AnalyzeError> {
    let statement = single(text)?;
    let (tables, _) = resolve_table_references(&statement, true)
        .map_err(|error| AnalyzeError::Sql(error.strip_backtrace()))?;
    Ok(tables
        .iter()
        .map(|table| table.table().to_owned())
        .collect())
}

fn single(text: &str) -> Result<Statement, AnalyzeError> {
    let mut statements: VecDeque<Statement> =
        DFParser::parse_sql(text).map_err(|error| AnalyzeError::Sql(error.strip_backtrace()))?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => Err(AnalyzeError::Sql("there is no statement".to_owned())),
        (Some(_), more) => Err(AnalyzeError::Sql(format!(
            "one statement at a time: there are {}",
            more + 1
        ))),
    }
}

fn reads_only(statement: &Statement) -> Result<(), AnalyzeError> {
    match statement {
        Statement::Explain(explain) => reads_only(&explain.statement),
        Statement::Statement(ast) => match ast.as_ref() {
            Ast::Query(_)
            | Ast::ShowTables { .. }
            | Ast::ShowColumns { .. }
            | Ast::ShowVariable { .. }
            | Ast::ShowFunctions { .. }
            | Ast::ExplainTable { .. } => Ok(()),
            Ast::Explain { statement, .. } => reads_only(&Statement::Statement(statement.clone())),
            other => Err(refusal(&other.to_string())),
        },
        other => Err(refusal(&other.to_string())),
    }
}

/// Names what a statement is by its first words.
fn refusal(statement: &str) -> AnalyzeError {
    let words = statement
        .split_whitespace()
        .take_while(|word| word.chars().all(|letter| letter.is_ascii_uppercase()));
    let what = words.take(3).collect::<Vec<_>>().join(" ");
    AnalyzeError::NotReadOnly { what }
}

/// A name that is no table but looks like a path would read a file elsewhere; say so.
fn reads_no_file(session: &SessionContext, statement: &Statement) -> Result<(), AnalyzeError> {
    let (tables, _) = resolve_table_references(statement, true)
        .map_err(|error| AnalyzeError::Sql(error.strip_backtrace()))?;
    for table in tables {
        let name = table.table();
        let path = name.contains(['/', '\\', '.', ':']);
        if path && !session.table_exist(table.clone()).unwrap_or(false) {
            return Err(AnalyzeError::File(name.to_owned()));
        }
    }
    Ok(())
}
