//! Custom domain names, as both versions of API Gateway list them.

use serde_json::{Value, json};

use crate::aws_errors::AwsError;
use crate::estate::{Domain, Protocol};
use crate::listings::apigateway_v2::not_found;
use crate::listings::{created, derived_id};
use crate::server::ask::Ask;

/// The domain of that name.
pub(super) fn find<'a>(ask: &'a Ask<'_>, name: &str) -> Result<&'a Domain, AwsError> {
    let domains = &ask.world.estate().domains;
    domains
        .iter()
        .find(|domain| domain.name == name)
        .ok_or_else(|| not_found("Invalid domain name identifier specified"))
}

/// As REST APIs see it.
pub(super) fn of_v1(ask: &Ask<'_>, domain: &Domain) -> Value {
    let region = &ask.world.estate().region;
    json!({
        "domainName": domain.name,
        "domainNameArn": arn(ask, domain),
        "regionalCertificateArn": certificate(ask),
        "certificateUploadDate": created(ask).timestamp(),
        "regionalDomainName": format!("d-{}.execute-api.{region}.amazonaws.com", place(ask, domain)),
        "regionalHostedZoneId": "Z1U9ULNL0V5AJ3",
        "endpointConfiguration": { "types": ["REGIONAL"], "ipAddressType": "ipv4" },
        "domainNameStatus": "AVAILABLE",
        "securityPolicy": "TLS_1_2",
        "tags": {},
        "routingMode": "BASE_PATH_MAPPING_ONLY",
    })
}

/// As HTTP and WebSocket APIs see it.
pub(super) fn of_v2(ask: &Ask<'_>, domain: &Domain) -> Value {
    let region = &ask.world.estate().region;
    json!({
        "apiMappingSelectionExpression": "$request.basepath",
        "domainName": domain.name,
        "domainNameArn": arn(ask, domain),
        "domainNameConfigurations": [{
            "apiGatewayDomainName": format!("d-{}.execute-api.{region}.amazonaws.com", place(ask, domain)),
            "certificateArn": certificate(ask),
            "domainNameStatus": "AVAILABLE",
            "endpointType": "REGIONAL",
            "hostedZoneId": "Z1U9ULNL0V5AJ3",
            "ipAddressType": "ipv4",
            "securityPolicy": "TLS_1_2",
        }],
        "routingMode": "API_MAPPING_ONLY",
        "tags": {},
    })
}

/// Its mappings to REST APIs; the first version knows no others.
pub(super) fn base_path_mappings(ask: &Ask<'_>, domain: &Domain) -> Vec<Value> {
    let apis = &ask.world.estate().apis;
    let mappings = domain.mappings.iter();
    mappings
        .map(|(path, api)| (path, &apis[usize::from(api.0)]))
        .filter(|(_, api)| api.protocol == Protocol::Rest)
        .map(|(path, api)| {
            json!({
                "basePath": if path.is_empty() { "(none)" } else { path },
                "restApiId": api.id,
                "stage": api.stage,
            })
        })
        .collect()
}

/// All of its mappings.
pub(super) fn api_mappings(ask: &Ask<'_>, domain: &Domain) -> Vec<Value> {
    let apis = &ask.world.estate().apis;
    let mappings = domain.mappings.iter();
    mappings
        .map(|(path, api)| {
            let api = &apis[usize::from(api.0)];
            json!({
                "apiId": api.id,
                "apiMappingId": derived_id(api, &format!("mapping {path}")),
                "apiMappingKey": path,
                "stage": api.stage,
            })
        })
        .collect()
}

fn arn(ask: &Ask<'_>, domain: &Domain) -> String {
    let region = &ask.world.estate().region;
    format!("arn:aws:apigateway:{region}::/domainnames/{}", domain.name)
}

fn certificate(ask: &Ask<'_>) -> String {
    let estate = ask.world.estate();
    format!(
        "arn:aws:acm:{}:{}:certificate/7d0c4a1e-93b2-4f7e-8a65-1c2d3e4f5a6b",
        estate.region, estate.account_id
    )
}

/// The first part of the regional name that the domain is an alias of.
fn place(ask: &Ask<'_>, domain: &Domain) -> String {
    let apis = &ask.world.estate().apis;
    let api = domain
        .mappings
        .first()
        .map(|(_, api)| &apis[usize::from(api.0)]);
    api.map_or_else(String::new, |api| derived_id(api, domain.name))
}
