//! REST APIs, their stages, and per stage their routes with the function that serves each.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{
    Integration, MethodSetting, Resource as ApiResource, RestApi, Stage,
};
use millicent_lake::Resource;

use super::listing::{Found, Pages};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::segments::function_of_arn;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["rest-api", "stage", "route"];

/// API Gateway has one read action; it is on paths.
const GET_REST_APIS: Operation = Operation("apigateway:GET on /restapis");
const GET_RESOURCES: Operation = Operation("apigateway:GET on /restapis/*/resources");
const GET_STAGES: Operation = Operation("apigateway:GET on /restapis/*/stages");

const PAGE: i32 = 500;

pub(super) async fn list(inner: &Inner, meter: &Meter) -> Result<Found, Trouble> {
    let mut apis: Vec<RestApi> = Vec::new();
    let mut pages = Pages::of(GET_REST_APIS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway
            .get_rest_apis()
            .limit(PAGE)
            .set_position(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_REST_APIS.trouble(error))?;
        apis.extend(page.items.unwrap_or_default());
        if !pages.turn(page.position)? {
            break;
        }
    }
    let mut found = Vec::new();
    for api in &apis {
        let (Some(id), Some(name)) = (api.id(), api.name()) else {
            continue;
        };
        let of = Api { inner, id, name };
        let stages = of.stages(meter).await?;
        let resources = of.resources(meter).await?;
        found.push(of.api_row(api));
        for stage in &stages {
            found.extend(of.stage_rows(stage, &resources));
        }
    }
    Ok(Found::whole(found))
}

struct Api<'a> {
    inner: &'a Inner,
    id: &'a str,
    name: &'a str,
}

impl Api<'_> {
    async fn stages(&self, meter: &Meter) -> Result<Vec<Stage>, Trouble> {
        self.inner.pace.apigateway.take(1.0).await;
        let stages = self
            .inner
            .aws
            .apigateway
            .get_stages()
            .rest_api_id(self.id)
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_STAGES.trouble(error))?;
        Ok(stages.item.unwrap_or_default())
    }

    async fn resources(&self, meter: &Meter) -> Result<Vec<ApiResource>, Trouble> {
        let mut resources = Vec::new();
        let mut pages = Pages::of(GET_RESOURCES);
        loop {
            self.inner.pace.apigateway.take(1.0).await;
            self.inner.pace.apigateway_resources.take(1.0).await;
            let page = self
                .inner
                .aws
                .apigateway
                .get_resources()
                .rest_api_id(self.id)
                .embed("methods")
                .limit(PAGE)
                .set_position(pages.token())
                .customize()
                .interceptor(meter.attempts())
                .send()
                .await
                .map_err(|error| GET_RESOURCES.trouble(error))?;
            resources.extend(page.items.unwrap_or_default());
            if !pages.turn(page.position)? {
                return Ok(resources);
            }
        }
    }

    fn api_row(&self, api: &RestApi) -> Resource {
        let endpoints = api.endpoint_configuration().map(|e| {
            e.types()
                .iter()
                .map(|t| t.as_str())
                .collect::<Vec<_>>()
                .join(",")
        });
        let mut configuration = self.configuration();
        configuration.extend(endpoints.map(|types| ("endpoint_types".to_owned(), types)));
        self.row(
            "rest-api",
            self.name.to_owned(),
            format!(
                "arn:aws:apigateway:{}::/restapis/{}",
                self.region(),
                self.id
            ),
            configuration,
            api.tags(),
        )
    }

    fn stage_rows(&self, stage: &Stage, resources: &[ApiResource]) -> Vec<Resource> {
        let Some(name) = stage.stage_name() else {
            return Vec::new();
        };
        let settings = stage.method_settings();
        let mut routes = Vec::new();
        let mut any_detailed = false;
        for resource in resources {
            let Some(path) = resource.path() else {
                continue;
            };
            for (method, definition) in resource.resource_methods().into_iter().flatten() {
                let detailed = detailed_metrics(settings, path, method);
                any_detailed |= detailed;
                let mut configuration = self.configuration();
                configuration.extend(
                    [
                        ("stage", name.to_owned()),
                        ("method", method.clone()),
                        ("path", path.to_owned()),
                        ("detailed_metrics", detailed.to_string()),
                    ]
                    .map(|(key, value)| (key.to_owned(), value)),
                );
                let integration = definition.method_integration();
                configuration.extend(integration.into_iter().flat_map(|i| served_by(i, stage)));
                routes.push(self.row(
                    "route",
                    format!("{method} {path}"),
                    format!(
                        "arn:aws:execute-api:{}:{}:{}/{name}/{method}{path}",
                        self.region(),
                        self.inner.aws.account_id,
                        self.id
                    ),
                    configuration,
                    None,
                ));
            }
        }
        routes.sort_by(|a, b| a.arn.cmp(&b.arn));

        let mut configuration = self.configuration();
        configuration.extend(
            [
                ("stage", name.to_owned()),
                ("detailed_metrics", any_detailed.to_string()),
                ("tracing", stage.tracing_enabled().to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        let deployment = stage.deployment_id().map(str::to_owned);
        configuration.extend(deployment.map(|id| ("deployment_id".to_owned(), id)));
        let stage_row = self.row(
            "stage",
            format!("{}/{name}", self.name),
            format!(
                "arn:aws:apigateway:{}::/restapis/{}/stages/{name}",
                self.region(),
                self.id
            ),
            configuration,
            stage.tags(),
        );
        routes.insert(0, stage_row);
        routes
    }

    fn region(&self) -> &str {
        &self.inner.config.region
    }

    fn configuration(&self) -> BTreeMap<String, String> {
        [("api_id", self.id), ("api_name", self.name)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    fn row(
        &self,
        kind: &str,
        name: String,
        arn: String,
        configuration: BTreeMap<String, String>,
        tags: Option<&HashMap<String, String>>,
    ) -> Resource {
        Resource {
            ts: self.inner.clock.now(),
            account_id: self.inner.aws.account_id.clone(),
            region: self.inner.config.region.clone(),
            kind: kind.to_owned(),
            name,
            arn,
            configuration,
            tags: tags
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            deleted: false,
        }
    }
}

/// Method settings are keyed `{path without its first slash}/{METHOD}`, where slashes inside the
/// path may be written `~1`, or `*/*` for all; the more particular one counts.
fn detailed_metrics(
    settings: Option<&HashMap<String, MethodSetting>>,
    path: &str,
    method: &str,
) -> bool {
    let Some(settings) = settings else {
        return false;
    };
    let bare = path.trim_start_matches('/');
    let escaped = path.replace('/', "~1");
    let escaped_bare = bare.replace('/', "~1");
    [bare, escaped.as_str(), escaped_bare.as_str(), path]
        .into_iter()
        .find_map(|path| settings.get(&format!("{path}/{method}")))
        .or_else(|| settings.get("*/*"))
        .is_some_and(MethodSetting::metrics_enabled)
}

/// Type of the integration, and the function or service that it calls.
fn served_by(integration: &Integration, stage: &Stage) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    if let Some(kind) = integration.r#type() {
        pairs.push(("integration_type".to_owned(), kind.as_str().to_owned()));
    }
    if let Some(uri) = integration.uri() {
        let uri = with_stage_variables(uri, stage.variables());
        match target_of_uri(&uri) {
            Some(Target::Function(name)) => pairs.push(("integration_target".to_owned(), name)),
            Some(Target::Service(name)) => pairs.push(("integration_service".to_owned(), name)),
            None => pairs.push(("integration_uri".to_owned(), uri)),
        }
    }
    pairs
}

fn with_stage_variables(uri: &str, variables: Option<&HashMap<String, String>>) -> String {
    let mut uri = uri.to_owned();
    for (name, value) in variables.into_iter().flatten() {
        uri = uri.replace(&format!("${{stageVariables.{name}}}"), value);
    }
    uri
}

#[derive(Debug, PartialEq)]
enum Target {
    Function(String),
    Service(String),
}

/// `arn:aws:apigateway:r:lambda:path/2015-03-31/functions/{function ARN}/invocations`, or
/// `arn:aws:apigateway:r:{service}:action/…`.
fn target_of_uri(uri: &str) -> Option<Target> {
    let mut parts = uri.splitn(6, ':');
    if parts.next()? != "arn" || parts.nth(1)? != "apigateway" {
        return None;
    }
    let service = parts.nth(1)?;
    let path = parts.next()?;
    if service != "lambda" {
        return Some(Target::Service(service.to_owned()));
    }
    let arn = path.split_once("/functions/")?.1;
    let arn = arn.strip_suffix("/invocations").unwrap_or(arn);
    function_of_arn(arn).map(Target::Function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integration_tells_its_function() {
        let uri = |function: &str| {
            format!(
                "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:{function}/invocations"
            )
        };
        let function = |name: &str| Some(Target::Function(name.to_owned()));
        assert_eq!(target_of_uri(&uri("get-order")), function("get-order"));
        assert_eq!(target_of_uri(&uri("get-order:live")), function("get-order"));
        assert_eq!(
            target_of_uri("arn:aws:apigateway:eu-central-1:states:action/StartExecution"),
            Some(Target::Service("states".to_owned()))
        );
        assert_eq!(target_of_uri("https://example.com/orders"), None);

        let variables = [("fn".to_owned(), "pay".to_owned())].into();
        let named = with_stage_variables(&uri("${stageVariables.fn}"), Some(&variables));
        assert_eq!(target_of_uri(&named), function("pay"));
    }

    #[test]
    fn detailed_metrics_are_set_for_all_or_for_one_method() {
        let setting = |on: bool| MethodSetting::builder().metrics_enabled(on).build();
        let settings: HashMap<String, MethodSetting> = [
            ("*/*".to_owned(), setting(true)),
            ("orders/{id}/GET".to_owned(), setting(false)),
            ("~1carts~1{id}/POST".to_owned(), setting(false)),
        ]
        .into();
        let on = |path, method| detailed_metrics(Some(&settings), path, method);
        assert!(on("/orders", "GET"));
        assert!(!on("/orders/{id}", "GET"));
        assert!(!on("/carts/{id}", "POST"));
        assert!(!detailed_metrics(None, "/orders", "GET"));
    }
}
