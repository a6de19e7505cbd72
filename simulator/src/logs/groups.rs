//! The list of log groups.

use serde::Deserialize;
use serde_json::{Value, json};

use super::invalid;
use crate::aws_errors::AwsError;
use crate::estate::LogGroup;
use crate::listings::{created, index_of, page_of, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Groups on a page, and the most that can be asked for.
const PAGE: usize = 50;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Input {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_class: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let input: Input = ask.input()?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let limit = input.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: \
             Member must have value less than or equal to {PAGE}"
        )));
    }
    let from = match &input.next_token {
        None => 0,
        Some(text) => index_of("groups:", text)
            .ok_or_else(|| invalid("The specified nextToken is invalid."))?,
    };
    let groups = ask.world.estate().log_groups();
    let groups: Vec<&LogGroup> = groups.iter().filter(|group| input.wants(group)).collect();
    let (page, next) = page_of(&groups, from, ask.page(limit));
    let page: Vec<Value> = page.iter().map(|group| group_json(ask, group)).collect();
    let mut answer = json!({ "logGroups": page });
    if let Some(next) = next {
        answer["nextToken"] = token("groups:", next).into();
    }
    Ok(ask.json(&answer))
}

impl Input {
    fn wants(&self, group: &LogGroup) -> bool {
        let prefix = self.log_group_name_prefix.as_deref().unwrap_or_default();
        let pattern = self.log_group_name_pattern.as_deref().unwrap_or_default();
        group.name.starts_with(prefix)
            && group.name.contains(pattern)
            && self
                .log_group_class
                .as_deref()
                .is_none_or(|class| class == "STANDARD")
    }
}

fn group_json(ask: &Ask<'_>, group: &LogGroup) -> Value {
    let mut answer = json!({
        "logGroupName": group.name,
        "creationTime": created(ask).timestamp_millis(),
        "metricFilterCount": 0,
        // One of the two ARNs ends in a star.
        "arn": format!("{}:*", group.arn),
        "logGroupArn": group.arn,
        "storedBytes": group.stored_bytes,
        "logGroupClass": "STANDARD",
    });
    if let Some(days) = group.retention_days {
        answer["retentionInDays"] = days.into();
    }
    answer
}
