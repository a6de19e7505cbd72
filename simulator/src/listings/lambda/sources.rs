//! What invokes functions, and what is kept ready for it.

use serde_json::{Value, json};

use super::{PAGE, find, invalid, paged};
use crate::aws_errors::AwsError;
use crate::estate::{ALIAS, EventSource, Function, Source};
use crate::listings::created;
use crate::model::FunctionId;
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Event source mappings on a page.
const MAPPINGS: usize = 100;

/// `ListEventSourceMappings`, of one function or source if one is named.
pub(super) fn mappings(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let estate = ask.world.estate();
    let function = match ask.param("FunctionName") {
        None => None,
        Some(name) => Some(find(ask, &name)?),
    };
    let source = ask.param("EventSourceArn");
    let mappings: Vec<Value> = estate
        .event_sources
        .iter()
        .filter(|mapping| function.is_none_or(|id| id == mapping.function))
        .filter(|m| {
            source
                .as_ref()
                .is_none_or(|arn| *arn == estate.source_arn(m.source))
        })
        .map(|mapping| mapping_json(ask, mapping))
        .collect();
    paged(ask, "EventSourceMappings", MAPPINGS, &mappings)
}

fn mapping_json(ask: &Ask<'_>, mapping: &EventSource) -> Value {
    let estate = ask.world.estate();
    let mut answer = json!({
        "UUID": mapping.uuid,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": estate.source_arn(mapping.source),
        "FunctionArn": estate.function(mapping.function).called_arn(),
        "LastModified": created(ask).timestamp(),
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": format!(
            "arn:aws:lambda:{}:{}:event-source-mapping:{}",
            estate.region, estate.account_id, mapping.uuid
        ),
    });
    if let Source::Stream(_) = mapping.source {
        answer["StartingPosition"] = "LATEST".into();
        answer["ParallelizationFactor"] = 1.into();
        answer["LastProcessingResult"] = "OK".into();
        answer["MaximumRecordAgeInSeconds"] = (-1).into();
        answer["MaximumRetryAttempts"] = (-1).into();
        answer["BisectBatchOnFunctionError"] = false.into();
        answer["TumblingWindowInSeconds"] = 0.into();
    }
    answer
}

/// `ListFunctionUrlConfigs`.
pub(super) fn urls(ask: &Ask<'_>, id: FunctionId) -> Result<Answer, AwsError> {
    let estate = ask.world.estate();
    let function = estate.function(id);
    let time = created(ask).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let urls: Vec<Value> = function
        .url(&estate.region)
        .into_iter()
        .map(|url| {
            json!({
                "FunctionUrl": url,
                "FunctionArn": function.arn,
                "CreationTime": time,
                "LastModifiedTime": time,
                "AuthType": "AWS_IAM",
                "InvokeMode": "BUFFERED",
            })
        })
        .collect();
    paged(ask, "FunctionUrlConfigs", PAGE, &urls)
}

/// `ListProvisionedConcurrencyConfigs`.
pub(super) fn provisioned(ask: &Ask<'_>, id: FunctionId) -> Result<Answer, AwsError> {
    let function = ask.world.estate().function(id);
    let configs: Vec<Value> = provisioned_json(ask, function)
        .into_iter()
        .map(|mut config| {
            config["FunctionArn"] = format!("{}:{ALIAS}", function.arn).into();
            config
        })
        .collect();
    paged(ask, "ProvisionedConcurrencyConfigs", PAGE, &configs)
}

/// `GetProvisionedConcurrencyConfig` of one alias or version.
pub(super) fn provisioned_of(ask: &Ask<'_>, id: FunctionId) -> Result<Answer, AwsError> {
    let qualifier = ask
        .param("Qualifier")
        .ok_or_else(|| invalid("The qualifier is missing."))?;
    let config = provisioned_json(ask, ask.world.estate().function(id));
    let config = config.filter(|_| qualifier == ALIAS).ok_or_else(|| {
        AwsError::new(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    })?;
    Ok(ask.json(&config))
}

fn provisioned_json(ask: &Ask<'_>, function: &Function) -> Option<Value> {
    let count = function.provisioned_concurrency;
    (count > 0).then(|| {
        json!({
            "RequestedProvisionedConcurrentExecutions": count,
            "AvailableProvisionedConcurrentExecutions": count,
            "AllocatedProvisionedConcurrentExecutions": count,
            "Status": "READY",
            "LastModified": created(ask).format("%Y-%m-%dT%H:%M:%S+0000").to_string(),
        })
    })
}
