//! The bill from an export in the simulated bucket, held against the same bill from Cost Explorer.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use millicent_collector::{CollectConfig, ExportConfig, Source};
use rust_decimal::Decimal;

use crate::account::{Account, Collected, now, pass};

/// Sums in the lake by some columns of a table.
async fn sums(collected: &Collected, sql: &str) -> BTreeMap<String, Decimal> {
    let table = collected.analyzer.sql(sql).await.expect("an answer");
    let rows = table.rows();
    rows.map(|row| {
        let key = row.text("key").expect("a key").to_owned();
        (key, row.decimal("usd").expect("an amount"))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_the_bill_that_cost_explorer_tells_and_neither_counts_twice() {
    let account = Account::start(7, 9, 0.02);
    let config = CollectConfig {
        sources: vec![Source::Cost, Source::Exports],
        exports: vec![ExportConfig {
            path: "s3://millicent-exports/cur".to_owned(),
        }],
        ..account.collect_config()
    };
    let collected = Collected::empty().await;
    let summary = pass(config.clone(), &collected.lake).await;
    assert!(summary.is_complete(), "{summary:#?}");
    let again = pass(config, &collected.lake).await;
    assert_eq!(again.sources.last().map(|source| source.windows), Some(0));

    let by_service = async |source: &str, until: NaiveDate| {
        let sql = format!(
            "select concat_ws(' ', date, service, record_type, case when record_type = 'Usage' then usage_type end) \
             as key, sum(cost_usd) as usd from costs where source = '{source}' and date < '{until}' group by 1"
        );
        let mut sums = sums(&collected, &sql).await;
        sums.retain(|_, usd| !usd.is_zero());
        sums
    };
    let settled = (now() - TimeDelta::days(4)).date_naive();
    let explored = by_service("cost-explorer", settled).await;
    let exported = by_service("cur", settled).await;
    assert!(explored.len() > 20, "{explored:#?}");
    for (line, usd) in &explored {
        let other = exported.get(line).copied().unwrap_or_default();
        let off = (other - usd).abs();
        assert!(off < Decimal::new(1, 6), "{line}: {usd} and {other}");
    }

    let won = "select concat_ws(' ', date, source) as key, sum(cost_usd) as usd from bill group by 1 order by 1";
    let won = sums(&collected, won).await;
    let days: Vec<&str> = won.keys().map(|key| &key[..10]).collect();
    let mut once = days.clone();
    once.dedup();
    assert_eq!(days, once, "one source a day");
    let total: Decimal = won.values().sum();
    let of_explorer =
        "select 'all' as key, sum(cost_usd) as usd from costs where source = 'cost-explorer'";
    let of_explorer = sums(&collected, of_explorer).await["all"];
    assert!(
        (total - of_explorer).abs() < Decimal::new(1, 3),
        "{total} and {of_explorer}"
    );
    let (first, last) = (
        won.keys().next().expect("a day"),
        won.keys().last().expect("a day"),
    );
    assert!(first.ends_with("cur"), "{won:#?}");
    assert!(last.ends_with("cost-explorer"), "{won:#?}");
}

/// Cost Explorer tells what all functions cost; an export what each does, initialisations and all. That is
/// then the function's, whatever was estimated of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_export_bills_by_resource_goes_to_that_resource_to_the_last_digit() {
    let account = Account::start(8, 7, 0.3);
    let config = CollectConfig {
        exports: vec![ExportConfig {
            path: "s3://millicent-exports/cur".to_owned(),
        }],
        ..account.collect_config()
    };
    let collected = Collected::empty().await;
    let summary = pass(config, &collected.lake).await;
    assert!(summary.is_complete(), "{summary:#?}");

    let day = (now() - TimeDelta::days(4)).date_naive();
    let start = day.and_hms_opt(0, 0, 0).expect("midnight").and_utc();
    let truth = account.world.truth(start, start + TimeDelta::days(1));
    let sql = format!(
        "select place || coalesce(' ' || resource, '') as key, sum(cost_usd) as usd \
         from (select case when place = 'unexplained' then place else 'placed' end as place, resource, cost_usd from bill_shares \
               where date = '{day}' and service = 'AWS Lambda' and record_type = 'Usage' \
                   and usage_type not like '%Provisioned-Concurrency') group by 1"
    );
    let told = sums(&collected, &sql).await;
    for function in &truth.functions {
        let cost: Decimal = function.cost_usd.to_string().parse().expect("a decimal");
        let said = told[&format!("placed {}", function.name)];
        // Each of its lines is rounded to ten places.
        assert!(
            (said - cost).abs() < Decimal::new(1, 8),
            "{}: {said} for {cost} USD",
            function.name
        );
    }
    assert_eq!(told.len(), truth.functions.len(), "{told:#?}");

    // Tables are billed by name too: what nobody else's calls explain is not taken from the others.
    let sql = format!(
        "select resource as key, sum(cost_usd) as usd from bill_shares \
         where date = '{day}' and usage_type like '%RequestUnits' and place <> 'unexplained' group by 1"
    );
    let placed = sums(&collected, &sql).await;
    let sql = format!(
        "select split_part(resource_id, '/', 2) as key, sum(cost_usd) as usd from costs \
         where source = 'cur' and date = '{day}' and usage_type like '%RequestUnits' group by 1"
    );
    assert_eq!(placed, sums(&collected, &sql).await);
}
