//! `prices`: AWS's public price list files into the lake, for usage that no bill has priced yet.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use millicent_lake::{Lake, Resource};
use serde::Deserialize;

use crate::failure::Usage;
use crate::output::{Format, print_table, say};
use crate::{Common, environment, questions, shutdown};

/// The largest file that is read: those of the services that Millicent meters have a megabyte or less.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Services that Millicent meters: the price list's code, and Cost Explorer's name.
const SERVICES: [(&str, &str); 7] = [
    ("AWSLambda", "AWS Lambda"),
    ("AmazonApiGateway", "Amazon API Gateway"),
    ("AmazonDynamoDB", "Amazon DynamoDB"),
    ("AmazonS3", "Amazon Simple Storage Service"),
    ("AmazonStates", "AWS Step Functions"),
    ("AWSXRay", "AWS X-Ray"),
    ("AmazonCloudWatch", "AmazonCloudWatch"),
];

/// Take prices from AWS's public price list files, for what no bill has priced yet.
#[derive(Debug, Args)]
#[command(after_help = "\
A bill's own prices go first: they have the discounts in them. List prices stand in where there is no settled bill yet, and
without such a file they are those of us-east-1 (`millicent sql 'SELECT * FROM list_prices'`).

The files are public; of a service and a region, for example AWSLambda and eu-central-1, the one that AWS serves as
  /offers/v1.0/aws/AWSLambda/current/eu-central-1/index.json
Services: AWSLambda, AmazonApiGateway, AmazonDynamoDB, AmazonS3, AmazonStates, AWSXRay, AmazonCloudWatch.

Examples:
  millicent prices lambda.json dynamodb.json")]
pub(crate) struct Prices {
    #[command(flatten)]
    common: Common,

    /// Price list files, JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Prices {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        let now = environment::now();
        let mut rows = Vec::new();
        // Every file is read before anything is written.
        for file in &self.files {
            rows.extend(read(file, now)?);
        }
        let found = rows.len();
        let table = shutdown::block_on(async {
            let lake = Lake::open(&config.lake).await?;
            let news = lake.record_resources(rows).await?;
            say(&format!(
                "{found} prices were read, {news} of them new or changed."
            ));
            let analyzer = questions::open(&config).await?;
            let used = "SELECT region, meter, price_usd, unit, as_of, source FROM list_prices \
                        WHERE region IS NOT NULL ORDER BY region, meter";
            Ok(analyzer.sql(used).await?)
        })?;
        print_table(&table, Format::Table)?;
        say("These stand in for a bill's own prices until there are some.");
        Ok(())
    }
}

/// What is read of a price list file.
#[derive(Deserialize)]
struct PriceList {
    products: HashMap<String, Product>,
    terms: Terms,
}

#[derive(Deserialize)]
struct Product {
    attributes: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: HashMap<String, HashMap<String, Term>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    effective_date: DateTime<Utc>,
    price_dimensions: HashMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    #[serde(default)]
    begin_range: String,
    price_per_unit: HashMap<String, String>,
}

/// A usage type's price of its first tier that costs something, as text, which is exact.
#[derive(PartialEq)]
struct Price {
    usd: String,
    unit: String,
    effective: DateTime<Utc>,
}

/// The prices of a file as rows of `resources`.
fn read(path: &Path, now: DateTime<Utc>) -> anyhow::Result<Vec<Resource>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let bytes = file
        .metadata()
        .with_context(|| format!("cannot read {shown}"))?
        .len();
    if bytes > MAX_BYTES {
        let problem = format!(
            "{shown} has {} MB, and a price list file that Millicent can use has at most {}: take one of a single region",
            bytes / 1_048_576,
            MAX_BYTES / 1_048_576
        );
        return Err(Usage(problem).into());
    }
    let text = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let list: PriceList = serde_json::from_slice(&text).map_err(|error| {
        Usage(format!(
            "{shown} is not a price list file of AWS ({error}); expected the JSON of one service and region: index.json"
        ))
    })?;
    let rows = rows(&list, now);
    if rows.is_empty() {
        let known = SERVICES.map(|(code, _)| code).join(", ");
        let problem =
            format!("{shown} has no on-demand price of a service that Millicent meters: {known}");
        return Err(Usage(problem).into());
    }
    Ok(rows)
}

fn rows(list: &PriceList, now: DateTime<Utc>) -> Vec<Resource> {
    // Where two products of one usage type cost differently, the usage type alone has no price.
    let mut prices: BTreeMap<(&str, &str, &str), Option<Price>> = BTreeMap::new();
    for (sku, product) in &list.products {
        let attribute = |name: &str| product.attributes.get(name).map(String::as_str);
        let code = attribute("servicecode");
        let service = SERVICES.iter().find(|(known, _)| code == Some(known));
        let (Some((_, service)), Some(region), Some(usage_type)) =
            (service, attribute("regionCode"), attribute("usagetype"))
        else {
            continue;
        };
        let terms = list.terms.on_demand.get(sku);
        let newest = terms.and_then(|terms| terms.values().max_by_key(|term| term.effective_date));
        let Some(price) = newest.and_then(first_tier) else {
            continue;
        };
        prices
            .entry((service, region, usage_type))
            .and_modify(|known| {
                if known.as_ref().is_some_and(|known| known.usd != price.usd) {
                    *known = None;
                }
            })
            .or_insert(Some(price));
    }
    let found = prices
        .into_iter()
        .filter_map(|(key, price)| Some((key, price?)));
    found
        .map(|((service, region, usage_type), price)| {
            let configuration = [
                ("service", service.to_owned()),
                ("price_usd", price.usd),
                ("unit", price.unit),
                ("effective_date", price.effective.to_rfc3339()),
            ];
            Resource {
                ts: now,
                // The same for every account.
                account_id: String::new(),
                region: region.to_owned(),
                kind: "list-price".to_owned(),
                name: usage_type.to_owned(),
                arn: format!("{service}#{usage_type}"),
                configuration: configuration
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect(),
                tags: BTreeMap::new(),
                deleted: false,
            }
        })
        .collect()
}

/// The price of the first tier that is not free.
fn first_tier(term: &Term) -> Option<Price> {
    let costly = term.price_dimensions.values().filter_map(|dimension| {
        let usd = dimension.price_per_unit.get("USD")?;
        let costs: f64 = usd.parse().ok()?;
        let begins: f64 = dimension.begin_range.parse().unwrap_or(0.0);
        (costs > 0.0).then_some((begins, usd, &dimension.unit))
    });
    let first = costly.min_by(|a, b| a.0.total_cmp(&b.0));
    first.map(|(_, usd, unit)| Price {
        usd: usd.clone(),
        unit: unit.clone(),
        effective: term.effective_date,
    })
}

#[cfg(test)]
mod tests;
