//! AWS Step Functions' listing calls.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::estate::StateMachine;
use crate::listings::{created, index_of, page_of, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::xray::ids::{mix, uuid};

/// State machines on a page where no number is given, and the highest number.
const PAGE: usize = 100;
const MOST: usize = 1_000;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Input {
    max_results: Option<usize>,
    next_token: Option<String>,
    state_machine_arn: Option<String>,
    included_data: Option<String>,
    resource_arn: Option<String>,
}

/// Answers an operation of Step Functions.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let input: Input = ask.input()?;
    match ask.call.operation.as_str() {
        "ListStateMachines" => list(ask, &input),
        "DescribeStateMachine" => describe(ask, &input),
        "ListTagsForResource" => {
            let machine = find(ask, input.resource_arn, "ResourceNotFound")?;
            let tags = machine.tags.iter();
            let tags: Vec<Value> = tags
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect();
            Ok(ask.json(&json!({ "tags": tags })))
        }
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn list(ask: &Ask<'_>, input: &Input) -> Result<Answer, AwsError> {
    // Zero asks for the default.
    let limit = match input.max_results.unwrap_or(0) {
        0 => PAGE,
        many if many <= MOST => many,
        many => {
            return Err(AwsError::bad_request(
                "ValidationException",
                format!(
                    "1 validation error detected: Value '{many}' at 'maxResults' failed to satisfy \
                     constraint: Member must have value less than or equal to {MOST}"
                ),
            ));
        }
    };
    let from = match &input.next_token {
        None => 0,
        Some(text) => index_of("machines:", text).ok_or_else(|| {
            AwsError::bad_request("InvalidToken", format!("Invalid Token: '{text}'"))
        })?,
    };
    let machines = ask.world.estate().state_machines.iter();
    let machines: Vec<Value> = machines
        .map(|machine| {
            json!({
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "type": kind(machine),
                "creationDate": created(ask).timestamp(),
            })
        })
        .collect();
    let (page, next) = page_of(&machines, from, ask.page(limit));
    let mut answer = json!({ "stateMachines": page });
    if let Some(next) = next {
        answer["nextToken"] = token("machines:", next).into();
    }
    Ok(ask.json(&answer))
}

fn describe(ask: &Ask<'_>, input: &Input) -> Result<Answer, AwsError> {
    let machine = find(
        ask,
        input.state_machine_arn.clone(),
        "StateMachineDoesNotExist",
    )?;
    let estate = ask.world.estate();
    let metadata_only = input.included_data.as_deref() == Some("METADATA_ONLY");
    let definition = if metadata_only {
        // What may be encrypted is left out.
        String::new()
    } else {
        machine.definition(estate).to_string()
    };
    let bits = machine
        .name
        .bytes()
        .fold(1, |bits, byte| mix(bits ^ u64::from(byte)));
    let mut answer = json!({
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "status": "ACTIVE",
        "definition": definition,
        "roleArn": format!("arn:aws:iam::{}:role/{}", estate.account_id, machine.name),
        "type": kind(machine),
        "creationDate": created(ask).timestamp(),
        "loggingConfiguration": { "level": "OFF", "includeExecutionData": false },
        "tracingConfiguration": { "enabled": machine.tracing },
        "revisionId": uuid(bits, mix(bits)),
        "encryptionConfiguration": { "type": "AWS_OWNED_KEY" },
    });
    if machine.express {
        let group = format!(
            "arn:aws:logs:{}:{}:log-group:{}:*",
            estate.region,
            estate.account_id,
            machine.log_group()
        );
        answer["loggingConfiguration"] = json!({
            "level": "ERROR",
            "includeExecutionData": false,
            "destinations": [{ "cloudWatchLogsLogGroup": { "logGroupArn": group } }],
        });
    }
    Ok(ask.json(&answer))
}

fn kind(machine: &StateMachine) -> &'static str {
    if machine.express {
        "EXPRESS"
    } else {
        "STANDARD"
    }
}

fn find<'a>(
    ask: &'a Ask<'_>,
    arn: Option<String>,
    code: &'static str,
) -> Result<&'a StateMachine, AwsError> {
    let arn = arn.unwrap_or_default();
    if !arn.starts_with("arn:") {
        return Err(AwsError::bad_request(
            "InvalidArn",
            format!("Invalid Arn: '{arn}'"),
        ));
    }
    let machines = &ask.world.estate().state_machines;
    machines
        .iter()
        .find(|machine| machine.arn == arn)
        .ok_or_else(|| {
            AwsError::bad_request(code, format!("State Machine Does Not Exist: '{arn}'"))
        })
}
