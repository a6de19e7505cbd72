//! The routes of one stage, and which of them takes a request.
//!
//! How API Gateway chooses: "Working with routes for HTTP APIs" and "Set up a REST API's methods" in
//! its developer guide. A REST API finds the resource first, and a resource without the method takes
//! nothing. An HTTP API takes the most particular route that has the method: a whole match before
//! one with a greedy part before `$default`. A WebSocket API chooses by the message, and of its
//! routes only `$connect` has a URL.

use std::collections::HashMap;

use matchit::{InsertError, Router};

use super::template::{Rank, Template};
use super::url::decoded;

#[derive(Debug)]
pub(super) struct Stage {
    protocol: Protocol,
    /// By method; those of a REST API under one, with the methods in the resource.
    routers: HashMap<String, Routers>,
    resources: Vec<Resource>,
    /// `$default` or `$connect`.
    without_path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Rest,
    Http,
    WebSocket,
}

/// Greedy templates stand apart: the router can't hold `/a/{id}` and `/a/{proxy+}` together.
#[derive(Debug, Default)]
struct Routers {
    whole: Router<usize>,
    greedy: Router<usize>,
    /// By pattern.
    known: HashMap<String, usize>,
}

/// A template, and its route for each method.
#[derive(Debug)]
struct Resource {
    rank: Rank,
    greedy: bool,
    routes: HashMap<String, String>,
}

const ANY: &str = "ANY";

impl Stage {
    pub(super) fn of(protocol: &str) -> Self {
        Self {
            protocol: match protocol {
                "HTTP" => Protocol::Http,
                "WEBSOCKET" => Protocol::WebSocket,
                _ => Protocol::Rest,
            },
            routers: HashMap::new(),
            resources: Vec::new(),
            without_path: None,
        }
    }

    /// Adds a route; one without a method and a path if it is `$default` or `$connect`.
    pub(super) fn add(
        &mut self,
        name: &str,
        method: Option<&str>,
        path: Option<&str>,
    ) -> Result<(), InsertError> {
        let (Some(method), Some(path)) = (method, path) else {
            let by_url = match self.protocol {
                Protocol::Rest => false,
                Protocol::Http => name == "$default",
                Protocol::WebSocket => name == "$connect",
            };
            if by_url {
                self.without_path = Some(name.to_owned());
            }
            return Ok(());
        };
        let template = Template::of(path);
        let under = match self.protocol {
            Protocol::Rest => ANY,
            _ => method,
        };
        let routers = self.routers.entry(under.to_owned()).or_default();
        let at = match routers.known.get(&template.pattern) {
            Some(at) => *at,
            None => {
                let at = self.resources.len();
                let router = if template.greedy {
                    &mut routers.greedy
                } else {
                    &mut routers.whole
                };
                router.insert(template.pattern.clone(), at)?;
                routers.known.insert(template.pattern, at);
                self.resources.push(Resource {
                    rank: template.rank,
                    greedy: template.greedy,
                    routes: HashMap::new(),
                });
                at
            }
        };
        self.resources[at]
            .routes
            .insert(method.to_owned(), name.to_owned());
        Ok(())
    }

    /// The route that takes a request to a path below the stage.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<&str> {
        let path = if path.is_empty() { "/" } else { path };
        if self.protocol == Protocol::WebSocket {
            // Everything else on a connection is a message.
            return self.without_path.as_deref().filter(|_| path == "/");
        }
        self.matched(method, path)
            .or_else(|| self.matched(method, &decoded(path)?))
            .or_else(|| {
                let default = self.without_path.as_deref();
                default.filter(|_| self.protocol == Protocol::Http)
            })
    }

    fn matched(&self, method: &str, path: &str) -> Option<&str> {
        let methods = match self.protocol {
            Protocol::Rest => &[ANY][..],
            _ => &[method, ANY][..],
        };
        let best = methods
            .iter()
            .filter_map(|method| self.routers.get(*method))
            .flat_map(|routers| [at(&routers.whole, path), at(&routers.greedy, path)])
            .flatten()
            .map(|at| &self.resources[at])
            .min_by_key(|resource| (resource.greedy, &resource.rank))?;
        best.routes
            .get(method)
            .or_else(|| best.routes.get(ANY))
            .map(String::as_str)
    }
}

/// A slash at the end makes no other path.
fn at(router: &Router<usize>, path: &str) -> Option<usize> {
    let found = router.at(path).ok().or_else(|| {
        let shorter = path.strip_suffix('/').filter(|path| !path.is_empty())?;
        router.at(shorter).ok()
    });
    found.map(|found| *found.value)
}
