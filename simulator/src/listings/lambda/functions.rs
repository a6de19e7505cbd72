//! Functions, their versions and their aliases.

use serde_json::{Value, json};

use super::{PAGE, invalid, paged};
use crate::aws_errors::AwsError;
use crate::estate::{ALIAS, Configuration, LogFormat};
use crate::model::FunctionId;
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::xray::ids::{mix, uuid};

/// `ListFunctions`, with every version if that is asked for.
pub(super) fn list(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let every_version = match ask.param("FunctionVersion").as_deref() {
        None => false,
        Some("ALL") => true,
        Some(other) => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{other}' at 'functionVersion' failed to satisfy \
                 constraint: Member must satisfy enum value set: [ALL]"
            )));
        }
    };
    let all = (0..ask.world.estate().functions.len() as u16).map(FunctionId);
    let functions: Vec<Value> = if every_version {
        all.flat_map(|id| all_versions(ask, id)).collect()
    } else {
        all.map(|id| latest(ask, id)).collect()
    };
    paged(ask, "Functions", PAGE, &functions)
}

/// `ListVersionsByFunction`: the newest code first, then what was published, oldest first.
pub(super) fn versions(ask: &Ask<'_>, id: FunctionId) -> Result<Answer, AwsError> {
    paged(ask, "Versions", PAGE, &all_versions(ask, id))
}

fn all_versions(ask: &Ask<'_>, id: FunctionId) -> Vec<Value> {
    let published = ask.world.estate().versions(id, ask.now_us());
    let published = published.iter().map(|version| {
        let number = version.version.to_string();
        configuration(ask, id, version, &number)
    });
    // In a list of versions every ARN is qualified.
    let mut newest = latest(ask, id);
    newest["FunctionArn"] = format!("{}:$LATEST", ask.world.estate().function(id).arn).into();
    std::iter::once(newest).chain(published).collect()
}

/// A function's configuration as of now.
pub(super) fn latest(ask: &Ask<'_>, id: FunctionId) -> Value {
    let now = ask.world.estate().configuration(id, ask.now_us());
    configuration(ask, id, &now, "$LATEST")
}

/// With its state, which lists leave out.
pub(super) fn with_state(mut configuration: Value) -> Value {
    configuration["State"] = "Active".into();
    configuration["LastUpdateStatus"] = "Successful".into();
    configuration
}

fn configuration(ask: &Ask<'_>, id: FunctionId, version: &Configuration, number: &str) -> Value {
    let estate = ask.world.estate();
    let function = estate.function(id);
    let arn = match number {
        "$LATEST" => function.arn.clone(),
        number => format!("{}:{number}", function.arn),
    };
    json!({
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Runtime": function.runtime,
        "Role": format!("arn:aws:iam::{}:role/{}", estate.account_id, function.name),
        "Handler": function.handler,
        "CodeSize": function.code_size,
        "Description": "",
        "Timeout": function.timeout_s,
        "MemorySize": version.memory_mb,
        "LastModified": version.last_modified.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
        "CodeSha256": version.code_sha256,
        "Version": number,
        // What a careless reader would store: credentials that functions are given.
        "Environment": { "Variables": { "TABLE_PREFIX": "shop-", "API_TOKEN": "simulated-secret" } },
        "TracingConfig": { "Mode": "Active" },
        "RevisionId": version.revision_id,
        "PackageType": "Zip",
        "Architectures": [function.architecture],
        "EphemeralStorage": { "Size": 512 },
        "SnapStart": {
            "ApplyOn": if function.snap_start { "PublishedVersions" } else { "None" },
            // `$LATEST` has no snapshot.
            "OptimizationStatus": if function.snap_start && number != "$LATEST" { "On" } else { "Off" },
        },
        "LoggingConfig": match function.log_format {
            LogFormat::Text => json!({ "LogFormat": "Text", "LogGroup": function.log_group() }),
            LogFormat::Json => json!({
                "LogFormat": "JSON",
                "ApplicationLogLevel": "INFO",
                "SystemLogLevel": "INFO",
                "LogGroup": function.log_group(),
            }),
        },
    })
}

/// `ListAliases`: every function has one alias, on its newest version.
pub(super) fn aliases(ask: &Ask<'_>, id: FunctionId) -> Result<Answer, AwsError> {
    let estate = ask.world.estate();
    let version = estate.configuration(id, ask.now_us()).version;
    let wanted = ask.param("FunctionVersion");
    let bits = mix(u64::from(id.0) << 8 | u64::from(version));
    let alias = json!({
        "AliasArn": format!("{}:{ALIAS}", estate.function(id).arn),
        "Name": ALIAS,
        "FunctionVersion": version.to_string(),
        "Description": "",
        "RevisionId": uuid(bits, mix(bits)),
    });
    let matches = wanted.is_none_or(|wanted| wanted == version.to_string());
    let aliases = if matches { vec![alias] } else { Vec::new() };
    paged(ask, "Aliases", PAGE, &aliases)
}
