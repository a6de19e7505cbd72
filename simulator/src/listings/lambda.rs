//! AWS Lambda's listing calls.

use serde_json::{Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::listings::{index_of, page_of, tag_map, token};
use crate::model::FunctionId;
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::xray::ids::{mix, uuid};

/// Functions on a page, whatever `MaxItems` says.
const PAGE: usize = 50;

/// Answers an operation of Lambda.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let segments = ask.segments();
    let named = |at: usize| find(ask, segments.get(at).map_or("", String::as_str));
    match ask.call.operation.as_str() {
        "ListFunctions" => list_functions(ask),
        "GetFunctionConfiguration" => Ok(ask.json(&configuration(ask, named(2)?, true))),
        "GetFunction" => {
            let id = named(2)?;
            let function = ask.world.estate().function(id);
            Ok(ask.json(&json!({
                "Configuration": configuration(ask, id, true),
                "Code": { "RepositoryType": "S3" },
                "Tags": tag_map(function.tags),
            })))
        }
        "ListAliases" => Ok(ask.json(&json!({ "Aliases": [alias(ask, named(2)?)] }))),
        "ListEventSourceMappings" => {
            // The account has no event sources; a function that is asked about must exist.
            if let Some(name) = ask.param("FunctionName") {
                find(ask, &name)?;
            }
            Ok(ask.json(&json!({ "EventSourceMappings": [] })))
        }
        "ListProvisionedConcurrencyConfigs" => {
            named(2)?;
            Ok(ask.json(&json!({ "ProvisionedConcurrencyConfigs": [] })))
        }
        "ListTags" => {
            let id = named(2)?;
            Ok(ask.json(&json!({ "Tags": tag_map(ask.world.estate().function(id).tags) })))
        }
        "GetAccountSettings" => Ok(ask.json(&account_settings(ask))),
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn list_functions(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let from = match ask.param("Marker").filter(|marker| !marker.is_empty()) {
        None => 0,
        Some(marker) => index_of("functions:", &marker).ok_or_else(|| {
            AwsError::bad_request("InvalidParameterValueException", "Invalid marker.")
        })?,
    };
    let asked = match ask.param("MaxItems") {
        None => PAGE,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=10_000).contains(n))
            .ok_or_else(|| {
                AwsError::bad_request(
                    "InvalidParameterValueException",
                    format!("MaxItems {text} is not between 1 and 10000"),
                )
            })?,
    };
    let all: Vec<FunctionId> = (0..ask.world.estate().functions.len() as u16)
        .map(FunctionId)
        .collect();
    let (page, next) = page_of(&all, from, ask.page(asked.min(PAGE)));
    let functions: Vec<Value> = page
        .iter()
        .map(|id| configuration(ask, *id, false))
        .collect();
    let mut answer = json!({ "Functions": functions });
    if let Some(next) = next {
        answer["NextMarker"] = token("functions:", next).into();
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

/// A function's configuration as of now. A list leaves out its state.
fn configuration(ask: &Ask<'_>, id: FunctionId, with_state: bool) -> Value {
    let estate = ask.world.estate();
    let function = estate.function(id);
    let now = estate.configuration(id, ask.now_us());
    let mut configuration = json!({
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": function.runtime,
        "Role": format!("arn:aws:iam::{}:role/{}", estate.account_id, function.name),
        "Handler": function.handler,
        "CodeSize": function.code_size,
        "Description": "",
        "Timeout": function.timeout_s,
        "MemorySize": now.memory_mb,
        "LastModified": now.last_modified.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
        "CodeSha256": now.code_sha256,
        "Version": "$LATEST",
        // What a careless reader would store: credentials that functions are given.
        "Environment": { "Variables": { "TABLE_PREFIX": "shop-", "API_TOKEN": "simulated-secret" } },
        "TracingConfig": { "Mode": "Active" },
        "RevisionId": now.revision_id,
        "PackageType": "Zip",
        "Architectures": [function.architecture],
        "EphemeralStorage": { "Size": 512 },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": { "LogFormat": "Text", "LogGroup": function.log_group() },
    });
    if with_state {
        configuration["State"] = "Active".into();
        configuration["LastUpdateStatus"] = "Successful".into();
    }
    configuration
}

/// Every function has one alias, for trying its newest version; its API calls it without.
fn alias(ask: &Ask<'_>, id: FunctionId) -> Value {
    let estate = ask.world.estate();
    let version =
        1 + u64::from(estate.configuration(id, ask.now_us()).last_modified > estate.birth);
    let arn = &estate.function(id).arn;
    let bits = mix(u64::from(id.0) << 8 | version);
    json!({
        "AliasArn": format!("{arn}:live"),
        "Name": "live",
        "FunctionVersion": version.to_string(),
        "Description": "",
        "RevisionId": uuid(bits, mix(bits)),
    })
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
