//! How an account is reached: the SDK's own chain of credentials, a profile, given keys, and a role
//! that is assumed with them; and whose the credentials are.

use std::error::Error;
use std::time::Duration;

use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use crate::config::{CollectConfig, Role};
use crate::error::CollectError;
use crate::trouble::{Operation, chain, clock_is_off, role_answer};

/// What AWS's own log of the other account (CloudTrail) shows of us.
const SESSION: &str = "millicent";
/// Tries of the first calls: who mistyped an endpoint should not wait for five.
const FIRST_TRIES: u32 = 2;

const CALLER_IDENTITY: Operation = Operation("sts:GetCallerIdentity");

/// Credentials that AWS has accepted. Every client that is made of it shares them: a role is
/// assumed once, and again by the SDK before it expires.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) sdk: SdkConfig,
    /// The account whose they are: twelve digits.
    pub(crate) account_id: String,
}

impl Access {
    /// Finds credentials, assumes the role if there is one, and asks AWS whose they are.
    pub(crate) async fn open(config: &CollectConfig) -> Result<Access, CollectError> {
        let base = base_config(config).await;
        if config.credentials.is_none() {
            find_credentials(config, &base).await?;
        }
        let sdk = match &config.role {
            None => base,
            Some(role) => assume(config, role, &base).await?,
        };
        let account_id = caller_account(config, &sdk).await?;
        Ok(Access { sdk, account_id })
    }

    /// Nothing that AWS has accepted: for what is recorded of an account while it can't be reached.
    pub(crate) async fn none(config: &CollectConfig, account_id: String) -> Access {
        Access {
            sdk: base_config(config).await,
            account_id,
        }
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

async fn base_config(config: &CollectConfig) -> SdkConfig {
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

/// The same configuration with the role's credentials, which were got once.
async fn assume(
    config: &CollectConfig,
    role: &Role,
    base: &SdkConfig,
) -> Result<SdkConfig, CollectError> {
    let few = base.to_builder().retry_config(first_tries(config)).build();
    let mut builder = AssumeRoleProvider::builder(&role.arn)
        .session_name(SESSION)
        .configure(&few);
    if let Some(external_id) = &role.external_id {
        builder = builder.external_id(&external_id.0);
    }
    let provider = builder.build().await;
    if let Err(error) = provider.provide_credentials().await {
        return Err(role_error(config, role, &error));
    }
    Ok(base
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build())
}

/// The answer of STS is what matters in the chain of a provider's error.
fn role_error(config: &CollectConfig, role: &Role, error: &(dyn Error + 'static)) -> CollectError {
    let answer = role_answer(error);
    if let Some(said) = answer.and_then(clock_is_off) {
        return CollectError::Clock(said);
    }
    match answer {
        Some(SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)) => {
            unreachable(config, chain(error))
        }
        Some(SdkError::ServiceError(answer)) => {
            let code = answer.err().code().unwrap_or("no error code");
            let said = answer.err().message().unwrap_or_default();
            CollectError::Role {
                arn: role.arn.clone(),
                reason: format!("{code}: {}", said.trim_end_matches('.')),
            }
        }
        _ => CollectError::Role {
            arn: role.arn.clone(),
            reason: chain(error),
        },
    }
}

async fn caller_account(config: &CollectConfig, sdk: &SdkConfig) -> Result<String, CollectError> {
    let sts = aws_sdk_sts::config::Builder::from(sdk)
        .retry_config(first_tries(config))
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
            Err(unreachable(config, chain(&error)))
        }
        Err(error) => Err(match clock_is_off(&error) {
            Some(said) => CollectError::Clock(said),
            None => CollectError::Identity(CALLER_IDENTITY.trouble(error).message),
        }),
    }
}

fn first_tries(config: &CollectConfig) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(config.max_attempts.min(FIRST_TRIES))
}

fn unreachable(config: &CollectConfig, reason: String) -> CollectError {
    CollectError::Unreachable {
        url: config
            .endpoint_url
            .clone()
            .unwrap_or_else(|| format!("https://sts.{}.amazonaws.com", config.region)),
        reason,
    }
}
