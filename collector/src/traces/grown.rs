//! Traces that got more segments after their window had been read: asynchronous tails, messages that
//! waited in a queue, executions that run for hours. X-Ray takes segments for seven days.
//!
//! Each settled window is also asked which traces were updated in it. Those that started before it
//! are read again and replaced one by one, whole. Their own window may be read again at any time: it
//! then has the same spans.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use millicent_lake::{Rows, Slice, Span, Table};

use super::summaries;
use crate::collector::Inner;
use crate::meter::Meter;
use crate::routes::RouteTable;
use crate::trouble::{Trouble, chain};
use crate::windows::{Window, floor};

/// A root that comes late may move the start of its trace.
const MOVED: TimeDelta = TimeDelta::hours(1);

/// Reads the traces of earlier windows again that grew in this one, as far back as every trace is
/// read: of a sample it is not known which traces are in it.
pub(super) async fn read_again(
    inner: &Arc<Inner>,
    routes: &Arc<RouteTable>,
    window: Window,
    meter: &Arc<Meter>,
) -> Result<(), Trouble> {
    let now = inner.clock.now();
    let settled = floor(now - inner.config.late, TimeDelta::hours(1));
    if window.to > settled {
        return Ok(());
    }
    let Some(mut heads) = summaries::updated(inner, meter, window).await? else {
        return Ok(());
    };
    let start = now - inner.config.history;
    heads.retain(|head| {
        let of = Window::new(head.trace_ts, head.trace_ts);
        head.trace_ts < window.from
            && head.trace_ts >= start
            && super::sampling_rate(inner, &of) >= 1.0
    });
    let starts: HashMap<String, _> = heads
        .iter()
        .map(|head| (head.trace_id.clone(), head.trace_ts))
        .collect();
    let read = super::read(inner, routes, heads, meter).await?;

    let mut traces: HashMap<String, Vec<Span>> = HashMap::new();
    for span in read.spans {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    for (trace_id, spans) in traces {
        let Some(ts) = starts.get(&trace_id) else {
            continue;
        };
        let slice = Slice {
            table: Table::Spans,
            equal: vec![
                ("account_id", inner.aws.account_id.clone()),
                ("region", inner.config.region.clone()),
                ("trace_id", trace_id),
            ],
            from: *ts - MOVED,
            // Not into this window, which is about to be replaced itself.
            to: (*ts + MOVED).min(window.from),
        };
        inner
            .lake
            .replace(&slice, Rows::Spans(spans))
            .await
            .map_err(|error| {
                Trouble::failed(format!(
                    "a trace that grew can't be written: {}. Its window is tried again",
                    chain(&error)
                ))
            })?;
    }
    Ok(())
}
