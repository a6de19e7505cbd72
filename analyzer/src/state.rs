//! A state of the lake: its tables at one version each, and the views over them.
//!
//! A view is computed when a query first needs it. Heavy ones are stored: computed once per state,
//! those that are `by day` again only for days whose files changed. So a page that is asked for again
//! costs one cheap scan, a live minute costs the running day, and a query of one table no view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
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
use crate::views::{NotComputed, View, Views};

/// Tables and views of one state, to be queried.
pub(crate) struct State {
    pub(crate) session: SessionContext,
    pub(crate) windows: Windows,
    tables: Vec<(Table, Arc<dyn TableProvider>)>,
}

/// Follows the lake from state to state.
#[derive(Default)]
pub(crate) struct Follower {
    tables: Vec<Followed>,
    by_day: BTreeMap<String, Days>,
    state: Option<Arc<State>>,
    /// Views that stand in the state's session.
    computed: BTreeSet<String>,
}

struct Followed {
    table: Table,
    delta: DeltaTable,
    files: BTreeMap<NaiveDate, BTreeSet<String>>,
}

/// Rows of a kept batch, as many as the engine's own have. One that held a day could be larger than a sort's
/// part of the memory, of which a sort needs a whole batch before it can spill.
const BATCH_ROWS: usize = 8_192;

/// The kept batches of a view that is stored by day.
struct Days {
    schema: SchemaRef,
    batches: BTreeMap<NaiveDate, Vec<RecordBatch>>,
    /// Days whose rows changed since.
    changed: BTreeSet<NaiveDate>,
}

impl Days {
    /// What is kept of the days in the bounds, of all days without.
    fn within(&self, bounds: Option<(NaiveDate, NaiveDate)>) -> Vec<RecordBatch> {
        self.batches
            .iter()
            .filter(|(day, _)| bounds.is_none_or(|(first, last)| (first..=last).contains(day)))
            .flat_map(|(_, batches)| batches.iter().cloned())
            .collect()
    }
}

/// The tables of which a view that is stored by day needs no other day than its own.
fn has_days(table: Table) -> bool {
    matches!(
        table,
        Table::Metrics | Table::Spans | Table::LatencyHistograms
    )
}

impl Follower {
    /// The lake's present state, in which what a query of these tables needs is computed.
    pub(crate) async fn follow(
        &mut self,
        lake: &Lake,
        engine: &Engine,
        views: &Views,
        tables: &[String],
    ) -> Result<Arc<State>, AnalyzeError> {
        let moved = self.advance(lake).await?;
        let state = match &self.state {
            Some(state) if !moved => Arc::clone(state),
            _ => {
                // Until the new state stands there is none: after a failure half-way the next one
                // who asks makes it.
                self.state = None;
                self.computed.clear();
                let state = Arc::new(self.state(engine, views).await?);
                self.state = Some(Arc::clone(&state));
                state
            }
        };
        for view in views.needed_for(tables) {
            if !self.computed.contains(&view.name) {
                let provider = self.compute(engine, views, view, &state).await?;
                register(engine, &state.session, &view.name, provider)?;
                self.computed.insert(view.name.clone());
            }
        }
        Ok(state)
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
        let mut changed = BTreeSet::new();
        let mut resources_changed = false;
        for followed in &mut self.tables {
            let files = files_by_day(&followed.delta)?;
            let days = differing(&followed.files, &files);
            if has_days(followed.table) {
                changed.extend(days);
                every_day.extend(files.keys().copied());
            } else if followed.table == Table::Resources {
                resources_changed = !days.is_empty();
            }
            followed.files = files;
        }
        if resources_changed {
            changed.extend(every_day);
        }
        for days in self.by_day.values_mut() {
            days.changed.extend(&changed);
        }
        Ok(true)
    }

    /// A state in which no view is computed yet.
    async fn state(&self, engine: &Engine, views: &Views) -> Result<State, AnalyzeError> {
        let session = engine.session();
        let mut tables = Vec::with_capacity(self.tables.len());
        for followed in &self.tables {
            let provider = provider(engine, &session, followed).await?;
            register(
                engine,
                &session,
                followed.table.name(),
                Arc::clone(&provider),
            )?;
            tables.push((followed.table, provider));
        }
        for view in views.all() {
            let provider = Arc::new(NotComputed::of(view));
            register(engine, &session, &view.name, provider)?;
        }
        let frame = session
            .table(Table::Collections.name())
            .await
            .map_err(|e| engine.error(e))?;
        let collections = engine.collect_all(frame).await?;
        let windows = Windows::read(&collections.schema, &collections.batches)
            .map_err(|error| AnalyzeError::Execution(error.to_string()))?;
        Ok(State {
            session,
            windows,
            tables,
        })
    }

    /// A view of a state in which all stands that it needs.
    async fn compute(
        &mut self,
        engine: &Engine,
        views: &Views,
        view: &View,
        state: &State,
    ) -> Result<Arc<dyn TableProvider>, AnalyzeError> {
        match view.query.stored {
            Stored::No => expanded(engine, &state.session, &view.query).await,
            Stored::Whole => {
                let frame = state.session.sql(&view.query.sql).await;
                let frame = frame.map_err(|e| engine.error(e))?;
                let answer = engine.collect_all(frame).await?;
                memory(engine, &answer.schema, answer.batches)
            }
            Stored::ByDay => {
                self.compute_days(engine, views, view, state).await?;
                let days = self.by_day.get(&view.name).ok_or_else(|| {
                    AnalyzeError::Execution(format!("the view {} was not kept", view.name))
                })?;
                memory(engine, &days.schema, days.within(None))
            }
        }
    }

    /// Brings a view that is stored by day up to date.
    async fn compute_days(
        &mut self,
        engine: &Engine,
        views: &Views,
        view: &View,
        state: &State,
    ) -> Result<(), AnalyzeError> {
        let known = self.by_day.get(&view.name);
        let bounds = known.and_then(|days| {
            let changed = &days.changed;
            changed.first().copied().zip(changed.last().copied())
        });
        if known.is_some() && bounds.is_none() {
            return Ok(());
        }
        let session = engine.session();
        for (table, provider) in &state.tables {
            let mut provider = Arc::clone(provider);
            if has_days(*table)
                && let Some((first, last)) = bounds
            {
                let days = col("date").between(lit(date(first)), lit(date(last)));
                let frame = session.read_table(provider).map_err(|e| engine.error(e))?;
                provider = frame.filter(days).map_err(|e| engine.error(e))?.into_view();
            }
            register(engine, &session, table.name(), provider)?;
        }
        for under in views.under(view) {
            let provider = match self.by_day.get(&under.name) {
                Some(days) => memory(engine, &days.schema, days.within(bounds))?,
                None => expanded(engine, &session, &under.query).await?,
            };
            register(engine, &session, &under.name, provider)?;
        }
        let frame = session.sql(&view.query.sql).await;
        let frame = frame.map_err(|e| engine.error(e))?;
        let answer = engine.collect_all(frame).await?;
        self.keep(&view.name, &answer.schema, &answer.batches, bounds)
            .map_err(|error| AnalyzeError::Execution(error.to_string()))
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
            changed: BTreeSet::new(),
        });
        if let Some((first, last)) = bounds {
            days.batches.retain(|day, _| *day < first || *day > last);
        }
        let whole = concat_batches(schema, batches)?;
        let Some(dates) = whole.column_by_name("date") else {
            return Ok(());
        };
        let dates = dates.as_primitive::<Date32Type>();
        let mut rows_of: BTreeMap<i32, Vec<u64>> = BTreeMap::new();
        for (row, date) in dates.iter().enumerate() {
            if let Some(date) = date {
                rows_of.entry(date).or_default().push(row as u64);
            }
        }
        for (date, rows) in rows_of {
            let Some(day) = Date32Type::to_naive_date_opt(date) else {
                continue;
            };
            let chunks = rows.chunks(BATCH_ROWS);
            let kept: Result<Vec<RecordBatch>, _> = chunks
                .map(|chunk| take_record_batch(&whole, &UInt64Array::from(chunk.to_vec())))
                .collect();
            days.batches.insert(day, kept?);
        }
        days.changed.clear();
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

/// Puts a table in a session, in place of one of that name.
fn register(
    engine: &Engine,
    session: &SessionContext,
    name: &str,
    provider: Arc<dyn TableProvider>,
) -> Result<(), AnalyzeError> {
    let registered = session
        .deregister_table(name)
        .and_then(|_| session.register_table(name, provider));
    registered.map_err(|error| engine.error(error))?;
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
