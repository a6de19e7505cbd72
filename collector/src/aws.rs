//! The way to AWS: one SDK client a service, and who we are there.

use aws_config::Region;

use crate::access::Access;

/// Cost Explorer answers in one region for all of them.
const COST_EXPLORER_REGION: &str = "us-east-1";

/// The clients.
pub(crate) struct Aws {
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) apigateway: aws_sdk_apigateway::Client,
    pub(crate) apigateway_v2: aws_sdk_apigatewayv2::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) states: aws_sdk_sfn::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) tagging: aws_sdk_resourcegroupstagging::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) xray: aws_sdk_xray::Client,
    pub(crate) cost: aws_sdk_costexplorer::Client,
    /// Of the credentials in use.
    pub(crate) account_id: String,
}

impl Aws {
    /// The clients of one region.
    pub(crate) fn new(access: &Access, region: &str) -> Aws {
        let sdk = access
            .sdk
            .to_builder()
            .region(Region::new(region.to_owned()))
            .build();
        let cost = aws_sdk_costexplorer::config::Builder::from(&sdk)
            .region(Region::new(COST_EXPLORER_REGION))
            .build();
        let s3 = aws_sdk_s3::config::Builder::from(&sdk)
            // An endpoint of one's own seldom has a name for each bucket.
            .force_path_style(sdk.endpoint_url().is_some())
            .build();
        Aws {
            lambda: aws_sdk_lambda::Client::new(&sdk),
            apigateway: aws_sdk_apigateway::Client::new(&sdk),
            apigateway_v2: aws_sdk_apigatewayv2::Client::new(&sdk),
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
            states: aws_sdk_sfn::Client::new(&sdk),
            logs: aws_sdk_cloudwatchlogs::Client::new(&sdk),
            tagging: aws_sdk_resourcegroupstagging::Client::new(&sdk),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&sdk),
            xray: aws_sdk_xray::Client::new(&sdk),
            cost: aws_sdk_costexplorer::Client::from_conf(cost),
            account_id: access.account_id.clone(),
        }
    }
}
