//! The configuration as the collector takes it: every account with its regions.

use std::sync::Arc;

use chrono::TimeDelta;
use millicent_collector::{
    AccountConfig, CollectConfig, Estate, EstateConfig, ExportConfig, SystemClock, TraceConfig,
};
use millicent_lake::Lake;
use rust_decimal::Decimal;

use crate::config::{self, Config};
use crate::failure::Usage;

/// What messages call the account of `[aws]`.
const ONLY_ACCOUNT: &str = "default";

/// The collector of everything that is configured.
pub(crate) async fn connect(config: &Config, lake: Lake) -> anyhow::Result<Estate> {
    let estate = estate(config).await?;
    Ok(Estate::connect(estate, lake, Arc::new(SystemClock)).await?)
}

async fn estate(config: &Config) -> anyhow::Result<EstateConfig> {
    let mut accounts = Vec::new();
    if config.accounts.is_empty() {
        let collect = collect(config)?;
        accounts.push(AccountConfig {
            name: ONLY_ACCOUNT.to_owned(),
            account_id: None,
            regions: regions(&config.aws.regions, collect.profile.as_deref()).await?,
            collect,
        });
    }
    for account in &config.accounts {
        accounts.push(one_of_several(config, account).await?);
    }
    for export in &config.exports {
        let named = |account: &&mut AccountConfig| {
            export
                .account
                .as_ref()
                .is_none_or(|name| *name == account.name)
        };
        if let Some(account) = accounts.iter_mut().find(named) {
            account.collect.exports.push(ExportConfig {
                path: export.path.clone(),
            });
        }
    }
    // The first calls go to the first region, also those that ask whose the credentials are.
    for account in &mut accounts {
        account.collect.region.clone_from(&account.regions[0]);
    }
    Ok(EstateConfig {
        accounts,
        budget_usd_per_day: config
            .collect
            .budget_usd_per_day
            .map(Decimal::try_from)
            .transpose()?,
    })
}

async fn one_of_several(
    config: &Config,
    account: &config::Account,
) -> anyhow::Result<AccountConfig> {
    let mut collect = collect(config)?;
    if account.profile.is_some() {
        collect.profile.clone_from(&account.profile);
    }
    collect.role.clone_from(&account.role);
    if let Some(sources) = &account.sources {
        collect.sources.clone_from(sources);
    }
    collect.filter = account.filter.over(&collect.filter);
    let configured = if account.regions.is_empty() {
        &config.aws.regions
    } else {
        &account.regions
    };
    Ok(AccountConfig {
        name: account.name.clone(),
        account_id: account.account_id.clone(),
        regions: regions(configured, collect.profile.as_deref()).await?,
        collect,
    })
}

/// What all accounts have in common.
fn collect(config: &Config) -> anyhow::Result<CollectConfig> {
    let collect = &config.collect;
    let defaults = CollectConfig::default();
    Ok(CollectConfig {
        endpoint_url: config.aws.endpoint_url.clone(),
        profile: config.aws.profile.clone(),
        sources: collect.sources.clone(),
        filter: collect.filter.clone(),
        until: collect.until,
        minute_resolution: TimeDelta::from_std(collect.minute_resolution)?,
        freshness: TimeDelta::from_std(collect.freshness)?,
        history: TimeDelta::from_std(collect.history)?,
        linked_accounts: collect.linked_accounts,
        hourly_cost: collect.hourly_cost,
        histograms: collect.histograms,
        lambda_reports: collect.lambda_reports,
        traces: TraceConfig {
            sampling_rate: collect.sampling_rate,
            backfill_sampling_rate: collect.backfill_sampling_rate,
            ..defaults.traces
        },
        ..defaults
    })
}

/// The configured regions, else the one that the AWS CLI would use. Never none.
async fn regions(configured: &[String], profile: Option<&str>) -> anyhow::Result<Vec<String>> {
    if !configured.is_empty() {
        return Ok(configured.to_vec());
    }
    match millicent_collector::default_region(profile).await {
        Some(region) => Ok(vec![region]),
        None => {
            let message =
                "no AWS region is known: set `region` in [aws] of millicent.toml, or AWS_REGION";
            Err(Usage(message.to_owned()).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use millicent_collector::Source;

    use super::*;

    async fn estate_of(text: &str) -> EstateConfig {
        let config = Config::parse(text, Path::new("millicent.toml")).unwrap();
        estate(&config).await.unwrap()
    }

    #[tokio::test]
    async fn the_account_of_aws_is_the_only_one_where_no_other_is_named() {
        let estate = estate_of(
            "[aws]\nregion = ['eu-central-1', 'us-east-1']\nprofile = 'prod'\n\
             [collect]\nbudget_usd_per_day = 2\n",
        )
        .await;
        assert_eq!(estate.budget_usd_per_day, Some(Decimal::TWO));
        let [account] = &estate.accounts[..] else {
            panic!("{estate:?}")
        };
        assert_eq!(account.regions, ["eu-central-1", "us-east-1"]);
        assert_eq!(account.collect.profile.as_deref(), Some("prod"));
        assert_eq!(account.collect.region, "eu-central-1");
        account.collect.validate().unwrap();
    }

    #[tokio::test]
    async fn several_accounts_take_from_aws_what_they_do_not_say() {
        let estate = estate_of(
            "[aws]\nregion = 'eu-central-1'\nprofile = 'hub'\n\
             [[accounts]]\nname = 'shop'\nrole_arn = 'arn:aws:iam::123456789012:role/millicent'\n\
             external_id = 'tenant-4711'\n\
             [[exports]]\npath = 's3://bill/cur'\n\
             [[exports]]\npath = '/srv/focus'\naccount = 'data'\n\
             [[accounts]]\nname = 'data'\nprofile = 'data'\nregions = ['us-east-1']\nsources = ['discovery']\n\
             exclude = ['tmp-*']\n\
             [collect]\ninclude = ['shop-*']\ntags = { team = 'shop' }\n",
        )
        .await;
        let [shop, data] = &estate.accounts[..] else {
            panic!("{estate:?}")
        };
        assert_eq!(shop.collect.profile.as_deref(), Some("hub"));
        assert_eq!(shop.regions, ["eu-central-1"]);
        assert_eq!(
            shop.collect
                .role
                .as_ref()
                .and_then(|role| role.account_id()),
            Some("123456789012")
        );
        assert_eq!(shop.collect.sources, Source::ALL);
        assert!(!format!("{shop:?}").contains("4711"), "{shop:?}");
        assert_eq!(shop.collect.exports[0].path, "s3://bill/cur");
        assert_eq!(data.collect.exports[0].path, "/srv/focus");
        assert_eq!(shop.collect.filter.include, ["shop-*"]);
        assert!(shop.collect.filter.exclude.is_empty());
        assert_eq!(data.collect.filter.include, ["shop-*"]);
        assert_eq!(data.collect.filter.exclude, ["tmp-*"]);
        assert_eq!(data.collect.filter.tags["team"], "shop");
        assert_eq!(data.collect.profile.as_deref(), Some("data"));
        assert_eq!(data.collect.role, None);
        assert_eq!(data.regions, ["us-east-1"]);
        assert_eq!(data.collect.sources, [Source::Discovery]);
    }
}
