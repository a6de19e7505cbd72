//! S3 buckets of the region, whether all of a bucket's requests are counted, and what its events
//! start. A bucket elsewhere belongs to that region's inventory.

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::types::{Bucket, Event, NotificationConfigurationFilter};
use millicent_lake::Resource;
use serde_json::{Value, json};

use super::listing::{Each, Found, Pages, is_gone, keep, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::segments::function_of_arn;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["bucket"];

const LIST_BUCKETS: Operation = Operation("s3:ListAllMyBuckets");
const LOCATION: Operation = Operation("s3:GetBucketLocation");
const METRICS: Operation = Operation("s3:GetMetricsConfiguration");
const NOTIFICATION: Operation = Operation("s3:GetBucketNotification");

/// Only a list with a page size tells the buckets' regions.
const PAGE: i32 = 1_000;

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut pages = Pages::of(LIST_BUCKETS);
    loop {
        inner.pace.s3.take(1.0).await;
        let page = inner
            .aws
            .s3
            .list_buckets()
            .max_buckets(PAGE)
            .set_continuation_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST_BUCKETS.trouble(error))?;
        buckets.extend(page.buckets.unwrap_or_default());
        if !pages.turn(page.continuation_token)? {
            break;
        }
    }
    let mut items = Vec::new();
    let mut found = Found::default();
    for bucket in buckets {
        let Some(name) = bucket.name else { continue };
        let region = match bucket.bucket_region {
            Some(region) => region,
            None => match location(inner, meter, &name).await {
                Ok(Some(region)) => region,
                Ok(None) => continue,
                Err(trouble) => {
                    let still = |r: &&Resource| r.kind == "bucket" && r.name == name;
                    found.resources.extend(known.iter().filter(still).cloned());
                    found.missing.push(trouble);
                    continue;
                }
            },
        };
        if region == inner.config.region {
            let bare = bucket_row(inner, &name, None, None);
            items.push((name, Some(bare)));
        }
    }
    let each = Each {
        what: "buckets",
        kinds: KINDS,
        known,
        owner: |row| Some(&row.name),
    };
    let read = each
        .ask(items, |name| read(inner, meter, known, name))
        .await;
    found.add(read);
    Ok(found)
}

/// Where the bucket is; `None` if it is gone. Asked only where the list does not tell it.
async fn location(inner: &Inner, meter: &Meter, name: &str) -> Result<Option<String>, Trouble> {
    inner.pace.s3.take(1.0).await;
    let answer = inner
        .aws
        .s3
        .get_bucket_location()
        .bucket(name)
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(Some(
            match answer.location_constraint.as_ref().map(|c| c.as_str()) {
                // The first region has no constraint, and the second an old one.
                None | Some("") => "us-east-1".to_owned(),
                Some("EU") => "eu-west-1".to_owned(),
                Some(region) => region.to_owned(),
            },
        )),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(LOCATION.trouble(error)),
    }
}

async fn read(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
    name: String,
) -> Result<Found, Trouble> {
    let filter = metrics_filter(inner, meter, &name).await;
    if filter.as_ref().is_ok_and(Option::is_none) {
        return Ok(Found::default());
    }
    inner.pace.s3.take(1.0).await;
    let events = inner
        .aws
        .s3
        .get_bucket_notification_configuration()
        .bucket(&name)
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await;
    let events = match events {
        Err(error) if is_gone(&error) => return Ok(Found::default()),
        events => events.map_err(|error| NOTIFICATION.trouble(error)),
    };
    // Each may be denied alone.
    let (filter, events, missing) = match (filter, events) {
        (Ok(filter), Ok(events)) => (filter.flatten(), Some(events), None),
        (Ok(filter), Err(trouble)) => (filter.flatten(), None, Some(trouble)),
        (Err(trouble), Ok(events)) => (None, Some(events), Some(trouble)),
        (Err(trouble), Err(_)) => return Err(trouble),
    };
    let mut row = bucket_row(inner, &name, filter, events.as_ref());
    if missing.is_some() {
        let keys: &[&str] = match events {
            Some(_) => &["metrics_filter"],
            None => &["notifications", "event_bridge"],
        };
        keys.iter().for_each(|key| keep(&mut row, key, known));
    }
    Ok(Found {
        resources: vec![row],
        missing: missing.into_iter().collect(),
    })
}

/// The id of the configuration that counts the requests to all of the bucket; the outer `None` if
/// the bucket is gone.
async fn metrics_filter(
    inner: &Inner,
    meter: &Meter,
    name: &str,
) -> Result<Option<Option<String>>, Trouble> {
    let mut pages = Pages::of(METRICS);
    loop {
        inner.pace.s3.take(1.0).await;
        let page = inner
            .aws
            .s3
            .list_bucket_metrics_configurations()
            .bucket(name)
            .set_continuation_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(METRICS.trouble(error)),
        };
        let whole = page
            .metrics_configuration_list()
            .iter()
            .find(|configuration| configuration.filter().is_none());
        if let Some(whole) = whole {
            return Ok(Some(Some(whole.id().to_owned())));
        }
        let next = page.next_continuation_token;
        if !pages.turn(next.filter(|_| page.is_truncated == Some(true)))? {
            return Ok(Some(None));
        }
    }
}

fn bucket_row(
    inner: &Inner,
    name: &str,
    filter: Option<String>,
    events: Option<&GetBucketNotificationConfigurationOutput>,
) -> Resource {
    let notifications = events.map(notifications).filter(|list| !list.is_empty());
    let bridge = events.and_then(|events| events.event_bridge_configuration());
    let configuration = settings([
        ("bucket_region", Some(inner.config.region.clone())),
        ("metrics_filter", filter),
        (
            "notifications",
            notifications.map(|list| Value::Array(list).to_string()),
        ),
        ("event_bridge", bridge.map(|_| "true".to_owned())),
    ]);
    let partition = partition_of(&inner.config.region);
    row(
        inner,
        "bucket",
        name,
        format!("arn:{partition}:s3:::{name}"),
        configuration,
    )
}

fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// A value for each event of each configuration: what starts, and under which prefix.
fn notifications(events: &GetBucketNotificationConfigurationOutput) -> Vec<Value> {
    let mut list = Vec::new();
    let mut put = |target: &str,
                   name: Option<String>,
                   events: &[Event],
                   filter: Option<&NotificationConfigurationFilter>| {
        for event in events {
            let mut value = json!({"event": event.as_str(), target: name});
            for (rule, text) in rules(filter) {
                value[rule] = text.into();
            }
            list.push(value);
        }
    };
    for to in events.lambda_function_configurations() {
        let name = function_of_arn(to.lambda_function_arn());
        put("function", name, to.events(), to.filter());
    }
    for to in events.queue_configurations() {
        put(
            "queue",
            last_of_arn(to.queue_arn()),
            to.events(),
            to.filter(),
        );
    }
    for to in events.topic_configurations() {
        put(
            "topic",
            last_of_arn(to.topic_arn()),
            to.events(),
            to.filter(),
        );
    }
    // AWS gives them in no order; a new one is not a change.
    list.sort_by_key(Value::to_string);
    list
}

/// `prefix` and `suffix`, as far as they say anything.
fn rules(filter: Option<&NotificationConfigurationFilter>) -> Vec<(String, String)> {
    let rules = filter.and_then(|filter| filter.key());
    rules
        .into_iter()
        .flat_map(|key| key.filter_rules())
        .filter_map(|rule| {
            let name = rule.name()?.as_str().to_lowercase();
            let value = rule.value().filter(|value| !value.is_empty())?;
            Some((name, value.to_owned()))
        })
        .collect()
}

fn last_of_arn(arn: &str) -> Option<String> {
    arn.rsplit(':').next().map(str::to_owned)
}
