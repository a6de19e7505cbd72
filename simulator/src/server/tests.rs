mod accounts;
mod own_routes;
mod protocols;
mod trouble;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Handle, start};
use crate::server::service::Service;
use crate::{Organisation, SimConfig, World};

fn world() -> Arc<World> {
    let anchor: DateTime<Utc> = "2026-03-12T12:00:00Z".parse().unwrap();
    World::new(SimConfig {
        scale: 0.05,
        ..SimConfig::new(5, anchor - TimeDelta::days(3), anchor)
    })
}

async fn serve() -> (Handle, CancellationToken) {
    serve_these(world()).await
}

async fn serve_these(accounts: impl Into<Organisation>) -> (Handle, CancellationToken) {
    let cancel = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = start(accounts, listener, cancel.clone()).await.unwrap();
    (handle, cancel)
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
    cloudwatch.body = list_metrics.clone();
    let mut tagging = Sent::new(
        "POST",
        "/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources",
    );
    tagging.body = list_metrics;
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
        (Service::ApiGatewayV2, REGION, Sent::new("GET", "/v2/apis")),
        (Service::StepFunctions, REGION, target("AWSStepFunctions.ListStateMachines").json(json!({}))),
        (Service::Logs, REGION, target("Logs_20140328.DescribeLogGroups").json(json!({}))),
        (Service::Tagging, REGION, tagging.header("smithy-protocol", "rpc-v2-cbor")),
    ]
}
