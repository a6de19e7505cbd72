//! The simulator's own routes, which no AWS account has: faults, calls, the Slack inbox, the truth.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::faults::{Fault, Rule, ScopedRule};
use crate::server::{Account, plain};

const HELP: &str = "\
GET  /_simulator                  the account: its id, Region, birth and now; all accounts
GET  /_simulator/faults           the fault rules in force
POST /_simulator/faults           puts a JSON list of rules in their place:
                                  {account, service, operation, kind, minutes, page_size, rate, first}
GET  /_simulator/calls            signed calls so far, by service and operation
GET  /_simulator/truth?from=&to=  what happened and what it cost, from and to as RFC 3339; of one
                                  account and Region with &account=&region=
GET  /_simulator/slack            messages that the Slack webhooks got
POST /_simulator/slack/{any}      a Slack incoming webhook";

/// Answers `/_simulator{path}`.
pub(super) async fn answer(
    account: &Arc<Account>,
    method: &Method,
    path: &str,
    query: &str,
    body: &Bytes,
) -> Response {
    match (method.as_str(), path.trim_end_matches('/')) {
        ("GET", "") => json_response(200, &about(account)),
        ("GET", "/faults") => {
            let rules: Vec<Value> = account.faults.rules().iter().map(rule_json).collect();
            json_response(200, &rules.into())
        }
        ("POST", "/faults") => match Rule::parse_list(body) {
            Ok(rules) => {
                account.faults.replace(rules);
                json_response(200, &json!({ "rules": account.faults.rules().len() }))
            }
            Err(error) => plain(400, &error.to_string()),
        },
        ("GET", "/calls") => json_response(200, &calls(account)),
        ("GET", "/truth") => truth(account, query).await,
        ("GET", "/slack") => match serde_json::to_value(account.inbox.messages()) {
            Ok(messages) => json_response(200, &messages),
            Err(error) => plain(500, &error.to_string()),
        },
        ("POST", webhook) if webhook.starts_with("/slack/") => slack(account, webhook, body),
        _ => plain(404, HELP),
    }
}

fn about(account: &Account) -> Value {
    let world = account.organisation.home();
    let config = world.config();
    let accounts = account.organisation.accounts().iter();
    let accounts: Vec<Value> = accounts
        .map(|member| {
            let regions = member.worlds().iter();
            let regions: Vec<&str> = regions.map(|w| w.config().region.as_str()).collect();
            json!({
                "account_id": member.account_id(),
                "regions": regions,
                "external_id": member.external_id(),
            })
        })
        .collect();
    json!({
        "account_id": config.account_id,
        "region": config.region,
        "seed": config.seed,
        "birth": world.estate().birth,
        "anchor": config.anchor,
        "now": world.now(),
        "accounts": accounts,
    })
}

fn calls(account: &Account) -> Value {
    let calls = account
        .faults
        .calls()
        .into_iter()
        .map(|((service, operation), calls)| {
            json!({
                "service": service.name(),
                "operation": operation,
                "total": calls.total,
                "refused": calls.refused,
            })
        });
    Value::Array(calls.collect())
}

fn rule_json((account, rule): &ScopedRule) -> Value {
    let (kind, minutes, page_size) = match rule.fault {
        Fault::Throttle => ("throttle", None, None),
        Fault::Deny => ("deny", None, None),
        Fault::ServerError => ("server-error", None, None),
        Fault::Lag { minutes } => ("lag", Some(minutes), None),
        Fault::CutPages { page_size } => ("cut-pages", None, Some(page_size)),
        Fault::Truncate => ("truncate", None, None),
    };
    json!({
        "account": account,
        "service": rule.service.map(|service| service.name()),
        "operation": rule.operation,
        "kind": kind,
        "minutes": minutes,
        "page_size": page_size,
        "rate": rule.rate,
        "first": rule.first,
    })
}

/// Slack answers `ok`, or a word that names the kind of error; the log says which rule it was.
fn slack(account: &Account, webhook: &str, body: &[u8]) -> Response {
    match account
        .inbox
        .post(webhook, body, account.organisation.home().now())
    {
        Ok(()) => plain(200, "ok"),
        Err(refused) => {
            tracing::warn!(webhook, error = %refused, reason = refused.reason(), "a Slack message was refused");
            plain(400, &refused.to_string())
        }
    }
}

async fn truth(account: &Arc<Account>, query: &str) -> Response {
    let parameter = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let time = |name: &str| -> Result<DateTime<Utc>, String> {
        let text =
            parameter(name).ok_or_else(|| format!("{name} is missing: a time in RFC 3339"))?;
        let at = DateTime::parse_from_rfc3339(&text)
            .map_err(|error| format!("{name} {text:?}: {error}"))?;
        Ok(at.with_timezone(&Utc))
    };
    let (from, to) = match (time("from"), time("to")) {
        (Ok(from), Ok(to)) if from < to => (from, to),
        (Ok(_), Ok(_)) => return plain(400, "from must be before to"),
        (Err(error), _) | (_, Err(error)) => return plain(400, &error),
    };
    let Some(member) = account
        .organisation
        .account(parameter("account").as_deref())
    else {
        return plain(404, "no such account");
    };
    let world = match parameter("region") {
        None => Arc::clone(member.home()),
        Some(region) => account.organisation.world(member, &region),
    };
    let told =
        tokio::task::spawn_blocking(move || serde_json::to_value(world.truth(from, to))).await;
    match told {
        Ok(Ok(truth)) => json_response(200, &truth),
        Ok(Err(error)) => plain(500, &error.to_string()),
        Err(panic) => plain(500, &panic.to_string()),
    }
}

fn json_response(status: u16, value: &Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(value.to_string()))
        .unwrap_or_else(|error| plain(500, &error.to_string()))
}
