//! One query of CloudWatch Logs Insights, from its start to its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::QueryStatus;

use super::{Format, MEGABYTE, MOST_ROWS};
use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::trouble::{Operation, Trouble};
use crate::windows::Window;

const START_QUERY: Operation = Operation("logs:StartQuery");
const GET_QUERY_RESULTS: Operation = Operation("logs:GetQueryResults");

/// Between two looks at a query.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// AWS ends a query after an hour; who waits as long has given up on the day's others.
const MOST_LOOKS: usize = 1_200;

/// Initialisations of SnapStart functions are restorations.
const TEXT: &str = r#"filter @type = "REPORT"
| parse @message /Restore Duration: (?<restore_ms>[0-9.]+) ms/
| stats count(*) as reports, sum(@billedDuration) as billed_ms,
    count(@initDuration) as inits, sum(@initDuration) as init_ms, pct(@initDuration, 99) as init_p99,
    count(restore_ms) as restores, sum(restore_ms) as restore_ms_sum, pct(restore_ms, 99) as restore_p99
  by @log, bin(5m)"#;

const JSON: &str = r#"filter type = "platform.report"
| stats count(*) as reports, sum(record.metrics.billedDurationMs) as billed_ms,
    count(record.metrics.initDurationMs) as inits, sum(record.metrics.initDurationMs) as init_ms,
    pct(record.metrics.initDurationMs, 99) as init_p99,
    count(record.metrics.restoreDurationMs) as restores, sum(record.metrics.restoreDurationMs) as restore_ms_sum,
    pct(record.metrics.restoreDurationMs, 99) as restore_p99
  by @log, bin(5m)"#;

/// A row of an answer: fields and their texts.
pub(super) type Record = BTreeMap<String, String>;

/// Asks, and waits for the answer. What was scanned is counted, also by a query that fails.
pub(super) async fn ask(
    inner: &Inner,
    meter: &Meter,
    format: Format,
    groups: Vec<String>,
    window: Window,
) -> Result<Vec<Record>, Trouble> {
    let text = match format {
        Format::Text => TEXT,
        Format::Json => JSON,
    };
    inner.pace.logs.take(1.0).await;
    let started = inner
        .aws
        .logs
        .start_query()
        .set_log_group_names(Some(groups))
        .query_string(text)
        .start_time(window.from.timestamp())
        // In whole seconds and inclusive: what is of the next window is left to it afterwards.
        .end_time(window.to.timestamp())
        .limit(MOST_ROWS as i32)
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await
        .map_err(|error| START_QUERY.trouble(error))?;
    let id = started.query_id.ok_or_else(|| {
        Trouble::failed("logs:StartQuery answered without an id. It is tried again")
    })?;
    for _ in 0..MOST_LOOKS {
        tokio::time::sleep(LOOK_EVERY).await;
        inner.pace.logs.take(1.0).await;
        let answer = inner
            .aws
            .logs
            .get_query_results()
            .query_id(&id)
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_QUERY_RESULTS.trouble(error))?;
        let status = answer.status().cloned();
        if matches!(status, Some(QueryStatus::Scheduled | QueryStatus::Running)) {
            continue;
        }
        let scanned = answer.statistics().map_or(0.0, |s| s.bytes_scanned());
        meter.spend(Billed::LogMegabyte, (scanned / MEGABYTE).ceil() as i64);
        if status != Some(QueryStatus::Complete) {
            let status = status.map_or_else(|| "Unknown".to_owned(), |s| s.as_str().to_owned());
            return Err(Trouble::failed(format!(
                "a query of CloudWatch Logs Insights ended as {status}. It is tried again"
            )));
        }
        let records = answer.results.unwrap_or_default().into_iter().map(|row| {
            row.into_iter()
                .filter_map(|field| Some((field.field?, field.value?)))
                .collect()
        });
        return Ok(records.collect());
    }
    Err(Trouble::failed(
        "a query of CloudWatch Logs Insights did not end within ten minutes. It is tried again",
    ))
}
