//! The file as it is written: every key, nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use millicent_collector::{Filter, Source};
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::accounts::{self, RawAccount};
use super::explain::{ConfigError, Place};
use super::exports::{self, RawExport};
use super::filter::PartOfFilter;
use super::values::{Address, Percent, Regions, Share, Span, Usd};
use super::{Alerts, Aws, Collect, Config, CostPerRequest, SecretPlace, Web};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    lake: RawLake,
    aws: RawAws,
    accounts: Vec<RawAccount>,
    collect: RawCollect,
    traces: RawTraces,
    exports: Vec<RawExport>,
    web: RawWeb,
    alerts: RawAlerts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLake {
    path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAws {
    region: Option<Spanned<Regions>>,
    profile: Option<String>,
    endpoint_url: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCollect {
    sources: Option<Vec<Spanned<String>>>,
    freshness: Option<Spanned<Span>>,
    history: Option<Spanned<Span>>,
    minute_resolution: Option<Spanned<Span>>,
    budget_usd_per_day: Option<Usd>,
    histograms: bool,
    lambda_reports: bool,
    linked_accounts: bool,
    hourly_cost: bool,
    include: Option<Vec<Spanned<String>>>,
    exclude: Option<Vec<Spanned<String>>>,
    tags: Option<BTreeMap<String, Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTraces {
    sampling_rate: Option<Share>,
    backfill_sampling_rate: Option<Share>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawWeb {
    listen: Option<Spanned<Address>>,
    base_url: Option<Spanned<String>>,
    allow_remote: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAlerts {
    slack_webhook_env: Option<Spanned<String>>,
    slack_webhook_file: Option<Spanned<PathBuf>>,
    webhook_env: Option<Spanned<String>>,
    webhook_file: Option<Spanned<PathBuf>>,
    every: Option<Spanned<Span>>,
    daily_budget_usd: Option<Usd>,
    cost_per_request: Option<RawCostPerRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCostPerRequest {
    percent: Option<Percent>,
    floor_usd: Option<Usd>,
}

impl Raw {
    /// Checks what one value alone cannot say, and fills in defaults.
    pub(super) fn check(self, place: &Place<'_>) -> Result<Config, ConfigError> {
        let accounts = accounts::check(self.accounts, place)?;
        Ok(Config {
            lake: self
                .lake
                .path
                .map_or_else(|| "./lake".to_owned(), |path| place.beside(&path)),
            aws: self.aws.check(place)?,
            collect: self.collect.check(&self.traces, place)?,
            exports: exports::check(self.exports, &accounts, place)?,
            accounts,
            web: self.web.check(place)?,
            alerts: self.alerts.check(place)?,
        })
    }
}

impl RawAws {
    fn check(self, place: &Place<'_>) -> Result<Aws, ConfigError> {
        let endpoint_url = match &self.endpoint_url {
            Some(url) => Some(web_url("aws.endpoint_url", url, place)?.to_string()),
            None => None,
        };
        Ok(Aws {
            regions: regions("aws.region", self.region, place)?,
            profile: self.profile,
            endpoint_url,
        })
    }
}

impl RawCollect {
    fn check(self, traces: &RawTraces, place: &Place<'_>) -> Result<Collect, ConfigError> {
        let sources = sources("collect.sources", self.sources, place)?;
        let filter = PartOfFilter::check("collect", self.include, self.exclude, self.tags, place)?;
        Ok(Collect {
            sources: sources.unwrap_or_else(|| Source::ALL.to_vec()),
            freshness: freshness(self.freshness, place)?,
            // CloudWatch keeps metrics for 15 months.
            history: within(
                "collect.history",
                self.history,
                14 * DAY,
                MINUTE * 60..=455 * DAY,
                place,
            )?,
            until: None,
            // CloudWatch keeps minutes for 15 days; two hours are still growing.
            minute_resolution: within(
                "collect.minute_resolution",
                self.minute_resolution,
                6 * HOUR,
                2 * HOUR..=14 * DAY,
                place,
            )?,
            budget_usd_per_day: self.budget_usd_per_day.map(|usd| usd.0),
            histograms: self.histograms,
            lambda_reports: self.lambda_reports,
            linked_accounts: self.linked_accounts,
            hourly_cost: self.hourly_cost,
            filter: filter.over(&Filter::default()),
            sampling_rate: traces.sampling_rate.map_or(1.0, |share| share.0),
            backfill_sampling_rate: traces.backfill_sampling_rate.map_or(0.1, |share| share.0),
        })
    }
}

impl RawWeb {
    fn check(self, place: &Place<'_>) -> Result<Web, ConfigError> {
        let listen = match self.listen {
            None => SocketAddr::from(([127, 0, 0, 1], 8080)),
            Some(listen) => {
                let address = listen.get_ref().0;
                if !address.ip().is_loopback() && !self.allow_remote {
                    return Err(place.refuse(
                        "web.listen",
                        listen.span(),
                        &format!(
                            "{address} can be reached from other machines, and the pages have no \
                             login: everyone who reaches it reads the bill"
                        ),
                        "an address of this machine alone, like 127.0.0.1:8080, with a proxy that \
                         asks for a login in front of it; or `allow_remote = true` beside it, on a \
                         network that you trust",
                    ));
                }
                address
            }
        };
        let base_url = match &self.base_url {
            Some(url) => web_url("web.base_url", url, place)?,
            None => Url::parse(&format!("http://{listen}/")).map_err(|error| {
                place.refuse(
                    "web.listen",
                    0..0,
                    &error.to_string(),
                    "an address like 127.0.0.1:8080",
                )
            })?,
        };
        Ok(Web { listen, base_url })
    }
}

impl RawAlerts {
    fn check(self, place: &Place<'_>) -> Result<Alerts, ConfigError> {
        Ok(Alerts {
            slack_webhook: secret(
                "slack_webhook",
                self.slack_webhook_env,
                self.slack_webhook_file,
                place,
            )?,
            json_webhook: secret("webhook", self.webhook_env, self.webhook_file, place)?,
            every: within(
                "alerts.every",
                self.every,
                MINUTE,
                Duration::from_secs(10)..=DAY,
                place,
            )?,
            daily_budget_usd: self.daily_budget_usd.map(|usd| usd.0),
            cost_per_request: self.cost_per_request.map(|rule| CostPerRequest {
                percent: rule.percent.map(|percent| percent.0),
                floor_usd: rule.floor_usd.map(|usd| usd.0),
            }),
        })
    }
}

/// Sources by their names.
pub(super) fn sources(
    key: &str,
    names: Option<Vec<Spanned<String>>>,
    place: &Place<'_>,
) -> Result<Option<Vec<Source>>, ConfigError> {
    let named = |name: Spanned<String>| {
        Source::from_name(name.get_ref()).ok_or_else(|| {
            place.refuse(
                key,
                name.span(),
                &format!("there is no source `{}`", name.get_ref()),
                &Source::ALL.map(Source::name).join(", "),
            )
        })
    };
    names
        .map(|names| names.into_iter().map(named).collect())
        .transpose()
}

/// Regions, each of which may be named once.
pub(super) fn regions(
    key: &str,
    value: Option<Spanned<Regions>>,
    place: &Place<'_>,
) -> Result<Vec<String>, ConfigError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let span = value.span();
    let Regions(regions) = value.into_inner();
    for (at, region) in regions.iter().enumerate() {
        if regions[..at].contains(region) {
            return Err(place.refuse(
                key,
                span,
                &format!("`{region}` is named twice"),
                "each region once",
            ));
        }
    }
    Ok(regions)
}

/// A secret's place, of the two ways to name one.
fn secret(
    key: &str,
    env: Option<Spanned<String>>,
    file: Option<Spanned<PathBuf>>,
    place: &Place<'_>,
) -> Result<Option<SecretPlace>, ConfigError> {
    match (env, file) {
        (None, None) => Ok(None),
        (Some(name), None) => {
            let span = name.span();
            let name = name.into_inner();
            // Whoever writes the secret itself here would have it printed with the next message.
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(place.refuse_unseen(
                    &format!("alerts.{key}_env"),
                    span,
                    "this is not the name of an environment variable",
                    "the name of a variable that holds the address, for example SLACK_WEBHOOK_URL; \
                     the address itself is a secret and does not belong into this file",
                ));
            }
            Ok(Some(SecretPlace::Env(name)))
        }
        (None, Some(path)) => Ok(Some(SecretPlace::File(
            place.beside(&path.into_inner().to_string_lossy()).into(),
        ))),
        (Some(_), Some(path)) => Err(place.refuse(
            &format!("alerts.{key}_file"),
            path.span(),
            &format!("`{key}_env` already says where the address is"),
            "one of the two",
        )),
    }
}

/// Windows are cut at whole parts of an hour.
fn freshness(value: Option<Spanned<Span>>, place: &Place<'_>) -> Result<Duration, ConfigError> {
    let Some(value) = value else {
        return Ok(5 * MINUTE);
    };
    let duration = value.get_ref().0;
    let minutes = duration.as_secs() / 60;
    if minutes > 0
        && duration == MINUTE * u32::try_from(minutes).unwrap_or(u32::MAX)
        && 60 % minutes == 0
    {
        return Ok(duration);
    }
    Err(place.refuse(
        "collect.freshness",
        value.span(),
        &format!(
            "{} is not a part of an hour in whole minutes",
            Span(duration)
        ),
        "1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h",
    ))
}

/// A duration between two others.
fn within(
    key: &str,
    value: Option<Spanned<Span>>,
    default: Duration,
    allowed: std::ops::RangeInclusive<Duration>,
    place: &Place<'_>,
) -> Result<Duration, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let duration = value.get_ref().0;
    if allowed.contains(&duration) {
        return Ok(duration);
    }
    Err(place.refuse(
        key,
        value.span(),
        &format!("{} is out of range", Span(duration)),
        &format!(
            "\"{}\" to \"{}\"",
            Span(*allowed.start()),
            Span(*allowed.end())
        ),
    ))
}

fn web_url(key: &str, text: &Spanned<String>, place: &Place<'_>) -> Result<Url, ConfigError> {
    let refuse = |reason: &str| {
        place.refuse(
            key,
            text.span(),
            reason,
            "a URL like https://millicent.example.com",
        )
    };
    let url = Url::parse(text.get_ref()).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("it does not start with http:// or https://"));
    }
    Ok(url)
}
