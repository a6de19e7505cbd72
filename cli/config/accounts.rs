//! `[[accounts]]`: several accounts in one file.

use std::collections::BTreeMap;

use millicent_collector::{ExternalId, Role};
use serde::Deserialize;
use toml::Spanned;

use super::Account;
use super::explain::{ConfigError, Place};
use super::filter::PartOfFilter;
use super::raw::{regions, sources};
use super::values::Regions;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccount {
    name: Spanned<String>,
    account_id: Option<Spanned<String>>,
    profile: Option<String>,
    role_arn: Option<Spanned<String>>,
    external_id: Option<Spanned<String>>,
    regions: Option<Spanned<Regions>>,
    sources: Option<Vec<Spanned<String>>>,
    include: Option<Vec<Spanned<String>>>,
    exclude: Option<Vec<Spanned<String>>>,
    tags: Option<BTreeMap<String, Spanned<String>>>,
}

/// Checks each account, and that no two have one name.
pub(super) fn check(
    accounts: Vec<RawAccount>,
    place: &Place<'_>,
) -> Result<Vec<Account>, ConfigError> {
    let mut checked: Vec<Account> = Vec::new();
    for account in accounts {
        let name = account.name.get_ref();
        if name.trim().is_empty() || checked.iter().any(|other| other.name == *name) {
            let reason = if name.trim().is_empty() {
                "it is empty".to_owned()
            } else {
                format!("there is an account `{name}` already")
            };
            return Err(place.refuse(
                "accounts.name",
                account.name.span(),
                &reason,
                "a name of its own for each account, like \"production\"",
            ));
        }
        checked.push(account.check(place)?);
    }
    Ok(checked)
}

impl RawAccount {
    fn check(self, place: &Place<'_>) -> Result<Account, ConfigError> {
        let account_id = self
            .account_id
            .map(|id| account_id(id, place))
            .transpose()?;
        let role = match (self.role_arn, self.external_id) {
            (None, None) => None,
            (Some(arn), external_id) => Some(role(arn, external_id, account_id.as_deref(), place)?),
            (None, Some(external_id)) => {
                return Err(place.refuse_unseen(
                    "accounts.external_id",
                    external_id.span(),
                    "an external id belongs to a role",
                    "`role_arn` beside it",
                ));
            }
        };
        Ok(Account {
            name: self.name.into_inner(),
            account_id,
            profile: self.profile,
            role,
            regions: regions("accounts.regions", self.regions, place)?,
            sources: sources("accounts.sources", self.sources, place)?,
            filter: PartOfFilter::check("accounts", self.include, self.exclude, self.tags, place)?,
        })
    }
}

fn account_id(id: Spanned<String>, place: &Place<'_>) -> Result<String, ConfigError> {
    let text = id.get_ref();
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id.into_inner());
    }
    Err(place.refuse(
        "accounts.account_id",
        id.span(),
        "this is no account id",
        "twelve digits in quotes, like \"123456789012\"",
    ))
}

fn role(
    arn: Spanned<String>,
    external_id: Option<Spanned<String>>,
    account_id: Option<&str>,
    place: &Place<'_>,
) -> Result<Role, ConfigError> {
    let span = arn.span();
    let refuse =
        |reason: &str, allowed: &str| Err(place.refuse("accounts.role_arn", span, reason, allowed));
    let role = Role {
        arn: arn.into_inner(),
        external_id: external_id.map(|id| ExternalId(id.into_inner())),
    };
    match (role.account_id(), account_id) {
        (None, _) => refuse(
            "this is no role",
            "the ARN of a role, like \"arn:aws:iam::123456789012:role/millicent\"",
        ),
        (Some(of_role), Some(said)) if of_role != said => refuse(
            &format!("the role is of account {of_role}, and `account_id` is {said}"),
            "a role of the same account",
        ),
        _ => Ok(role),
    }
}
