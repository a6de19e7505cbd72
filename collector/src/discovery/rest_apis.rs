//! REST APIs, their stages, and per stage their routes with what serves each.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{MethodSetting, Resource as ApiResource, RestApi, Stage};
use millicent_lake::Resource;

use super::http_apis::is_ours;
use super::integrations;
use super::listing::{Each, Found, Pages, is_gone, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["rest-api", "stage", "route"];

/// API Gateway has one read action; it is on paths.
const GET_REST_APIS: Operation = Operation("apigateway:GET on /restapis");
const GET_RESOURCES: Operation = Operation("apigateway:GET on /restapis/*/resources");
const GET_STAGES: Operation = Operation("apigateway:GET on /restapis/*/stages");

const PAGE: i32 = 500;
const PROTOCOL: &str = "REST";

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut apis: HashMap<String, RestApi> = HashMap::new();
    let mut items = Vec::new();
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
        for api in page.items.unwrap_or_default() {
            if let Some(id) = api.id().map(str::to_owned) {
                items.push((id.clone(), None));
                apis.insert(id, api);
            }
        }
        if !pages.turn(page.position)? {
            break;
        }
    }
    let each = Each {
        what: "REST APIs",
        kinds: KINDS,
        known,
        owner: |row| {
            let id = row.configuration.get("api_id");
            id.filter(|_| !is_ours(row)).map(String::as_str)
        },
    };
    let apis = &apis;
    Ok(each
        .ask(items, async |id| match apis.get(&id) {
            Some(api) => read(inner, meter, &id, api).await,
            None => Ok(Found::default()),
        })
        .await)
}

async fn read(inner: &Inner, meter: &Meter, id: &str, api: &RestApi) -> Result<Found, Trouble> {
    let Some(name) = api.name() else {
        return Ok(Found::default());
    };
    let of = Api { inner, id, name };
    let (Some(stages), Some(resources)) = (of.stages(meter).await?, of.resources(meter).await?)
    else {
        return Ok(Found::default());
    };
    let mut rows = vec![of.api_row(api)];
    for stage in &stages {
        rows.extend(of.stage_rows(stage, &resources));
    }
    Ok(Found::whole(rows))
}

struct Api<'a> {
    inner: &'a Inner,
    id: &'a str,
    name: &'a str,
}

impl Api<'_> {
    /// `None` if the API is gone.
    async fn stages(&self, meter: &Meter) -> Result<Option<Vec<Stage>>, Trouble> {
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
            .await;
        match stages {
            Ok(stages) => Ok(Some(stages.item.unwrap_or_default())),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(GET_STAGES.trouble(error)),
        }
    }

    /// `None` if the API is gone.
    async fn resources(&self, meter: &Meter) -> Result<Option<Vec<ApiResource>>, Trouble> {
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
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(GET_RESOURCES.trouble(error)),
            };
            resources.extend(page.items.unwrap_or_default());
            if !pages.turn(page.position)? {
                return Ok(Some(resources));
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
                        ("protocol", PROTOCOL.to_owned()),
                    ]
                    .map(|(key, value)| (key.to_owned(), value)),
                );
                let integration = definition.method_integration();
                configuration.extend(
                    integration
                        .into_iter()
                        .flat_map(|i| integrations::of_rest(i, stage.variables())),
                );
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
                ("protocol", PROTOCOL.to_owned()),
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
        settings([
            ("api_id", Some(self.id.to_owned())),
            ("api_name", Some(self.name.to_owned())),
        ])
    }

    fn row(
        &self,
        kind: &str,
        name: String,
        arn: String,
        configuration: BTreeMap<String, String>,
        tags: Option<&HashMap<String, String>>,
    ) -> Resource {
        let tags = tags.into_iter().flatten();
        Resource {
            tags: tags.map(|(k, v)| (k.clone(), v.clone())).collect(),
            ..row(self.inner, kind, name, arn, configuration)
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

#[cfg(test)]
mod tests {
    use super::*;

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
