//! Amazon API Gateway's listing calls for HTTP and WebSocket APIs.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::estate::{Api, ApiId, Protocol, Route};
use crate::listings::{created, derived_id, domains, index_of, page_of, tag_map, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Items on a page where no limit is given, and the highest limit.
const PAGE: usize = 25;
const MOST: usize = 500;

/// Answers an operation of API Gateway's second version.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let segments = ask.segments();
    let second = segments.get(2).map_or("", String::as_str);
    let estate = ask.world.estate();
    match ask.call.operation.as_str() {
        "GetApis" => {
            let apis = estate.apis.iter();
            let apis: Vec<Value> = apis
                .filter(|api| api.protocol != Protocol::Rest)
                .map(|api| api_json(ask, api))
                .collect();
            paged(ask, "apis:", &apis)
        }
        "GetApi" => Ok(ask.json(&api_json(ask, find(ask, second)?.1))),
        "GetRoutes" => {
            let (id, api) = find(ask, second)?;
            let routes: Vec<Value> = routes(ask, id).map(|r| route_json(api, r)).collect();
            paged(ask, "routes:", &routes)
        }
        "GetIntegrations" => {
            let (id, api) = find(ask, second)?;
            let integrations: Vec<Value> = routes(ask, id)
                .map(|route| integration_json(ask, api, route))
                .collect();
            paged(ask, "integrations:", &integrations)
        }
        "GetStages" => {
            let (_, api) = find(ask, second)?;
            paged(ask, "stages:", &[stage_json(ask, api)])
        }
        "GetDomainNames" => {
            let domains = estate.domains.iter();
            let domains: Vec<Value> = domains.map(|d| domains::of_v2(ask, d)).collect();
            paged(ask, "domains:", &domains)
        }
        "GetApiMappings" => {
            let domain = domains::find(ask, second)?;
            paged(ask, "mappings:", &domains::api_mappings(ask, domain))
        }
        "GetTags" => {
            let arn = segments.get(2..).unwrap_or_default().join("/");
            let api = estate
                .apis
                .iter()
                .find(|api| api.arn(&estate.region) == arn);
            let api = api.ok_or_else(|| not_found("Invalid resource identifier specified"))?;
            Ok(ask.json(&json!({ "tags": tag_map(api.tags) })))
        }
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

pub(super) fn not_found(message: impl Into<String>) -> AwsError {
    AwsError::new(404, "NotFoundException", message)
}

fn find<'a>(ask: &'a Ask<'_>, id: &str) -> Result<(ApiId, &'a Api), AwsError> {
    let apis = &ask.world.estate().apis;
    let named = |api: &Api| api.protocol != Protocol::Rest && api.id == id;
    let at = apis.iter().position(named).ok_or_else(|| {
        not_found(format!(
            "Invalid API identifier specified {}:{id}",
            ask.world.estate().account_id
        ))
    })?;
    Ok((ApiId(at as u16), &apis[at]))
}

fn routes<'a>(ask: &'a Ask<'_>, api: ApiId) -> impl Iterator<Item = &'a Route> {
    let routes = ask.world.estate().routes.iter();
    routes.filter(move |route| route.api == api)
}

/// A page; `maxResults` is a string in this API.
fn paged(ask: &Ask<'_>, prefix: &str, items: &[Value]) -> Result<Answer, AwsError> {
    let bad = |message: &str| AwsError::bad_request("BadRequestException", message);
    let limit = match ask.param("maxResults") {
        None => PAGE,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| bad("Invalid value for maxResults"))?
            .min(MOST),
    };
    let from = match ask.param("nextToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(text) => index_of(prefix, &text).ok_or_else(|| bad("Invalid next token"))?,
    };
    let (page, next) = page_of(items, from, ask.page(limit));
    let mut answer = json!({ "items": page });
    if let Some(next) = next {
        answer["nextToken"] = token(prefix, next).into();
    }
    Ok(ask.json(&answer))
}

fn iso(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn api_json(ask: &Ask<'_>, api: &Api) -> Value {
    let socket = api.protocol == Protocol::WebSocket;
    let scheme = if socket { "wss" } else { "https" };
    let mut answer = json!({
        "apiEndpoint": format!(
            "{scheme}://{}.execute-api.{}.amazonaws.com",
            api.id,
            ask.world.estate().region
        ),
        "apiId": api.id,
        "apiKeySelectionExpression": "$request.header.x-api-key",
        "createdDate": iso(created(ask)),
        "disableExecuteApiEndpoint": false,
        "ipAddressType": "ipv4",
        "name": api.name,
        "protocolType": if socket { "WEBSOCKET" } else { "HTTP" },
        "routeSelectionExpression": if socket {
            "$request.body.action"
        } else {
            "$request.method $request.path"
        },
        "tags": tag_map(api.tags),
    });
    if api.protocol == Protocol::Http {
        answer["corsConfiguration"] =
            json!({ "allowMethods": ["GET", "POST"], "allowOrigins": ["*"] });
    }
    answer
}

fn integration_id(api: &Api, route: &Route) -> String {
    derived_id(api, &format!("integration {}", route.resource_id))
}

fn route_json(api: &Api, route: &Route) -> Value {
    json!({
        "apiKeyRequired": false,
        "authorizationType": "NONE",
        "routeId": route.resource_id,
        "routeKey": route.key(),
        "target": format!("integrations/{}", integration_id(api, route)),
    })
}

fn integration_json(ask: &Ask<'_>, api: &Api, route: &Route) -> Value {
    let estate = ask.world.estate();
    let function = estate.function(route.function).called_arn();
    let mut answer = json!({
        "connectionType": "INTERNET",
        "integrationId": integration_id(api, route),
        "integrationMethod": "POST",
        "integrationType": "AWS_PROXY",
        "timeoutInMillis": if api.protocol == Protocol::Http { 30_000 } else { 29_000 },
    });
    if api.protocol == Protocol::Http {
        // An HTTP API names the function, a WebSocket API the path of its invocation.
        answer["integrationUri"] = function.as_str().into();
        answer["payloadFormatVersion"] = "2.0".into();
    } else {
        answer["integrationUri"] = format!(
            "arn:aws:apigateway:{}:lambda:path/2015-03-31/functions/{function}/invocations",
            estate.region
        )
        .into();
        answer["passthroughBehavior"] = "WHEN_NO_MATCH".into();
        answer["contentHandlingStrategy"] = "CONVERT_TO_TEXT".into();
        answer["payloadFormatVersion"] = "1.0".into();
    }
    answer
}

fn stage_json(ask: &Ask<'_>, api: &Api) -> Value {
    let http = api.protocol == Protocol::Http;
    let mut settings = Map::new();
    settings.insert(
        "detailedMetricsEnabled".to_owned(),
        api.detailed_metrics.into(),
    );
    if !http {
        settings.insert("dataTraceEnabled".to_owned(), false.into());
        settings.insert("loggingLevel".to_owned(), "OFF".into());
    }
    json!({
        "autoDeploy": http,
        "createdDate": iso(created(ask)),
        "defaultRouteSettings": settings,
        "deploymentId": derived_id(api, "deployment"),
        "lastUpdatedDate": iso(created(ask)),
        "routeSettings": {},
        "stageName": api.stage,
        "stageVariables": {},
        "tags": tag_map(api.tags),
    })
}
