//! API Gateway: the level of the stage, and of the route where its detailed metrics are on. The level
//! of the API is left out: levels overlap, and would count a request again.
//!
//! Reference: "Amazon API Gateway dimensions and metrics", "Monitoring HTTP APIs with CloudWatch
//! metrics" and "Monitoring WebSocket API execution with CloudWatch metrics" in API Gateway's
//! developer guide. REST APIs go by name, and those of one name share their metrics; HTTP and
//! WebSocket APIs go by id. Of the detailed metrics of the latter AWS documents two shapes,
//! {Method, Resource} and {Route}; whichever is listed is taken, and never both.

use std::collections::HashMap;

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{BYTES, COUNT, Dimension, LATENCY, MILLISECONDS, Metric, Of, SUM, Series};
use crate::source::System;

const REST: &[Metric] = &[
    ("Count", COUNT, SUM),
    ("4XXError", COUNT, SUM),
    ("5XXError", COUNT, SUM),
    ("Latency", MILLISECONDS, LATENCY),
    ("IntegrationLatency", MILLISECONDS, LATENCY),
];

const HTTP: &[Metric] = &[
    ("Count", COUNT, SUM),
    ("4xx", COUNT, SUM),
    ("5xx", COUNT, SUM),
    ("Latency", MILLISECONDS, LATENCY),
    ("IntegrationLatency", MILLISECONDS, LATENCY),
    ("DataProcessed", BYTES, SUM),
];

const WEBSOCKET: &[Metric] = &[
    ("ConnectCount", COUNT, SUM),
    ("MessageCount", COUNT, SUM),
    ("IntegrationError", COUNT, SUM),
    ("ClientError", COUNT, SUM),
    ("ExecutionError", COUNT, SUM),
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

/// What every stage has, and every route of a REST API with detailed metrics.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    let mut series = Vec::new();
    for resource in resources {
        let get = |key: &str| resource.configuration.get(key).map(String::as_str);
        let (Some(api), Some(stage)) = (get("api_name"), get("stage")) else {
            continue;
        };
        let id = get("api_id").unwrap_or_default();
        let table = match get("protocol") {
            Some("HTTP") => HTTP,
            Some("WEBSOCKET") => WEBSOCKET,
            _ => REST,
        };
        let by = if table == REST {
            ("ApiName", metric_name(api, id))
        } else {
            ("ApiId", id.to_owned())
        };
        let mut dimensions = vec![by, ("Stage", stage.to_owned())];
        let route = match resource.kind.as_str() {
            "stage" => None,
            "route" if table == REST && get("detailed_metrics") == Some("true") => {
                let (Some(path), Some(method)) = (get("path"), get("method")) else {
                    continue;
                };
                dimensions.push(("Resource", path.to_owned()));
                dimensions.push(("Method", method.to_owned()));
                Some(resource.name.clone())
            }
            _ => continue,
        };
        series.extend(of(api, stage, route, dimensions).all(table));
    }
    series
}

/// What CloudWatch calls the APIs, and what they are called.
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) fn new(resources: &[Resource]) -> Self {
        let mut names = HashMap::new();
        for resource in resources {
            let get = |key: &str| resource.configuration.get(key);
            if let (Some(api), Some(id)) = (get("api_name"), get("api_id")) {
                names.insert(id.clone(), api.clone());
                names.insert(metric_name(api, id), api.clone());
            }
        }
        Self(names)
    }

    /// The API's name; what CloudWatch has where it is not known.
    fn of<'a>(&'a self, in_cloudwatch: &'a str) -> &'a str {
        self.0.get(in_cloudwatch).map_or(in_cloudwatch, |name| name)
    }
}

/// The series that a listed metric is.
pub(super) fn listed(names: &Names, listed: &Listed) -> Option<Series> {
    if let Some(values) = listed.exactly(["ApiName", "Stage"]) {
        return stage(names, ["ApiName", "Stage"], values).listed(REST, listed);
    }
    if let Some(values) = listed.exactly(["ApiId", "Stage"]) {
        return by_id(&stage(names, ["ApiId", "Stage"], values), listed);
    }
    let detailed = ["ApiName", "Stage", "Resource", "Method"];
    if let Some(values) = listed.exactly(detailed) {
        let route = format!("{} {}", values[3], values[2]);
        let of = route_of(stage(names, detailed, values), route);
        return of.listed(REST, listed);
    }
    let by_route = ["ApiId", "Stage", "Route"];
    if let Some(values) = listed.exactly(by_route) {
        let of = route_of(stage(names, by_route, values), values[2].to_owned());
        return by_id(&of, listed);
    }
    let by_method = ["ApiId", "Stage", "Resource", "Method"];
    let values = listed.exactly(by_method)?;
    let route = route_key(values[3], values[2]);
    by_id(&route_of(stage(names, by_method, values), route), listed)
}

fn stage<const N: usize>(names: &Names, keys: [&'static str; N], values: [&str; N]) -> Of {
    let dimensions = keys.into_iter().zip(values.map(str::to_owned)).collect();
    of(names.of(values[0]), values[1], None, dimensions)
}

fn route_of(stage: Of, route: String) -> Of {
    Of {
        route: Some(route),
        ..stage
    }
}

/// Both kinds of API go by id; their metrics tell which it is.
fn by_id(of: &Of, listed: &Listed) -> Option<Series> {
    of.listed(HTTP, listed)
        .or_else(|| of.listed(WEBSOCKET, listed))
}

/// The key of a route without a path, `$default` or a WebSocket's `track`, is its resource alone.
fn route_key(method: &str, resource: &str) -> String {
    if resource.starts_with('/') {
        format!("{method} {resource}")
    } else {
        resource.to_owned()
    }
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

    fn store_front(protocol: &'static str) -> Vec<Resource> {
        let stage = [
            ("api_id", "h7"),
            ("api_name", "storefront"),
            ("stage", "$default"),
            ("protocol", protocol),
        ];
        vec![samples::resource("stage", "storefront/$default", &stage)]
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
        for resources in [shop(), store_front("HTTP"), store_front("WEBSOCKET")] {
            let names = Names::new(&resources);
            let known = known(&resources);
            assert!(!known.is_empty());
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
    }

    #[test]
    fn both_shapes_of_a_detailed_route_are_one_series() {
        let names = Names::new(&store_front("HTTP"));
        let stage = [("ApiId", "h7"), ("Stage", "$default")];
        let shapes = [
            [&stage[..], &[("Route", "GET /stores/{id}")]].concat(),
            [
                &stage[..],
                &[("Method", "GET"), ("Resource", "/stores/{id}")],
            ]
            .concat(),
        ];
        let series: Vec<Series> = shapes
            .iter()
            .filter_map(|shape| listed(&names, &samples::listed("4xx", shape)))
            .collect();
        assert_eq!(series.len(), 2);
        let one = without_doubles(series);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].resource, "storefront");
        assert_eq!(one[0].route.as_deref(), Some("GET /stores/{id}"));
    }

    #[test]
    fn a_route_without_a_path_goes_by_its_key() {
        assert_eq!(route_key("ANY", "$default"), "$default");
        assert_eq!(route_key("track", "track"), "track");
        assert_eq!(route_key("GET", "/{proxy+}"), "GET /{proxy+}");
    }

    #[test]
    fn the_level_of_the_api_is_left_out() {
        for by in ["ApiName", "ApiId"] {
            let api = samples::listed("Count", &[(by, "shop")]);
            assert_eq!(listed(&Names::new(&[]), &api), None);
        }
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
