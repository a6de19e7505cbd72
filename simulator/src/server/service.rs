//! Which service and operation a request asks for, by the marks of its protocol.

use axum::http::{HeaderMap, Method};

/// A service of the simulated account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Amazon CloudWatch.
    CloudWatch,
    /// AWS X-Ray.
    XRay,
    /// AWS Cost Explorer.
    CostExplorer,
    /// AWS Lambda.
    Lambda,
    /// Amazon API Gateway, version 1 (REST APIs).
    ApiGateway,
    /// Amazon DynamoDB.
    DynamoDb,
    /// Amazon S3.
    S3,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// Every one of them.
    pub const ALL: [Service; 8] = [
        Service::CloudWatch,
        Service::XRay,
        Service::CostExplorer,
        Service::Lambda,
        Service::ApiGateway,
        Service::DynamoDb,
        Service::S3,
        Service::Sts,
    ];

    /// The name in fault rules, counts of calls and IAM actions.
    pub fn name(self) -> &'static str {
        match self {
            Service::CloudWatch => "cloudwatch",
            Service::XRay => "xray",
            Service::CostExplorer => "ce",
            Service::Lambda => "lambda",
            Service::ApiGateway => "apigateway",
            Service::DynamoDb => "dynamodb",
            Service::S3 => "s3",
            Service::Sts => "sts",
        }
    }

    /// The name in a signature's credential scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Service::CloudWatch => "monitoring",
            other => other.name(),
        }
    }
}

/// A protocol as it frames a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Smithy RPC v2 CBOR.
    Cbor,
    /// awsJson 1.0.
    Json10,
    /// awsJson 1.1.
    Json11,
    /// restJson.
    RestJson,
    /// restXml.
    RestXml,
    /// awsQuery.
    Query,
}

/// One operation of one service, over one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which service.
    pub service: Service,
    /// The operation as the service's model names it; what was asked for where there is no such.
    pub operation: String,
    /// How it was asked.
    pub wire: Wire,
}

impl Call {
    fn new(service: Service, wire: Wire, operation: impl Into<String>) -> Self {
        Call {
            service,
            operation: operation.into(),
            wire,
        }
    }

    /// The action that a policy allows it by.
    pub fn iam_action(&self) -> String {
        let action = match (self.service, self.operation.as_str()) {
            (Service::ApiGateway, _) => "GET",
            (Service::S3, "ListBuckets") => "ListAllMyBuckets",
            (Service::S3, "ListBucketMetricsConfigurations") => "GetMetricsConfiguration",
            (Service::S3, "GetBucketNotificationConfiguration") => "GetBucketNotification",
            (Service::S3, "HeadBucket") => "ListBucket",
            (_, operation) => operation,
        };
        format!("{}:{action}", self.service.name())
    }
}

/// Recognises a request; `None` if nothing about it is AWS's.
pub(crate) fn recognise(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Call> {
    if let Some(rest) = path.strip_prefix("/service/GraniteServiceVersion20100801/operation/") {
        return Some(Call::new(Service::CloudWatch, Wire::Cbor, rest));
    }
    if let Some(target) = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
    {
        let (prefix, operation) = target.split_once('.')?;
        return match prefix {
            "GraniteServiceVersion20100801" => {
                Some(Call::new(Service::CloudWatch, Wire::Json10, operation))
            }
            "AWSInsightsIndexService" => {
                Some(Call::new(Service::CostExplorer, Wire::Json11, operation))
            }
            "DynamoDB_20120810" => Some(Call::new(Service::DynamoDb, Wire::Json10, operation)),
            _ => None,
        };
    }
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let rest = |service, operation| Some(Call::new(service, Wire::RestJson, operation));
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["TraceSummaries"]) => rest(Service::XRay, "GetTraceSummaries"),
        ("POST", ["Traces"]) => rest(Service::XRay, "BatchGetTraces"),
        ("POST", ["GetTraceSegmentDestination"]) => {
            rest(Service::XRay, "GetTraceSegmentDestination")
        }
        ("GET", ["2015-03-31", "functions"]) => rest(Service::Lambda, "ListFunctions"),
        ("GET", ["2015-03-31", "functions", _]) => rest(Service::Lambda, "GetFunction"),
        ("GET", ["2015-03-31", "functions", _, "configuration"]) => {
            rest(Service::Lambda, "GetFunctionConfiguration")
        }
        ("GET", ["2015-03-31", "functions", _, "aliases"]) => rest(Service::Lambda, "ListAliases"),
        ("GET", ["2015-03-31", "event-source-mappings"]) => {
            rest(Service::Lambda, "ListEventSourceMappings")
        }
        ("GET", ["2016-08-19", "account-settings"]) => rest(Service::Lambda, "GetAccountSettings"),
        ("GET", ["2017-03-31", "tags", ..]) => rest(Service::Lambda, "ListTags"),
        ("GET", ["2019-09-30", "functions", _, "provisioned-concurrency"]) => {
            // The two share a path; only this parameter tells them apart.
            let list = query.split('&').any(|pair| pair == "List=ALL");
            rest(
                Service::Lambda,
                if list {
                    "ListProvisionedConcurrencyConfigs"
                } else {
                    "GetProvisionedConcurrencyConfig"
                },
            )
        }
        (
            _,
            [
                "2015-03-31" | "2016-08-19" | "2017-03-31" | "2019-09-30",
                ..,
            ],
        ) => rest(Service::Lambda, "Unknown"),
        ("GET", ["restapis"]) => rest(Service::ApiGateway, "GetRestApis"),
        ("GET", ["restapis", _]) => rest(Service::ApiGateway, "GetRestApi"),
        ("GET", ["restapis", _, "resources"]) => rest(Service::ApiGateway, "GetResources"),
        ("GET", ["restapis", _, "stages"]) => rest(Service::ApiGateway, "GetStages"),
        ("GET", ["tags", ..]) => rest(Service::ApiGateway, "GetTags"),
        (_, ["restapis" | "tags", ..]) => rest(Service::ApiGateway, "Unknown"),
        ("POST", [""]) => {
            form_action(body).map(|action| Call::new(Service::Sts, Wire::Query, action))
        }
        ("GET" | "HEAD", bucket) => s3_operation(method, bucket, query),
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
        _ => "Unknown",
    };
    Some(Call::new(Service::S3, Wire::RestXml, operation))
}
