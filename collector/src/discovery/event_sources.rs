//! Event source mappings: the queues and streams that Lambda reads, and the functions that it
//! gives them to.

use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use millicent_lake::Resource;

use super::listing::{Found, Pages, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::segments::function_of_arn;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["event-source-mapping"];

const LIST: Operation = Operation("lambda:ListEventSourceMappings");

pub(super) async fn list(inner: &Inner, meter: &Meter) -> Result<Found, Trouble> {
    let mut mappings = Vec::new();
    let mut pages = Pages::of(LIST);
    loop {
        inner.pace.lambda.take(1.0).await;
        let page = inner
            .aws
            .lambda
            .list_event_source_mappings()
            .set_marker(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST.trouble(error))?;
        let rows = page.event_source_mappings.into_iter().flatten();
        mappings.extend(rows.filter_map(|mapping| mapping_row(inner, &mapping)));
        if !pages.turn(page.next_marker)? {
            return Ok(Found::whole(mappings));
        }
    }
}

fn mapping_row(inner: &Inner, mapping: &EventSourceMappingConfiguration) -> Option<Resource> {
    let uuid = mapping.uuid()?;
    let function_arn = mapping.function_arn()?;
    let source = mapping.event_source_arn();
    let configuration = settings([
        ("function", Some(function_of_arn(function_arn)?)),
        (
            "qualifier",
            function_arn.split(':').nth(7).map(str::to_owned),
        ),
        ("source_arn", source.map(str::to_owned)),
        ("source_kind", Some(kind_of(source).to_owned())),
        ("source", source.and_then(name_of)),
        ("state", mapping.state().map(str::to_owned)),
        ("batch_size", mapping.batch_size().map(|n| n.to_string())),
        (
            "batching_window_s",
            mapping
                .maximum_batching_window_in_seconds()
                .map(|s| s.to_string()),
        ),
    ]);
    let arn = mapping.event_source_mapping_arn().map_or_else(
        || {
            let lambda = function_arn.split(":function:").next().unwrap_or_default();
            format!("{lambda}:event-source-mapping:{uuid}")
        },
        str::to_owned,
    );
    Some(row(inner, "event-source-mapping", uuid, arn, configuration))
}

/// What kind of thing an ARN names. A Kafka cluster outside AWS has none.
fn kind_of(arn: Option<&str>) -> &str {
    let Some(arn) = arn else {
        return "self-managed-kafka";
    };
    match arn.split(':').nth(2) {
        Some("dynamodb") => "dynamodb-stream",
        Some("rds") => "documentdb",
        Some(service) => service,
        None => "unknown",
    }
}

/// The table of a stream, the queue, the Kinesis stream: the first name in the ARN's last part.
fn name_of(arn: &str) -> Option<String> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let name = match resource.split_once('/') {
        Some((_, rest)) => rest.split('/').next()?,
        None => resource,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_arn() {
        let told = |arn| (kind_of(Some(arn)), name_of(arn));
        let is = |kind: &'static str, name: &str| (kind, Some(name.to_owned()));
        assert_eq!(
            told("arn:aws:sqs:eu-central-1:123456789012:shop-emails"),
            is("sqs", "shop-emails")
        );
        assert_eq!(
            told(
                "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
            ),
            is("dynamodb-stream", "orders")
        );
        assert_eq!(
            told("arn:aws:kinesis:eu-central-1:123456789012:stream/clicks"),
            is("kinesis", "clicks")
        );
        assert_eq!(kind_of(None), "self-managed-kafka");
    }
}
