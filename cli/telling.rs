//! `alerts`: evaluate rules and tell of them, once or for ever, or list what fires.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::{Args, Subcommand};
use millicent_alerts::{
    Alerts, AlertsConfig, JsonWebhook, Notifier, SecretUrl, Slack, Summary, Webhook,
};
use millicent_analyzer::{Analyzer, Options, Params};
use millicent_lake::Lake;
use url::Url;

use crate::config::{self, Config};
use crate::output::{lay_out, print, say};
use crate::{Common, environment, shutdown};

/// Evaluate the alert rules and tell Slack of what changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent alerts                     evaluate until Ctrl-C, as `millicent run` does too
  millicent alerts --once              evaluate once, for a scheduler
  millicent alerts list                what fires, and which rules there are

A rule is a query in queries/alerts/; [alerts] of millicent.toml has its thresholds and the webhook.")]
pub(crate) struct AlertsCommand {
    #[command(flatten)]
    common: Common,

    /// Evaluate once, and end with 1 if a rule or a delivery failed.
    #[arg(long)]
    once: bool,

    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what fires and which rules there are, without evaluating anything.
    List,
}

impl AlertsCommand {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        shutdown::block_on(async move {
            let lake = Lake::open_existing(&config.lake).await?;
            let options = Options {
                clock: environment::clock(),
                ..Options::default()
            };
            let analyzer = Analyzer::open(lake, options).await?;
            if self.what.is_some() {
                let alerts = with(&analyzer, rules(&config), Vec::new())?;
                alerts.refresh().await?;
                return Ok(print(&list(&alerts))?);
            }
            let alerts = configured(&config, &analyzer)?;
            if self.once {
                let summary = alerts.evaluate_once().await?;
                print(&evaluated(&summary))?;
                return failed(&summary).map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)));
            }
            let cancel = shutdown::token("")?;
            say("Evaluating the alert rules; Ctrl-C ends it.");
            alerts.run(cancel).await;
            Ok(())
        })
    }
}

/// Rules and notifiers as configured.
pub(crate) fn configured(config: &Config, analyzer: &Analyzer) -> anyhow::Result<Alerts> {
    let mut notifiers: Vec<Box<dyn Notifier>> = Vec::new();
    if let Some(place) = &config.alerts.slack_webhook {
        notifiers.push(slack(place.read()?)?);
    }
    if let Some(place) = &config.alerts.json_webhook {
        let webhook = Webhook::new(place.read()?).context("cannot set up the webhook")?;
        notifiers.push(Box::new(JsonWebhook::new(webhook)));
    }
    with(analyzer, rules(config), notifiers)
}

/// A Slack incoming webhook.
pub(crate) fn slack(url: SecretUrl) -> anyhow::Result<Box<dyn Notifier>> {
    let webhook = Webhook::new(url).context("cannot set up the Slack webhook")?;
    Ok(Box::new(Slack::new(webhook)))
}

/// Rules over a lake.
pub(crate) fn with(
    analyzer: &Analyzer,
    config: AlertsConfig,
    notifiers: Vec<Box<dyn Notifier>>,
) -> anyhow::Result<Alerts> {
    let lake = analyzer.lake().clone();
    Ok(Alerts::new(
        analyzer.clone(),
        lake,
        config,
        notifiers,
        environment::clock(),
    )?)
}

fn rules(config: &Config) -> AlertsConfig {
    thresholds(&config.alerts, config.web.base_url.clone())
}

/// The rules' parameters.
pub(crate) fn thresholds(alerts: &config::Alerts, base_url: Url) -> AlertsConfig {
    let mut params = BTreeMap::new();
    if let Some(budget) = alerts.daily_budget_usd {
        params.insert(
            "alerts/daily-budget".to_owned(),
            Params::new().set("budget_usd", budget),
        );
    }
    if let Some(rule) = alerts.cost_per_request {
        let mut values = Params::new();
        if let Some(percent) = rule.percent {
            values = values.set("percent", percent);
        }
        if let Some(floor) = rule.floor_usd {
            values = values.set("floor_usd", floor);
        }
        params.insert("alerts/cost-per-request".to_owned(), values);
    }
    AlertsConfig {
        every: alerts.every,
        base_url: Some(base_url),
        params,
    }
}

/// What an evaluation came to, for a person.
pub(crate) fn evaluated(summary: &Summary) -> String {
    let header = ["rule", "firing", "began", "ended", "note"].map(str::to_owned);
    let rows: Vec<Vec<String>> = summary
        .rules
        .iter()
        .map(|rule| {
            vec![
                rule.rule.clone(),
                rule.firing.to_string(),
                rule.fired.to_string(),
                rule.resolved.to_string(),
                rule.error
                    .clone()
                    .or_else(|| rule.note.clone())
                    .unwrap_or_default(),
            ]
        })
        .collect();
    let mut text = lay_out(&header, &rows, &[false, true, true, true, false]);
    if let Some(until) = summary.judged_until {
        text.push_str(&format!(
            "Judged up to {}. ",
            until.format("%Y-%m-%d %H:%M UTC")
        ));
    }
    text.push_str(&format!("Messages delivered: {}.\n", summary.delivered));
    for failure in &summary.undelivered {
        text.push_str(&format!("Not delivered, to be tried again: {failure}\n"));
    }
    text
}

/// What of an evaluation failed.
fn failed(summary: &Summary) -> Option<String> {
    let rules = summary
        .rules
        .iter()
        .filter(|rule| rule.error.is_some())
        .count();
    match (rules, summary.undelivered.len()) {
        (0, 0) => None,
        (rules, deliveries) => Some(format!(
            "{rules} rules could not be evaluated, {deliveries} messages not be delivered"
        )),
    }
}

fn list(alerts: &Alerts) -> String {
    let mut text = String::new();
    let active = alerts.active();
    if active.is_empty() {
        text.push_str("No alert fires.\n");
    }
    for alert in active {
        text.push_str(&format!("{}: {}\n", alert.severity, alert.line));
        for (name, value) in alert.details {
            text.push_str(&format!("  {name}: {value}\n"));
        }
    }
    text.push_str("\nRules:\n");
    for rule in alerts.rules() {
        let off = rule
            .missing()
            .map(|name| format!(" (off: no value for {name})"));
        text.push_str(&format!(
            "  {}: {}{}\n",
            rule.query.name,
            rule.query.answers,
            off.unwrap_or_default()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::CostPerRequest;

    #[test]
    fn every_threshold_is_a_parameter_of_a_rule() {
        let settings = config::Alerts {
            slack_webhook: None,
            json_webhook: None,
            every: Duration::from_secs(60),
            daily_budget_usd: Some(10.0),
            cost_per_request: Some(CostPerRequest {
                percent: Some(50.0),
                floor_usd: Some(1.0),
            }),
        };
        let base_url = Url::parse("http://127.0.0.1:8080/").unwrap();
        let catalog = millicent_analyzer::Catalog::load().unwrap();
        let rules = thresholds(&settings, base_url);
        assert_eq!(rules.params.len(), 2);
        for (name, params) in rules.params {
            let rule = catalog.get(&name).unwrap();
            assert!(rule.alert.is_some(), "{name} is a rule");
            for param in params.0.keys() {
                assert!(
                    rule.param(param).is_some(),
                    "{name} has no parameter {param}"
                );
            }
        }
    }

    #[test]
    fn an_evaluation_is_told_with_what_failed() {
        let summary = Summary {
            rules: vec![millicent_alerts::RuleSummary {
                rule: "alerts/daily-budget".to_owned(),
                firing: 1,
                fired: 1,
                note: Some("its alerts cannot end now".to_owned()),
                ..Default::default()
            }],
            undelivered: vec!["slack: hooks.slack.com answered 404: no_service".to_owned()],
            ..Summary::default()
        };
        let text = evaluated(&summary);
        assert!(
            text.contains("alerts/daily-budget       1      1      0  its alerts cannot end now"),
            "{text}"
        );
        assert!(
            text.contains("Not delivered, to be tried again: slack: hooks.slack.com"),
            "{text}"
        );
        assert_eq!(
            failed(&summary).unwrap(),
            "0 rules could not be evaluated, 1 messages not be delivered"
        );
    }
}
