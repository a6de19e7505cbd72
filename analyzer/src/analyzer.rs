//! The analyzer: one lake, one catalog, many questions.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
#[cfg(test)]
use datafusion::prelude::SessionContext;
use millicent_lake::Lake;
use tokio::sync::Mutex;

use crate::batches::Batches;
use crate::catalog::{Catalog, Query};
use crate::coverage::Coverage;
use crate::engine::Engine;
use crate::error::AnalyzeError;
use crate::params::{ParamValue, Params};
use crate::state::{Follower, State};
use crate::table::Table;
use crate::views::Views;
use crate::{report, sql};

/// Bounds of every query, and the clock.
#[derive(Clone)]
pub struct Options {
    /// Memory that all running queries may use together.
    pub memory_limit_bytes: usize,
    /// Time that one query may take.
    pub timeout: Duration,
    /// Rows that an answer may have; the rest is left out and the table says so.
    pub max_rows: usize,
    /// What time it is; coverage ends now.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memory_limit_bytes: 1024 * 1024 * 1024,
            timeout: Duration::from_secs(60),
            max_rows: 100_000,
            clock: Arc::new(|| DateTime::from(SystemTime::now())),
        }
    }
}

/// An answer with what stands behind it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The query that was run.
    pub query: Arc<Query>,
    /// Its rows.
    pub table: Table,
    /// Coverage of the report's `from` to `to`; of all time where it has none.
    pub coverage: Coverage,
    /// Time that it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// Reads one lake. Cheap to clone; clones share caches and limits.
#[derive(Clone)]
pub struct Analyzer {
    inner: Arc<Inner>,
}

struct Inner {
    lake: Lake,
    catalog: Catalog,
    views: Views,
    engine: Engine,
    options: Options,
    follower: Mutex<Follower>,
}

impl Analyzer {
    /// Opens the analyzer of a lake.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn open(lake: Lake, options: Options) -> Result<Analyzer, AnalyzeError> {
        let catalog = Catalog::load()?;
        let views = Views::of(&catalog)?;
        let engine = Engine::new(options.clone())?;
        let follower = Mutex::new(Follower::default());
        let inner = Inner {
            lake,
            catalog,
            views,
            engine,
            options,
            follower,
        };
        Ok(Analyzer {
            inner: Arc::new(inner),
        })
    }

    /// The lake that it reads.
    pub fn lake(&self) -> &Lake {
        &self.inner.lake
    }

    /// The queries that there are.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// Runs a query of the catalog.
    ///
    /// # Errors
    /// An unknown name, a parameter that does not fit, time or memory used up, a lake that cannot be read.
    pub async fn report(&self, name: &str, params: &Params) -> Result<Report, AnalyzeError> {
        let started = Instant::now();
        let query = self.catalog().get(name)?;
        let values = params.complete(&query)?;
        let time = |name: &str| match params.get(name) {
            Some(ParamValue::Timestamp(time)) => Some(*time),
            _ => None,
        };
        let (from, to) = (time("from"), time("to"));
        let state = self.inner.state(sql::tables_read(&query.sql)?).await?;
        let inner = Arc::clone(&self.inner);
        let asked = Arc::clone(&query);
        let work = async move {
            let table = report::run(&inner.engine, &state.session, &asked, values).await?;
            Ok((
                table,
                state.windows.coverage(from, to, (inner.options.clock)()),
            ))
        };
        let (table, coverage) = self.inner.engine.timed(work).await?;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Report {
            query,
            table,
            coverage,
            elapsed_ms,
        })
    }

    /// Runs a query of the catalog and gives its rows as they are computed, all of them: neither the
    /// number of rows nor the time is limited, because who takes them decides how long that is.
    ///
    /// # Errors
    /// An unknown name, a parameter that does not fit, a lake that cannot be read.
    pub async fn stream(&self, name: &str, params: &Params) -> Result<Batches, AnalyzeError> {
        let query = self.catalog().get(name)?;
        let values = params.complete(&query)?;
        let state = self.inner.state(sql::tables_read(&query.sql)?).await?;
        let engine = &self.inner.engine;
        let frame = report::plan(&state.session, &query, values)
            .await
            .map_err(|error| engine.error(error))?;
        Ok(Batches::start(engine, &query, frame))
    }

    /// Runs one statement that reads: SELECT, WITH, EXPLAIN, SHOW or DESCRIBE.
    ///
    /// # Errors
    /// A statement that writes, defines or reads files; SQL that is not valid; time or memory used up.
    pub async fn sql(&self, text: &str) -> Result<Table, AnalyzeError> {
        let state = self.inner.state(sql::tables_read(text)?).await?;
        let inner = Arc::clone(&self.inner);
        let text = text.to_owned();
        let work = async move { sql::run(&inner.engine, &state.session, &text).await };
        self.inner.engine.timed(work).await
    }
}

#[cfg(test)]
impl Analyzer {
    /// The session of the present state, every view computed.
    pub(crate) async fn session(&self) -> Result<SessionContext, AnalyzeError> {
        let views = self.inner.views.all().map(|view| view.name.clone());
        let state = self.inner.state(views.collect()).await?;
        Ok(state.session.clone())
    }
}

impl Inner {
    /// The lake's present state, with what a query of these tables needs. Once begun it is computed to
    /// its end, whoever stops waiting for it, so that the next one who asks finds it done.
    async fn state(self: &Arc<Self>, tables: Vec<String>) -> Result<Arc<State>, AnalyzeError> {
        let inner = Arc::clone(self);
        let task = self.engine.spawn(async move {
            let mut follower = inner.follower.lock().await;
            follower
                .follow(&inner.lake, &inner.engine, &inner.views, &tables)
                .await
        });
        task.await
            .map_err(|error| AnalyzeError::Execution(error.to_string()))?
    }
}
