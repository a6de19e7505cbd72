//! AWS Lambda's listing calls.

mod functions;
mod sources;

use serde_json::{Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::listings::{index_of, page_of, tag_map, token};
use crate::model::FunctionId;
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Items on a page of most lists, whatever `MaxItems` says.
const PAGE: usize = 50;

/// Answers an operation of Lambda.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let segments = ask.segments();
    let named = || find(ask, segments.get(2).map_or("", String::as_str));
    match ask.call.operation.as_str() {
        "ListFunctions" => functions::list(ask),
        "ListVersionsByFunction" => functions::versions(ask, named()?),
        "ListAliases" => functions::aliases(ask, named()?),
        "GetFunctionConfiguration" => {
            Ok(ask.json(&functions::with_state(functions::latest(ask, named()?))))
        }
        "GetFunction" => {
            let id = named()?;
            Ok(ask.json(&json!({
                "Configuration": functions::with_state(functions::latest(ask, id)),
                "Code": { "RepositoryType": "S3" },
                "Tags": tag_map(ask.world.estate().function(id).tags),
            })))
        }
        "ListEventSourceMappings" => sources::mappings(ask),
        "ListFunctionUrlConfigs" => sources::urls(ask, named()?),
        "ListProvisionedConcurrencyConfigs" => sources::provisioned(ask, named()?),
        "GetProvisionedConcurrencyConfig" => sources::provisioned_of(ask, named()?),
        "ListTags" => {
            Ok(ask.json(&json!({ "Tags": tag_map(ask.world.estate().function(named()?).tags) })))
        }
        "GetAccountSettings" => Ok(ask.json(&account_settings(ask))),
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("InvalidParameterValueException", message)
}

/// A page of a list, with its marker; `most` items, fewer if `MaxItems` says so.
fn paged(ask: &Ask<'_>, name: &str, most: usize, items: &[Value]) -> Result<Answer, AwsError> {
    let prefix = format!("{name}:");
    let from = match ask.param("Marker").filter(|marker| !marker.is_empty()) {
        None => 0,
        Some(marker) => index_of(&prefix, &marker).ok_or_else(|| invalid("Invalid marker."))?,
    };
    let asked = match ask.param("MaxItems") {
        None => most,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=10_000).contains(n))
            .ok_or_else(|| invalid(format!("MaxItems {text} is not between 1 and 10000")))?,
    };
    let (page, next) = page_of(items, from, ask.page(asked.min(most)));
    let mut answer = json!({ name: page });
    if let Some(next) = next {
        answer["NextMarker"] = token(&prefix, next).into();
    }
    Ok(ask.json(&answer))
}

/// A function by name, ARN or partial ARN.
fn find(ask: &Ask<'_>, name: &str) -> Result<FunctionId, AwsError> {
    let bare = name.rsplit_once("function:").map_or(name, |(_, rest)| rest);
    let bare = bare.split(':').next().unwrap_or(bare);
    let estate = ask.world.estate();
    let at = estate
        .functions
        .iter()
        .position(|function| function.name == bare)
        .ok_or_else(|| {
            let arn = format!(
                "arn:aws:lambda:{}:{}:function:{bare}",
                estate.region, estate.account_id
            );
            AwsError::new(
                404,
                "ResourceNotFoundException",
                format!("Function not found: {arn}"),
            )
        })?;
    Ok(FunctionId(at as u16))
}

fn account_settings(ask: &Ask<'_>) -> Value {
    let functions = &ask.world.estate().functions;
    json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": 1_000,
            "UnreservedConcurrentExecutions": 1_000,
        },
        "AccountUsage": {
            "TotalCodeSize": functions.iter().map(|function| function.code_size).sum::<u64>(),
            "FunctionCount": functions.len(),
        },
    })
}
