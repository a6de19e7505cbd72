//! The subsegment that the SDK records of a call to another service.

use serde_json::json;

use crate::model::{Call, Target};
use crate::xray::function::Function;
use crate::xray::ids::{Ids, sender, uuid};
use crate::xray::segment::{Flags, Http, Segment};

impl Function<'_> {
    /// The subsegment of a call, and the origin of the segment that X-Ray infers from it.
    pub(super) fn call(&self, call: &Call, ids: &mut Ids) -> (Segment, Option<&'static str>) {
        let region = &self.estate.region;
        let (name, aws, status, content_length, origin) = match &call.target {
            Target::Table {
                table,
                operation,
                index,
                ..
            } => {
                let table = self.estate.table(*table).name;
                let mut aws = json!({
                    "retries": call.retries,
                    "region": region,
                    "operation": operation,
                    "request_id": ids.dynamodb_request(),
                    "table_name": table,
                    "resource_names": [table],
                });
                if let Some(index) = index {
                    aws["index_name"] = json!(index);
                }
                let length = (!call.failed).then(|| 2 + ids.below(4_000));
                (
                    "DynamoDB",
                    aws,
                    if call.failed { 400 } else { 200 },
                    length,
                    Some("AWS::DynamoDB::Table"),
                )
            }
            Target::Bucket {
                bucket,
                operation,
                bytes,
            } => {
                let bucket = self.estate.buckets[usize::from(bucket.0)].name;
                let aws = json!({
                    "retries": call.retries,
                    "region": region,
                    "operation": operation,
                    "request_id": ids.s3_request(),
                    "id_2": ids.s3_extended(),
                    "bucket_name": bucket,
                    "key": format!("{:08x}.bin", ids.below(1 << 32)),
                    "resource_names": [bucket],
                });
                let length = if *operation == "GetObject" { *bytes } else { 0 };
                (
                    "S3",
                    aws,
                    if call.failed { 503 } else { 200 },
                    Some(length),
                    Some("AWS::S3::Bucket"),
                )
            }
            Target::Queue { queue, message } => {
                let url = &self.estate.queues[usize::from(queue.0)].url;
                let aws = json!({
                    "retries": call.retries,
                    "queue_url": url,
                    "message_id": uuid((message >> 64) as u64, *message as u64),
                    "region": region,
                    "operation": "SendMessage",
                    "request_id": ids.uuid(),
                    "resource_names": [url],
                });
                ("SQS", aws, 200, None, Some("AWS::SQS::Queue"))
            }
            Target::Machine { .. } => {
                let aws = json!({
                    "retries": call.retries,
                    "region": region,
                    "operation": "StartExecution",
                    "request_id": ids.uuid(),
                });
                ("stepfunctions", aws, 200, None, Some("AWS::stepfunctions"))
            }
            Target::AsyncFunction(consumer) => {
                let function = self.estate.function(consumer.function).name;
                let aws = json!({
                    "retries": call.retries,
                    "region": region,
                    "operation": "Invoke",
                    "request_id": ids.uuid(),
                    "function_name": function,
                    "invocation_type": "Event",
                    "status_code": 202,
                    "resource_names": [function],
                });
                ("Lambda", aws, 202, Some(0), None)
            }
        };
        let id = match call.target {
            Target::Queue { message, .. } => sender(message),
            _ => ids.span(),
        };
        let segment = Segment {
            id,
            name: name.to_owned(),
            start: call.start,
            end: Some(call.start + call.duration_us),
            http: Some(Http {
                request: None,
                status,
                content_length,
            }),
            aws: Some(aws),
            namespace: Some("aws"),
            ..Segment::default()
        };
        (segment, origin)
    }
}

/// What a failed call shows: its flags, and the kind and message of the exception.
pub(super) fn failure(call: &Call) -> (Flags, &'static str, &'static str) {
    match call.target {
        Target::Table { .. } => (
            // The SDK notes a throttled client call as an error and a throttle.
            Flags {
                error: true,
                throttle: true,
                fault: false,
                explicit: false,
            },
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        ),
        Target::Bucket { .. } => (Flags::FAULT, "SlowDown", "Please reduce your request rate."),
        Target::Queue { .. } | Target::Machine { .. } | Target::AsyncFunction(_) => (
            Flags::FAULT,
            "ServiceException",
            "An error occurred and the request cannot be processed.",
        ),
    }
}
