//! Custom domains, and which API and stage answers under which base path: a row a mapping.
//!
//! API Gateway's first and second version each list domains and mappings, and a mapping to a REST
//! API may be in both answers; it is one row.

use std::collections::BTreeSet;

use millicent_lake::Resource;

use super::listing::{Each, Found, Pages, is_gone, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["domain"];

const GET_DOMAINS: Operation = Operation("apigateway:GET on /domainnames");
const GET_BASE_PATHS: Operation = Operation("apigateway:GET on /domainnames/*/basepathmappings");
const GET_MAPPINGS: Operation = Operation("apigateway:GET on /domainnames/*/apimappings");

const PAGE: i32 = 500;

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut names = of_first_version(inner, meter).await?;
    names.extend(of_second_version(inner, meter).await?);
    let items = names.into_iter().map(|name| (name, None)).collect();
    let each = Each {
        what: "custom domains",
        kinds: KINDS,
        known,
        owner: |row| Some(&row.name),
    };
    Ok(each.ask(items, |name| read(inner, meter, name)).await)
}

async fn of_first_version(inner: &Inner, meter: &Meter) -> Result<BTreeSet<String>, Trouble> {
    let mut names = BTreeSet::new();
    let mut pages = Pages::of(GET_DOMAINS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway
            .get_domain_names()
            .limit(PAGE)
            .set_position(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_DOMAINS.trouble(error))?;
        let found = page.items.into_iter().flatten();
        names.extend(found.filter_map(|domain| domain.domain_name));
        if !pages.turn(page.position)? {
            return Ok(names);
        }
    }
}

async fn of_second_version(inner: &Inner, meter: &Meter) -> Result<BTreeSet<String>, Trouble> {
    let mut names = BTreeSet::new();
    let mut pages = Pages::of(GET_DOMAINS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway_v2
            .get_domain_names()
            .max_results(PAGE.to_string())
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_DOMAINS.trouble(error))?;
        let found = page.items.into_iter().flatten();
        names.extend(found.filter_map(|domain| domain.domain_name));
        if !pages.turn(page.next_token)? {
            return Ok(names);
        }
    }
}

/// Base path (empty for every path that no other takes), API and stage; without a stage, the next
/// part of the path tells it.
type Mapping = (String, String, Option<String>);

async fn read(inner: &Inner, meter: &Meter, name: String) -> Result<Found, Trouble> {
    let mut mappings = base_path_mappings(inner, meter, &name).await?;
    mappings.extend(api_mappings(inner, meter, &name).await?);
    let rows = mappings
        .into_iter()
        .map(|(base_path, api_id, stage)| {
            let region = &inner.config.region;
            let arn = format!(
                "arn:aws:apigateway:{region}::/domainnames/{name}/basepathmappings/{base_path}"
            );
            let configuration = settings([
                ("base_path", Some(base_path)),
                ("api_id", Some(api_id)),
                ("stage", stage),
            ]);
            row(inner, "domain", &name, arn, configuration)
        })
        .collect();
    Ok(Found::whole(rows))
}

async fn base_path_mappings(
    inner: &Inner,
    meter: &Meter,
    name: &str,
) -> Result<BTreeSet<Mapping>, Trouble> {
    let mut found = BTreeSet::new();
    let mut pages = Pages::of(GET_BASE_PATHS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway
            .get_base_path_mappings()
            .domain_name(name)
            .limit(PAGE)
            .set_position(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            // Gone, or known to the second version only.
            Err(error) if is_gone(&error) => return Ok(found),
            Err(error) => return Err(GET_BASE_PATHS.trouble(error)),
        };
        for mapping in page.items.into_iter().flatten() {
            // API Gateway writes an empty base path as `(none)`.
            let path = mapping.base_path.filter(|path| path != "(none)");
            if let Some(api) = mapping.rest_api_id {
                found.insert((path.unwrap_or_default(), api, stage_of(mapping.stage)));
            }
        }
        if !pages.turn(page.position)? {
            return Ok(found);
        }
    }
}

async fn api_mappings(
    inner: &Inner,
    meter: &Meter,
    name: &str,
) -> Result<BTreeSet<Mapping>, Trouble> {
    let mut found = BTreeSet::new();
    let mut pages = Pages::of(GET_MAPPINGS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway_v2
            .get_api_mappings()
            .domain_name(name)
            .max_results(PAGE.to_string())
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(found),
            Err(error) => return Err(GET_MAPPINGS.trouble(error)),
        };
        for mapping in page.items.into_iter().flatten() {
            if let Some(api) = mapping.api_id {
                let path = mapping.api_mapping_key.unwrap_or_default();
                found.insert((path, api, stage_of(mapping.stage)));
            }
        }
        if !pages.turn(page.next_token)? {
            return Ok(found);
        }
    }
}

fn stage_of(stage: Option<String>) -> Option<String> {
    stage.filter(|stage| !stage.is_empty())
}
