//! Which service and operation a request asks for, by the marks of its protocol.

use axum::http::{HeaderMap, Method};

use super::service::{Call, Service, Wire};

/// Recognises a request; `None` if nothing about it is AWS's.
pub(crate) fn recognise(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Call> {
    if let Some(rest) = path.strip_prefix("/service/") {
        let (target, operation) = rest.split_once("/operation/")?;
        let service = match target {
            "GraniteServiceVersion20100801" => Service::CloudWatch,
            "ResourceGroupsTaggingAPI_20170126" => Service::Tagging,
            _ => return None,
        };
        return Some(Call::new(service, Wire::Cbor, operation));
    }
    if let Some(target) = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
    {
        let (prefix, operation) = target.split_once('.')?;
        let (service, wire) = match prefix {
            "GraniteServiceVersion20100801" => (Service::CloudWatch, Wire::Json10),
            "AWSInsightsIndexService" => (Service::CostExplorer, Wire::Json11),
            "DynamoDB_20120810" => (Service::DynamoDb, Wire::Json10),
            "AWSStepFunctions" => (Service::StepFunctions, Wire::Json10),
            "Logs_20140328" => (Service::Logs, Wire::Json11),
            "ResourceGroupsTaggingAPI_20170126" => (Service::Tagging, Wire::Json11),
            _ => return None,
        };
        return Some(Call::new(service, wire, operation));
    }
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if let Some((service, operation)) = rest_json(method, &segments, query) {
        return Some(Call::new(service, Wire::RestJson, operation));
    }
    match (method.as_str(), segments.as_slice()) {
        ("POST", [""]) => {
            form_action(body).map(|action| Call::new(Service::Sts, Wire::Query, action))
        }
        ("GET" | "HEAD", bucket) => s3_operation(method, bucket, query),
        _ => None,
    }
}

fn rest_json(method: &Method, segments: &[&str], query: &str) -> Option<(Service, &'static str)> {
    let get = method == Method::GET;
    match segments {
        ["TraceSummaries"] if !get => Some((Service::XRay, "GetTraceSummaries")),
        ["Traces"] if !get => Some((Service::XRay, "BatchGetTraces")),
        ["GetTraceSegmentDestination"] if !get => {
            Some((Service::XRay, "GetTraceSegmentDestination"))
        }
        [version, path @ ..] if is_lambda(version) => {
            let operation = if get {
                lambda(version, path, query)
            } else {
                None
            };
            Some((Service::Lambda, operation.unwrap_or("Unknown")))
        }
        ["v2", path @ ..] if matches!(path, ["apis" | "domainnames" | "tags", ..]) => {
            let operation = if get { apigateway_v2(path) } else { None };
            Some((Service::ApiGatewayV2, operation.unwrap_or("Unknown")))
        }
        ["restapis" | "domainnames" | "tags", ..] => {
            let operation = if get { apigateway(segments) } else { None };
            Some((Service::ApiGateway, operation.unwrap_or("Unknown")))
        }
        _ => None,
    }
}

/// Every operation of Lambda has the date of its version in its path.
fn is_lambda(version: &str) -> bool {
    matches!(
        version,
        "2015-03-31" | "2016-08-19" | "2017-03-31" | "2019-09-30" | "2021-10-31"
    )
}

fn lambda(version: &str, path: &[&str], query: &str) -> Option<&'static str> {
    match (version, path) {
        ("2015-03-31", ["functions"]) => Some("ListFunctions"),
        ("2015-03-31", ["functions", _]) => Some("GetFunction"),
        ("2015-03-31", ["functions", _, "configuration"]) => Some("GetFunctionConfiguration"),
        ("2015-03-31", ["functions", _, "aliases"]) => Some("ListAliases"),
        ("2015-03-31", ["functions", _, "versions"]) => Some("ListVersionsByFunction"),
        ("2015-03-31", ["event-source-mappings"]) => Some("ListEventSourceMappings"),
        ("2016-08-19", ["account-settings"]) => Some("GetAccountSettings"),
        ("2017-03-31", ["tags", ..]) => Some("ListTags"),
        ("2019-09-30", ["functions", _, "provisioned-concurrency"]) => {
            // The two share a path; only this parameter tells them apart.
            Some(if query.split('&').any(|pair| pair == "List=ALL") {
                "ListProvisionedConcurrencyConfigs"
            } else {
                "GetProvisionedConcurrencyConfig"
            })
        }
        ("2021-10-31", ["functions", _, "urls"]) => Some("ListFunctionUrlConfigs"),
        _ => None,
    }
}

fn apigateway(path: &[&str]) -> Option<&'static str> {
    match path {
        ["restapis"] => Some("GetRestApis"),
        ["restapis", _] => Some("GetRestApi"),
        ["restapis", _, "resources"] => Some("GetResources"),
        ["restapis", _, "stages"] => Some("GetStages"),
        ["domainnames"] => Some("GetDomainNames"),
        ["domainnames", _, "basepathmappings"] => Some("GetBasePathMappings"),
        ["tags", ..] => Some("GetTags"),
        _ => None,
    }
}

fn apigateway_v2(path: &[&str]) -> Option<&'static str> {
    match path {
        ["apis"] => Some("GetApis"),
        ["apis", _] => Some("GetApi"),
        ["apis", _, "routes"] => Some("GetRoutes"),
        ["apis", _, "stages"] => Some("GetStages"),
        ["apis", _, "integrations"] => Some("GetIntegrations"),
        ["domainnames"] => Some("GetDomainNames"),
        ["domainnames", _, "apimappings"] => Some("GetApiMappings"),
        ["tags", ..] => Some("GetTags"),
        _ => None,
    }
}

fn form_action(body: &[u8]) -> Option<String> {
    url::form_urlencoded::parse(body)
        .find(|(key, _)| key == "Action")
        .map(|(_, value)| value.into_owned())
}

fn s3_operation(method: &Method, segments: &[&str], query: &str) -> Option<Call> {
    let asked = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let operation = match segments {
        [""] => "ListBuckets",
        [_] if method == Method::HEAD => "HeadBucket",
        [_] if asked("location") => "GetBucketLocation",
        [_] if asked("metrics") => "ListBucketMetricsConfigurations",
        [_] if asked("notification") => "GetBucketNotificationConfiguration",
        [_] if asked("tagging") => "GetBucketTagging",
        [_] if asked("list-type") => "ListObjectsV2",
        [_, _, ..] if method == Method::HEAD => "HeadObject",
        // A part of an object that is asked for by a parameter is not the object.
        [_, _, ..]
            if query
                .split('&')
                .all(|pair| pair.is_empty() || pair.starts_with("x-id=")) =>
        {
            "GetObject"
        }
        _ => "Unknown",
    };
    Some(Call::new(Service::S3, Wire::RestXml, operation))
}
