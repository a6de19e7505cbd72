//! Step Functions state machines, and the functions that their definitions invoke.

use std::collections::BTreeSet;

use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineOutput;
use aws_sdk_sfn::types::{IncludedData, StateMachineListItem};
use aws_sdk_sts::error::ProvideErrorMetadata;
use millicent_lake::Resource;
use serde_json::Value;

use super::listing::{Each, Found, Pages, is_gone, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::segments::function_of_arn;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["state-machine"];

const LIST: Operation = Operation("states:ListStateMachines");
const DESCRIBE: Operation = Operation("states:DescribeStateMachine");
const PAGE: i32 = 1_000;

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut items = Vec::new();
    let mut pages = Pages::of(LIST);
    loop {
        inner.pace.states.take(1.0).await;
        let page = inner
            .aws
            .states
            .list_state_machines()
            .max_results(PAGE)
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST.trouble(error))?;
        for machine in page.state_machines {
            let bare = bare_row(inner, &machine);
            items.push((machine.state_machine_arn, Some(bare)));
        }
        if !pages.turn(page.next_token)? {
            break;
        }
    }
    let each = Each {
        what: "state machines",
        kinds: KINDS,
        known,
        owner: |row| Some(&row.arn),
    };
    Ok(each.ask(items, |arn| read(inner, meter, arn)).await)
}

fn bare_row(inner: &Inner, machine: &StateMachineListItem) -> Resource {
    let configuration = settings([("type", Some(machine.r#type.as_str().to_owned()))]);
    row(
        inner,
        "state-machine",
        &machine.name,
        &machine.state_machine_arn,
        configuration,
    )
}

async fn read(inner: &Inner, meter: &Meter, arn: String) -> Result<Found, Trouble> {
    let describe = |data: IncludedData| {
        inner
            .aws
            .states
            .describe_state_machine()
            .state_machine_arn(&arn)
            .included_data(data)
            .customize()
            .interceptor(meter.attempts())
            .send()
    };
    inner.pace.states.take(1.0).await;
    let mut described = describe(IncludedData::AllData).await;
    // The definition may be encrypted with a key that we may not use; the rest is not.
    if described
        .as_ref()
        .is_err_and(|error| error.code().is_some_and(|code| code.starts_with("Kms")))
    {
        inner.pace.states.take(1.0).await;
        described = describe(IncludedData::MetadataOnly).await;
    }
    match described {
        Ok(machine) => Ok(Found::whole(vec![machine_row(inner, &machine)])),
        Err(error) if is_gone(&error) => Ok(Found::default()),
        Err(error) => Err(DESCRIBE.trouble(error)),
    }
}

fn machine_row(inner: &Inner, machine: &DescribeStateMachineOutput) -> Resource {
    let logs = machine
        .logging_configuration()
        .and_then(|logging| logging.destinations().first())
        .and_then(|to| to.cloud_watch_logs_log_group())
        .and_then(|group| group.log_group_arn());
    let tracing = machine
        .tracing_configuration()
        .is_some_and(|tracing| tracing.enabled());
    let calls = Calls::of(machine.definition());
    let configuration = settings([
        ("type", Some(machine.r#type().as_str().to_owned())),
        ("tracing", Some(tracing.to_string())),
        ("log_group", logs.and_then(group_of_arn)),
        ("invokes", list_of(&calls.functions)),
        ("starts", list_of(&calls.machines)),
        ("revision_id", machine.revision_id().map(str::to_owned)),
    ]);
    row(
        inner,
        "state-machine",
        machine.name(),
        machine.state_machine_arn(),
        configuration,
    )
}

/// `arn:aws:logs:region:account:log-group:NAME:*` → `NAME`.
fn group_of_arn(arn: &str) -> Option<String> {
    let name = arn.splitn(7, ':').nth(6)?;
    Some(name.strip_suffix(":*").unwrap_or(name).to_owned())
}

fn list_of(names: &BTreeSet<String>) -> Option<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// What the tasks of a definition in Amazon States Language call, as far as it is written down in
/// it: a name that is computed while it runs is not known.
#[derive(Debug, Default, PartialEq)]
struct Calls {
    functions: BTreeSet<String>,
    machines: BTreeSet<String>,
}

impl Calls {
    fn of(definition: &str) -> Self {
        let mut calls = Self::default();
        if let Ok(definition) = serde_json::from_str(definition) {
            calls.walk(&definition);
        }
        calls
    }

    /// Tasks stand in branches, maps and their processors, however deep.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(resource) = object.get("Resource").and_then(Value::as_str) {
                    self.task(resource, value);
                }
                object.values().for_each(|value| self.walk(value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.walk(value)),
            _ => {}
        }
    }

    fn task(&mut self, resource: &str, state: &Value) {
        let argument = |name: &str| {
            // `Arguments` where the states' language is JSONata.
            ["Parameters", "Arguments"]
                .into_iter()
                .find_map(|key| state[key][name].as_str())
                .filter(|text| !text.starts_with("{%"))
        };
        if let Some(function) = function_of_arn(resource) {
            self.functions.insert(function);
            return;
        }
        // `arn:aws:states:::lambda:invoke.waitForTaskToken`, `…:::aws-sdk:lambda:invoke`.
        let Some((_, integration)) = resource.split_once(":states:::") else {
            return;
        };
        let integration = integration.strip_prefix("aws-sdk:").unwrap_or(integration);
        if integration.starts_with("lambda:invoke") {
            self.functions
                .extend(argument("FunctionName").and_then(function_name));
        } else if integration.starts_with("states:startExecution")
            || integration.starts_with("sfn:startExecution")
            || integration.starts_with("sfn:startSyncExecution")
        {
            let machine = argument("StateMachineArn").and_then(|arn| arn.rsplit(':').next());
            self.machines.extend(machine.map(str::to_owned));
        }
    }
}

/// A function's name in any of the ways that Lambda takes it: ARN, partial ARN, name, each with or
/// without a qualifier.
fn function_name(text: &str) -> Option<String> {
    function_of_arn(text).or_else(|| {
        let name = match text.split_once(":function:") {
            Some((_, name)) => name,
            None => text,
        };
        let name = name.split(':').next()?;
        (!name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(definition: &Value) -> (Vec<String>, Vec<String>) {
        let calls = Calls::of(&definition.to_string());
        (
            calls.functions.into_iter().collect(),
            calls.machines.into_iter().collect(),
        )
    }

    #[test]
    fn tasks_tell_their_functions_however_they_are_written() {
        let arn = |name: &str| format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}");
        let invoke = |resource: &str, name: &str| {
            json!({"Type": "Task", "Resource": format!("arn:aws:states:::{resource}"),
                "Parameters": {"FunctionName": name, "Payload.$": "$"}})
        };
        let definition = json!({"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": arn("a:live"), "Next": "P"},
            "P": {"Type": "Parallel", "Branches": [
                {"StartAt": "B", "States": {"B": invoke("lambda:invoke", &arn("b:$LATEST"))}},
                {"StartAt": "C", "States": {"C": invoke("lambda:invoke.waitForTaskToken", "c:2")}},
            ]},
            "M": {"Type": "Map", "ItemProcessor": {"States": {
                "D": invoke("aws-sdk:lambda:invoke", "123456789012:function:d")}}},
            "J": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "{% $states.input.function %}"}},
            "X": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName.$": "$.function"}},
            "S": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {"StateMachineArn":
                    "arn:aws:states:eu-central-1:123456789012:stateMachine:refund"}},
            "T": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {"TableName": "orders"}},
        }});
        let (functions, machines) = calls(&definition);
        assert_eq!(functions, ["a", "b", "c", "d"]);
        assert_eq!(machines, ["refund"]);
        assert_eq!(calls(&json!("no definition")), (vec![], vec![]));
    }

    #[test]
    fn a_log_group_keeps_its_slashes() {
        let arn =
            "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/states/pay-Logs:*";
        assert_eq!(
            group_of_arn(arn).as_deref(),
            Some("/aws/vendedlogs/states/pay-Logs")
        );
    }
}
