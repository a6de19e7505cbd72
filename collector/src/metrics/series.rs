//! Which series are asked for, and which statistics of each.

use std::collections::BTreeSet;

use millicent_lake::{MetricPoint, Resource};

/// A statistic of CloudWatch that has a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    SampleCount,
    Sum,
    Maximum,
    P50,
    P95,
    P99,
}

impl Statistic {
    /// As `GetMetricData` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Statistic::SampleCount => "SampleCount",
            Statistic::Sum => "Sum",
            Statistic::Maximum => "Maximum",
            Statistic::P50 => "p50",
            Statistic::P95 => "p95",
            Statistic::P99 => "p99",
        }
    }

    pub(crate) fn put(self, point: &mut MetricPoint, value: f64) {
        let column = match self {
            Statistic::SampleCount => &mut point.sample_count,
            Statistic::Sum => &mut point.sum,
            Statistic::Maximum => &mut point.max,
            Statistic::P50 => &mut point.p50,
            Statistic::P95 => &mut point.p95,
            Statistic::P99 => &mut point.p99,
        };
        *column = Some(value);
    }
}

const SUM: &[Statistic] = &[Statistic::Sum];
const MAXIMUM: &[Statistic] = &[Statistic::Maximum];
/// Five statistics, one billed unit.
const LATENCY: &[Statistic] = &[
    Statistic::SampleCount,
    Statistic::Sum,
    Statistic::P50,
    Statistic::P95,
    Statistic::P99,
];

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

type Metric = (&'static str, &'static str, &'static [Statistic]);

const LAMBDA: &[Metric] = &[
    ("Invocations", COUNT, SUM),
    ("Errors", COUNT, SUM),
    ("Throttles", COUNT, SUM),
    ("Duration", MILLISECONDS, LATENCY),
    ("ConcurrentExecutions", COUNT, MAXIMUM),
];

const REST_API: &[Metric] = &[
    ("Count", COUNT, SUM),
    ("4XXError", COUNT, SUM),
    ("5XXError", COUNT, SUM),
    ("Latency", MILLISECONDS, LATENCY),
    ("IntegrationLatency", MILLISECONDS, LATENCY),
];

/// One metric of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// CloudWatch's namespace.
    pub(crate) namespace: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) unit: &'static str,
    /// The exact set: each set is a metric of its own.
    pub(crate) dimensions: Vec<(&'static str, String)>,
    pub(crate) statistics: &'static [Statistic],
    /// `service` of the rows.
    pub(crate) service: &'static str,
    pub(crate) resource: String,
    pub(crate) stage: Option<String>,
    pub(crate) route: Option<String>,
}

impl Series {
    /// For messages: `Duration of checkout`.
    pub(crate) fn label(&self) -> String {
        let of = [
            Some(&self.resource),
            self.stage.as_ref(),
            self.route.as_ref(),
        ];
        let of: Vec<&str> = of.into_iter().flatten().map(String::as_str).collect();
        format!("{} of {}", self.metric, of.join(" "))
    }
}

/// Lambda: per function.
pub(super) fn of_functions(resources: &[Resource]) -> Vec<Series> {
    let mut series = Vec::new();
    for function in resources.iter().filter(|r| r.kind == "function") {
        for &(metric, unit, statistics) in LAMBDA {
            series.push(Series {
                namespace: "AWS/Lambda",
                metric,
                unit,
                dimensions: vec![("FunctionName", function.name.clone())],
                statistics,
                service: "lambda",
                resource: function.name.clone(),
                stage: None,
                route: None,
            });
        }
    }
    series
}

/// REST APIs: the level of the stage, and of the route where its detailed metrics are on. The level
/// of the API is left out: levels overlap, and would count a request again.
pub(super) fn of_rest_apis(resources: &[Resource]) -> Vec<Series> {
    let mut seen = BTreeSet::new();
    let mut series = Vec::new();
    for resource in resources {
        let get = |key: &str| resource.configuration.get(key).cloned();
        let (Some(api), Some(stage)) = (get("api_name"), get("stage")) else {
            continue;
        };
        let metric_name = metric_name(&api, get("api_id").unwrap_or_default());
        let mut dimensions = vec![("ApiName", metric_name), ("Stage", stage.clone())];
        let route = match resource.kind.as_str() {
            "stage" => None,
            "route" if get("detailed_metrics").as_deref() == Some("true") => {
                let (Some(path), Some(method)) = (get("path"), get("method")) else {
                    continue;
                };
                dimensions.extend([("Resource", path), ("Method", method)]);
                Some(resource.name.clone())
            }
            _ => continue,
        };
        // APIs of one name share their series in CloudWatch.
        if !seen.insert((api.clone(), stage.clone(), route.clone())) {
            continue;
        }
        for &(metric, unit, statistics) in REST_API {
            series.push(Series {
                namespace: "AWS/ApiGateway",
                metric,
                unit,
                dimensions: dimensions.clone(),
                statistics,
                service: "apigateway",
                resource: api.clone(),
                stage: Some(stage.clone()),
                route: route.clone(),
            });
        }
    }
    series
}

/// CloudWatch strips what is not ASCII from an API's name, and takes the id if nothing is left.
fn metric_name(name: &str, id: String) -> String {
    let ascii: String = name.chars().filter(char::is_ascii).collect();
    if ascii.is_empty() { id } else { ascii }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    pub(crate) fn resource(kind: &str, name: &str, pairs: &[(&str, &str)]) -> Resource {
        Resource {
            ts: chrono::DateTime::UNIX_EPOCH,
            account_id: "123456789012".into(),
            region: "eu-central-1".into(),
            kind: kind.into(),
            name: name.into(),
            arn: name.into(),
            configuration: pairs
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            tags: BTreeMap::new(),
            deleted: false,
        }
    }

    #[test]
    fn a_stage_has_its_own_level_and_its_detailed_routes() {
        let shop = [("api_id", "a1"), ("api_name", "shop"), ("stage", "prod")];
        let route = |method, detailed| {
            let more = [
                ("method", method),
                ("path", "/orders"),
                ("detailed_metrics", detailed),
            ];
            resource(
                "route",
                &format!("{method} /orders"),
                &[&shop[..], &more[..]].concat(),
            )
        };
        let resources = [
            resource("rest-api", "shop", &[("api_name", "shop")]),
            resource("stage", "shop/prod", &shop),
            route("GET", "true"),
            route("OPTIONS", "false"),
            resource("stage", "shop/prod", &shop),
        ];
        let series = of_rest_apis(&resources);
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
    fn a_name_that_is_not_ascii_is_stripped_as_cloudwatch_does() {
        assert_eq!(metric_name("café", "a1".into()), "caf");
        assert_eq!(metric_name("商店", "a1".into()), "a1");
    }
}
