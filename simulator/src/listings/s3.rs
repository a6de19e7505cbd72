//! Amazon S3's listing calls, path-style.

use std::fmt::Write as _;

use crate::aws_errors::{AwsError, Refusal, escape};
use crate::estate::Bucket;
use crate::exports::Exports;
use crate::listings::objects::{self, Objects};
use crate::listings::{created, index_of, page_of, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::world::World;

pub(super) const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Answers an operation of S3.
pub(crate) fn handle(ask: &Ask<'_>, exports: &Exports) -> Result<Answer, AwsError> {
    let operation = ask.call.operation.as_str();
    // These two answer everywhere, the others only in the bucket's Region.
    match operation {
        "ListBuckets" => return list_buckets(ask),
        "GetBucketLocation" => {
            let name = bucket_name(ask);
            let region = region_of(ask, &name).ok_or_else(no_such_bucket)?;
            // A bucket in us-east-1 has no constraint.
            return Ok(xml(if region == "us-east-1" {
                format!("<LocationConstraint xmlns=\"{XMLNS}\"/>")
            } else {
                format!(
                    "<LocationConstraint xmlns=\"{XMLNS}\">{}</LocationConstraint>",
                    escape(region)
                )
            }));
        }
        _ => {}
    }
    let name = bucket_name(ask);
    let own = ask.world.estate().region.as_str();
    if let Some(region) = region_of(ask, &name).filter(|region| *region != own) {
        return Ok(moved(ask, &name, region));
    }
    match operation {
        "ListBucketMetricsConfigurations" => metrics_configurations(ask, bucket(ask)?),
        "GetBucketNotificationConfiguration" => Ok(notifications(ask, bucket(ask)?)),
        "GetBucketTagging" => {
            let bucket = bucket(ask)?;
            let mut tags = String::new();
            for (name, value) in bucket.tags {
                // Writing to a string cannot fail.
                let _ = write!(
                    tags,
                    "<Tag><Key>{}</Key><Value>{}</Value></Tag>",
                    escape(name),
                    escape(value)
                );
            }
            Ok(xml(format!(
                "<Tagging xmlns=\"{XMLNS}\"><TagSet>{tags}</TagSet></Tagging>"
            )))
        }
        "HeadBucket" => {
            bucket(ask)?;
            let region = ask.world.estate().region.clone();
            Ok(Answer::xml(200, "application/xml", String::new())
                .with("x-amz-bucket-region", region))
        }
        "ListObjectsV2" => {
            bucket(ask)?;
            objects::list(ask, &name, &Objects::of(ask, &name, exports))
        }
        "GetObject" | "HeadObject" => {
            bucket(ask)?;
            objects::get(ask, &Objects::of(ask, &name, exports))
        }
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn xml(body: String) -> Answer {
    Answer::xml(200, "application/xml", format!("{DECLARATION}{body}"))
}

fn bucket_name(ask: &Ask<'_>) -> String {
    ask.segments().into_iter().next().unwrap_or_default()
}

fn no_such_bucket() -> AwsError {
    AwsError::new(404, "NoSuchBucket", "The specified bucket does not exist")
}

fn bucket<'a>(ask: &'a Ask<'_>) -> Result<&'a Bucket, AwsError> {
    let name = bucket_name(ask);
    let buckets = &ask.world.estate().buckets;
    buckets
        .iter()
        .find(|bucket| bucket.name == name)
        .ok_or_else(no_such_bucket)
}

/// The Region of a bucket of the account.
fn region_of<'a>(ask: &'a Ask<'_>, name: &str) -> Option<&'a str> {
    ask.everywhere()
        .map(World::estate)
        .find(|estate| estate.buckets.iter().any(|bucket| bucket.name == name))
        .map(|estate| estate.region.as_str())
}

/// What a bucket of another Region answers here.
fn moved(ask: &Ask<'_>, name: &str, region: &str) -> Answer {
    let body = if ask.call.operation == "HeadBucket" {
        String::new()
    } else {
        format!(
            "{DECLARATION}<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to \
             access must be addressed using the specified endpoint. Please send all future requests to \
             this endpoint.</Message><Endpoint>{name}.s3.{region}.amazonaws.com</Endpoint>\
             <Bucket>{name}</Bucket><RequestId>{id}</RequestId><HostId>{id}</HostId></Error>",
            name = escape(name),
            id = ask.request_id,
        )
    };
    Answer::xml(301, "application/xml", body).with("x-amz-bucket-region", region)
}

/// Configurations of request metrics, a hundred on a page.
fn metrics_configurations(ask: &Ask<'_>, bucket: &Bucket) -> Result<Answer, AwsError> {
    let from = match ask.param("continuation-token") {
        None => 0,
        Some(text) => index_of("metrics:", &text).ok_or_else(|| {
            AwsError::bad_request(
                "InvalidArgument",
                "The continuation token provided is incorrect",
            )
        })?,
    };
    let (page, next) = page_of(bucket.metrics, from, ask.page(100));
    let mut body = format!(
        "<ListMetricsConfigurationsResult xmlns=\"{XMLNS}\"><IsTruncated>{}</IsTruncated>",
        next.is_some()
    );
    for configuration in page {
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            "<MetricsConfiguration><Id>{}</Id>",
            escape(configuration.id)
        );
        if let Some(prefix) = configuration.prefix {
            let _ = write!(body, "<Filter><Prefix>{}</Prefix></Filter>", escape(prefix));
        }
        body.push_str("</MetricsConfiguration>");
    }
    if let Some(next) = next {
        let _ = write!(
            body,
            "<NextContinuationToken>{}</NextContinuationToken>",
            token("metrics:", next)
        );
    }
    body.push_str("</ListMetricsConfigurationsResult>");
    Ok(xml(body))
}

fn notifications(ask: &Ask<'_>, bucket: &Bucket) -> Answer {
    let mut body = format!("<NotificationConfiguration xmlns=\"{XMLNS}\">");
    for notification in bucket.notifications {
        let function = &ask.world.estate().function(notification.function).arn;
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            "<CloudFunctionConfiguration><Id>{}</Id><CloudFunction>{}</CloudFunction><Event>{}</Event>",
            escape(notification.id),
            escape(function),
            escape(notification.event),
        );
        if !notification.prefix.is_empty() {
            let _ = write!(
                body,
                "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>{}</Value></FilterRule></S3Key></Filter>",
                escape(notification.prefix),
            );
        }
        body.push_str("</CloudFunctionConfiguration>");
    }
    body.push_str("</NotificationConfiguration>");
    xml(body)
}

fn list_buckets(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let prefix = ask.param("prefix").unwrap_or_default();
    let most = ask.param("max-buckets");
    let limit = match &most {
        None => 10_000,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=10_000).contains(n))
            .ok_or_else(|| {
                AwsError::bad_request("InvalidArgument", "max-buckets must be between 1 and 10000")
            })?,
    };
    let from = match ask.param("continuation-token") {
        None => 0,
        Some(text) => index_of("buckets:", &text).ok_or_else(|| {
            AwsError::bad_request(
                "InvalidArgument",
                "The continuation token provided is incorrect",
            )
        })?,
    };
    let region = ask.param("bucket-region");
    // The Region of a bucket is told only in a list that is paged or filtered.
    let with_region = most.is_some() || region.is_some() || !prefix.is_empty();
    // The list is the account's, whatever the Region.
    let mut all: Vec<(&Bucket, &str)> = ask
        .everywhere()
        .map(World::estate)
        .filter(|estate| {
            region
                .as_ref()
                .is_none_or(|region| *region == estate.region)
        })
        .flat_map(|estate| {
            estate
                .buckets
                .iter()
                .map(|bucket| (bucket, estate.region.as_str()))
        })
        .filter(|(bucket, _)| bucket.name.starts_with(&prefix))
        .collect();
    all.sort_unstable_by_key(|(bucket, _)| bucket.name);
    let (page, next) = page_of(&all, from, ask.page(limit));

    let created = created(ask);
    let mut body = format!(
        "<ListAllMyBucketsResult xmlns=\"{XMLNS}\"><Owner><ID>{id}</ID></Owner><Buckets>",
        id = "5f".repeat(32)
    );
    for (bucket, region) in page {
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            "<Bucket><Name>{}</Name><CreationDate>{}</CreationDate>",
            escape(bucket.name),
            created.format("%Y-%m-%dT%H:%M:%S.000Z"),
        );
        if with_region {
            let _ = write!(body, "<BucketRegion>{}</BucketRegion>", escape(region));
        }
        body.push_str("</Bucket>");
    }
    body.push_str("</Buckets>");
    if let Some(next) = next {
        let _ = write!(
            body,
            "<ContinuationToken>{}</ContinuationToken>",
            token("buckets:", next)
        );
    }
    if !prefix.is_empty() {
        let _ = write!(body, "<Prefix>{}</Prefix>", escape(&prefix));
    }
    body.push_str("</ListAllMyBucketsResult>");
    Ok(xml(body))
}
