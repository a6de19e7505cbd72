use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Handle, ServeError, start};
use crate::faults::{Calls, Fault, Rule};
use crate::server::service::Service;
use crate::{SimConfig, World};

fn world() -> Arc<World> {
    let anchor: DateTime<Utc> = "2026-03-12T12:00:00Z".parse().unwrap();
    World::new(SimConfig {
        scale: 0.05,
        ..SimConfig::new(5, anchor - TimeDelta::days(3), anchor)
    })
}

async fn serve() -> (Handle, CancellationToken) {
    let cancel = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (
        start(world(), listener, cancel.clone()).await.unwrap(),
        cancel,
    )
}

/// A request as a client would send it.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Code of an AWS error, wherever the protocol puts it.
    fn code(&self) -> String {
        if let Some(code) = self.header("x-amzn-errortype") {
            return code.to_owned();
        }
        let text = self.text();
        if let Some((_, rest)) = text.split_once("<Code>") {
            return rest.split('<').next().unwrap().to_owned();
        }
        let kind = match self.header("content-type") {
            Some("application/cbor") => {
                let map: ciborium::Value = ciborium::from_reader(self.body.as_slice()).unwrap();
                let fields = map.into_map().unwrap();
                let kind = fields
                    .iter()
                    .find(|(key, _)| key.as_text() == Some("__type"))
                    .unwrap();
                kind.1.as_text().unwrap().to_owned()
            }
            _ => self.json()["__type"].as_str().unwrap().to_owned(),
        };
        kind.rsplit('#').next().unwrap().to_owned()
    }
}

impl Sent {
    fn new(method: &'static str, target: &str) -> Self {
        Sent {
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn json(mut self, body: Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn signed(self, service: &str, region: &str) -> Self {
        self.signed_by("AKIDEXAMPLE", service, region)
    }

    fn signed_by(self, key: &str, service: &str, region: &str) -> Self {
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260312/{region}/{service}/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={}",
            "0123456789abcdef".repeat(4)
        );
        self.header("authorization", &value)
    }

    async fn to(&self, handle: &Handle) -> Got {
        let address = handle.url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&self.body).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        let split = all
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(all[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got {
            status,
            head,
            body: all[split + 4..].to_vec(),
        }
    }
}

const REGION: &str = "eu-central-1";

/// One call of every service, unsigned, with the Region that it is signed for.
fn one_of_each() -> Vec<(Service, &'static str, Sent)> {
    let mut list_metrics = Vec::new();
    ciborium::into_writer(&ciborium::Value::Map(Vec::new()), &mut list_metrics).unwrap();
    let target = |name: &str| Sent::new("POST", "/").header("x-amz-target", name);
    let mut cloudwatch = Sent::new(
        "POST",
        "/service/GraniteServiceVersion20100801/operation/ListMetrics",
    );
    cloudwatch.body = list_metrics;
    let mut sts = Sent::new("POST", "/");
    sts.body = b"Action=GetCallerIdentity&Version=2011-06-15".to_vec();
    vec![
        (Service::CloudWatch, REGION, cloudwatch.header("smithy-protocol", "rpc-v2-cbor")),
        (Service::XRay, REGION, Sent::new("POST", "/TraceSummaries").json(json!({"StartTime": 1_773_300_000, "EndTime": 1_773_300_300}))),
        (
            Service::CostExplorer,
            "us-east-1",
            target("AWSInsightsIndexService.GetCostAndUsage").json(json!({
                "TimePeriod": {"Start": "2026-03-10", "End": "2026-03-11"}, "Granularity": "DAILY", "Metrics": ["UnblendedCost"],
            })),
        ),
        (Service::Lambda, REGION, Sent::new("GET", "/2015-03-31/functions/")),
        (Service::ApiGateway, REGION, Sent::new("GET", "/restapis")),
        (Service::DynamoDb, REGION, target("DynamoDB_20120810.ListTables").json(json!({}))),
        (Service::S3, REGION, Sent::new("GET", "/")),
        (Service::Sts, REGION, sts),
    ]
}

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
    assert_eq!(calls.len(), 8);
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
            code(sent.clone().signed(name, "ap-south-1")).await,
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
                let action = format!("not authorized to perform: {}:", service.name());
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
        .flat_map(|minute| world.minute(minute).requests.clone())
        .filter(|request| world.estate().api_of(request.route).name == "shop")
        .count();
    assert_eq!(total, expected as f64);
    assert!(series["Timestamps"][0].is_number());
}

#[tokio::test]
async fn the_simulators_own_routes() {
    let (handle, _cancel) = serve().await;
    let about = Sent::new("GET", "/_simulator").to(&handle).await.json();
    assert_eq!(
        (&about["region"], &about["account_id"]),
        (&json!(REGION), &json!("123456789012"))
    );

    let rules = json!([{ "service": "xray", "kind": "lag", "minutes": 30 }, { "kind": "throttle", "rate": 0.25 }]);
    assert_eq!(
        Sent::new("POST", "/_simulator/faults")
            .json(rules)
            .to(&handle)
            .await
            .status,
        200
    );
    let listed = Sent::new("GET", "/_simulator/faults")
        .to(&handle)
        .await
        .json();
    assert_eq!(
        (&listed[0]["minutes"], &listed[1]["rate"]),
        (&json!(30), &json!(0.25))
    );
    let wrong = Sent::new("POST", "/_simulator/faults")
        .json(json!([{ "kind": "explode" }]))
        .to(&handle)
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(
        Sent::new("GET", "/_simulator/faults")
            .to(&handle)
            .await
            .json(),
        listed,
        "a wrong list changes nothing"
    );

    let slack = |body: Value| Sent::new("POST", "/_simulator/slack/T0/B0/x").json(body);
    let got = slack(json!({ "text": "hello" })).to(&handle).await;
    assert_eq!((got.status, got.text().trim()), (200, "ok"));
    let got = slack(json!({ "blocks": [{ "type": "headline" }] }))
        .to(&handle)
        .await;
    assert_eq!((got.status, got.text().trim()), (400, "invalid_blocks"));
    let inbox = Sent::new("GET", "/_simulator/slack")
        .to(&handle)
        .await
        .json();
    assert_eq!(inbox.as_array().unwrap().len(), 1);
    assert_eq!(
        (&inbox[0]["webhook"], &inbox[0]["payload"]["text"]),
        (&json!("/slack/T0/B0/x"), &json!("hello"))
    );

    let truth = Sent::new(
        "GET",
        "/_simulator/truth?from=2026-03-11T00:00:00Z&to=2026-03-12T00:00:00Z",
    )
    .to(&handle)
    .await
    .json();
    assert!(
        truth["bill_usd"]
            .as_str()
            .is_some_and(|amount| amount != "0"),
        "{truth}"
    );
    assert_eq!(
        Sent::new("GET", "/_simulator/truth?from=2026-03-11")
            .to(&handle)
            .await
            .status,
        400
    );
    let help = Sent::new("GET", "/_simulator/nothing").to(&handle).await;
    assert!(help.status == 404 && help.text().contains("/_simulator/faults"));
    assert_eq!(
        Sent::new("DELETE", "/elsewhere").to(&handle).await.status,
        404
    );
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = start(world(), listener, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ServeError::NotLoopback(_)), "{error}");
}

#[tokio::test]
async fn it_stops_when_cancelled() {
    let (handle, cancel) = serve().await;
    let address = handle.url().replace("http://", "");
    cancel.cancel();
    handle.stopped().await;
    assert!(TcpStream::connect(address).await.is_err());
}
