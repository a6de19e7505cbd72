//! The Resource Groups Tagging API: every tagged resource of a Region.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::estate::{Estate, Tag};
use crate::listings::{index_of, page_of, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::server::cloudwatch_json::{to_cbor, to_json};
use crate::server::service::Wire;

/// Resources on a page where no number is given, and the highest number.
const PAGE: usize = 50;
const MOST: usize = 100;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Input {
    pagination_token: Option<String>,
    resources_per_page: Option<usize>,
    #[serde(default)]
    tag_filters: Vec<TagFilter>,
    #[serde(default)]
    resource_type_filters: Vec<String>,
    #[serde(default, rename = "ResourceARNList")]
    arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagFilter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

/// Answers an operation of the Tagging API over either protocol.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    if ask.call.operation != "GetResources" {
        return Err(Refusal::UnknownOperation.shaped(ask.call));
    }
    let unreadable = |why: String| AwsError::bad_request("SerializationException", why);
    if ask.call.wire != Wire::Cbor {
        return Ok(ask.json(&get_resources(ask, &ask.input()?)?));
    }
    let body: ciborium::Value =
        ciborium::from_reader(ask.body).map_err(|error| unreadable(error.to_string()))?;
    let input =
        serde_json::from_value(to_json(&body)).map_err(|error| unreadable(error.to_string()))?;
    let answer = get_resources(ask, &input)?;
    let mut body = Vec::new();
    ciborium::into_writer(&to_cbor(&answer, false), &mut body)
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(Answer::cbor(200, body))
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidParameterException", message)
}

fn get_resources(ask: &Ask<'_>, input: &Input) -> Result<Value, AwsError> {
    let limit = input.resources_per_page.unwrap_or(PAGE);
    if !(1..=MOST).contains(&limit) {
        return Err(invalid(format!(
            "ResourcesPerPage {limit} is not between 1 and {MOST}"
        )));
    }
    let filtered = !input.tag_filters.is_empty() || !input.resource_type_filters.is_empty();
    if !input.arns.is_empty() && (filtered || input.pagination_token.is_some()) {
        return Err(invalid(
            "ResourceARNList cannot be given together with filters or a page",
        ));
    }
    let from = match input
        .pagination_token
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        None => 0,
        Some(text) => index_of("resources:", text)
            .ok_or_else(|| invalid("The PaginationToken is not one of this API"))?,
    };
    let found: Vec<Value> = resources(ask.world.estate())
        .into_iter()
        .filter(|(arn, tags)| input.wants(arn, tags))
        .map(|(arn, tags)| {
            let tags: Vec<Value> = tags
                .iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect();
            json!({ "ResourceARN": arn, "Tags": tags })
        })
        .collect();
    let (page, next) = page_of(&found, from, ask.page(limit));
    let next = next.map_or_else(String::new, |next| token("resources:", next));
    // On the last page the token is there, and empty.
    Ok(json!({ "PaginationToken": next, "ResourceTagMappingList": page }))
}

impl Input {
    fn wants(&self, arn: &str, tags: &[Tag]) -> bool {
        let types = &self.resource_type_filters;
        (self.arns.is_empty() || self.arns.iter().any(|wanted| wanted == arn))
            && (types.is_empty() || types.iter().any(|kind| is_of(arn, kind)))
            && self.tag_filters.iter().all(|filter| {
                tags.iter().any(|(key, value)| {
                    *key == filter.key
                        && (filter.values.is_empty() || filter.values.iter().any(|v| v == value))
                })
            })
    }
}

/// Whether an ARN is of a type as filters name it: `dynamodb` or `dynamodb:table`.
fn is_of(arn: &str, filter: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next(), parts.nth(2).unwrap_or_default());
    let kind = resource.trim_start_matches('/');
    let kind = kind.split(['/', ':']).next().unwrap_or_default();
    match filter.split_once(':') {
        None => service == Some(filter),
        // The ARNs of buckets and queues are names without a type.
        Some((of, "bucket")) if of == "s3" => service == Some(of),
        Some((of, "queue")) if of == "sqs" => service == Some(of),
        Some((of, wanted)) => service == Some(of) && kind == wanted,
    }
}

/// Every tagged resource with its ARN.
fn resources(estate: &Estate) -> Vec<(String, &'static [Tag])> {
    let mut all: Vec<(String, &'static [Tag])> = Vec::new();
    for api in &estate.apis {
        let arn = api.arn(&estate.region);
        all.push((format!("{arn}/stages/{}", api.stage), api.tags));
        all.push((arn, api.tags));
    }
    all.extend(estate.functions.iter().map(|f| (f.arn.clone(), f.tags)));
    all.extend(estate.tables.iter().map(|t| (t.arn.clone(), t.tags)));
    all.extend(
        estate
            .buckets
            .iter()
            .map(|b| (format!("arn:aws:s3:::{}", b.name), b.tags)),
    );
    all.extend(estate.queues.iter().map(|q| (q.arn.clone(), q.tags)));
    all.extend(
        estate
            .state_machines
            .iter()
            .map(|m| (m.arn.clone(), m.tags)),
    );
    all.retain(|(_, tags)| !tags.is_empty());
    all.sort_unstable();
    all
}
