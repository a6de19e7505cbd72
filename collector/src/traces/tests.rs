//! Traces of a scripted X-Ray, over the real SDK.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{Collection, Outcome, Table};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::source::Source;
use crate::testing::{ACCOUNT, REGION, Request, Response, Scripted};
use crate::{Clock, CollectConfig, Collector};

async fn collector(aws: &Scripted) -> Collector {
    let config = CollectConfig {
        sources: vec![Source::Discovery, Source::Traces],
        ..aws.config()
    };
    aws.collector(config).await
}

async fn pass(collector: &Collector, aws: &Scripted) {
    collector
        .pass(aws.clock.now(), &CancellationToken::new(), &|_| {})
        .await
        .unwrap();
}

async fn recorded(aws: &Scripted) -> Vec<Collection> {
    aws.lake
        .collections("traces", ACCOUNT, REGION, DateTime::UNIX_EPOCH)
        .await
        .unwrap()
}

async fn spans(aws: &Scripted) -> usize {
    let table = aws.lake.delta_table(Table::Spans).await.unwrap();
    let log = table.snapshot().unwrap().log_data();
    log.into_iter()
        .map(|file| file.num_records().unwrap())
        .sum()
}

fn seconds(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp()
}

fn id(start: i64) -> String {
    format!("1-{start:08x}-{:024x}", 1)
}

/// A page of the traces that started, or were updated, in the range that is asked for.
fn summaries(request: &Request, by: &str, start: i64, at: i64) -> Response {
    let asked = request.json();
    let time = |key: &str| asked[key].as_f64().unwrap() as i64;
    let is = asked["TimeRangeType"] == by && (time("StartTime")..time("EndTime")).contains(&at);
    let found: Vec<Value> = is
        .then(|| json!({"Id": id(start), "StartTime": start}))
        .into_iter()
        .collect();
    Response::json(&json!({"TraceSummaries": found, "TracesProcessedCount": found.len()}))
}

fn trace(start: i64, segments: usize) -> Response {
    let documents: Vec<Value> = (0..segments)
        .map(|n| {
            let id = format!("{n:016x}");
            let (from, to) = (start as f64, start as f64 + 0.25);
            let document = json!({"id": id, "name": "f", "start_time": from, "end_time": to});
            json!({"Id": id, "Document": document.to_string()})
        })
        .collect();
    Response::json(&json!({
        "Traces": [{"Id": id(start), "Segments": documents}], "UnprocessedTraceIds": []}))
}

#[tokio::test]
async fn a_trace_that_grew_after_its_window_was_read_is_read_again() {
    let start = seconds("2026-11-24T07:59:50Z");
    let update = seconds("2026-11-24T08:40:00Z");
    let grown = Arc::new(AtomicBool::new(false));
    let has_grown = Arc::clone(&grown);
    let aws = Scripted::start(move |request| match request.operation {
        "GetTraceSummaries" if request.json()["TimeRangeType"] == "Event" => {
            Some(summaries(request, "Event", start, update))
        }
        "GetTraceSummaries" => Some(summaries(request, "TraceId", start, start)),
        "BatchGetTraces" => Some(trace(
            start,
            1 + usize::from(has_grown.load(Ordering::SeqCst)),
        )),
        _ => None,
    })
    .await;
    let collector = collector(&aws).await;
    pass(&collector, &aws).await;
    assert_eq!(spans(&aws).await, 1);

    grown.store(true, Ordering::SeqCst);
    aws.clock.advance(TimeDelta::minutes(40));
    for _ in 0..2 {
        pass(&collector, &aws).await;
        assert_eq!(spans(&aws).await, 2);
        aws.clock.advance(TimeDelta::hours(1));
    }
    assert!(
        recorded(&aws)
            .await
            .iter()
            .all(|row| row.outcome == Outcome::Complete)
    );
}

#[tokio::test]
async fn a_range_that_x_ray_refuses_is_asked_for_in_parts() {
    let start = seconds("2026-11-24T04:30:00Z");
    let aws = Scripted::start(move |request| match request.operation {
        "GetTraceSummaries" => {
            let asked = request.json();
            let time = |key: &str| asked[key].as_f64().unwrap();
            if time("EndTime") - time("StartTime") > 3_600.0 {
                return Some(Response::error(
                    "GetTraceSummaries",
                    400,
                    "InvalidRequestException",
                ));
            }
            Some(summaries(request, "TraceId", start, start))
        }
        "BatchGetTraces" => Some(trace(start, 1)),
        _ => None,
    })
    .await;
    pass(&collector(&aws).await, &aws).await;
    assert_eq!(spans(&aws).await, 1);
    assert!(
        recorded(&aws)
            .await
            .iter()
            .all(|row| row.outcome == Outcome::Complete)
    );
}

#[tokio::test]
async fn an_x_ray_that_refuses_every_range_has_failed() {
    let aws = Scripted::start(|request| {
        (request.operation == "GetTraceSummaries")
            .then(|| Response::error(request.operation, 400, "InvalidRequestException"))
    })
    .await;
    pass(&collector(&aws).await, &aws).await;
    let row = recorded(&aws).await.pop().unwrap();
    assert_eq!(row.outcome, Outcome::Failed);
    assert!(row.error.unwrap().contains("refuses even a minute"));
}

#[tokio::test]
async fn spans_that_go_to_logs_are_told_to_be_unseen() {
    for (indexed, unseen) in [(1.0, true), (100.0, false)] {
        let aws = Scripted::start(move |request| match request.operation {
            "GetTraceSegmentDestination" => Some(Response::json(
                &json!({"Destination": "CloudWatchLogs", "Status": "ACTIVE"}),
            )),
            "GetIndexingRules" => Some(Response::json(&json!({"IndexingRules": [{
                "Name": "Default",
                "Rule": {"Probabilistic": {"DesiredSamplingPercentage": indexed}}}]}))),
            _ => None,
        })
        .await;
        pass(&collector(&aws).await, &aws).await;
        let rows = recorded(&aws).await;
        assert!(rows.len() > 1);
        for row in rows {
            let said = row
                .error
                .unwrap_or_default()
                .contains("indexes only 1% of the traces");
            assert_eq!((row.outcome == Outcome::Partial, said), (unseen, unseen));
        }
        assert_eq!(aws.calls_of("GetTraceSegmentDestination"), 1, "once a pass");
    }
}
