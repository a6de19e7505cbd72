//! X-Ray segment documents → [`Span`]s: one span for every segment and every subsegment, none lost.
//!
//! Documents are read as they were recorded: times in scientific notation, subsegments that were
//! never closed, segments whose root never arrived, error flags that are spelled out as `false`.
//! What identifies a client (`client_ip`, `user_agent`, `x_forwarded_for`, the query of a URL) is
//! not kept. Source of the format: the X-Ray developer guide, "Segment documents".

mod cold_start;
mod document;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use millicent_lake::Span;

use document::{Document, time};

pub use cold_start::mark_cold_starts;

/// What the spans of a trace have in common.
#[derive(Debug, Clone)]
pub struct TraceHead {
    /// Twelve digits, of the account whose X-Ray it is read from.
    pub account_id: String,
    /// Region whose X-Ray it is read from.
    pub region: String,
    /// `1-<8 hex>-<24 hex>`.
    pub trace_id: String,
    /// Start of the trace.
    pub trace_ts: DateTime<Utc>,
}

/// A segment document that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("segment document of trace {trace_id} can't be read")]
pub struct DocumentError {
    /// The trace that it belongs to.
    pub trace_id: String,
    /// What the JSON parser says.
    #[source]
    pub source: serde_json::Error,
}

/// Reads one segment document. Spans come parents first; `cold_start` and `route` are still
/// `None`, because both need more than the one document.
pub fn parse_document(head: &TraceHead, json: &str) -> Result<Vec<Span>, DocumentError> {
    let document: Document = serde_json::from_str(json).map_err(|source| DocumentError {
        trace_id: head.trace_id.clone(),
        source,
    })?;
    let mut spans = Vec::new();
    let segment_id = document.id.clone();
    push(head, document, None, &segment_id, &mut spans);
    Ok(spans)
}

/// Reads all documents of one trace, and marks its cold starts.
///
/// A document that can't be read costs its own spans only; it is returned, never dropped silently.
pub fn parse_trace<'a>(
    head: &TraceHead,
    documents: impl IntoIterator<Item = &'a str>,
) -> (Vec<Span>, Vec<DocumentError>) {
    let mut spans = Vec::new();
    let mut errors = Vec::new();
    for json in documents {
        match parse_document(head, json) {
            Ok(parsed) => spans.extend(parsed),
            Err(error) => errors.push(error),
        }
    }
    mark_cold_starts(&mut spans);
    (spans, errors)
}

fn push(
    head: &TraceHead,
    document: Document,
    enclosing: Option<&str>,
    segment_id: &str,
    spans: &mut Vec<Span>,
) {
    let subsegment = enclosing.is_some() || document.kind.as_deref() == Some("subsegment");
    let children = document.subsegments.unwrap_or_default();
    let aws = document.aws.unwrap_or_default();
    let http = document.http.unwrap_or_default();
    let request = http.request.unwrap_or_default();
    let stage = aws
        .api_gateway
        .as_ref()
        .and_then(|gateway| gateway.stage.clone());
    let linked = links(document.links.unwrap_or_default());
    let origin = document.origin;
    let is_lambda = origin
        .as_deref()
        .is_some_and(|o| o.starts_with("AWS::Lambda"));
    let resource = match origin.as_deref() {
        Some("AWS::ApiGateway::Stage") => Some(api_name(&document.name, stage.as_deref())),
        Some("AWS::StepFunctions::StateMachine") => Some(
            document
                .resource_arn
                .as_deref()
                .and_then(state_machine_of_arn)
                .unwrap_or_else(|| document.name.clone()),
        ),
        _ if is_lambda => Some(
            document
                .resource_arn
                .as_deref()
                .or(aws.function_arn.as_deref())
                .and_then(function_of_arn)
                .unwrap_or_else(|| document.name.clone()),
        ),
        _ => aws.resource(),
    };
    let id = document.id;
    spans.push(Span {
        account_id: head.account_id.clone(),
        region: head.region.clone(),
        trace_id: head.trace_id.clone(),
        trace_ts: head.trace_ts,
        span_id: id.clone(),
        parent_id: enclosing.map(str::to_owned).or(document.parent_id),
        segment_id: segment_id.to_owned(),
        kind: if subsegment { "subsegment" } else { "segment" }.to_owned(),
        name: document.name,
        resource,
        stage,
        operation: aws.operation,
        route: None,
        // Reading the document made sure of it.
        ts: time(document.start_time).unwrap_or(head.trace_ts),
        duration_ms: document
            .end_time
            .map(|end| (end - document.start_time) * 1_000.0),
        http_method: request.method,
        http_url: request.url.map(without_query),
        http_status: http.response.unwrap_or_default().status,
        error: document.error.unwrap_or(false),
        fault: document.fault.unwrap_or(false),
        throttle: document.throttle.unwrap_or(false),
        inferred: document.inferred.unwrap_or(false),
        in_progress: document.end_time.is_none(),
        cold_start: None,
        init_ms: None,
        request_id: if is_lambda { aws.request_id } else { None },
        annotations: document
            .annotations
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| (key, text(value)))
            .chain(linked)
            .collect::<BTreeMap<_, _>>(),
        namespace: document.namespace,
        origin,
    });
    for child in children {
        push(head, child, Some(&id), segment_id, spans);
    }
}

/// The traces that a batch's messages came from, as the annotation `link_trace_id`: a queue's consumer
/// has a trace of its own.
fn links(links: Vec<document::Link>) -> Option<(String, String)> {
    let mut ids: Vec<String> = links.into_iter().filter_map(|link| link.trace_id).collect();
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then(|| ("link_trace_id".to_owned(), ids.join(",")))
}

/// `arn:aws:states:region:account:stateMachine:NAME`, or `execution:NAME:…`, or `express:NAME:…` →
/// `NAME`.
fn state_machine_of_arn(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    if parts.nth(2)? != "states" {
        return None;
    }
    let kind = parts.nth(2)?;
    matches!(kind, "stateMachine" | "execution" | "express")
        .then(|| parts.next().map(str::to_owned))?
}

/// X-Ray names a gateway segment `{apiName}/{stage}`; an API's name may hold slashes itself.
fn api_name(segment: &str, stage: Option<&str>) -> String {
    stage
        .and_then(|stage| segment.strip_suffix(stage)?.strip_suffix('/'))
        .or_else(|| segment.rsplit_once('/').map(|(api, _)| api))
        .unwrap_or(segment)
        .to_owned()
}

/// `arn:aws:lambda:region:account:function:NAME[:alias]` → `NAME`.
pub(crate) fn function_of_arn(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    if parts.nth(2)? != "lambda" || parts.nth(2)? != "function" {
        return None;
    }
    parts
        .next()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

fn without_query(mut url: String) -> String {
    if let Some(end) = url.find(['?', '#']) {
        url.truncate(end);
    }
    url
}

fn text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
