//! `GetTraceSummaries`: the ids of a window's traces, each once.

use std::collections::BTreeMap;

use aws_sdk_xray::error::SdkError;
use aws_sdk_xray::operation::get_trace_summaries::GetTraceSummariesError;
use aws_sdk_xray::types::{SamplingStrategy, SamplingStrategyName, TimeRangeType, TraceSummary};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime as AwsDateTime;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::segments::TraceHead;
use crate::trouble::{Operation, Trouble, chain};
use crate::windows::Window;

const GET_TRACE_SUMMARIES: Operation = Operation("xray:GetTraceSummaries");

/// X-Ray refuses longer ranges on its service graph, and publishes no limit for this call.
const SLICE: TimeDelta = TimeDelta::hours(6);
/// A range that is refused is not halved below it.
const SMALLEST: TimeDelta = TimeDelta::minutes(1);
/// The read rate is not published; two at once is what its users get away with.
const CONCURRENCY: usize = 2;
/// A trace's id carries its start to the second, its summary the exact one: ask around the window,
/// and keep what starts within, so that no trace falls between two windows, or into both.
const MARGIN: TimeDelta = TimeDelta::seconds(2);
/// More pages than six hours can have.
const MAX_PAGES: usize = 100_000;

/// The traces that started in the window, of which the rate says the share.
pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    window: Window,
    rate: f64,
) -> Result<Vec<TraceHead>, Trouble> {
    let around = Window::new(window.from - MARGIN, window.to + MARGIN);
    let mut heads: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let mut slices = stream::iter(equal_slices(around))
        .map(|slice| list_parts(inner, meter, slice, rate))
        .buffer_unordered(CONCURRENCY);
    while let Some(found) = slices.try_next().await? {
        heads.extend(found);
    }
    heads.retain(|_, ts| window.holds(*ts));
    Ok(heads_of(inner, heads))
}

/// The traces that got more segments in the window, whenever they started.
///
/// # Errors
/// `None` inside where X-Ray's counterpart can't tell by the time of an update.
pub(super) async fn updated(
    inner: &Inner,
    meter: &Meter,
    window: Window,
) -> Result<Option<Vec<TraceHead>>, Trouble> {
    let mut heads = BTreeMap::new();
    for slice in equal_slices(window) {
        match list_slice(inner, meter, slice, 1.0, TimeRangeType::Event).await? {
            Some(found) => heads.extend(found),
            None => return Ok(None),
        }
    }
    Ok(Some(heads_of(inner, heads)))
}

fn heads_of(inner: &Inner, heads: BTreeMap<String, DateTime<Utc>>) -> Vec<TraceHead> {
    heads
        .into_iter()
        .map(|(trace_id, trace_ts)| TraceHead {
            account_id: inner.aws.account_id.clone(),
            region: inner.config.region.clone(),
            trace_id,
            trace_ts,
        })
        .collect()
}

/// One slice, or the halves of what X-Ray refuses, down to a minute: it publishes no limit of the
/// range, and it may be another one elsewhere.
async fn list_parts(
    inner: &Inner,
    meter: &Meter,
    slice: Window,
    rate: f64,
) -> Result<Vec<(String, DateTime<Utc>)>, Trouble> {
    let mut found = Vec::new();
    let mut open = vec![slice];
    while let Some(part) = open.pop() {
        if let Some(heads) = list_slice(inner, meter, part, rate, TimeRangeType::TraceId).await? {
            found.extend(heads);
            continue;
        }
        let half = part.from + TimeDelta::seconds(part.length().num_seconds() / 2);
        if part.length() < SMALLEST * 2 {
            return Err(Trouble::failed(format!(
                "{} refuses even a minute ({} to {} UTC). Please report it",
                GET_TRACE_SUMMARIES.0, part.from, part.to
            )));
        }
        open.extend([Window::new(part.from, half), Window::new(half, part.to)]);
    }
    Ok(found)
}

fn equal_slices(window: Window) -> Vec<Window> {
    let length = window.length().num_seconds();
    let count = (length + SLICE.num_seconds() - 1) / SLICE.num_seconds();
    let cut = |n: i64| window.from + TimeDelta::seconds(length * n / count.max(1));
    (0..count)
        .map(|n| Window::new(cut(n), cut(n + 1)))
        .collect()
}

/// `None` if X-Ray refuses the question as such.
async fn list_slice(
    inner: &Inner,
    meter: &Meter,
    slice: Window,
    rate: f64,
    by: TimeRangeType,
) -> Result<Option<Vec<(String, DateTime<Utc>)>>, Trouble> {
    let sampling = (rate < 1.0).then(|| {
        SamplingStrategy::builder()
            .name(SamplingStrategyName::FixedRate)
            .value(rate)
            .build()
    });
    let mut found = Vec::new();
    let mut billed = 0;
    let mut page_units = 1;
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        meter.afford(Billed::Trace, page_units)?;
        let page = inner
            .aws
            .xray
            .get_trace_summaries()
            .start_time(AwsDateTime::from_secs(slice.from.timestamp()))
            .end_time(AwsDateTime::from_secs(slice.to.timestamp()))
            .time_range_type(by.clone())
            .sampling(sampling.is_some())
            .set_sampling_strategy(sampling.clone())
            .set_next_token(token.clone())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if token.is_none() && is_refused(&error) => {
                tracing::debug!(from = %slice.from, to = %slice.to, ?by,
                    error = chain(&error), "X-Ray refuses the range");
                return Ok(None);
            }
            Err(error) => return Err(GET_TRACE_SUMMARIES.trouble(error)),
        };
        found.extend(page.trace_summaries().iter().filter_map(head));
        // The count is of the whole request so far; never less than what came.
        let scanned = page
            .traces_processed_count()
            .unwrap_or(0)
            .max(found.len() as i64);
        page_units = (scanned - billed).max(1);
        meter.spend(Billed::Trace, (scanned - billed).max(0));
        billed = billed.max(scanned);
        // An empty page is not the last one: only a missing token is.
        let next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() {
            return Ok(Some(found));
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(Trouble::failed(format!(
        "{} never comes to an end of its pages. It is tried again",
        GET_TRACE_SUMMARIES.0
    )))
}

fn is_refused(error: &SdkError<GetTraceSummariesError, HttpResponse>) -> bool {
    error
        .as_service_error()
        .is_some_and(GetTraceSummariesError::is_invalid_request_exception)
}

fn head(summary: &TraceSummary) -> Option<(String, DateTime<Utc>)> {
    let id = summary.id()?;
    let start = summary
        .start_time()
        .and_then(|start| DateTime::from_timestamp(start.secs(), start.subsec_nanos()));
    Some((id.to_owned(), trace_ts(id, start)?))
}

/// The start that the summary tells, unless it is not in the second that the id carries: then the
/// id's. Ids that come from W3C carry no time at all.
fn trace_ts(id: &str, start: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let carried = id
        .split('-')
        .nth(1)
        .and_then(|hex| i64::from_str_radix(hex, 16).ok())
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    match (carried, start) {
        (Some(carried), Some(start)) => {
            let apart = (start - carried).abs();
            let same = start.timestamp() == carried.timestamp();
            Some(if same || apart > TimeDelta::days(1) {
                start
            } else {
                carried
            })
        }
        (carried, start) => start.or(carried),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn slices_are_at_most_six_hours_and_leave_nothing_out() {
        for seconds in [60, 3_600, 6 * 3_600, 6 * 3_600 + 1, 86_404] {
            let from = at("2026-11-24T00:00:00Z");
            let window = Window::new(from, from + TimeDelta::seconds(seconds));
            let slices = equal_slices(window);
            assert_eq!(
                (slices[0].from, slices.last().unwrap().to),
                (window.from, window.to)
            );
            assert!(slices.iter().all(|s| s.length() <= SLICE && !s.is_empty()));
            assert!(slices.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }

    #[test]
    fn a_trace_starts_in_the_second_that_its_id_carries() {
        let id = "1-602d2f0b-7bd8e768607f9c8200690500";
        let start = at("2021-02-17T14:58:19.463Z");
        assert_eq!(trace_ts(id, Some(start)), Some(start));
        assert_eq!(trace_ts(id, None), Some(at("2021-02-17T14:58:19Z")));
        let late = at("2021-02-17T14:58:21Z");
        assert_eq!(trace_ts(id, Some(late)), Some(at("2021-02-17T14:58:19Z")));
        // A W3C id has no time in it.
        let other = at("2026-11-24T00:00:00Z");
        assert_eq!(trace_ts(id, Some(other)), Some(other));
        assert_eq!(trace_ts("nonsense", None), None);
    }
}
