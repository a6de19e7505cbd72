//! What serves a route: the function, the state machine or the service that its integration calls.

use std::collections::HashMap;

use aws_sdk_apigateway::types as v1;
use aws_sdk_apigatewayv2::types as v2;

use crate::segments::function_of_arn;

type Pairs = Vec<(String, String)>;
type Variables = HashMap<String, String>;

/// Of a REST API's method.
pub(super) fn of_rest(integration: &v1::Integration, variables: Option<&Variables>) -> Pairs {
    let mut pairs = Vec::new();
    put(
        &mut pairs,
        "integration_type",
        integration.r#type().map(|kind| kind.as_str()),
    );
    if let Some(uri) = integration.uri() {
        uri_pairs(&with_stage_variables(uri, variables), &mut pairs);
    }
    // A service's action gets what it works on in its body.
    let templates = integration.request_templates();
    let machine = templates.into_iter().flat_map(HashMap::values);
    let machine = machine.map(String::as_str).find_map(state_machine_in);
    put(&mut pairs, "integration_state_machine", machine);
    pairs
}

/// Of an HTTP or WebSocket API's route.
pub(super) fn of_http(integration: &v2::Integration, variables: Option<&Variables>) -> Pairs {
    let mut pairs = Vec::new();
    put(
        &mut pairs,
        "integration_type",
        integration.integration_type().map(|kind| kind.as_str()),
    );
    if let Some(uri) = integration.integration_uri() {
        uri_pairs(&with_stage_variables(uri, variables), &mut pairs);
    }
    if let Some(subtype) = integration.integration_subtype() {
        put(
            &mut pairs,
            "integration_service",
            Some(&service_of(subtype)),
        );
    }
    let parameters = integration.request_parameters();
    let templates = integration.request_templates();
    let machine = [parameters, templates]
        .into_iter()
        .flatten()
        .flat_map(HashMap::values)
        .map(|text| with_stage_variables(text, variables))
        .find_map(|text| state_machine_in(&text).map(str::to_owned));
    put(&mut pairs, "integration_state_machine", machine.as_deref());
    pairs
}

fn put(pairs: &mut Pairs, key: &str, value: Option<&str>) {
    pairs.extend(value.map(|value| (key.to_owned(), value.to_owned())));
}

fn uri_pairs(uri: &str, pairs: &mut Pairs) {
    let (key, value) = match target_of_uri(uri) {
        Some(Target::Function(name)) => ("integration_target", name),
        Some(Target::Service(name)) => ("integration_service", name),
        None => ("integration_uri", uri.to_owned()),
    };
    put(pairs, key, Some(&value));
}

fn with_stage_variables(text: &str, variables: Option<&Variables>) -> String {
    let mut text = text.to_owned();
    for (name, value) in variables.into_iter().flatten() {
        text = text.replace(&format!("${{stageVariables.{name}}}"), value);
    }
    text
}

#[derive(Debug, PartialEq)]
enum Target {
    Function(String),
    Service(String),
}

/// `arn:aws:apigateway:r:lambda:path/2015-03-31/functions/{function ARN}/invocations`, or
/// `arn:aws:apigateway:r:{service}:action/…`, or, of an HTTP API, the function's ARN alone.
fn target_of_uri(uri: &str) -> Option<Target> {
    if let Some(function) = function_of_arn(uri) {
        return Some(Target::Function(function));
    }
    let mut parts = uri.splitn(6, ':');
    if parts.next()? != "arn" || parts.nth(1)? != "apigateway" {
        return None;
    }
    let service = parts.nth(1)?;
    let path = parts.next()?;
    if service != "lambda" {
        return Some(Target::Service(service.to_owned()));
    }
    let arn = path.split_once("/functions/")?.1;
    let arn = arn.strip_suffix("/invocations").unwrap_or(arn);
    function_of_arn(arn).map(Target::Function)
}

/// `StepFunctions-StartExecution` → `states`: as the service is called in an ARN.
fn service_of(subtype: &str) -> String {
    let service = subtype.split('-').next().unwrap_or(subtype);
    match service {
        "StepFunctions" => "states".to_owned(),
        "EventBridge" => "events".to_owned(),
        other => other.to_lowercase(),
    }
}

/// The name in the first ARN of a state machine that a text holds.
fn state_machine_in(text: &str) -> Option<&str> {
    let name = text.split_once(":stateMachine:")?.1;
    let end = name
        .find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'))
        .unwrap_or(name.len());
    Some(&name[..end]).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:";

    fn uri(function: &str) -> String {
        format!(
            "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{FUNCTION}{function}/invocations"
        )
    }

    fn get(pairs: &Pairs, key: &str) -> Option<String> {
        let pair = pairs.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.clone())
    }

    #[test]
    fn an_integration_tells_its_function() {
        let function = |name: &str| Some(Target::Function(name.to_owned()));
        assert_eq!(target_of_uri(&uri("get-order")), function("get-order"));
        assert_eq!(target_of_uri(&uri("get-order:live")), function("get-order"));
        assert_eq!(
            target_of_uri(&format!("{FUNCTION}stores:live")),
            function("stores")
        );
        assert_eq!(
            target_of_uri("arn:aws:apigateway:eu-central-1:states:action/StartExecution"),
            Some(Target::Service("states".to_owned()))
        );
        assert_eq!(target_of_uri("https://example.com/orders"), None);

        let variables = [("fn".to_owned(), "pay".to_owned())].into();
        let named = with_stage_variables(&uri("${stageVariables.fn}"), Some(&variables));
        assert_eq!(target_of_uri(&named), function("pay"));
    }

    #[test]
    fn an_integration_tells_the_state_machine_that_it_starts() {
        let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:order-fulfilment";
        let body = format!(r#"{{"input": "$input.body", "stateMachineArn": "{machine}"}}"#);
        let rest = v1::Integration::builder()
            .r#type(v1::IntegrationType::Aws)
            .uri("arn:aws:apigateway:eu-central-1:states:action/StartExecution")
            .request_templates("application/json", body)
            .build();
        let pairs = of_rest(&rest, None);
        assert_eq!(get(&pairs, "integration_service").unwrap(), "states");
        assert_eq!(
            get(&pairs, "integration_state_machine").unwrap(),
            "order-fulfilment"
        );

        let http = v2::Integration::builder()
            .integration_type(v2::IntegrationType::AwsProxy)
            .integration_subtype("StepFunctions-StartExecution")
            .request_parameters("StateMachineArn", machine)
            .build();
        let pairs = of_http(&http, None);
        assert_eq!(get(&pairs, "integration_service").unwrap(), "states");
        assert_eq!(
            get(&pairs, "integration_state_machine").unwrap(),
            "order-fulfilment"
        );
        assert_eq!(get(&pairs, "integration_uri"), None);
    }
}
