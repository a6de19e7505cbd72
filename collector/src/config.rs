//! What to collect, from where, how often and for how much.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use rust_decimal::Decimal;

use crate::{CollectError, ExportConfig, Filter, Source};

/// Access keys that are given instead of found by the SDK's chain.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// A role that is assumed, usually of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `arn:aws:iam::123456789012:role/millicent`.
    pub arn: String,
    /// What the role's trust policy asks for beside the caller.
    pub external_id: Option<ExternalId>,
}

impl Role {
    /// The account that the role is of, if the ARN is one.
    pub fn account_id(&self) -> Option<&str> {
        let mut parts = self.arn.splitn(6, ':');
        let account = parts.nth(4)?;
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let role = parts.next().is_some_and(|name| name.starts_with("role/"));
        (digits && role && self.arn.starts_with("arn:")).then_some(account)
    }
}

/// The external id of a role. AWS does not call it a secret; it is kept out of logs all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalId(pub String);

impl std::fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExternalId(…)")
    }
}

/// Which share of the recorded traces is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceConfig {
    /// Of the traces of the last hours, 0 < rate ≤ 1. Below 1, X-Ray samples at a fixed rate.
    pub sampling_rate: f64,
    /// Of the traces before that, when history is read in.
    pub backfill_sampling_rate: f64,
    /// `BatchGetTraces` calls under way at once.
    pub concurrency: usize,
}

/// The collector's configuration: plain values; [`CollectConfig::validate`] tells the wrong ones.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectConfig {
    /// Region whose resources are collected, for example `eu-central-1`.
    pub region: String,
    /// Where all of AWS is, instead of AWS's own hosts: the simulator, or an emulator.
    pub endpoint_url: Option<String>,
    /// Profile of the shared AWS configuration files.
    pub profile: Option<String>,
    /// Keys that go before the SDK's own chain: for the simulator and for emulators.
    pub credentials: Option<StaticCredentials>,
    /// Role that is assumed with these credentials, to work with its own.
    pub role: Option<Role>,
    /// What is collected. Without discovery, what the lake knows already is used.
    pub sources: Vec<Source>,
    /// Age at which new minutes are asked for; a part of an hour in whole minutes. Resolution is
    /// free, freshness costs: half the freshness halves what CloudWatch bills.
    pub freshness: TimeDelta,
    /// How far back the first pass goes.
    pub history: TimeDelta,
    /// Nothing from this time on is collected, for a part of the history; `None`: up to now. A
    /// full hour.
    pub until: Option<DateTime<Utc>>,
    /// How far back metrics are read by the minute; before that, by five minutes.
    pub minute_resolution: TimeDelta,
    /// Days of metrics in one window of the history.
    pub metrics_chunk_days: i64,
    /// Days of traces in one window of the history.
    pub traces_chunk_days: i64,
    /// Age at which CloudWatch has most of a minute.
    pub metrics_settle: TimeDelta,
    /// Age at which X-Ray has most of a trace.
    pub traces_settle: TimeDelta,
    /// Age at which nothing comes late any more: an hour this old is read a last time. Lambda's
    /// points carry the start of the invocation, so it should be above the longest timeout.
    pub late: TimeDelta,
    /// Time between two inventories.
    pub discovery_every: TimeDelta,
    /// Time between two looks at the last three days of the bill; each costs at least $0.02.
    pub cost_every: TimeDelta,
    /// The account is an organisation's management account: read the bills of all its linked accounts
    /// too. Each takes at least $0.02 at each look.
    pub linked_accounts: bool,
    /// Read usage of the last two weeks by the hour, which has to be enabled in Cost Explorer, and which
    /// AWS bills.
    pub hourly_cost: bool,
    /// Where files of the bill are; they need no region and are read once for all of them.
    pub exports: Vec<ExportConfig>,
    /// Whether latency histograms of functions and routes are collected, by the hour. They cost up to
    /// fourteen metrics each and hour, where their metrics cost five.
    pub histograms: bool,
    /// Whether cold starts and billed durations are read from the logs of functions, exactly. AWS bills
    /// $0.005 per GB that is scanned: everything that the functions log, once.
    pub lambda_reports: bool,
    /// Which resources are collected.
    pub filter: Filter,
    /// Traces.
    pub traces: TraceConfig,
    /// What Millicent's own calls may cost in a UTC day: a hard stop. `None`: no limit.
    pub budget_usd_per_day: Option<Decimal>,
    /// Tries of one call, the first included.
    pub max_attempts: u32,
}

impl Default for CollectConfig {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint_url: None,
            profile: None,
            credentials: None,
            role: None,
            sources: Source::ALL.to_vec(),
            freshness: TimeDelta::minutes(5),
            history: TimeDelta::days(14),
            until: None,
            minute_resolution: TimeDelta::hours(6),
            metrics_chunk_days: 2,
            traces_chunk_days: 1,
            metrics_settle: TimeDelta::minutes(2),
            traces_settle: TimeDelta::minutes(2),
            late: TimeDelta::minutes(20),
            discovery_every: TimeDelta::minutes(10),
            cost_every: TimeDelta::hours(6),
            linked_accounts: false,
            hourly_cost: false,
            exports: Vec::new(),
            histograms: false,
            lambda_reports: false,
            filter: Filter::default(),
            traces: TraceConfig {
                sampling_rate: 1.0,
                backfill_sampling_rate: 0.1,
                concurrency: 8,
            },
            budget_usd_per_day: None,
            max_attempts: 5,
        }
    }
}

impl CollectConfig {
    /// Tells the first value that can't be worked with.
    pub fn validate(&self) -> Result<(), CollectError> {
        let wrong = |key: &'static str, message: String| Err(CollectError::Config { key, message });
        if self.region.is_empty() {
            return wrong(
                "region",
                "is empty; give one such as eu-central-1".to_owned(),
            );
        }
        if let Some(url) = &self.endpoint_url {
            match url::Url::parse(url) {
                Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => {}
                _ => {
                    return wrong(
                        "endpoint_url",
                        format!("`{url}` is not a URL; give one such as http://127.0.0.1:4566"),
                    );
                }
            }
        }
        if let Some(role) = &self.role
            && role.account_id().is_none()
        {
            return wrong(
                "role_arn",
                format!(
                    "`{}` is not a role; give one such as arn:aws:iam::123456789012:role/millicent",
                    role.arn
                ),
            );
        }
        let minutes = self.freshness.num_minutes();
        if minutes < 1 || TimeDelta::minutes(minutes) != self.freshness || 60 % minutes != 0 {
            return wrong(
                "freshness",
                "must be whole minutes that divide an hour: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60".to_owned(),
            );
        }
        if self.history < TimeDelta::hours(1) || self.history > TimeDelta::days(455) {
            return wrong(
                "history",
                "must be between an hour and 455 days, as long as CloudWatch keeps metrics"
                    .to_owned(),
            );
        }
        let full_hour = |until: DateTime<Utc>| until.minute() == 0 && until.second() == 0;
        if self.until.is_some_and(|until| !full_hour(until)) {
            return wrong("until", "must be a full hour".to_owned());
        }
        if self.minute_resolution < TimeDelta::hours(2)
            || self.minute_resolution > TimeDelta::days(14)
        {
            return wrong(
                "minute_resolution",
                "must be between 2 hours and 14 days: CloudWatch keeps minutes for 15 days"
                    .to_owned(),
            );
        }
        for (key, days) in [
            ("metrics_chunk_days", self.metrics_chunk_days),
            ("traces_chunk_days", self.traces_chunk_days),
        ] {
            if !(1..=14).contains(&days) {
                return wrong(key, format!("is {days}; give 1 to 14 days"));
            }
        }
        for (key, delay) in [
            ("metrics_settle", self.metrics_settle),
            ("traces_settle", self.traces_settle),
        ] {
            if delay < TimeDelta::zero() || delay > self.late {
                return wrong(key, "must be between 0 and `late`".to_owned());
            }
        }
        if self.late > TimeDelta::hours(1) {
            return wrong("late", "must be at most an hour".to_owned());
        }
        if self.discovery_every < TimeDelta::minutes(1) {
            return wrong("discovery_every", "must be a minute or more".to_owned());
        }
        if self.cost_every < TimeDelta::hours(1) {
            return wrong(
                "cost_every",
                "must be an hour or more: AWS refreshes the bill at most three times a day, and each look costs at least $0.02".to_owned(),
            );
        }
        for (key, rate) in [
            ("traces.sampling_rate", self.traces.sampling_rate),
            (
                "traces.backfill_sampling_rate",
                self.traces.backfill_sampling_rate,
            ),
        ] {
            if !(rate > 0.0 && rate <= 1.0) {
                return wrong(key, format!("is {rate}; give a share above 0 and up to 1"));
            }
        }
        if !(1..=64).contains(&self.traces.concurrency) {
            return wrong("traces.concurrency", "must be between 1 and 64".to_owned());
        }
        if self
            .budget_usd_per_day
            .is_some_and(|budget| budget.is_sign_negative())
        {
            return wrong("budget_usd_per_day", "is negative".to_owned());
        }
        if !(1..=20).contains(&self.max_attempts) {
            return wrong("max_attempts", "must be between 1 and 20".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid() {
        CollectConfig::default().validate().unwrap();
    }

    #[test]
    fn a_role_names_its_account_and_hides_its_external_id() {
        let role = |arn: &str| Role {
            arn: arn.to_owned(),
            external_id: Some(ExternalId("tenant-4711".to_owned())),
        };
        let account = |arn| role(arn).account_id().map(str::to_owned);
        for arn in [
            "arn:aws:iam::123456789012:role/millicent",
            "arn:aws-cn:iam::123456789012:role/teams/millicent",
        ] {
            assert_eq!(account(arn).as_deref(), Some("123456789012"));
        }
        for arn in [
            "millicent",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::1234:role/x",
        ] {
            assert_eq!(account(arn), None, "{arn}");
        }
        assert!(!format!("{:?}", role("x")).contains("4711"));
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_allowed() {
        let config = CollectConfig {
            freshness: TimeDelta::minutes(7),
            ..CollectConfig::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert!(
            message.contains("freshness") && message.contains("divide an hour"),
            "{message}"
        );

        let config = CollectConfig {
            endpoint_url: Some("localhost".into()),
            ..CollectConfig::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert!(
            message.contains("endpoint_url") && message.contains("localhost"),
            "{message}"
        );
    }
}
