//! The catalog's views: what stands on what, and so what a question needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::catalog::{Catalog, Kind, Query};
use crate::error::AnalyzeError;
use crate::sql;

/// A view, and the views that it stands on, through others too.
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) query: Arc<Query>,
    needs: BTreeSet<String>,
}

/// Every view, each after those that it stands on.
pub(crate) struct Views(Vec<View>);

impl Views {
    /// The views of a catalog.
    ///
    /// # Errors
    /// Views that read each other.
    pub(crate) fn of(catalog: &Catalog) -> Result<Views, AnalyzeError> {
        let mut waiting = BTreeMap::new();
        for (name, query) in catalog.views() {
            let reads = sql::tables_read(&query.sql)?;
            waiting.insert(name.to_owned(), (Arc::clone(query), reads));
        }
        let mut ordered: Vec<View> = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let ready: Vec<String> = waiting
                .iter()
                .filter(|(_, (_, reads))| !reads.iter().any(|read| waiting.contains_key(read)))
                .map(|(name, _)| name.clone())
                .collect();
            if ready.is_empty() {
                let names: Vec<String> = waiting.into_keys().collect();
                return Err(AnalyzeError::Header {
                    file: "views".to_owned(),
                    line: 1,
                    problem: format!("these views read each other: {}", names.join(", ")),
                });
            }
            for name in ready {
                let Some((query, reads)) = waiting.remove(&name) else {
                    continue;
                };
                let mut needs = BTreeSet::new();
                for view in ordered.iter().filter(|view| reads.contains(&view.name)) {
                    needs.insert(view.name.clone());
                    needs.extend(view.needs.iter().cloned());
                }
                ordered.push(View { name, query, needs });
            }
        }
        Ok(Views(ordered))
    }

    /// Those that a query of these tables needs, each after those that it stands on.
    pub(crate) fn needed_for(&self, tables: &[String]) -> Vec<&View> {
        let asked = self.0.iter().filter(|view| tables.contains(&view.name));
        let needed: BTreeSet<&String> = asked
            .flat_map(|view| view.needs.iter().chain([&view.name]))
            .collect();
        self.0
            .iter()
            .filter(|view| needed.contains(&view.name))
            .collect()
    }

    /// Those that a view stands on, in order.
    pub(crate) fn under(&self, view: &View) -> Vec<&View> {
        self.0
            .iter()
            .filter(|under| view.needs.contains(&under.name))
            .collect()
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &View> {
        self.0.iter()
    }
}

/// Stands where a view will be that nobody asked for yet, so that it can be listed and described.
#[derive(Debug)]
pub(crate) struct NotComputed {
    name: String,
    schema: SchemaRef,
}

impl NotComputed {
    pub(crate) fn of(view: &View) -> NotComputed {
        let columns = view.query.columns.iter();
        let fields = columns.map(|column| Field::new(&column.name, data_type(column.kind), true));
        NotComputed {
            name: view.name.clone(),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        }
    }
}

#[async_trait]
impl TableProvider for NotComputed {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        // Rather than an empty answer: what a statement reads is found out before it runs.
        Err(DataFusionError::Internal(format!(
            "the view {} was not computed before it was read",
            self.name
        )))
    }
}

fn data_type(kind: Kind) -> DataType {
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
