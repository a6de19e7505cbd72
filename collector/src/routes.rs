//! From a URL in a trace to the route that served it.
//!
//! X-Ray keeps the URL that the client asked for, never the template that it matched, so the path
//! is matched against the API's own templates from discovery. An unknown path has no route: a raw
//! path is never made up into one.

mod stage;
mod template;
mod url;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use millicent_lake::{Resource, Span};

use stage::Stage;
use url::Location;

/// The routes of every API and stage, and the domains of every API, that discovery knows.
#[derive(Debug, Default)]
pub struct RouteTable {
    apis: HashMap<String, Api>,
    /// Several APIs may have one name.
    by_name: HashMap<String, Vec<String>>,
    domains: HashMap<String, Vec<Mapping>>,
}

#[derive(Debug, Default)]
struct Api {
    name: String,
    stages: HashMap<String, Stage>,
}

/// What answers at a domain under a base path.
#[derive(Debug)]
struct Mapping {
    /// Without slashes around it; empty for what no other mapping takes.
    base_path: String,
    api_id: String,
    /// Without one, the next part of the path tells it.
    stage: Option<String>,
}

/// The route that serves a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served<'a> {
    /// Id of the API.
    pub api_id: &'a str,
    /// Its name.
    pub api: &'a str,
    /// Stage.
    pub stage: &'a str,
    /// `METHOD /template`, or `$default`, or `$connect`.
    pub route: &'a str,
}

impl RouteTable {
    /// Takes the resources of the kinds `route` and `domain`.
    pub fn new<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut table = Self::default();
        for resource in resources {
            match resource.kind.as_str() {
                "route" => table.add_route(resource),
                "domain" => table.add_domain(resource),
                _ => {}
            }
        }
        for mappings in table.domains.values_mut() {
            // `orders/v2` before `orders`, and what takes the rest last.
            mappings.sort_by_key(|mapping| std::cmp::Reverse(mapping.base_path.len()));
        }
        table
    }

    fn add_route(&mut self, route: &Resource) {
        let get = |key: &str| route.configuration.get(key).map(String::as_str);
        let (Some(id), Some(stage)) = (get("api_id"), get("stage")) else {
            return;
        };
        let api = self.apis.entry(id.to_owned()).or_insert_with(|| {
            let name = get("api_name").unwrap_or(id).to_owned();
            self.by_name
                .entry(name.clone())
                .or_default()
                .push(id.to_owned());
            Api {
                name,
                stages: HashMap::new(),
            }
        });
        let protocol = get("protocol").unwrap_or("REST");
        let stage = api
            .stages
            .entry(stage.to_owned())
            .or_insert_with(|| Stage::of(protocol));
        if let Err(error) = stage.add(&route.name, get("method"), get("path")) {
            tracing::warn!(api = api.name, route = route.name, %error,
                "template can't be matched: traces of this route get no route");
        }
    }

    fn add_domain(&mut self, domain: &Resource) {
        let get = |key: &str| domain.configuration.get(key);
        let Some(api_id) = get("api_id") else { return };
        let mapping = Mapping {
            base_path: get("base_path")
                .map_or("", |path| path.trim_matches('/'))
                .to_owned(),
            api_id: api_id.clone(),
            stage: get("stage").cloned(),
        };
        self.domains
            .entry(domain.name.to_lowercase())
            .or_default()
            .push(mapping);
    }

    /// The route of a request to an API, known by its name or its id, as `METHOD /template`.
    pub fn find(&self, api: &str, stage: &str, method: &str, url: &str) -> Option<&str> {
        let location = Location::of(url);
        self.ids(api)
            .find_map(|id| self.find_in(id, stage, method, &location))
    }

    fn ids<'a>(&'a self, api: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.by_name.get(api).into_iter().flatten();
        named.map(String::as_str).chain(std::iter::once(api))
    }

    fn find_in(
        &self,
        id: &str,
        stage: &str,
        method: &str,
        location: &Location<'_>,
    ) -> Option<&str> {
        let known = self.apis.get(id)?.stages.get(stage)?;
        // A custom domain has its base path before the path; the default host the stage. A path
        // that has neither may have come through a domain that discovery doesn't know.
        let mapped = self
            .mapping(location)
            .filter(|(mapping, _)| mapping.api_id == id)
            .map(|(_, path)| path);
        let staged = below(location.path, stage);
        [mapped, staged, Some(location.path)]
            .into_iter()
            .flatten()
            .find_map(|path| known.find(method, path))
    }

    /// What serves a URL, known by its host alone: the API's own host or a custom domain.
    pub fn serves(&self, method: &str, url: &str) -> Option<Served<'_>> {
        let location = Location::of(url);
        if let Some(id) = location.api_id() {
            let (id, api) = self.apis.get_key_value(id)?;
            return served(id, api, None, method, location.path);
        }
        let (mapping, path) = self.mapping(&location)?;
        let api = self.apis.get(&mapping.api_id)?;
        served(&mapping.api_id, api, mapping.stage.as_deref(), method, path)
    }

    /// The mapping of a domain that takes the path, and the path below its base.
    fn mapping<'a>(&self, location: &Location<'a>) -> Option<(&Mapping, &'a str)> {
        let mappings = self.domains.get(&location.host)?;
        mappings.iter().find_map(|mapping| {
            let path = match mapping.base_path.as_str() {
                "" => location.path,
                base => below(location.path, base)?,
            };
            Some((mapping, path))
        })
    }

    /// Sets `route` on the gateway's segments among the spans, and on a function's whose URL is
    /// an API's: HTTP and WebSocket APIs send no segment of their own.
    pub fn assign(&self, spans: &mut [Span]) {
        for span in spans {
            let (Some(method), Some(url)) = (&span.http_method, &span.http_url) else {
                continue;
            };
            let route = match span.origin.as_deref() {
                Some("AWS::ApiGateway::Stage") => {
                    let (Some(api), Some(stage)) = (&span.resource, &span.stage) else {
                        continue;
                    };
                    let location = Location::of(url);
                    let by_id = span.annotations.get("aws:api_id");
                    by_id
                        .and_then(|id| self.find_in(id, stage, method, &location))
                        .or_else(|| self.find(api, stage, method, url))
                }
                Some("AWS::Lambda" | "AWS::Lambda::Function") if span.kind == "segment" => {
                    self.serves(method, url).map(|served| served.route)
                }
                _ => continue,
            };
            span.route = route.map(str::to_owned);
        }
    }
}

/// Looks in the stage, or in the one that the path begins with, or in the one that has no name in
/// the path.
fn served<'a>(
    id: &'a str,
    api: &'a Api,
    stage: Option<&str>,
    method: &str,
    path: &str,
) -> Option<Served<'a>> {
    let mut stages = api.stages.iter();
    let (stage, known, path) = match stage {
        Some(stage) => {
            let (stage, known) = api.stages.get_key_value(stage)?;
            (stage, known, path)
        }
        None => stages
            .find_map(|(stage, known)| Some((stage, known, below(path, stage)?)))
            .or_else(|| {
                let (stage, known) = api.stages.get_key_value("$default")?;
                Some((stage, known, path))
            })?,
    };
    Some(Served {
        api_id: id,
        api: &api.name,
        stage,
        route: known.find(method, path)?,
    })
}

/// What is left of a path below a part of it: `/prod/orders` below `prod` is `/orders`.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    path.strip_prefix('/')?
        .strip_prefix(base)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
