//! A state of the lake: its tables at one version each, and the views over them.
//!
//! Heavy views are stored: computed once per state, those that are `by day` again only for days whose
//! files changed. So a page that is asked for again costs one cheap scan, and a live minute costs
//! the running day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch, kernels::cmp::eq};
use arrow::datatypes::{Date32Type, SchemaRef};
use chrono::{DateTime, NaiveDate};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::prelude::{SessionContext, col, lit};
use deltalake::DeltaTable;
use millicent_lake::{Lake, Table};

use crate::catalog::{Query, Stored};
use crate::coverage::Windows;
use crate::engine::Engine;
use crate::error::AnalyzeError;

/// Tables and views of one state, to be queried.
pub(crate) struct State {
    pub(crate) session: SessionContext,
    pub(crate) windows: Windows,
}

/// Follows the lake from state to state.
#[derive(Default)]
pub(crate) struct Follower {
    tables: Vec<Followed>,
    by_day: BTreeMap<String, Days>,
    /// Days that changed since the views by day were computed.
    changed: BTreeSet<NaiveDate>,
    state: Option<Arc<State>>,
}

struct Followed {
    table: Table,
    delta: DeltaTable,
    files: BTreeMap<NaiveDate, BTreeSet<String>>,
}

/// The kept batches of a view that is stored by day.
struct Days {
    schema: SchemaRef,
    batches: BTreeMap<NaiveDate, RecordBatch>,
}

impl Follower {
    /// The lake's present state; `views` are in the order of what needs what.
    pub(crate) async fn follow(
        &mut self,
        lake: &Lake,
        engine: &Engine,
        views: &[(String, Arc<Query>)],
    ) -> Result<Arc<State>, AnalyzeError> {
        let moved = self.advance(lake).await?;
        match &self.state {
            Some(state) if !moved => Ok(Arc::clone(state)),
            _ => {
                // Until the new state is whole there is none: after a failure half-way the next one
                // who asks computes it.
                self.state = None;
                let state = Arc::new(self.compute(engine, views).await?);
                self.state = Some(Arc::clone(&state));
                Ok(state)
            }
        }
    }

    /// Reads what was committed since, if anything was, and notes the days whose rows changed.
    async fn advance(&mut self, lake: &Lake) -> Result<bool, AnalyzeError> {
        if self.tables.is_empty() {
            let mut tables = Vec::with_capacity(Table::ALL.len());
            for table in Table::ALL {
                let delta = lake.delta_table(table).await?;
                tables.push(Followed {
                    table,
                    delta,
                    files: BTreeMap::new(),
                });
            }
            self.tables = tables;
        } else {
            let mut moved = false;
            for followed in &mut self.tables {
                let before = followed.delta.version();
                followed
                    .delta
                    .update_incremental(None)
                    .await
                    .map_err(unreadable)?;
                moved |= followed.delta.version() != before;
            }
            if !moved {
                return Ok(false);
            }
        }
        let mut every_day = BTreeSet::new();
        let mut resources_changed = false;
        for followed in &mut self.tables {
            let files = files_by_day(&followed.delta)?;
            let days = differing(&followed.files, &files);
            match followed.table {
                Table::Metrics | Table::Spans => {
                    self.changed.extend(days);
                    every_day.extend(files.keys().copied());
                }
                Table::Resources => resources_changed = !days.is_empty(),
                _ => {}
            }
            followed.files = files;
        }
        if resources_changed {
            self.changed.extend(every_day);
        }
        Ok(true)
    }

    async fn compute(
        &mut self,
        engine: &Engine,
        views: &[(String, Arc<Query>)],
    ) -> Result<State, AnalyzeError> {
        self.compute_days(engine, views).await?;
        let session = engine.session();
        for followed in &self.tables {
            let provider = provider(engine, &session, followed).await?;
            register(engine, &session, followed.table.name(), provider)?;
        }
        for (name, view) in views {
            let provider: Arc<dyn TableProvider> = match (view.stored, self.by_day.get(name)) {
                (Stored::ByDay, Some(days)) => {
                    let batches = days.batches.values().cloned().collect();
                    memory(engine, &days.schema, batches)?
                }
                (Stored::Whole, _) => {
                    let frame = session.sql(&view.sql).await.map_err(|e| engine.error(e))?;
                    let answer = engine.collect_all(frame).await?;
                    memory(engine, &answer.schema, answer.batches)?
                }
                _ => expanded(engine, &session, view).await?,
            };
            register(engine, &session, name, provider)?;
        }
        let frame = session
            .table(Table::Collections.name())
            .await
            .map_err(|e| engine.error(e))?;
        let collections = engine.collect_all(frame).await?;
        let windows = Windows::read(&collections.schema, &collections.batches)
            .map_err(|error| AnalyzeError::Execution(error.to_string()))?;
        Ok(State { session, windows })
    }

    /// Brings the views that are stored by day up to date.
    async fn compute_days(
        &mut self,
        engine: &Engine,
        views: &[(String, Arc<Query>)],
    ) -> Result<(), AnalyzeError> {
        let known = views
            .iter()
            .all(|(name, view)| view.stored != Stored::ByDay || self.by_day.contains_key(name));
        let bounds = self
            .changed
            .first()
            .copied()
            .zip(self.changed.last().copied());
        if known && bounds.is_none() {
            return Ok(());
        }
        let session = engine.session();
        for followed in &self.tables {
            let mut provider = provider(engine, &session, followed).await?;
            if matches!(followed.table, Table::Metrics | Table::Spans)
                && known
                && let Some((first, last)) = bounds
            {
                let days = col("date").between(lit(date(first)), lit(date(last)));
                let frame = session.read_table(provider).map_err(|e| engine.error(e))?;
                provider = frame.filter(days).map_err(|e| engine.error(e))?.into_view();
            }
            register(engine, &session, followed.table.name(), provider)?;
        }
        for (name, view) in views {
            let provider = match view.stored {
                Stored::ByDay => {
                    let frame = session.sql(&view.sql).await.map_err(|e| engine.error(e))?;
                    let answer = engine.collect_all(frame).await?;
                    self.keep(name, &answer.schema, &answer.batches, bounds)
                        .map_err(|error| AnalyzeError::Execution(error.to_string()))?;
                    memory(engine, &answer.schema, answer.batches)?
                }
                // Not needed for a day, and expensive.
                Stored::Whole => continue,
                Stored::No => match expanded(engine, &session, view).await {
                    Ok(provider) => provider,
                    // It stands on a view that is stored per state.
                    Err(_) => continue,
                },
            };
            register(engine, &session, name, provider)?;
        }
        self.changed.clear();
        Ok(())
    }

    /// Replaces the days in the bounds by what was computed for them.
    fn keep(
        &mut self,
        name: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        bounds: Option<(NaiveDate, NaiveDate)>,
    ) -> Result<(), arrow::error::ArrowError> {
        let days = self.by_day.entry(name.to_owned()).or_insert_with(|| Days {
            schema: Arc::clone(schema),
            batches: BTreeMap::new(),
        });
        if let Some((first, last)) = bounds {
            days.batches.retain(|day, _| *day < first || *day > last);
        }
        let whole = concat_batches(schema, batches)?;
        let Some(dates) = whole.column_by_name("date") else {
            return Ok(());
        };
        let dates = dates.as_primitive::<Date32Type>();
        let distinct: BTreeSet<i32> = dates.iter().flatten().collect();
        for value in distinct {
            let wanted = eq(dates, &arrow::array::Date32Array::new_scalar(value))?;
            let day = Date32Type::to_naive_date_opt(value);
            if let Some(day) = day {
                days.batches
                    .insert(day, filter_record_batch(&whole, &wanted)?);
            }
        }
        Ok(())
    }
}

/// A table of the lake as the engine reads it.
async fn provider(
    engine: &Engine,
    session: &SessionContext,
    followed: &Followed,
) -> Result<Arc<dyn TableProvider>, AnalyzeError> {
    let state = session.state();
    followed
        .delta
        .update_datafusion_session(&state)
        .map_err(unreadable)?;
    let builder = followed
        .delta
        .table_provider()
        .with_session(Arc::new(state));
    builder.await.map_err(|error| engine.error(error))
}

/// A view that is expanded where it is used.
async fn expanded(
    engine: &Engine,
    session: &SessionContext,
    view: &Query,
) -> Result<Arc<dyn TableProvider>, AnalyzeError> {
    let plan = session.state().create_logical_plan(&view.sql).await;
    let plan = plan.map_err(|error| engine.error(error))?;
    Ok(Arc::new(ViewTable::new(plan, Some(view.sql.clone()))))
}

fn memory(
    engine: &Engine,
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>, AnalyzeError> {
    let table = MemTable::try_new(Arc::clone(schema), vec![batches]);
    Ok(Arc::new(table.map_err(|error| engine.error(error))?))
}

fn register(
    engine: &Engine,
    session: &SessionContext,
    name: &str,
    provider: Arc<dyn TableProvider>,
) -> Result<(), AnalyzeError> {
    session
        .register_table(name, provider)
        .map_err(|error| engine.error(error))?;
    Ok(())
}

/// The files of a table's snapshot by their partition `date=YYYY-MM-DD`.
fn files_by_day(delta: &DeltaTable) -> Result<BTreeMap<NaiveDate, BTreeSet<String>>, AnalyzeError> {
    let mut days: BTreeMap<NaiveDate, BTreeSet<String>> = BTreeMap::new();
    for file in delta.get_file_uris().map_err(unreadable)? {
        let day = file
            .split('/')
            .find_map(|folder| folder.strip_prefix("date="))
            .and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
            .unwrap_or_default();
        days.entry(day).or_default().insert(file);
    }
    Ok(days)
}

fn differing(
    before: &BTreeMap<NaiveDate, BTreeSet<String>>,
    after: &BTreeMap<NaiveDate, BTreeSet<String>>,
) -> BTreeSet<NaiveDate> {
    let days = before.keys().chain(after.keys());
    days.filter(|day| before.get(day) != after.get(day))
        .copied()
        .collect()
}

fn date(day: NaiveDate) -> ScalarValue {
    let days = day
        .signed_duration_since(DateTime::UNIX_EPOCH.date_naive())
        .num_days();
    ScalarValue::Date32(i32::try_from(days).ok())
}

fn unreadable(error: deltalake::DeltaTableError) -> AnalyzeError {
    AnalyzeError::Execution(format!("the lake cannot be read: {error}"))
}
