//! `millicent.toml`: read strictly, checked whole, passed down as plain values.

mod accounts;
mod explain;
mod exports;
mod filter;
mod raw;
mod values;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use millicent_alerts::SecretUrl;
use millicent_collector::{Filter, Role, Source};
use url::Url;

pub(crate) use explain::ConfigError;
use explain::Place;
pub(crate) use filter::PartOfFilter;

/// Looked for in the working directory where nothing else is said.
pub(crate) const DEFAULT_FILE: &str = "millicent.toml";

/// Everything that can be configured, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Path or URL of the lake.
    pub(crate) lake: String,
    /// The account to collect from, or what several have in common.
    pub(crate) aws: Aws,
    /// The accounts, where there is more than the one of `aws`.
    pub(crate) accounts: Vec<Account>,
    /// What to collect.
    pub(crate) collect: Collect,
    /// Where files of the bill are.
    pub(crate) exports: Vec<Export>,
    /// Where to serve pages.
    pub(crate) web: Web,
    /// What to alert about, and whom.
    pub(crate) alerts: Alerts,
}

/// Which account to collect from; what is not said is the AWS SDK's to find.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Aws {
    /// Regions.
    pub(crate) regions: Vec<String>,
    /// Profile of the shared AWS configuration.
    pub(crate) profile: Option<String>,
    /// Something else that speaks AWS's protocols.
    pub(crate) endpoint_url: Option<String>,
}

/// One of several accounts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    /// What messages call it.
    pub(crate) name: String,
    /// Its twelve digits.
    pub(crate) account_id: Option<String>,
    /// Profile of the shared AWS configuration, instead of that of `aws`.
    pub(crate) profile: Option<String>,
    /// Role to assume.
    pub(crate) role: Option<Role>,
    /// Regions, instead of those of `aws`.
    pub(crate) regions: Vec<String>,
    /// Sources, instead of those of `collect`.
    pub(crate) sources: Option<Vec<Source>>,
    /// Which resources; what is not said here is as in `collect`.
    pub(crate) filter: PartOfFilter,
}

/// What to collect, how fresh and for how much.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Collect {
    /// Which sources.
    pub(crate) sources: Vec<Source>,
    /// How old the newest data may be.
    pub(crate) freshness: Duration,
    /// How far back to collect on the first run.
    pub(crate) history: Duration,
    /// Nothing from then on; no key of the file.
    pub(crate) until: Option<DateTime<Utc>>,
    /// How far back metrics are read by the minute.
    pub(crate) minute_resolution: Duration,
    /// What Millicent's own AWS calls may cost a day, in US dollars; `None` means no limit.
    pub(crate) budget_usd_per_day: Option<f64>,
    /// Whether latency histograms are collected.
    pub(crate) histograms: bool,
    /// Whether cold starts and billed durations are read from the logs of functions.
    pub(crate) lambda_reports: bool,
    /// Whether the bills of a management account's linked accounts are read too.
    pub(crate) linked_accounts: bool,
    /// Whether Cost Explorer is asked for hours.
    pub(crate) hourly_cost: bool,
    /// Which resources.
    pub(crate) filter: Filter,
    /// Share of the traces of recent windows that is fetched.
    pub(crate) sampling_rate: f64,
    /// Share of the traces of older windows that is fetched.
    pub(crate) backfill_sampling_rate: f64,
}

/// Files of the bill, and whose credentials read them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Export {
    /// A folder or `s3://bucket/prefix`.
    pub(crate) path: String,
    /// Name of the account; `None` is the first one.
    pub(crate) account: Option<String>,
}

/// Where to serve pages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Web {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Address that people open, for links in messages.
    pub(crate) base_url: Url,
}

/// What to alert about, and whom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alerts {
    /// Where the address of the Slack webhook is to be read from.
    pub(crate) slack_webhook: Option<SecretPlace>,
    /// Where the address of the JSON webhook is to be read from.
    pub(crate) json_webhook: Option<SecretPlace>,
    /// How often rules are evaluated.
    pub(crate) every: Duration,
    /// What the account may cost a day, in US dollars; `None` turns the rule off.
    pub(crate) daily_budget_usd: Option<f64>,
    /// When a route's cost per request is worth a message; `None` takes the rule's own defaults.
    pub(crate) cost_per_request: Option<CostPerRequest>,
}

/// When a route's cost per request is worth a message: both must be exceeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CostPerRequest {
    /// Above its own last week, in percent.
    pub(crate) percent: Option<f64>,
    /// In US dollars a day.
    pub(crate) floor_usd: Option<f64>,
}

/// Where a secret is. Never the secret itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SecretPlace {
    /// In an environment variable of this name.
    Env(String),
    /// In a file, alone.
    File(PathBuf),
}

impl Default for Config {
    fn default() -> Config {
        raw::Raw::default()
            .check(&Place::nowhere())
            .unwrap_or_else(|error| {
                // The defaults are checked by a test.
                unreachable!("{error}")
            })
    }
}

impl Config {
    /// The named file; else the default one, where there is one; else defaults.
    pub(crate) fn load(named: Option<&Path>) -> Result<Config, ConfigError> {
        match named {
            Some(path) => Config::read(path),
            None if Path::new(DEFAULT_FILE).exists() => Config::read(Path::new(DEFAULT_FILE)),
            None => Ok(Config::default()),
        }
    }

    fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Config::parse(&text, path)
    }

    /// Reads a file's text; `path` is what messages call it, and what relative paths start from.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let place = Place::new(text, path);
        let raw: raw::Raw = toml::from_str(text).map_err(|error| place.explain(&error))?;
        raw.check(&place)
    }
}

impl SecretPlace {
    /// Reads the secret. Its text is in no error.
    pub(crate) fn read(&self) -> Result<SecretUrl, ConfigError> {
        let text = match self {
            SecretPlace::Env(name) => {
                crate::environment::read(name).ok_or_else(|| ConfigError::Secret {
                    place: format!("environment variable {name}"),
                    reason: "it is not set".to_owned(),
                })?
            }
            SecretPlace::File(path) => {
                fs::read_to_string(path).map_err(|error| ConfigError::Secret {
                    place: path.display().to_string(),
                    reason: error.to_string(),
                })?
            }
        };
        SecretUrl::parse(&text).map_err(|error| ConfigError::Secret {
            place: match self {
                SecretPlace::Env(name) => format!("environment variable {name}"),
                SecretPlace::File(path) => path.display().to_string(),
            },
            reason: error.to_string(),
        })
    }
}

/// A length of time as people write it: `90m`, `24h`, `7d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    values::Span::parse(text).map(|span| span.0)
}

#[cfg(test)]
mod tests;
