//! `spans`: one X-Ray segment or subsegment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::columns::columns;

/// One X-Ray segment or subsegment.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Twelve digits, of the account whose X-Ray it was read from.
    pub account_id: String,
    /// Region whose X-Ray it was read from.
    pub region: String,
    /// `1-<8 hex>-<24 hex>`.
    pub trace_id: String,
    /// Start of the trace, by which windows of this table are replaced: an asynchronous tail
    /// starts long after its trace does and still belongs to the trace's window.
    pub trace_ts: DateTime<Utc>,
    /// 16 hex digits.
    pub span_id: String,
    /// Id of the enclosing subsegment or of the calling one; `None` for a root.
    pub parent_id: Option<String>,
    /// Id of the segment document that holds it; its own for a segment.
    pub segment_id: String,
    /// `segment` or `subsegment`.
    pub kind: String,
    /// X-Ray's name, for example `shop/prod`, `Initialization`, `DynamoDB`.
    pub name: String,
    /// X-Ray's origin of a segment, for example `AWS::Lambda::Function`.
    pub origin: Option<String>,
    /// `aws` or `remote` on subsegments that call out.
    pub namespace: Option<String>,
    /// What it is about: function name, API name, table name, bucket name.
    pub resource: Option<String>,
    /// Stage of an API.
    pub stage: Option<String>,
    /// AWS operation called, for example `PutItem`.
    pub operation: Option<String>,
    /// `METHOD /template` of the API's own route that its URL matches; only on a gateway segment.
    pub route: Option<String>,
    /// Start.
    pub ts: DateTime<Utc>,
    /// End − start; `None` while in progress.
    pub duration_ms: Option<f64>,
    /// Request method.
    pub http_method: Option<String>,
    /// Request URL without its query.
    pub http_url: Option<String>,
    /// Response status.
    pub http_status: Option<i32>,
    /// Client error (4xx).
    pub error: bool,
    /// Server fault (5xx).
    pub fault: bool,
    /// Throttled (429).
    pub throttle: bool,
    /// X-Ray made it up from the caller's subsegment: never add it to what it mirrors.
    pub inferred: bool,
    /// No end was reported.
    pub in_progress: bool,
    /// On a function segment: the request waited for an initialisation. `None` elsewhere.
    pub cold_start: Option<bool>,
    /// On a function segment that had one, in time for the request or not: length of the
    /// initialisation, in milliseconds.
    pub init_ms: Option<f64>,
    /// Request id of the invocation.
    pub request_id: Option<String>,
    /// Annotations, values as text.
    pub annotations: BTreeMap<String, String>,
}

columns!(Span, date of trace_ts, [
    account_id, region, trace_id, trace_ts, span_id, parent_id, segment_id, kind, name, origin, namespace, resource, stage, operation, route, ts, duration_ms, http_method, http_url, http_status, error, fault, throttle, inferred, in_progress, cold_start, init_ms, request_id, annotations,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &["ts", "trace_id"];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &["account_id", "region", "trace_ts", "ts"];
