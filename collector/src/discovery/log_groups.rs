//! CloudWatch Logs groups, and the functions that write to them.

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::types::LogGroup;
use millicent_lake::Resource;

use super::listing::{Found, Pages, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["log-group"];

const DESCRIBE_LOG_GROUPS: Operation = Operation("logs:DescribeLogGroups");
/// The most that a page holds.
const PAGE: i32 = 50;
/// Where a function logs that is not told otherwise.
const OF_FUNCTIONS: &str = "/aws/lambda/";

pub(super) async fn list(inner: &Inner, meter: &Meter) -> Result<Found, Trouble> {
    let mut groups = Vec::new();
    let mut pages = Pages::of(DESCRIBE_LOG_GROUPS);
    loop {
        inner.pace.logs.take(1.0).await;
        let page = inner
            .aws
            .logs
            .describe_log_groups()
            .limit(PAGE)
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| DESCRIBE_LOG_GROUPS.trouble(error))?;
        groups.extend(page.log_groups().iter().filter_map(|g| group_row(inner, g)));
        if !pages.turn(page.next_token)? {
            return Ok(Found::whole(groups));
        }
    }
}

fn group_row(inner: &Inner, group: &LogGroup) -> Option<Resource> {
    let name = group.log_group_name()?;
    // One of the two ARNs that AWS gives ends in `:*`, for the streams in the group.
    let arn = group.log_group_arn().or(group.arn())?;
    let arn = arn.strip_suffix(":*").unwrap_or(arn);
    let configuration = settings([
        (
            "retention_days",
            group.retention_in_days().map(|days| days.to_string()),
        ),
        (
            "stored_bytes",
            group.stored_bytes().map(|bytes| bytes.to_string()),
        ),
        (
            "class",
            group.log_group_class().map(|c| c.as_str().to_owned()),
        ),
    ]);
    Some(row(inner, "log-group", name, arn, configuration))
}

/// Tells each group its `function`: the one that is configured to log there, else the one of its
/// name. A group that several functions share is none's; it gets their names as `functions`. The
/// group of a function that was deleted keeps the function's name, as its stored bytes still cost.
/// The group of a state machine has its `state_machine`.
pub(super) fn relate(resources: &mut [Resource]) {
    let mut writers: HashMap<String, Vec<String>> = HashMap::new();
    for function in resources.iter().filter(|r| r.kind == "function") {
        let group = function.configuration.get("log_group").cloned();
        writers
            .entry(group.unwrap_or_else(|| format!("{OF_FUNCTIONS}{}", function.name)))
            .or_default()
            .push(function.name.clone());
    }
    let machines: HashMap<String, String> = resources
        .iter()
        .filter(|r| r.kind == "state-machine")
        .filter_map(|r| Some((r.configuration.get("log_group")?.clone(), r.name.clone())))
        .collect();
    for group in resources.iter_mut().filter(|r| r.kind == "log-group") {
        match machines.get(&group.name) {
            Some(machine) => group
                .configuration
                .insert("state_machine".to_owned(), machine.clone()),
            None => group.configuration.remove("state_machine"),
        };
        group.configuration.remove("function");
        group.configuration.remove("functions");
        let (key, value) = match writers.get(&group.name).map(Vec::as_slice) {
            Some([one]) => ("function", one.clone()),
            Some(several) => ("functions", several.join(",")),
            None => match group.name.strip_prefix(OF_FUNCTIONS) {
                Some(name) => ("function", name.to_owned()),
                None => continue,
            },
        };
        group.configuration.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::resource;
    use super::*;

    #[test]
    fn a_group_knows_whose_it_is() {
        let mut resources = vec![
            resource("function", "cart", &[]),
            resource("function", "pay", &[("log_group", "/shop/pay")]),
            resource("function", "a", &[("log_group", "/shop/shared")]),
            resource("function", "b", &[("log_group", "/shop/shared")]),
            resource("log-group", "/aws/lambda/cart", &[]),
            resource("log-group", "/shop/pay", &[]),
            resource("log-group", "/shop/shared", &[("function", "a")]),
            resource("log-group", "/aws/lambda/deleted", &[]),
            resource("log-group", "/other", &[]),
        ];
        relate(&mut resources);
        let told: Vec<_> = resources
            .iter()
            .filter(|r| r.kind == "log-group")
            .map(|r| {
                let get = |key| r.configuration.get(key).map(String::as_str);
                (get("function"), get("functions"))
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some("cart"), None),
                (Some("pay"), None),
                (None, Some("a,b")),
                (Some("deleted"), None),
                (None, None),
            ]
        );
    }
}
