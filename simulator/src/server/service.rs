//! The services of the simulated account, and one call of one of them.

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
    /// Amazon API Gateway, version 2 (HTTP and WebSocket APIs).
    ApiGatewayV2,
    /// Amazon DynamoDB.
    DynamoDb,
    /// Amazon S3.
    S3,
    /// AWS Security Token Service.
    Sts,
    /// AWS Step Functions.
    StepFunctions,
    /// Amazon CloudWatch Logs.
    Logs,
    /// AWS Resource Groups Tagging API.
    Tagging,
}

impl Service {
    /// Every one of them.
    pub const ALL: [Service; 12] = [
        Service::CloudWatch,
        Service::XRay,
        Service::CostExplorer,
        Service::Lambda,
        Service::ApiGateway,
        Service::ApiGatewayV2,
        Service::DynamoDb,
        Service::S3,
        Service::Sts,
        Service::StepFunctions,
        Service::Logs,
        Service::Tagging,
    ];

    /// The name in fault rules, counts of calls and IAM actions.
    pub fn name(self) -> &'static str {
        match self {
            Service::CloudWatch => "cloudwatch",
            Service::XRay => "xray",
            Service::CostExplorer => "ce",
            Service::Lambda => "lambda",
            Service::ApiGateway => "apigateway",
            Service::ApiGatewayV2 => "apigatewayv2",
            Service::DynamoDb => "dynamodb",
            Service::S3 => "s3",
            Service::Sts => "sts",
            Service::StepFunctions => "states",
            Service::Logs => "logs",
            Service::Tagging => "tagging",
        }
    }

    /// The name in a signature's credential scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Service::CloudWatch => "monitoring",
            // Both versions live at one host under one name.
            Service::ApiGatewayV2 => "apigateway",
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
    pub(super) fn new(service: Service, wire: Wire, operation: impl Into<String>) -> Self {
        Call {
            service,
            operation: operation.into(),
            wire,
        }
    }

    /// The action that a policy allows it by.
    pub fn iam_action(&self) -> String {
        let action = match (self.service, self.operation.as_str()) {
            (Service::ApiGateway | Service::ApiGatewayV2, _) => "GET",
            (Service::S3, "ListBuckets") => "ListAllMyBuckets",
            (Service::S3, "ListBucketMetricsConfigurations") => "GetMetricsConfiguration",
            (Service::S3, "GetBucketNotificationConfiguration") => "GetBucketNotification",
            (Service::S3, "HeadBucket" | "ListObjectsV2") => "ListBucket",
            (Service::S3, "HeadObject") => "GetObject",
            (_, operation) => operation,
        };
        let prefix = match self.service {
            Service::ApiGatewayV2 => "apigateway",
            Service::Tagging => "tag",
            service => service.name(),
        };
        format!("{prefix}:{action}")
    }
}
