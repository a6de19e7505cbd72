//! The parts of X-Ray's segment documents that become columns. Everything but the id, the name and
//! the start may be missing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Seconds since the epoch → time, to the microsecond: more than a double can hold of today's date.
pub(super) fn time(seconds: f64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
}

/// A start that is no time is an error of the document, and never the year 1970.
fn start<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    match time(seconds) {
        Some(_) => Ok(seconds),
        None => Err(D::Error::custom(format!("{seconds} is not a time"))),
    }
}

/// A segment, or a subsegment.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(deserialize_with = "start")]
    pub(super) start_time: f64,
    pub(super) end_time: Option<f64>,
    pub(super) parent_id: Option<String>,
    /// `subsegment` on a subsegment that was sent as a document of its own.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) resource_arn: Option<String>,
    pub(super) inferred: Option<bool>,
    pub(super) error: Option<bool>,
    pub(super) fault: Option<bool>,
    pub(super) throttle: Option<bool>,
    pub(super) http: Option<Http>,
    pub(super) aws: Option<Aws>,
    pub(super) annotations: Option<BTreeMap<String, serde_json::Value>>,
    /// The traces that sent the messages of a batch.
    pub(super) links: Option<Vec<Link>>,
    pub(super) subsegments: Option<Vec<Document>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) trace_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Http {
    pub(super) request: Option<Request>,
    pub(super) response: Option<Response>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Request {
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Response {
    pub(super) status: Option<i32>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Aws {
    pub(super) operation: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) function_arn: Option<String>,
    function_name: Option<String>,
    table_name: Option<String>,
    bucket_name: Option<String>,
    queue_url: Option<String>,
    topic_arn: Option<String>,
    resource_names: Option<Vec<String>>,
    pub(super) api_gateway: Option<ApiGateway>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ApiGateway {
    pub(super) stage: Option<String>,
}

impl Aws {
    /// What a call was about, by the most particular of the names that X-Ray gives.
    pub(super) fn resource(&self) -> Option<String> {
        self.table_name
            .clone()
            .or_else(|| self.bucket_name.clone())
            .or_else(|| self.function_name.clone())
            .or_else(|| {
                self.function_arn
                    .as_deref()
                    .and_then(super::function_of_arn)
            })
            .or_else(|| self.queue_url.clone())
            .or_else(|| self.topic_arn.clone())
            .or_else(|| self.resource_names.as_ref()?.first().cloned())
    }
}
