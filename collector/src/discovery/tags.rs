//! Tags of all resources, a hundred to a call where the tagging API may be asked; else of functions
//! alone, a call each.

use std::collections::{BTreeMap, HashMap};

use millicent_lake::{Outcome, Resource};

use super::listing::Pages;
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

const GET_RESOURCES: Operation = Operation("tag:GetResources");
const LIST_TAGS: Operation = Operation("lambda:ListTags");

/// Services whose resources have rows.
const SERVICES: [&str; 6] = ["lambda", "apigateway", "dynamodb", "s3", "states", "logs"];
/// The most that a page holds.
const PAGE: i32 = 100;
/// Up to so many functions have their tags read each time; beyond, only new and changed ones do:
/// each takes one of Lambda's 15 calls a second.
const EACH_TIME: usize = 100;

/// Tags by ARN.
pub(super) struct Tags(HashMap<String, BTreeMap<String, String>>);

impl Tags {
    /// A resource that the tagging API does not know, for it has never been tagged, keeps the tags
    /// that its listing told.
    pub(super) fn put(mut self, resources: &mut [Resource]) {
        for resource in resources {
            if let Some(tags) = self.0.remove(&resource.arn) {
                resource.tags = tags;
            }
        }
    }
}

/// What the tagging API tells, in one listing.
pub(super) async fn read(inner: &Inner, meter: &Meter) -> Result<Tags, Trouble> {
    let mut tags = HashMap::new();
    let mut pages = Pages::of(GET_RESOURCES);
    loop {
        inner.pace.tagging.take(1.0).await;
        let page = inner
            .aws
            .tagging
            .get_resources()
            .set_resource_type_filters(Some(SERVICES.map(str::to_owned).into()))
            .resources_per_page(PAGE)
            .set_pagination_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| {
                let trouble = GET_RESOURCES.trouble(error);
                Trouble {
                    message: format!("tags can't be read: {}", trouble.message),
                    ..trouble
                }
            })?;
        for resource in page.resource_tag_mapping_list.into_iter().flatten() {
            let of = resource.tags.into_iter().flatten();
            let of = of.map(|tag| (tag.key, tag.value)).collect();
            tags.extend(resource.resource_arn.map(|arn| (arn, of)));
        }
        if !pages.turn(page.pagination_token)? {
            return Ok(Tags(tags));
        }
    }
}

/// Where the tagging API may not be asked: functions one by one, and of what can't be read, or has no
/// such call, the tags that were known.
pub(super) async fn read_one_by_one(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
    resources: &mut [Resource],
) {
    let before: HashMap<_, &Resource> = known
        .iter()
        .map(|row| ((row.kind.as_str(), row.arn.as_str()), row))
        .collect();
    let functions = resources.iter().filter(|row| row.kind == "function");
    let all = functions.count() <= EACH_TIME;
    let mut ask = true;
    for resource in resources {
        let before = before.get(&(resource.kind.as_str(), resource.arn.as_str()));
        let unchanged = before.is_some_and(|row| row.configuration == resource.configuration);
        if resource.kind == "function" && ask && (all || !unchanged) {
            match of_function(inner, meter, &resource.arn).await {
                Ok(tags) => {
                    resource.tags = tags;
                    continue;
                }
                Err(trouble) => {
                    ask = trouble.outcome == Outcome::Failed;
                    tracing::debug!(function = resource.name, error = %trouble, "tags of a function can't be read");
                }
            }
        }
        if let (true, Some(before)) = (resource.tags.is_empty(), before) {
            resource.tags.clone_from(&before.tags);
        }
    }
}

async fn of_function(
    inner: &Inner,
    meter: &Meter,
    arn: &str,
) -> Result<BTreeMap<String, String>, Trouble> {
    inner.pace.lambda.take(1.0).await;
    let tags = inner
        .aws
        .lambda
        .list_tags()
        .resource(arn)
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await
        .map_err(|error| LIST_TAGS.trouble(error))?;
    Ok(tags.tags.unwrap_or_default().into_iter().collect())
}
