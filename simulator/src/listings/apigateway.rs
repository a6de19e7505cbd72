//! Amazon API Gateway's listing calls for REST APIs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws_errors::{AwsError, Refusal};
use crate::estate::{Api, ApiId, Protocol, Route};
use crate::listings::{created, derived_id, domains, index_of, page_of, tag_map, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;

/// Items on a page where no limit is given, and the highest limit.
const PAGE: usize = 25;
const MOST: usize = 500;

/// Answers an operation of API Gateway.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let segments = ask.segments();
    let named = || find(ask, segments.get(1).map_or("", String::as_str));
    match ask.call.operation.as_str() {
        "GetRestApis" => {
            let apis: Vec<Value> = ask
                .world
                .estate()
                .apis
                .iter()
                .filter(|api| api.protocol == Protocol::Rest)
                .map(|api| rest_api(ask, api))
                .collect();
            paged(ask, "restapis:", &apis)
        }
        "GetRestApi" => {
            let (_, api) = named()?;
            Ok(ask.json(&rest_api(ask, api)))
        }
        "GetResources" => {
            let (id, api) = named()?;
            let with_methods = ask.params("embed").any(|embed| embed == "methods");
            paged(
                ask,
                &format!("{}:", api.id),
                &resources(ask, id, api, with_methods),
            )
        }
        "GetStages" => {
            let (_, api) = named()?;
            Ok(ask.json(&json!({ "item": [stage(ask, api)] })))
        }
        "GetDomainNames" => {
            let domains = ask.world.estate().domains.iter();
            let domains: Vec<Value> = domains.map(|d| domains::of_v1(ask, d)).collect();
            paged(ask, "domainnames:", &domains)
        }
        "GetBasePathMappings" => {
            let domain = domains::find(ask, segments.get(1).map_or("", String::as_str))?;
            paged(ask, "mappings:", &domains::base_path_mappings(ask, domain))
        }
        "GetTags" => {
            let arn = segments.get(1..).unwrap_or_default().join("/");
            let estate = ask.world.estate();
            let api = estate
                .apis
                .iter()
                .find(|api| api.arn(&estate.region) == arn)
                .ok_or_else(|| {
                    AwsError::new(
                        404,
                        "NotFoundException",
                        "Invalid resource identifier specified",
                    )
                })?;
            Ok(ask.json(&json!({ "tags": tag_map(api.tags) })))
        }
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn find<'a>(ask: &'a Ask<'_>, id: &str) -> Result<(ApiId, &'a Api), AwsError> {
    let apis = &ask.world.estate().apis;
    let named = |api: &Api| api.protocol == Protocol::Rest && api.id == id;
    let at = apis.iter().position(named).ok_or_else(|| {
        AwsError::new(404, "NotFoundException", "Invalid API identifier specified")
    })?;
    Ok((ApiId(at as u16), &apis[at]))
}

fn paged(ask: &Ask<'_>, prefix: &str, items: &[Value]) -> Result<Answer, AwsError> {
    let limit = match ask.param("limit") {
        None => PAGE,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| AwsError::bad_request("BadRequestException", "Invalid limit"))?
            .min(MOST),
    };
    let from = match ask.param("position") {
        None => 0,
        Some(position) => index_of(prefix, &position).ok_or_else(|| {
            AwsError::bad_request("BadRequestException", "Invalid position parameter")
        })?,
    };
    let (page, next) = page_of(items, from, ask.page(limit));
    let mut answer = json!({ "item": page });
    if let Some(next) = next {
        answer["position"] = token(prefix, next).into();
    }
    Ok(ask.json(&answer))
}

fn rest_api(ask: &Ask<'_>, api: &Api) -> Value {
    json!({
        "id": api.id,
        "name": api.name,
        "description": format!("REST API of the {}", api.name),
        "createdDate": created(ask).timestamp(),
        "apiKeySource": "HEADER",
        "endpointConfiguration": { "types": ["REGIONAL"], "ipAddressType": "ipv4" },
        "tags": tag_map(api.tags),
        "disableExecuteApiEndpoint": false,
        "rootResourceId": api.root_resource_id,
    })
}

/// The tree of an API's resources: those with methods, and those on the way to them.
fn resources(ask: &Ask<'_>, id: ApiId, api: &Api, with_methods: bool) -> Vec<Value> {
    let mut by_path: BTreeMap<String, (String, Vec<&Route>)> = BTreeMap::new();
    by_path.insert(
        "/".to_owned(),
        (api.root_resource_id.to_owned(), Vec::new()),
    );
    for route in ask
        .world
        .estate()
        .routes
        .iter()
        .filter(|route| route.api == id)
    {
        let mut path = String::new();
        for part in route.resource.split('/').filter(|part| !part.is_empty()) {
            path.push('/');
            path.push_str(part);
            by_path
                .entry(path.clone())
                .or_insert_with(|| (derived_id(api, &path), Vec::new()));
        }
        let path = if path.is_empty() {
            "/".to_owned()
        } else {
            path
        };
        if let Some((resource_id, routes)) = by_path.get_mut(&path) {
            if path != "/" {
                *resource_id = route.resource_id.to_owned();
            }
            routes.push(route);
        }
    }
    by_path
        .iter()
        .map(|(path, (resource_id, routes))| {
            let mut resource = json!({ "id": resource_id, "path": path });
            if let Some((parent, part)) = path.rsplit_once('/').filter(|(_, part)| !part.is_empty())
            {
                let parent = if parent.is_empty() { "/" } else { parent };
                resource["parentId"] = by_path.get(parent).map(|(id, _)| id.clone()).into();
                resource["pathPart"] = part.into();
            }
            if !routes.is_empty() {
                let methods = routes.iter().map(|route| {
                    let method = if with_methods {
                        method(ask, route)
                    } else {
                        json!({})
                    };
                    (route.method.to_owned(), method)
                });
                resource["resourceMethods"] = Value::Object(methods.collect());
            }
            resource
        })
        .collect()
}

fn method(ask: &Ask<'_>, route: &Route) -> Value {
    let estate = ask.world.estate();
    let function = estate.function(route.function).called_arn();
    json!({
        "httpMethod": route.method,
        "authorizationType": "NONE",
        "apiKeyRequired": false,
        "methodIntegration": {
            "type": "AWS_PROXY",
            "httpMethod": "POST",
            "uri": format!(
                "arn:aws:apigateway:{}:lambda:path/2015-03-31/functions/{function}/invocations",
                estate.region
            ),
            "passthroughBehavior": "WHEN_NO_MATCH",
            "contentHandling": "CONVERT_TO_TEXT",
            "timeoutInMillis": 29_000,
            "cacheNamespace": route.resource_id,
            "cacheKeyParameters": [],
        },
    })
}

fn stage(ask: &Ask<'_>, api: &Api) -> Value {
    let settings = if api.detailed_metrics {
        json!({
            "*/*": {
                "metricsEnabled": true,
                "loggingLevel": "ERROR",
                "dataTraceEnabled": false,
                "throttlingBurstLimit": 5_000,
                "throttlingRateLimit": 10_000.0,
                "cachingEnabled": false,
                "cacheTtlInSeconds": 300,
                "cacheDataEncrypted": false,
                "requireAuthorizationForCacheControl": true,
                "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
            },
        })
    } else {
        json!({})
    };
    json!({
        "deploymentId": derived_id(api, "deployment"),
        "stageName": api.stage,
        "cacheClusterEnabled": false,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": settings,
        "tracingEnabled": api.tracing,
        "tags": tag_map(api.tags),
        "createdDate": created(ask).timestamp(),
        "lastUpdatedDate": created(ask).timestamp(),
    })
}
