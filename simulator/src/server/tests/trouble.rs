//! Fault rules as they reach the wire.

use serde_json::json;

use super::{REGION, Sent, one_of_each, serve, world};
use crate::faults::{Calls, Fault, Rule};
use crate::server::service::Service;

#[tokio::test]
async fn every_fault_has_the_shape_of_its_service() {
    let (handle, _cancel) = serve().await;
    let throttle = [
        (400, "ThrottlingException"),
        (429, "ThrottledException"),
        (400, "LimitExceededException"),
        (429, "TooManyRequestsException"),
        (429, "TooManyRequestsException"),
        (400, "ThrottlingException"),
        (503, "SlowDown"),
        (400, "Throttling"),
        (429, "TooManyRequestsException"),
        (400, "ThrottlingException"),
        (400, "ThrottlingException"),
        (400, "ThrottledException"),
    ];
    let deny = [
        (400, "AccessDeniedException"),
        (403, "AccessDeniedException"),
        (400, "AccessDeniedException"),
        (403, "AccessDeniedException"),
        (403, "AccessDeniedException"),
        (400, "AccessDeniedException"),
        (403, "AccessDenied"),
        (403, "AccessDenied"),
        (403, "AccessDeniedException"),
        (400, "AccessDeniedException"),
        (400, "AccessDeniedException"),
        (400, "AccessDeniedException"),
    ];
    let internal = [
        (500, "InternalServiceFault"),
        (500, "InternalFailure"),
        (500, "InternalFailure"),
        (500, "ServiceException"),
        (500, "InternalFailure"),
        (500, "InternalServerError"),
        (500, "InternalError"),
        (500, "InternalFailure"),
        (500, "InternalFailure"),
        (500, "InternalFailure"),
        (500, "ServiceUnavailableException"),
        (500, "InternalServiceException"),
    ];
    for (fault, expected) in [
        (Fault::Throttle, throttle),
        (Fault::Deny, deny),
        (Fault::ServerError, internal),
    ] {
        for ((service, region, sent), (status, code)) in one_of_each().into_iter().zip(expected) {
            handle.set_faults(vec![Rule::always(service, fault)]);
            let got = sent
                .signed(service.signing_name(), region)
                .to(&handle)
                .await;
            assert_eq!(
                (got.status, got.code().as_str()),
                (status, code),
                "{service:?} {fault:?}"
            );
            if fault == Fault::Deny {
                let prefix = match service {
                    Service::ApiGatewayV2 => "apigateway",
                    Service::Tagging => "tag",
                    service => service.name(),
                };
                let action = format!("not authorized to perform: {prefix}:");
                assert!(got.text().contains(&action), "{}", got.text());
            }
        }
    }
    assert!(handle.calls().values().all(|calls| *calls
        == Calls {
            total: 3,
            refused: 3
        }));
}

#[tokio::test]
async fn cloudwatch_also_tells_the_codes_of_its_old_protocol() {
    let (handle, _cancel) = serve().await;
    handle.set_faults(vec![Rule::always(Service::CloudWatch, Fault::Throttle)]);
    let (_, _, sent) = one_of_each().swap_remove(0);
    let got = sent.signed("monitoring", REGION).to(&handle).await;
    assert_eq!(got.header("x-amzn-query-error"), Some("Throttling;Sender"));
    assert_eq!(got.header("smithy-protocol"), Some("rpc-v2-cbor"));
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_announced() {
    let (handle, _cancel) = serve().await;
    handle.set_faults(vec![Rule::always(Service::Lambda, Fault::Truncate)]);
    let got = Sent::new("GET", "/2015-03-31/functions/")
        .signed("lambda", REGION)
        .to(&handle)
        .await;
    let announced: usize = got.header("content-length").unwrap().parse().unwrap();
    assert_eq!(got.body.len(), announced / 2);
}

#[tokio::test]
async fn lag_and_short_pages_reach_the_services() {
    let (handle, _cancel) = serve().await;
    handle.set_faults(vec![Rule::always(
        Service::Lambda,
        Fault::CutPages { page_size: 2 },
    )]);
    let got = Sent::new("GET", "/2015-03-31/functions/")
        .signed("lambda", REGION)
        .to(&handle)
        .await
        .json();
    assert_eq!(got["Functions"].as_array().unwrap().len(), 2);
    assert!(got["NextMarker"].is_string());

    let now = world().now().timestamp();
    let recent = Sent::new("POST", "/TraceSummaries")
        .json(json!({ "StartTime": now - 3_600, "EndTime": now }))
        .signed("xray", REGION);
    handle.set_faults(Vec::new());
    assert_ne!(recent.to(&handle).await.json()["TraceSummaries"], json!([]));
    handle.set_faults(vec![Rule::always(
        Service::XRay,
        Fault::Lag { minutes: 61 },
    )]);
    assert_eq!(recent.to(&handle).await.json()["TraceSummaries"], json!([]));
}
