//! The sources of Millicent's data, and the systems whose metrics are read.

/// A source: what is asked for, planned, paid and accounted for together. Its windows stand under
/// its name in `collections`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// What there is in the account.
    Discovery,
    /// CloudWatch metrics of one system.
    Metrics(System),
    /// Latency histograms of functions and routes, from CloudWatch; only where they are asked for.
    Histograms,
    /// Reports in the logs of functions, by Logs Insights; only where they are asked for.
    LambdaReports,
    /// X-Ray traces.
    Traces,
    /// The bill, from Cost Explorer.
    Cost,
    /// The bill, from the files of Data Exports.
    Exports,
}

/// A system that publishes metrics to CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum System {
    /// Functions.
    Lambda,
    /// REST, HTTP and WebSocket APIs.
    ApiGateway,
    /// Tables and their indexes.
    DynamoDb,
    /// Buckets.
    S3,
    /// State machines.
    StepFunctions,
    /// Log groups.
    Logs,
}

impl System {
    /// Every system.
    pub const ALL: [System; 6] = [
        System::Lambda,
        System::ApiGateway,
        System::DynamoDb,
        System::S3,
        System::StepFunctions,
        System::Logs,
    ];

    /// CloudWatch's namespace of its metrics.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            System::Lambda => "AWS/Lambda",
            System::ApiGateway => "AWS/ApiGateway",
            System::DynamoDb => "AWS/DynamoDB",
            System::S3 => "AWS/S3",
            System::StepFunctions => "AWS/States",
            System::Logs => "AWS/Logs",
        }
    }

    /// `service` of its rows in `metrics`.
    pub fn service(self) -> &'static str {
        match self {
            System::Lambda => "lambda",
            System::ApiGateway => "apigateway",
            System::DynamoDb => "dynamodb",
            System::S3 => "s3",
            System::StepFunctions => "states",
            System::Logs => "logs",
        }
    }
}

impl Source {
    /// Every source, in the order in which a pass starts them.
    pub const ALL: [Source; 12] = [
        Source::Discovery,
        Source::Metrics(System::Lambda),
        Source::Metrics(System::ApiGateway),
        Source::Metrics(System::DynamoDb),
        Source::Metrics(System::S3),
        Source::Metrics(System::StepFunctions),
        Source::Metrics(System::Logs),
        Source::Histograms,
        Source::LambdaReports,
        Source::Traces,
        Source::Cost,
        Source::Exports,
    ];

    /// Its name in `collections`.
    pub fn name(self) -> &'static str {
        match self {
            Source::Discovery => "discovery",
            Source::Metrics(System::Lambda) => "lambda-metrics",
            Source::Metrics(System::ApiGateway) => "apigateway-metrics",
            Source::Metrics(System::DynamoDb) => "dynamodb-metrics",
            Source::Metrics(System::S3) => "s3-metrics",
            Source::Metrics(System::StepFunctions) => "states-metrics",
            Source::Metrics(System::Logs) => "logs-metrics",
            Source::Histograms => "latency-histograms",
            Source::LambdaReports => "lambda-reports",
            Source::Traces => "traces",
            Source::Cost => "cost",
            Source::Exports => "exports",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.name() == name)
    }

    /// Waits until it is known what there is in the account.
    pub(crate) fn needs_resources(self) -> bool {
        matches!(
            self,
            Source::Metrics(_) | Source::Histograms | Source::LambdaReports | Source::Traces
        )
    }
}
