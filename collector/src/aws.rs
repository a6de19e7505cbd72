//! The way to AWS: one SDK client a service, and who we are there.

use std::time::Duration;

use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, ProvideCredentials};
use aws_sdk_sts::error::SdkError;

use crate::config::CollectConfig;
use crate::error::CollectError;
use crate::trouble::{Operation, chain};

/// Cost Explorer answers in one region for all of them.
const COST_EXPLORER_REGION: &str = "us-east-1";

/// The clients.
pub(crate) struct Aws {
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) apigateway: aws_sdk_apigateway::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) xray: aws_sdk_xray::Client,
    pub(crate) cost: aws_sdk_costexplorer::Client,
    /// Of the credentials in use.
    pub(crate) account_id: String,
}

impl Aws {
    /// Finds credentials and asks AWS whose they are.
    pub(crate) async fn connect(config: &CollectConfig) -> Result<Aws, CollectError> {
        let sdk = sdk_config(config).await;
        if config.credentials.is_none() {
            find_credentials(config, &sdk).await?;
        }
        let account_id = caller_account(config, &sdk).await?;
        let cost = aws_sdk_costexplorer::config::Builder::from(&sdk)
            .region(Region::new(COST_EXPLORER_REGION))
            .build();
        Ok(Aws {
            lambda: aws_sdk_lambda::Client::new(&sdk),
            apigateway: aws_sdk_apigateway::Client::new(&sdk),
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            logs: aws_sdk_cloudwatchlogs::Client::new(&sdk),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&sdk),
            xray: aws_sdk_xray::Client::new(&sdk),
            cost: aws_sdk_costexplorer::Client::from_conf(cost),
            account_id,
        })
    }
}

/// The region that the SDK's own chain finds (environment, shared files, instance metadata) for a
/// profile, or for the default one.
pub async fn default_region(profile: Option<&str>) -> Option<String> {
    let mut chain = DefaultRegionChain::builder();
    if let Some(profile) = profile {
        chain = chain.profile_name(profile);
    }
    chain
        .build()
        .region()
        .await
        .map(|region| region.to_string())
}

async fn sdk_config(config: &CollectConfig) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(config.max_attempts))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_attempt_timeout(Duration::from_secs(60))
                .build(),
        );
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &config.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(keys) = &config.credentials {
        loader = loader.credentials_provider(Credentials::new(
            &keys.access_key_id,
            &keys.secret_access_key,
            None,
            None,
            "millicent",
        ));
    }
    loader.load().await
}

async fn find_credentials(config: &CollectConfig, sdk: &SdkConfig) -> Result<(), CollectError> {
    let missing = |reason: String| CollectError::NoCredentials {
        profile: config.profile.as_ref().map_or_else(
            || "the default profile".to_owned(),
            |name| format!("profile `{name}`"),
        ),
        reason,
    };
    let provider = sdk
        .credentials_provider()
        .ok_or_else(|| missing("no provider of credentials is set up".to_owned()))?;
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) => Err(missing(chain(&error))),
    }
}

async fn caller_account(config: &CollectConfig, sdk: &SdkConfig) -> Result<String, CollectError> {
    // Who mistyped an endpoint should not wait for five tries.
    let retries = RetryConfig::standard().with_max_attempts(config.max_attempts.min(2));
    let sts = aws_sdk_sts::config::Builder::from(sdk)
        .retry_config(retries)
        .build();
    match aws_sdk_sts::Client::from_conf(sts)
        .get_caller_identity()
        .send()
        .await
    {
        Ok(identity) => identity
            .account
            .filter(|account| !account.is_empty())
            .ok_or_else(|| {
                CollectError::Identity(
                    "sts:GetCallerIdentity answered without an account".to_owned(),
                )
            }),
        Err(error @ (SdkError::DispatchFailure(_) | SdkError::TimeoutError(_))) => {
            Err(CollectError::Unreachable {
                url: config
                    .endpoint_url
                    .clone()
                    .unwrap_or_else(|| format!("https://sts.{}.amazonaws.com", config.region)),
                reason: chain(&error),
            })
        }
        Err(error) => Err(CollectError::Identity(
            Operation("sts:GetCallerIdentity").trouble(error).message,
        )),
    }
}
