//! Aliases of functions, and the concurrency that is provisioned for aliases and versions.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::types::AliasConfiguration;
use millicent_lake::Resource;

use super::super::listing::{Found, Pages, is_gone, keep, row, settings};
use super::function_of;
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

const LIST_ALIASES: Operation = Operation("lambda:ListAliases");
const LIST_PROVISIONED: Operation = Operation("lambda:ListProvisionedConcurrencyConfigs");

/// Aliases of a function. A version has a row (kind `version`) only if concurrency is provisioned for
/// it, and that is asked only of functions with an alias: it takes a call a function.
pub(super) async fn of(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
    function: &str,
) -> Result<Found, Trouble> {
    let mut aliases: Vec<AliasConfiguration> = Vec::new();
    let mut pages = Pages::of(LIST_ALIASES);
    loop {
        inner.pace.lambda.take(1.0).await;
        let page = inner
            .aws
            .lambda
            .list_aliases()
            .function_name(function)
            .set_marker(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(Found::default()),
            Err(error) => return Err(LIST_ALIASES.trouble(error)),
        };
        aliases.extend(page.aliases.unwrap_or_default());
        if !pages.turn(page.next_marker)? {
            break;
        }
    }
    if aliases.is_empty() {
        return Ok(Found::default());
    }
    let provisioned = provisioned(inner, meter, function).await;
    let (mut provisioned, missing) = match provisioned {
        Ok(provisioned) => (provisioned, None),
        Err(trouble) => (BTreeMap::new(), Some(trouble)),
    };
    let mut rows: Vec<Resource> = aliases
        .iter()
        .filter_map(|alias| {
            let concurrency = provisioned.remove(alias.alias_arn()?);
            alias_row(inner, function, alias, concurrency)
        })
        .collect();
    if missing.is_some() {
        let of = |row: &&Resource| row.kind == "version" && function_of(row) == Some(function);
        rows.iter_mut()
            .for_each(|row| keep(row, "provisioned_concurrency", known));
        rows.extend(known.iter().filter(of).cloned());
    }
    // What is left is provisioned for versions.
    for (arn, concurrency) in provisioned {
        let Some(version) = arn.split(':').nth(7) else {
            continue;
        };
        let configuration = settings([
            ("function", Some(function.to_owned())),
            ("version", Some(version.to_owned())),
            ("provisioned_concurrency", Some(concurrency.to_string())),
        ]);
        let name = format!("{function}:{version}");
        rows.push(row(inner, "version", name, &arn, configuration));
    }
    Ok(Found {
        resources: rows,
        missing: missing.into_iter().collect(),
    })
}

/// Environments asked for, by the ARN of the alias or version.
async fn provisioned(
    inner: &Inner,
    meter: &Meter,
    function: &str,
) -> Result<BTreeMap<String, i32>, Trouble> {
    let mut found = BTreeMap::new();
    let mut pages = Pages::of(LIST_PROVISIONED);
    loop {
        inner.pace.lambda.take(1.0).await;
        let page = inner
            .aws
            .lambda
            .list_provisioned_concurrency_configs()
            .function_name(function)
            .set_marker(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(found),
            Err(error) => return Err(LIST_PROVISIONED.trouble(error)),
        };
        for config in page.provisioned_concurrency_configs.into_iter().flatten() {
            if let (Some(arn), Some(asked)) = (
                config.function_arn,
                config.requested_provisioned_concurrent_executions,
            ) {
                found.insert(arn, asked);
            }
        }
        if !pages.turn(page.next_marker)? {
            return Ok(found);
        }
    }
}

fn alias_row(
    inner: &Inner,
    function: &str,
    alias: &AliasConfiguration,
    concurrency: Option<i32>,
) -> Option<Resource> {
    let name = alias.name()?;
    let weights = alias
        .routing_config()
        .and_then(|routing| routing.additional_version_weights())
        .filter(|weights| !weights.is_empty());
    let configuration = settings([
        ("function", Some(function.to_owned())),
        ("alias", Some(name.to_owned())),
        ("version", alias.function_version().map(str::to_owned)),
        ("weights", weights.map(weights_text)),
        (
            "provisioned_concurrency",
            concurrency.map(|asked| asked.to_string()),
        ),
    ]);
    Some(row(
        inner,
        "alias",
        format!("{function}:{name}"),
        alias.alias_arn()?,
        configuration,
    ))
}

/// `7=0.1,8=0.05`: the share of invocations that go to other versions.
fn weights_text(weights: &HashMap<String, f64>) -> String {
    let weights: BTreeMap<_, _> = weights.iter().collect();
    weights
        .iter()
        .map(|(version, share)| format!("{version}={share}"))
        .collect::<Vec<_>>()
        .join(",")
}
