//! The engine: DataFusion under bounds of memory, time and rows, on threads of its own.

use std::sync::Arc;
use std::thread::available_parallelism;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::analyzer::Options;
use crate::critical_path::critical_path;
use crate::error::AnalyzeError;
use crate::percentile::percentile_of_buckets;
use crate::sampled_rate::sampled_rate;

/// An answer may hold this much memory, whatever its number of rows: wide rows are cut too.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// What sorts and joins may put on disk when the memory is used up.
const MAX_SPILL_BYTES: u64 = 4 << 30;

/// Rows of an answer, and whether there were more.
pub(crate) struct Answer {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) truncated: bool,
}

/// Runs plans.
pub(crate) struct Engine {
    environment: Arc<RuntimeEnv>,
    workers: Workers,
    options: Options,
}

/// Queries run here, so that a heavy one never holds up the threads that answer requests.
struct Workers(Option<Runtime>);

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    pub(crate) fn new(options: Options) -> Result<Engine, AnalyzeError> {
        // Who comes first takes: an equal share for each of a view's dozens of sorts is less than one batch of
        // spans, and a sort without a batch cannot spill.
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(options.memory_limit_bytes)))
            .with_max_temp_directory_size(MAX_SPILL_BYTES)
            .build_arc()
            .map_err(|error| AnalyzeError::engine(error, options.memory_limit_bytes))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(parallelism())
            .thread_name("query")
            .enable_all()
            .build()
            .map_err(|error| AnalyzeError::Execution(error.to_string()))?;
        Ok(Engine {
            environment,
            workers: Workers(Some(runtime)),
            options,
        })
    }

    /// A session without tables; all sessions share memory and threads.
    pub(crate) fn session(&self) -> SessionContext {
        let mut config = SessionConfig::new()
            .with_target_partitions(parallelism())
            .with_information_schema(true)
            .with_collect_statistics(true);
        let options = config.options_mut();
        options.execution.parquet.pushdown_filters = true;
        // A view of a text keeps the pages alive that it was read from, and each batch is counted with all of them: joining
        // a few megabytes of spans then seems to need more than the limit.
        options.execution.parquet.schema_force_view_types = false;
        options.execution.time_zone = Some("UTC".to_owned());
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.environment))
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(YieldingJoins))
            .build();
        let session = SessionContext::new_with_state(state);
        session.register_udf(critical_path());
        session.register_udaf(percentile_of_buckets());
        session.register_udaf(sampled_rate());
        session
    }

    /// Runs something on the engine's threads, within the time limit.
    pub(crate) async fn timed<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AnalyzeError>> + Send + 'static,
    ) -> Result<T, AnalyzeError> {
        let task = AbortOnDropHandle::new(self.handle().spawn(work));
        match tokio::time::timeout(self.options.timeout, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(AnalyzeError::Execution(panic.to_string())),
            Err(_) => Err(AnalyzeError::Timeout(self.options.timeout)),
        }
    }

    /// Runs something on the engine's threads to its end.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle().spawn(work)
    }

    fn handle(&self) -> Handle {
        // The runtime leaves its place only when the engine is dropped.
        self.workers
            .0
            .as_ref()
            .map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }

    pub(crate) fn memory_limit_bytes(&self) -> usize {
        self.options.memory_limit_bytes
    }

    pub(crate) fn error(&self, error: DataFusionError) -> AnalyzeError {
        AnalyzeError::engine(error, self.options.memory_limit_bytes)
    }

    /// The rows of a plan, as far as the bounds allow.
    pub(crate) async fn collect(&self, frame: DataFrame) -> Result<Answer, AnalyzeError> {
        let mut stream = frame
            .execute_stream()
            .await
            .map_err(|error| self.error(error))?;
        let schema = stream.schema();
        let mut batches = Vec::new();
        let mut rows_left = self.options.max_rows;
        let mut bytes_left = MAX_ANSWER_BYTES;
        let mut truncated = false;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| self.error(error))?;
            let bytes = batch.get_array_memory_size();
            if batch.num_rows() > rows_left || bytes > bytes_left {
                batches.push(batch.slice(0, batch.num_rows().min(rows_left)));
                truncated = true;
                break;
            }
            rows_left -= batch.num_rows();
            bytes_left -= bytes;
            batches.push(batch);
        }
        Ok(Answer {
            schema,
            batches,
            truncated,
        })
    }

    /// All rows of a plan, for what the engine keeps itself.
    pub(crate) async fn collect_all(&self, frame: DataFrame) -> Result<Answer, AnalyzeError> {
        let mut stream = frame
            .execute_stream()
            .await
            .map_err(|error| self.error(error))?;
        let schema = stream.schema();
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| self.error(error))?;
            if batch.num_rows() > 0 {
                batches.push(batch);
            }
        }
        Ok(Answer {
            schema,
            batches,
            truncated: false,
        })
    }
}

/// Lets joins give way after every few batches.
///
/// DataFusion yields where rows are read, but one batch that is read can join to billions of rows;
/// such a query could then not be stopped, and would hold its thread for good.
#[derive(Debug)]
struct YieldingJoins;

impl PhysicalOptimizerRule for YieldingJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let yielding = plan.transform_up(|plan| {
            Ok(
                if plan.name().contains("Join") || plan.name().contains("Unnest") {
                    Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>)
                } else {
                    Transformed::no(plan)
                },
            )
        });
        Ok(yielding?.data)
    }

    fn name(&self) -> &str {
        "yielding_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn parallelism() -> usize {
    available_parallelism().map_or(2, std::num::NonZero::get)
}
