//! What stops the collector as a whole. What stops one window becomes
//! its outcome in `collections`.

use millicent_lake::LakeError;

/// The collector can't start, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A value of the configuration can't be worked with.
    #[error("`{key}` {message}")]
    Config {
        /// The configuration's key.
        key: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// Nothing on the machine gives credentials.
    #[error(
        "no AWS credentials found for {profile}: looked at the environment (AWS_ACCESS_KEY_ID), the \
         shared files (~/.aws/config and ~/.aws/credentials), SSO, and the container's and \
         instance's role ({reason}). Set AWS_PROFILE or `profile`, or run `aws configure sso` or \
         `aws configure`. Without an AWS account, `millicent demo` needs none"
    )]
    NoCredentials {
        /// `profile "x"`, or `the default profile`.
        profile: String,
        /// What the SDK says.
        reason: String,
    },
    /// Nobody answers at the endpoint.
    #[error(
        "AWS can't be reached at {url}: {reason}. Check `endpoint_url`, `region` and the network"
    )]
    Unreachable {
        /// Where it was tried.
        url: String,
        /// What the connection says.
        reason: String,
    },
    /// AWS doesn't tell who we are.
    #[error("AWS doesn't accept the credentials: {0}")]
    Identity(String),
    /// AWS refuses requests that seem to come from another time.
    #[error("AWS refuses the requests: {0}")]
    Clock(String),
    /// The role can't be assumed.
    #[error(
        "the role {arn} can't be assumed: {reason}. Check that its trust policy names the caller and this \
         external id, and that the caller is allowed sts:AssumeRole on it"
    )]
    Role {
        /// Which.
        arn: String,
        /// What AWS says.
        reason: String,
    },
    /// The credentials are of another account than the configuration says.
    #[error(
        "the credentials are of account {found}, and the configuration says {expected}. Check the profile or \
         the role, or correct `account_id`"
    )]
    OtherAccount {
        /// As configured.
        expected: String,
        /// As AWS says.
        found: String,
    },
    /// Not one of several accounts can be reached.
    #[error("no account can be reached:{0}")]
    NoAccount(String),
    /// The lake can't be read or written.
    #[error("the lake can't be read or written")]
    Lake(#[from] LakeError),
    /// A task of the collector ended by a panic; it is a bug.
    #[error("collecting {0} ended unexpectedly; please report it")]
    Task(String),
}
