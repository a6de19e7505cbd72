//! HTTP and WebSocket APIs, their stages, and per stage their routes with what serves each.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigatewayv2::types::{Api, Integration, ProtocolType, Route, RouteSettings, Stage};
use millicent_lake::Resource;

use super::integrations;
use super::listing::{Each, Found, Pages, is_gone, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

/// Their stages and routes are of the same kinds as those of REST APIs.
pub(super) const KINDS: &[&str] = &["http-api", "websocket-api", "stage", "route"];

const GET_APIS: Operation = Operation("apigateway:GET on /apis");
const GET_STAGES: Operation = Operation("apigateway:GET on /apis/*/stages");
const GET_ROUTES: Operation = Operation("apigateway:GET on /apis/*/routes");
const GET_INTEGRATIONS: Operation = Operation("apigateway:GET on /apis/*/integrations");

/// A text in this API's model.
const PAGE: &str = "500";

/// True for the row of an API, stage or route that this listing gives.
pub(super) fn is_ours(row: &Resource) -> bool {
    let protocol = row.configuration.get("protocol").map(String::as_str);
    matches!(protocol, Some("HTTP" | "WEBSOCKET"))
}

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut apis: HashMap<String, Api> = HashMap::new();
    let mut items = Vec::new();
    let mut pages = Pages::of(GET_APIS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway_v2
            .get_apis()
            .max_results(PAGE)
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| GET_APIS.trouble(error))?;
        for api in page.items.unwrap_or_default() {
            if let Some(id) = api.api_id().map(str::to_owned) {
                items.push((id.clone(), None));
                apis.insert(id, api);
            }
        }
        if !pages.turn(page.next_token)? {
            break;
        }
    }
    let each = Each {
        what: "HTTP and WebSocket APIs",
        kinds: KINDS,
        known,
        owner: |row| {
            let id = row.configuration.get("api_id").filter(|_| is_ours(row));
            id.map(String::as_str)
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

async fn read(inner: &Inner, meter: &Meter, id: &str, api: &Api) -> Result<Found, Trouble> {
    let (Some(name), Some(protocol)) = (api.name(), api.protocol_type()) else {
        return Ok(Found::default());
    };
    let (Some(stages), Some(routes), Some(integrations)) = (
        stages(inner, meter, id).await?,
        routes(inner, meter, id).await?,
        integrations(inner, meter, id).await?,
    ) else {
        return Ok(Found::default());
    };
    let integrations = integrations
        .iter()
        .filter_map(|integration| Some((integration.integration_id()?, integration)))
        .collect();
    let of = Rows {
        inner,
        id,
        name,
        protocol,
        routes: &routes,
        integrations,
    };
    let mut rows = vec![of.api_row(api)];
    for stage in &stages {
        rows.extend(of.stage_rows(stage));
    }
    Ok(Found::whole(rows))
}

/// `None` if the API is gone.
async fn stages(inner: &Inner, meter: &Meter, api: &str) -> Result<Option<Vec<Stage>>, Trouble> {
    let mut found = Vec::new();
    let mut pages = Pages::of(GET_STAGES);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway_v2
            .get_stages()
            .api_id(api)
            .max_results(PAGE)
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(GET_STAGES.trouble(error)),
        };
        found.extend(page.items.unwrap_or_default());
        if !pages.turn(page.next_token)? {
            return Ok(Some(found));
        }
    }
}

/// `None` if the API is gone.
async fn routes(inner: &Inner, meter: &Meter, api: &str) -> Result<Option<Vec<Route>>, Trouble> {
    let mut found = Vec::new();
    let mut pages = Pages::of(GET_ROUTES);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway_v2
            .get_routes()
            .api_id(api)
            .max_results(PAGE)
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(GET_ROUTES.trouble(error)),
        };
        found.extend(page.items.unwrap_or_default());
        if !pages.turn(page.next_token)? {
            return Ok(Some(found));
        }
    }
}

/// `None` if the API is gone.
async fn integrations(
    inner: &Inner,
    meter: &Meter,
    api: &str,
) -> Result<Option<Vec<Integration>>, Trouble> {
    let mut found = Vec::new();
    let mut pages = Pages::of(GET_INTEGRATIONS);
    loop {
        inner.pace.apigateway.take(1.0).await;
        let page = inner
            .aws
            .apigateway_v2
            .get_integrations()
            .api_id(api)
            .max_results(PAGE)
            .set_next_token(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(GET_INTEGRATIONS.trouble(error)),
        };
        found.extend(page.items.unwrap_or_default());
        if !pages.turn(page.next_token)? {
            return Ok(Some(found));
        }
    }
}

/// The rows of one API.
struct Rows<'a> {
    inner: &'a Inner,
    id: &'a str,
    name: &'a str,
    protocol: &'a ProtocolType,
    routes: &'a [Route],
    integrations: HashMap<&'a str, &'a Integration>,
}

impl Rows<'_> {
    fn configuration(&self) -> BTreeMap<String, String> {
        settings([
            ("api_id", Some(self.id.to_owned())),
            ("api_name", Some(self.name.to_owned())),
            ("protocol", Some(self.protocol.as_str().to_owned())),
        ])
    }

    fn arn(&self) -> String {
        let region = &self.inner.config.region;
        format!("arn:aws:apigateway:{region}::/apis/{}", self.id)
    }

    fn api_row(&self, api: &Api) -> Resource {
        let kind = match self.protocol {
            ProtocolType::Websocket => "websocket-api",
            _ => "http-api",
        };
        let mut configuration = self.configuration();
        configuration.extend(settings([
            ("endpoint", api.api_endpoint().map(str::to_owned)),
            (
                "route_selection",
                api.route_selection_expression().map(str::to_owned),
            ),
        ]));
        let row = row(self.inner, kind, self.name, self.arn(), configuration);
        tagged(row, api.tags())
    }

    fn stage_rows(&self, stage: &Stage) -> Vec<Resource> {
        let Some(name) = stage.stage_name() else {
            return Vec::new();
        };
        let mut routes: Vec<Resource> = self
            .routes
            .iter()
            .filter_map(|route| self.route_row(name, stage, route))
            .collect();
        routes.sort_by(|a, b| a.arn.cmp(&b.arn));
        let detailed = routes
            .iter()
            .any(|route| route.configuration["detailed_metrics"] == "true");
        let mut configuration = self.configuration();
        configuration.extend(settings([
            ("stage", Some(name.to_owned())),
            ("detailed_metrics", Some(detailed.to_string())),
            // API Gateway sends traces of REST APIs only.
            ("tracing", Some("false".to_owned())),
            ("deployment_id", stage.deployment_id().map(str::to_owned)),
        ]));
        let row = row(
            self.inner,
            "stage",
            format!("{}/{name}", self.name),
            format!("{}/stages/{name}", self.arn()),
            configuration,
        );
        routes.insert(0, tagged(row, stage.tags()));
        routes
    }

    fn route_row(&self, stage_name: &str, stage: &Stage, route: &Route) -> Option<Resource> {
        let key = route.route_key()?;
        let (method, path) = match key.split_once(' ') {
            Some((method, path)) => (Some(method), Some(path)),
            // `$default`, `$connect`, or what a message of a WebSocket says.
            None => (None, None),
        };
        let mut configuration = self.configuration();
        configuration.extend(settings([
            ("stage", Some(stage_name.to_owned())),
            ("route_key", Some(key.to_owned())),
            ("method", method.map(str::to_owned)),
            ("path", path.map(str::to_owned)),
            (
                "detailed_metrics",
                Some(detailed_metrics(stage, key).to_string()),
            ),
        ]));
        let integration = route
            .target()
            .and_then(|target| target.strip_prefix("integrations/"))
            .and_then(|id| self.integrations.get(id));
        configuration.extend(
            integration
                .into_iter()
                .flat_map(|i| integrations::of_http(i, stage.stage_variables())),
        );
        Some(row(
            self.inner,
            "route",
            key,
            format!(
                "arn:aws:execute-api:{}:{}:{}/{stage_name}/{}",
                self.inner.config.region,
                self.inner.aws.account_id,
                self.id,
                // `GET/stores/{id}`, as permissions write it.
                key.replacen(' ', "", 1)
            ),
            configuration,
        ))
    }
}

/// Those of the route, else of the stage.
fn detailed_metrics(stage: &Stage, route_key: &str) -> bool {
    let own = stage
        .route_settings()
        .and_then(|settings| settings.get(route_key))
        .and_then(RouteSettings::detailed_metrics_enabled);
    let all = stage
        .default_route_settings()
        .and_then(RouteSettings::detailed_metrics_enabled);
    own.or(all).unwrap_or(false)
}

fn tagged(row: Resource, tags: Option<&HashMap<String, String>>) -> Resource {
    let tags = tags.into_iter().flatten();
    Resource {
        tags: tags.map(|(k, v)| (k.clone(), v.clone())).collect(),
        ..row
    }
}
