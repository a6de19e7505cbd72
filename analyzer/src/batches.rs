//! An answer that is taken as it is computed, so that one of any size needs little memory.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::catalog::Query;
use crate::engine::Engine;
use crate::error::AnalyzeError;
use crate::report::{as_promised, promised};

/// Batches that may wait to be taken.
const WAITING: usize = 2;

/// Rows of a report, with columns and types as its header says. What is not taken is not computed.
pub struct Batches {
    schema: SchemaRef,
    coming: mpsc::Receiver<Result<RecordBatch, AnalyzeError>>,
    work: Option<AbortOnDropHandle<()>>,
}

impl Batches {
    pub(crate) fn start(engine: &Engine, query: &Query, frame: DataFrame) -> Batches {
        let schema = promised(query);
        let (sender, coming) = mpsc::channel(WAITING);
        let promise = SchemaRef::clone(&schema);
        let limit_bytes = engine.memory_limit_bytes();
        let work = engine.spawn(async move {
            let failed = |error| AnalyzeError::engine(error, limit_bytes);
            let mut stream = match frame.execute_stream().await {
                Ok(stream) => stream,
                Err(error) => {
                    // Nobody may wait for it any more.
                    let _ = sender.send(Err(failed(error))).await;
                    return;
                }
            };
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(failed).and_then(|batch| {
                    as_promised(&promise, &batch)
                        .map_err(|error| AnalyzeError::Execution(error.to_string()))
                });
                let last = batch.is_err();
                if sender.send(batch).await.is_err() || last {
                    return;
                }
            }
        });
        Batches {
            schema,
            coming,
            work: Some(AbortOnDropHandle::new(work)),
        }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// Memory used up, or the lake cannot be read; nothing comes after an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, AnalyzeError>> {
        if let Some(batch) = self.coming.recv().await {
            return Some(batch);
        }
        // A panic must not look like the end.
        let ended = self.work.take()?.await;
        ended
            .err()
            .map(|panic| Err(AnalyzeError::Execution(panic.to_string())))
    }
}
