//! A scripted AWS for tests: a few lines of HTTP/1.1 on loopback, one small account behind it, and
//! a script that answers what a test wants answered otherwise. It speaks AWS's wire protocols as
//! far as the collector asks; the simulator is the counterpart for whole behaviours.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use ciborium::Value as Cbor;
use millicent_lake::{CostLine, Lake, Table, costs};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Clock, CollectConfig, Collector, StaticCredentials};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";

/// A clock that stands still until it is moved.
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(text.parse().unwrap())))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A request, by the name of its operation.
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    /// With its query, as it was sent.
    pub(crate) target: String,
    /// How often the operation was asked for before.
    pub(crate) nth: usize,
    pub(crate) body: Vec<u8>,
    /// Access key, date, region and service that it is signed with, in lower case.
    pub(crate) scope: Vec<String>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Who signed it.
    pub(crate) fn key(&self) -> &str {
        self.scope.first().map_or("", String::as_str)
    }

    /// The region that it is signed for.
    pub(crate) fn region(&self) -> &str {
        self.scope.get(2).map_or("", String::as_str)
    }

    pub(crate) fn cbor(&self) -> Cbor {
        ciborium::from_reader(self.body.as_slice()).unwrap()
    }
}

pub(crate) struct Response {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    /// Bytes of the body that are really sent.
    cut: Option<usize>,
}

impl Response {
    pub(crate) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            content_type: "application/json",
            body: value.to_string().into_bytes(),
            cut: None,
        }
    }

    pub(crate) fn cbor(value: &Cbor) -> Self {
        let mut body = Vec::new();
        ciborium::into_writer(value, &mut body).unwrap();
        Self {
            status: 200,
            content_type: "application/cbor",
            body,
            cut: None,
        }
    }

    /// An error in the protocol of the operation.
    pub(crate) fn error(operation: &str, status: u16, code: &str) -> Self {
        let mut response = if matches!(operation, "GetMetricData" | "ListMetrics") {
            Self::cbor(&map([
                ("__type", code.into()),
                ("message", "because".into()),
            ]))
        } else if operation.contains("Bucket") {
            Self::xml(
                status,
                &format!("<Error><Code>{code}</Code><Message>because</Message></Error>"),
            )
        } else {
            Self::json(&json!({"__type": code, "code": code, "message": "because"}))
        };
        response.status = status;
        response
    }

    pub(crate) fn xml(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "text/xml",
            body: body.as_bytes().to_vec(),
            cut: None,
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn replacing(mut self, what: &str, with: &str) -> Self {
        let text = String::from_utf8(self.body).unwrap();
        self.body = text.replace(what, with).into_bytes();
        self
    }

    pub(crate) fn truncated(mut self) -> Self {
        self.cut = Some(self.body.len() / 2);
        self
    }
}

pub(crate) fn map<const N: usize>(pairs: [(&str, Cbor); N]) -> Cbor {
    Cbor::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

pub(crate) fn get<'a>(value: &'a Cbor, key: &str) -> Option<&'a Cbor> {
    value
        .as_map()?
        .iter()
        .find(|(k, _)| k.as_text() == Some(key))
        .map(|(_, v)| v)
}

type Script = dyn Fn(&Request) -> Option<Response> + Send + Sync;

/// The scripted AWS, and a lake to collect it into.
pub(crate) struct Scripted {
    pub(crate) url: String,
    pub(crate) calls: Arc<Mutex<HashMap<&'static str, usize>>>,
    pub(crate) lake: Lake,
    pub(crate) clock: Arc<TestClock>,
    _folder: tempfile::TempDir,
}

impl Scripted {
    /// `script` answers what it wants to; the rest is answered by the small account.
    pub(crate) async fn start(
        script: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls: Arc<Mutex<HashMap<&'static str, usize>>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&counted)));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).await.unwrap();
        Self {
            url,
            calls,
            lake,
            clock: TestClock::at("2026-11-24T08:51:30Z"),
            _folder: folder,
        }
    }

    pub(crate) fn config(&self) -> CollectConfig {
        CollectConfig {
            region: REGION.into(),
            endpoint_url: Some(self.url.clone()),
            credentials: Some(StaticCredentials {
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: "secret".into(),
            }),
            history: TimeDelta::hours(5),
            max_attempts: 2,
            ..CollectConfig::default()
        }
    }

    pub(crate) async fn collector(&self, config: CollectConfig) -> Collector {
        Collector::connect(config, self.lake.clone(), self.clock.clone())
            .await
            .unwrap()
    }

    /// Every line of the bill in the lake, from its files.
    pub(crate) async fn bill(&self) -> Vec<CostLine> {
        let table = self.lake.delta_table(Table::Costs).await.unwrap();
        let folder = Path::new(self.lake.location()).join("costs");
        let mut lines = Vec::new();
        for file in table.get_file_uris().unwrap() {
            let path = folder.join(file.rsplit_once("costs/").unwrap().1);
            let file = std::fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            for batch in reader.build().unwrap() {
                lines.extend(costs::from_record_batch(&batch.unwrap()).unwrap());
            }
        }
        lines
    }

    pub(crate) fn calls_of(&self, operation: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .get(operation)
            .copied()
            .unwrap_or(0)
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Script>,
    calls: Arc<Mutex<HashMap<&'static str, usize>>>,
) {
    let mut buffer = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..head_end]);
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let head = head.to_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |value| value.trim().parse().unwrap());
        while buffer.len() < head_end + length {
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let body = buffer[head_end..head_end + length].to_vec();
        buffer.drain(..head_end + length);

        let operation = operation_of(&head, &body);
        let nth = {
            let mut calls = calls.lock().unwrap();
            let count = calls.entry(operation).or_default();
            *count += 1;
            *count - 1
        };
        let request = Request {
            operation,
            target,
            nth,
            body,
            scope: scope_of(&head),
        };
        let response = script(&request).unwrap_or_else(|| small_account(&request));
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-type: {}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: {}\r\n\r\n",
            response.status,
            response.content_type,
            response.body.len()
        );
        let sent = response.cut.unwrap_or(response.body.len());
        if stream.write_all(head.as_bytes()).await.is_err()
            || stream.write_all(&response.body[..sent]).await.is_err()
            || response.cut.is_some()
        {
            return;
        }
    }
}

/// Operations of the JSON protocols, whose name is in a header.
const TARGETS: &[&str] = &[
    "GetCostAndUsage",
    "ListTables",
    "DescribeTable",
    "DescribeLogGroups",
    "StartQuery",
    "GetQueryResults",
    "ListStateMachines",
    "DescribeStateMachine",
];

fn scope_of(head: &str) -> Vec<String> {
    let credential = head.split("credential=").nth(1).unwrap_or_default();
    let credential = credential.split([',', '\r']).next().unwrap_or_default();
    credential.split('/').map(str::to_owned).collect()
}

fn operation_of(head: &str, body: &[u8]) -> &'static str {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.trim_end_matches('/');
    if path.ends_with("/operation/getmetricdata") {
        "GetMetricData"
    } else if path.ends_with("/operation/listmetrics") {
        "ListMetrics"
    } else if let Some(target) = head
        .lines()
        .find_map(|line| line.strip_prefix("x-amz-target: "))
    {
        let name = target.rsplit('.').next().unwrap_or_default();
        if target.starts_with("resourcegroupstagging") {
            return "TaggedResources";
        }
        TARGETS
            .iter()
            .find(|operation| operation.to_lowercase() == name)
            .unwrap_or_else(|| panic!("unknown target: {target}"))
    } else if body.starts_with(b"Action=GetCallerIdentity") {
        "GetCallerIdentity"
    } else if body.starts_with(b"Action=AssumeRole") {
        "AssumeRole"
    } else if path == "/tracesummaries" {
        "GetTraceSummaries"
    } else if path == "/gettracesegmentdestination" {
        "GetTraceSegmentDestination"
    } else if path == "/getindexingrules" {
        "GetIndexingRules"
    } else if path == "/traces" {
        "BatchGetTraces"
    } else if query.contains("x-id=listbuckets") {
        "ListBuckets"
    } else if query.contains("x-id=listbucketmetricsconfigurations") {
        "ListBucketMetricsConfigurations"
    } else if query.starts_with("notification") {
        "GetBucketNotificationConfiguration"
    } else if query.starts_with("location") {
        "GetBucketLocation"
    } else if path.ends_with("/event-source-mappings") {
        "ListEventSourceMappings"
    } else if path.ends_with("/functions") {
        "ListFunctions"
    } else if path.ends_with("/aliases") {
        "ListAliases"
    } else if path.ends_with("/provisioned-concurrency") {
        "ListProvisionedConcurrencyConfigs"
    } else if path.ends_with("/urls") {
        "ListFunctionUrlConfigs"
    } else if path.contains("/tags/") {
        "ListTags"
    } else if let Some(path) = path.strip_prefix("/v2/") {
        match path.rsplit('/').next() {
            Some("apis") => "GetApis",
            Some("stages") => "GetStagesV2",
            Some("routes") => "GetRoutes",
            Some("integrations") => "GetIntegrations",
            Some("domainnames") => "GetDomainNamesV2",
            Some("apimappings") => "GetApiMappings",
            _ => panic!("unknown request: {head}"),
        }
    } else if path.ends_with("/domainnames") {
        "GetDomainNames"
    } else if path.ends_with("/basepathmappings") {
        "GetBasePathMappings"
    } else if path == "/restapis" {
        "GetRestApis"
    } else if path.ends_with("/resources") {
        "GetResources"
    } else if path.ends_with("/stages") {
        "GetStages"
    } else {
        panic!("unknown request: {head}")
    }
}

/// One function behind one route, no traffic, no traces, and a bill of one line a day.
fn small_account(request: &Request) -> Response {
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:get-order");
    match request.operation {
        "GetCallerIdentity" => Response::xml(
            200,
            &format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>\
                 <Arn>arn:aws:iam::{ACCOUNT}:user/m</Arn><UserId>U</UserId></GetCallerIdentityResult>\
                 </GetCallerIdentityResponse>"
            ),
        ),
        "ListFunctions" => Response::json(&json!({"Functions": [{
            "FunctionName": "get-order", "FunctionArn": function, "MemorySize": 512, "Timeout": 10,
            "Runtime": "nodejs22.x", "Architectures": ["arm64"], "PackageType": "Zip",
            "Environment": {"Variables": {"PASSWORD": "hunter2"}}, "TracingConfig": {"Mode": "Active"}
        }]})),
        "TaggedResources" => tagged(&[(&function, "team", "orders")], None),
        "ListTags" => Response::json(&json!({"Tags": {"team": "orders"}})),
        "GetRestApis" => Response::json(&json!({"item": [{"id": "a1b2c3", "name": "shop"}]})),
        "GetStages" => Response::json(&json!({"item": [{
            "stageName": "prod", "deploymentId": "d1", "tracingEnabled": true,
            "methodSettings": {"*/*": {"metricsEnabled": true}}
        }]})),
        "GetResources" => Response::json(
            &json!({"item": [{"id": "r1", "path": "/orders/{id}", "resourceMethods": {"GET": {
                "httpMethod": "GET", "methodIntegration": {"type": "AWS_PROXY", "uri":
                    format!("arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations")}
            }}}]}),
        ),
        "ListAliases" => Response::json(&json!({"Aliases": []})),
        "ListFunctionUrlConfigs" => Response::json(&json!({"FunctionUrlConfigs": []})),
        "ListEventSourceMappings" => Response::json(&json!({"EventSourceMappings": []})),
        "ListBuckets" => Response::xml(
            200,
            "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
        ),
        "ListStateMachines" => Response::json(&json!({"stateMachines": []})),
        "GetApis" | "GetDomainNamesV2" | "GetApiMappings" => Response::json(&json!({"items": []})),
        "GetDomainNames" | "GetBasePathMappings" => Response::json(&json!({"item": []})),
        "ListTables" => Response::json(&json!({"TableNames": []})),
        "DescribeLogGroups" => Response::json(&json!({"logGroups": []})),
        "GetMetricData" => metric_data(request, "Complete", &[1.0]),
        "ListMetrics" => Response::cbor(&map([("Metrics", Cbor::Array(vec![]))])),
        "GetTraceSummaries" => {
            Response::json(&json!({"TraceSummaries": [], "TracesProcessedCount": 0}))
        }
        "GetTraceSegmentDestination" => {
            Response::json(&json!({"Destination": "XRay", "Status": "ACTIVE"}))
        }
        "GetIndexingRules" => Response::json(&json!({"IndexingRules": []})),
        "BatchGetTraces" => Response::json(&json!({"Traces": [], "UnprocessedTraceIds": []})),
        "GetCostAndUsage" => bill(request),
        other => panic!("no answer for {other}"),
    }
}

/// A page of the tagging API: ARN, key and value.
pub(crate) fn tagged(resources: &[(&str, &str, &str)], next: Option<&str>) -> Response {
    let list: Vec<Value> = resources
        .iter()
        .map(
            |(arn, key, value)| json!({"ResourceARN": arn, "Tags": [{"Key": key, "Value": value}]}),
        )
        .collect();
    Response::json(&json!({
        "ResourceTagMappingList": list, "PaginationToken": next.unwrap_or_default()}))
}

/// The same values for every query, one a minute from the start of the window.
pub(crate) fn metric_data(request: &Request, status: &str, values: &[f64]) -> Response {
    let asked = request.cbor();
    let start = match get(&asked, "StartTime") {
        Some(Cbor::Tag(1, time)) => match time.as_ref() {
            Cbor::Float(seconds) => *seconds as i64,
            Cbor::Integer(seconds) => i64::try_from(*seconds).unwrap(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let queries = get(&asked, "MetricDataQueries")
        .and_then(Cbor::as_array)
        .unwrap();
    let times = (0..values.len() as i64).map(|n| Cbor::Tag(1, Box::new((start + 60 * n).into())));
    let times = Cbor::Array(times.collect());
    let values = Cbor::Array(values.iter().map(|v| Cbor::Float(*v)).collect());
    let results = queries.iter().map(|query| {
        map([
            ("Id", get(query, "Id").unwrap().clone()),
            ("StatusCode", status.into()),
            ("Timestamps", times.clone()),
            ("Values", values.clone()),
        ])
    });
    Response::cbor(&map([(
        "MetricDataResults",
        Cbor::Array(results.collect()),
    )]))
}

fn bill(request: &Request) -> Response {
    let asked = request.json();
    let day = |key: &str| -> chrono::NaiveDate {
        asked["TimePeriod"][key].as_str().unwrap().parse().unwrap()
    };
    let usage = asked["GroupBy"][1]["Key"] == "USAGE_TYPE";
    let days = day("Start").iter_days().take_while(|d| *d < day("End"));
    let results: Vec<Value> = days
        .map(|d| {
            let groups = if usage {
                json!([{"Keys": ["AWS Lambda", "EUC1-Request"], "Metrics": {
                    "UnblendedCost": {"Amount": "0.0000002", "Unit": "USD"},
                    "UsageQuantity": {"Amount": "1", "Unit": "Requests"}}}])
            } else {
                json!([])
            };
            json!({"TimePeriod": {"Start": d, "End": d.succ_opt()}, "Estimated": true, "Total": {}, "Groups": groups})
        })
        .collect();
    Response::json(&json!({"ResultsByTime": results, "GroupDefinitions": []}))
}
