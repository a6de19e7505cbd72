//! X-Ray traces: which there are in a window, their documents, and the spans in them.

mod destination;
mod documents;
mod grown;
mod summaries;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::{StreamExt, stream};
use millicent_lake::{Rows, Slice, Table};

use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::Meter;
use crate::routes::RouteTable;
use crate::segments::TraceHead;
use crate::task::Collected;
use crate::trouble::Trouble;
use crate::windows::{Window, floor};
use documents::Batch;

pub(crate) use destination::Destination;

/// `BatchGetTraces` takes five ids (API reference; its model has no limit).
const BATCH: usize = 5;

/// The share of the traces to read: of the history a smaller one.
pub(crate) fn sampling_rate(inner: &Inner, window: &Window) -> f64 {
    let config = &inner.config;
    let recent = floor(
        inner.clock.now() - config.minute_resolution,
        chrono::TimeDelta::hours(1),
    );
    if window.from >= recent {
        config.traces.sampling_rate
    } else {
        config.traces.backfill_sampling_rate
    }
}

/// Reads one window.
pub(crate) async fn collect(
    inner: &Arc<Inner>,
    known: &Knowledge,
    window: Window,
    meter: &Arc<Meter>,
) -> Result<Collected, Trouble> {
    let rate = sampling_rate(inner, &window);
    let unseen = known.trace_destination.unseen(inner, meter).await;
    let heads = summaries::list(inner, meter, window, rate).await?;
    let listed = heads.len();
    let read = read(inner, &known.routes, heads, meter).await?;
    if rate >= 1.0 {
        grown::read_again(inner, &known.routes, window, meter).await?;
    }

    let slice = Slice {
        table: Table::Spans,
        equal: vec![
            ("account_id", inner.aws.account_id.clone()),
            ("region", inner.config.region.clone()),
        ],
        from: window.from,
        to: window.to,
    };
    let mut collected = Collected::whole(slice, Rows::Spans(read.spans));
    let missing: Vec<String> = [read.lost.message(listed), unseen]
        .into_iter()
        .flatten()
        .collect();
    collected.partial = (!missing.is_empty()).then(|| missing.join("; "));
    Ok(collected)
}

/// The documents of traces, a few batches at once.
async fn read(
    inner: &Arc<Inner>,
    routes: &Arc<RouteTable>,
    heads: Vec<TraceHead>,
    meter: &Arc<Meter>,
) -> Result<Batch, Trouble> {
    let batches: Vec<_> = heads.chunks(BATCH).map(<[_]>::to_vec).collect();
    let mut read = Batch::default();
    let mut running = stream::iter(batches)
        .map(|batch| {
            // A task each: reading the documents takes longer than fetching them.
            let (inner, routes, meter) = (Arc::clone(inner), Arc::clone(routes), Arc::clone(meter));
            async move {
                let task =
                    tokio::spawn(
                        async move { documents::fetch(&inner, &meter, &routes, batch).await },
                    );
                match task.await {
                    Ok(result) => result,
                    Err(error) => Err(Trouble::failed(format!("reading traces ended: {error}"))),
                }
            }
        })
        .buffer_unordered(inner.config.traces.concurrency);
    while let Some(batch) = running.next().await {
        let batch = batch?;
        read.spans.extend(batch.spans);
        read.lost.add(batch.lost);
    }
    Ok(read)
}
