//! API Gateway: the level of the stage, and of the route where its detailed metrics are on. The level
//! of the API is left out: levels overlap, and would count a request again.
//!
//! Reference: "Amazon API Gateway dimensions and metrics" in API Gateway's developer guide. REST APIs
//! go by name, and those of one name share their metrics.

use std::collections::BTreeMap;

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{COUNT, Dimension, LATENCY, MILLISECONDS, Metric, Of, SUM, Series};
use crate::source::System;

const REST: &[Metric] = &[
    ("Count", COUNT, SUM),
    ("4XXError", COUNT, SUM),
    ("5XXError", COUNT, SUM),
    ("Latency", MILLISECONDS, LATENCY),
    ("IntegrationLatency", MILLISECONDS, LATENCY),
];

fn of(api: &str, stage: &str, route: Option<String>, dimensions: Vec<Dimension>) -> Of {
    Of {
        system: System::ApiGateway,
        dimensions,
        resource: api.to_owned(),
        stage: Some(stage.to_owned()),
        route,
        operation: None,
    }
}

/// What every stage has, and every route with detailed metrics.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    let mut series = Vec::new();
    for resource in resources {
        let get = |key: &str| resource.configuration.get(key);
        let (Some(api), Some(stage)) = (get("api_name"), get("stage")) else {
            continue;
        };
        let name = metric_name(api, get("api_id").map_or("", String::as_str));
        let mut dimensions = vec![("ApiName", name), ("Stage", stage.clone())];
        let route = match resource.kind.as_str() {
            "stage" => None,
            "route" if get("detailed_metrics").is_some_and(|on| on == "true") => {
                let (Some(path), Some(method)) = (get("path"), get("method")) else {
                    continue;
                };
                dimensions.extend([("Resource", path.clone()), ("Method", method.clone())]);
                Some(resource.name.clone())
            }
            _ => continue,
        };
        series.extend(of(api, stage, route, dimensions).all(REST));
    }
    series
}

/// What CloudWatch calls the APIs, and what they are called.
pub(super) struct Names {
    rest: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn new(resources: &[Resource]) -> Self {
        let rest = resources.iter().filter_map(|resource| {
            let get = |key: &str| resource.configuration.get(key);
            let (api, id) = (get("api_name")?, get("api_id")?);
            Some((metric_name(api, id), api.clone()))
        });
        Self {
            rest: rest.collect(),
        }
    }

    fn rest<'a>(&'a self, metric_name: &'a str) -> &'a str {
        self.rest.get(metric_name).map_or(metric_name, |name| name)
    }
}

/// The series that a listed metric is.
pub(super) fn listed(names: &Names, listed: &Listed) -> Option<Series> {
    if let Some([name, stage]) = listed.exactly(["ApiName", "Stage"]) {
        let dimensions = vec![("ApiName", name.to_owned()), ("Stage", stage.to_owned())];
        return of(names.rest(name), stage, None, dimensions).listed(REST, listed);
    }
    let detailed = ["ApiName", "Stage", "Resource", "Method"];
    let [name, stage, path, method] = listed.exactly(detailed)?;
    let values = [name, stage, path, method].map(str::to_owned);
    let dimensions = detailed.into_iter().zip(values).collect();
    let route = Some(format!("{method} {path}"));
    of(names.rest(name), stage, route, dimensions).listed(REST, listed)
}

/// CloudWatch strips what is not ASCII from an API's name, and takes the id if nothing is left.
fn metric_name(name: &str, id: &str) -> String {
    let ascii: String = name.chars().filter(char::is_ascii).collect();
    if ascii.is_empty() {
        id.to_owned()
    } else {
        ascii
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::{samples, without_doubles};
    use super::*;

    fn shop() -> Vec<Resource> {
        let shop = [("api_id", "a1"), ("api_name", "shop"), ("stage", "prod")];
        let route = |method, detailed| {
            let more = [
                ("method", method),
                ("path", "/orders"),
                ("detailed_metrics", detailed),
            ];
            let name = format!("{method} /orders");
            samples::resource("route", &name, &[&shop[..], &more[..]].concat())
        };
        vec![
            samples::resource("rest-api", "shop", &[("api_name", "shop")]),
            samples::resource("stage", "shop/prod", &shop),
            route("GET", "true"),
            route("OPTIONS", "false"),
            samples::resource("stage", "shop/prod", &shop),
        ]
    }

    #[test]
    fn a_stage_has_its_own_level_and_its_detailed_routes() {
        let series = without_doubles(known(&shop()));
        let routes: Vec<_> = series
            .iter()
            .filter(|s| s.metric == "Count")
            .map(|s| s.route.as_deref())
            .collect();
        assert_eq!(routes, [None, Some("GET /orders")]);
        assert_eq!(series[5].dimensions.len(), 4);
        assert!(series.iter().all(|s| s.statistics.len() <= 5));
    }

    #[test]
    fn what_is_listed_is_what_is_known() {
        let known = known(&shop());
        let names = Names::new(&shop());
        for series in &known {
            let dimensions: Vec<(&str, &str)> = series
                .dimensions
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let same = listed(&names, &samples::listed(series.metric, &dimensions));
            assert_eq!(same.as_ref(), Some(series));
        }
    }

    #[test]
    fn the_level_of_the_api_is_left_out() {
        let api = samples::listed("Count", &[("ApiName", "shop")]);
        assert_eq!(listed(&Names::new(&[]), &api), None);
    }

    #[test]
    fn a_name_that_is_not_ascii_is_stripped_as_cloudwatch_does() {
        assert_eq!(metric_name("café", "a1"), "caf");
        assert_eq!(metric_name("商店", "a1"), "a1");
        let names = Names::new(&[samples::resource(
            "stage",
            "café/prod",
            &[("api_id", "a1"), ("api_name", "café"), ("stage", "prod")],
        )]);
        let count = samples::listed("Count", &[("ApiName", "caf"), ("Stage", "prod")]);
        assert_eq!(listed(&names, &count).unwrap().resource, "café");
    }
}
