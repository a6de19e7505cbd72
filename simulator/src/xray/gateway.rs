//! What API Gateway records of a request: the stage's segment.

use serde_json::json;

use crate::estate::Estate;
use crate::model::{Micros, Request, Work};
use crate::xray::ids::{self, Ids};
use crate::xray::segment::{Flags, Http, HttpRequest, Segment};
use crate::xray::trace::to_millisecond;

/// What the integration took beyond the invocation, and the half of it that lies before.
fn network(work: &Work, request: &Request) -> (i64, i64) {
    let invocation = &request.invocation;
    let total = (request.integration_latency_us - (invocation.end() - invocation.start)).max(0);
    (
        total,
        (total / 2).min((invocation.start - work.start) / 2).max(0),
    )
}

/// When `AWS::Lambda` ends: between the handler's end and the integration's.
pub(super) fn lambda_end(work: &Work, request: &Request) -> Micros {
    let (total, before) = network(work, request);
    request.invocation.end() + (total - before) / 2
}

/// The stage's segment, and the id of its subsegment that invokes the function.
pub(super) fn gateway(
    work: &Work,
    request: &Request,
    estate: &Estate,
    ids: &mut Ids,
) -> (Segment, u64) {
    let api = estate.api_of(request.route);
    let function = estate.function(request.invocation.function);
    let request_id = ids.uuid();
    let integration_start = request.invocation.start - network(work, request).1;
    let integration = Segment {
        id: ids.span(),
        name: "Lambda".to_owned(),
        start: to_millisecond(integration_start),
        end: Some(to_millisecond(
            integration_start + request.integration_latency_us,
        )),
        http: Some(Http {
            request: Some(HttpRequest {
                url: format!(
                    "https://lambda.{region}.amazonaws.com/2015-03-31/functions/{arn}/invocations",
                    region = estate.region,
                    arn = function.called_arn()
                ),
                method: "POST",
                client: None,
            }),
            status: match () {
                () if request.invocation.throttled => 429,
                // An unhandled error is a successful call of Lambda.
                () if request.invocation.error => 200,
                () => request.status,
            },
            content_length: Some(64 + ids.below(4_000)),
        }),
        aws: Some(json!({
            "function_name": function.name,
            "region": estate.region,
            "operation": "Invoke",
            "resource_names": [function.name],
        })),
        namespace: Some("aws"),
        ..Segment::default()
    };
    let integration_id = integration.id;
    let stage = Segment {
        id: ids.span(),
        name: format!("{}/{}", api.name, api.stage),
        origin: Some("AWS::ApiGateway::Stage"),
        start: to_millisecond(work.start),
        end: Some(to_millisecond(work.start + request.latency_us)),
        flags: Flags::of_status(request.status),
        http: Some(Http {
            request: Some(HttpRequest {
                url: url(request, estate),
                method: request.method,
                client: Some(client(work)),
            }),
            status: request.status,
            content_length: Some(0),
        }),
        aws: Some(json!({
            "xray": { "sampling_rule_name": "Default" },
            "api_gateway": {
                "account_id": estate.account_id,
                "rest_api_id": api.id,
                "stage": api.stage,
                "request_id": request_id,
            },
        })),
        annotations: Some(json!({ "aws:api_id": api.id, "aws:api_stage": api.stage })),
        metadata: Some(json!({
            "default": { "extended_request_id": ids.gateway_extended(), "request_id": request_id },
        })),
        resource_arn: Some(stage_arn(request, estate)),
        subsegments: vec![integration],
        ..Segment::default()
    };
    (stage, integration_id)
}

/// The URL as the client sent it.
fn url(request: &Request, estate: &Estate) -> String {
    let api = estate.api_of(request.route);
    format!(
        "https://{id}.execute-api.{region}.amazonaws.com/{stage}{path}",
        id = api.id,
        region = estate.region,
        stage = api.stage,
        path = request.path
    )
}

/// ARN of the stage that received it.
fn stage_arn(request: &Request, estate: &Estate) -> String {
    let api = estate.api_of(request.route);
    format!(
        "arn:aws:apigateway:{}::/restapis/{}/stages/{}",
        estate.region, api.id, api.stage
    )
}

/// User agent and address of the client; the addresses are those set aside for documentation.
fn client(work: &Work) -> (&'static str, String) {
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        "shop-android/7.12.1 (okhttp/4.12.0)",
        "python-requests/2.32.3",
    ];
    let bits = ids::seed(work, 5);
    (
        AGENTS[(bits & 3) as usize],
        format!("203.0.113.{}", (bits >> 8) & 0xff),
    )
}
