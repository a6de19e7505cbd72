//! Recognised, signed, answered: every service in its own protocol.

use serde_json::{Value, json};

use super::{REGION, Sent, one_of_each, serve, world};
use crate::faults::Calls;
use crate::server::service::Service;

#[tokio::test]
async fn every_service_answers_in_its_protocol() {
    let (handle, _cancel) = serve().await;
    let expected = [
        "application/cbor",
        "application/json",
        "application/x-amz-json-1.1",
        "application/json",
        "application/json",
        "application/x-amz-json-1.0",
        "application/xml",
        "text/xml",
        "application/json",
        "application/x-amz-json-1.0",
        "application/x-amz-json-1.1",
        "application/cbor",
    ];
    for ((service, region, sent), content_type) in one_of_each().into_iter().zip(expected) {
        let got = sent
            .signed(service.signing_name(), region)
            .to(&handle)
            .await;
        assert_eq!(got.status, 200, "{service:?}: {}", got.text());
        assert_eq!(
            got.header("content-type"),
            Some(content_type),
            "{service:?}"
        );
        let id = if service == Service::S3 {
            "x-amz-request-id"
        } else {
            "x-amzn-requestid"
        };
        assert!(got.header(id).is_some(), "{service:?}: {}", got.head);
    }
    let calls = handle.calls();
    assert_eq!(calls.len(), Service::ALL.len());
    assert!(calls.values().all(|calls| *calls
        == Calls {
            total: 1,
            refused: 0
        }));
}

#[tokio::test]
async fn an_unsigned_call_is_refused_in_its_protocol() {
    let (handle, _cancel) = serve().await;
    let expected = [
        (403, "MissingAuthenticationTokenException"),
        (403, "MissingAuthenticationTokenException"),
        (400, "MissingAuthenticationTokenException"),
        (403, "MissingAuthenticationTokenException"),
        (403, "MissingAuthenticationTokenException"),
        (400, "MissingAuthenticationTokenException"),
        (403, "AccessDenied"),
        (403, "MissingAuthenticationToken"),
        (403, "MissingAuthenticationTokenException"),
        (400, "MissingAuthenticationTokenException"),
        (400, "MissingAuthenticationTokenException"),
        (403, "MissingAuthenticationTokenException"),
    ];
    for ((service, _, sent), (status, code)) in one_of_each().into_iter().zip(expected) {
        let got = sent.to(&handle).await;
        assert_eq!(
            (got.status, got.code().as_str()),
            (status, code),
            "{service:?}"
        );
    }
    assert!(
        handle.calls().is_empty(),
        "what is not signed is nobody's call"
    );
}

#[tokio::test]
async fn a_signature_for_another_service_region_or_key_is_refused() {
    let (handle, _cancel) = serve().await;
    for (service, region, sent) in one_of_each() {
        let code = async |sent: Sent| sent.to(&handle).await.code();
        let (scope, key, expired) = match service {
            Service::S3 => (
                "AuthorizationHeaderMalformed",
                "InvalidAccessKeyId",
                "ExpiredToken",
            ),
            Service::Sts => (
                "SignatureDoesNotMatch",
                "InvalidClientTokenId",
                "ExpiredToken",
            ),
            _ => (
                "InvalidSignatureException",
                "UnrecognizedClientException",
                "ExpiredTokenException",
            ),
        };
        let name = service.signing_name();
        assert_eq!(
            code(sent.clone().signed("ec2", region)).await,
            scope,
            "{service:?}"
        );
        assert_eq!(
            code(sent.clone().signed(name, "nowhere-1")).await,
            scope,
            "{service:?}"
        );
        assert_eq!(
            code(sent.clone().signed_by("AKIAUNKNOWN1", name, region)).await,
            key,
            "{service:?}"
        );
        assert_eq!(
            code(sent.clone().signed_by("ASIAEXPIRED1", name, region)).await,
            expired,
            "{service:?}"
        );
        let garbled = sent
            .header("authorization", "Bearer token")
            .to(&handle)
            .await;
        assert!((400..=403).contains(&garbled.status), "{service:?}");
    }
    // Cost Explorer lives in one Region, wherever the account is.
    let (_, _, cost) = one_of_each().swap_remove(2);
    assert_eq!(
        cost.signed("ce", REGION).to(&handle).await.code(),
        "InvalidSignatureException"
    );
}

#[tokio::test]
async fn json_and_cbor_clients_of_cloudwatch_see_the_same() {
    let (handle, _cancel) = serve().await;
    let now = world().now().timestamp();
    let query = json!({
        "StartTime": now - 3_600,
        "EndTime": now,
        "MetricDataQueries": [{
            "Id": "requests",
            "MetricStat": {
                "Metric": { "Namespace": "AWS/ApiGateway", "MetricName": "Count", "Dimensions": [{ "Name": "ApiName", "Value": "shop" }] },
                "Period": 300, "Stat": "Sum",
            },
        }],
    });
    let got = Sent::new("POST", "/")
        .header(
            "x-amz-target",
            "GraniteServiceVersion20100801.GetMetricData",
        )
        .json(query)
        .signed("monitoring", REGION)
        .to(&handle)
        .await;
    assert_eq!(
        got.header("content-type"),
        Some("application/x-amz-json-1.0")
    );
    let series = &got.json()["MetricDataResults"][0];
    let total: f64 = series["Values"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .sum();
    let world = world();
    let expected = (now / 60 - 60..now / 60)
        .map(|minute| {
            let minute = world.minute(minute);
            let of_shop = minute
                .requests()
                .filter(|(_, request)| world.estate().api_of(request.route).name == "shop");
            of_shop.count()
        })
        .sum::<usize>();
    assert_eq!(total, expected as f64);
    assert!(series["Timestamps"][0].is_number());
}

#[tokio::test]
async fn garbage_is_the_clients_mistake() {
    let (handle, _cancel) = serve().await;
    let extreme = r#"{"StartTime": -1e300, "EndTime": 1e300, "TraceIds": ["1-ffffffff-000000000000000000000000"],
        "Limit": 18446744073709551615, "TimePeriod": {"Start": "-9999-01-01", "End": "9999-12-31"}}"#;
    let posted = [
        "",
        "null",
        "[]",
        "{",
        "7",
        "\"\u{0}\"",
        "{\"TraceIds\": 7}",
        extreme,
    ];
    for (service, region, sent) in one_of_each() {
        for body in posted {
            if sent.method == "GET" || service == Service::Sts {
                continue;
            }
            let mut sent = sent.clone();
            sent.body = body.as_bytes().to_vec();
            let got = sent
                .signed(service.signing_name(), region)
                .to(&handle)
                .await;
            assert!(
                got.status < 500,
                "{service:?} {body:?}: {} {}",
                got.status,
                got.text()
            );
        }
    }
    for (service, target) in [
        (
            Service::Lambda,
            "/2015-03-31/functions/?Marker=zz&MaxItems=-1",
        ),
        (Service::Lambda, "/2015-03-31/functions/%ff%/aliases"),
        (Service::ApiGateway, "/restapis?position=ffff&limit=0"),
        (Service::ApiGateway, "/restapis?limit=99999999999999999999"),
        (Service::ApiGatewayV2, "/v2/apis?maxResults=-1"),
        (Service::ApiGatewayV2, "/v2/apis?nextToken=00ff"),
        (Service::ApiGatewayV2, "/v2/domainnames/%ff%/apimappings"),
        (Service::S3, "/?max-buckets=x"),
        (Service::S3, "/a/b/c?location"),
    ] {
        let got = Sent::new("GET", target)
            .signed(service.signing_name(), REGION)
            .to(&handle)
            .await;
        assert!(
            (400..=501).contains(&got.status) && got.status != 500,
            "{target}: {}",
            got.status
        );
    }
}
