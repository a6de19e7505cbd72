//! From the URL in a gateway's segment to the route that served it.
//!
//! X-Ray keeps the URL that the client asked for, never the template that it matched, so the path
//! is matched against the API's own templates from discovery. An unknown path has no route: a raw
//! path is never made up into one.

use std::collections::HashMap;

use matchit::Router;
use millicent_lake::{Resource, Span};

/// The routes of every API and stage that discovery knows.
#[derive(Debug, Default)]
pub struct RouteTable {
    stages: HashMap<(String, String), Router<usize>>,
    /// Per template: method → route.
    methods: Vec<HashMap<String, String>>,
}

impl RouteTable {
    /// Takes the resources of kind `route`. They are found by API name and by API id.
    pub fn new<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut table = Self::default();
        let mut known: HashMap<(String, String, String), usize> = HashMap::new();
        for resource in resources {
            if resource.kind != "route" {
                continue;
            }
            let get = |key: &str| resource.configuration.get(key);
            let (Some(stage), Some(method), Some(path)) =
                (get("stage"), get("method"), get("path"))
            else {
                continue;
            };
            for api in [get("api_name"), get("api_id")].into_iter().flatten() {
                let template = pattern(path);
                let at = *known
                    .entry((api.clone(), stage.clone(), template.clone()))
                    .or_insert_with(|| {
                        let at = table.methods.len();
                        let router = table
                            .stages
                            .entry((api.clone(), stage.clone()))
                            .or_default();
                        if let Err(error) = router.insert(template, at) {
                            tracing::warn!(api, stage, path, %error, "template can't be matched: traces of this route get no route");
                        }
                        table.methods.push(HashMap::new());
                        at
                    });
                table.methods[at].insert(method.clone(), resource.name.clone());
            }
        }
        table
    }

    /// The route of a request, as `METHOD /template`.
    pub fn find(&self, api: &str, stage: &str, method: &str, url: &str) -> Option<&str> {
        let router = self.stages.get(&(api.to_owned(), stage.to_owned()))?;
        let path = path_of(url);
        // The default host has the stage in the path; a custom domain has not.
        let own = path
            .strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(stage))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        own.and_then(|path| self.matched(router, method, path))
            .or_else(|| self.matched(router, method, path))
    }

    fn matched(&self, router: &Router<usize>, method: &str, path: &str) -> Option<&str> {
        let path = if path.is_empty() { "/" } else { path };
        let found = router.at(path).or_else(|error| {
            match path.strip_suffix('/').filter(|path| !path.is_empty()) {
                Some(shorter) => router.at(shorter),
                None => Err(error),
            }
        });
        let methods = &self.methods[*found.ok()?.value];
        methods
            .get(method)
            .or_else(|| methods.get("ANY"))
            .map(String::as_str)
    }

    /// Sets `route` on the gateway segments among the spans.
    pub fn assign(&self, spans: &mut [Span]) {
        for span in spans {
            if span.origin.as_deref() != Some("AWS::ApiGateway::Stage") {
                continue;
            }
            if let (Some(api), Some(stage), Some(method), Some(url)) = (
                &span.resource,
                &span.stage,
                &span.http_method,
                &span.http_url,
            ) {
                let by_id = || {
                    span.annotations
                        .get("aws:api_id")
                        .and_then(|id| self.find(id, stage, method, url))
                };
                span.route = self
                    .find(api, stage, method, url)
                    .or_else(by_id)
                    .map(str::to_owned);
            }
        }
    }
}

/// API Gateway's template → the router's: `/{proxy+}` → `/{*rest}`. Parameters are named by their
/// place, so that `/a/{id}` and `/a/{key}/b` don't conflict.
fn pattern(template: &str) -> String {
    template
        .split('/')
        .enumerate()
        .map(|(at, part)| {
            if part.starts_with('{') && part.ends_with("+}") {
                "{*rest}".to_owned()
            } else if part.starts_with('{') && part.ends_with('}') {
                format!("{{p{at}}}")
            } else {
                part.replace('{', "{{").replace('}', "}}")
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn route(api: &str, method: &str, path: &str) -> Resource {
        let configuration = [
            ("api_id", "abc123"),
            ("api_name", api),
            ("stage", "prod"),
            ("method", method),
            ("path", path),
        ];
        Resource {
            ts: chrono::DateTime::UNIX_EPOCH,
            account_id: "123456789012".into(),
            region: "eu-central-1".into(),
            kind: "route".into(),
            name: format!("{method} {path}"),
            arn: String::new(),
            configuration: configuration.map(|(k, v)| (k.into(), v.into())).into(),
            tags: BTreeMap::new(),
            deleted: false,
        }
    }

    fn shop() -> RouteTable {
        let rows = [
            route("shop", "GET", "/orders/{id}"),
            route("shop", "GET", "/orders/{orderId}/items"),
            route("shop", "GET", "/orders/latest"),
            route("shop", "POST", "/orders"),
            route("shop", "ANY", "/legacy/{proxy+}"),
            route("shop", "GET", "/"),
        ];
        RouteTable::new(&rows)
    }

    fn find(method: &str, path: &str) -> Option<String> {
        let url = format!("https://abc123.execute-api.eu-central-1.amazonaws.com{path}");
        shop().find("shop", "prod", method, &url).map(str::to_owned)
    }

    #[test]
    fn a_path_finds_its_template() {
        assert_eq!(
            find("GET", "/prod/orders/17").as_deref(),
            Some("GET /orders/{id}")
        );
        assert_eq!(
            find("GET", "/prod/orders/17/").as_deref(),
            Some("GET /orders/{id}")
        );
        assert_eq!(
            find("GET", "/prod/orders/17/items?x=/legacy").as_deref(),
            Some("GET /orders/{orderId}/items")
        );
        assert_eq!(
            find("GET", "/prod/orders/latest").as_deref(),
            Some("GET /orders/latest")
        );
        assert_eq!(find("GET", "/prod").as_deref(), Some("GET /"));
        assert_eq!(find("GET", "/prod/").as_deref(), Some("GET /"));
    }

    #[test]
    fn any_and_proxy_take_what_is_left() {
        for (method, path) in [("DELETE", "/prod/legacy/a/b/c"), ("GET", "/prod/legacy/x")] {
            assert_eq!(find(method, path).as_deref(), Some("ANY /legacy/{proxy+}"));
        }
    }

    #[test]
    fn an_unknown_path_or_method_has_no_route() {
        assert_eq!(find("DELETE", "/prod/orders/17"), None);
        assert_eq!(find("GET", "/prod/nowhere"), None);
        assert_eq!(find("GET", "/production/orders/17"), None);
    }

    #[test]
    fn a_custom_domain_has_no_stage_in_its_path() {
        let shop = shop();
        let found = shop.find("shop", "prod", "POST", "https://api.example.com/orders");
        assert_eq!(found, Some("POST /orders"));
        assert_eq!(
            shop.find("abc123", "prod", "POST", "https://x/orders"),
            Some("POST /orders")
        );
        assert_eq!(shop.find("shop", "dev", "POST", "https://x/orders"), None);
    }
}
