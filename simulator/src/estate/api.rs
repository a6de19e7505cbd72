//! APIs and their routes.

use super::{ApiId, Tag};
use crate::model::FunctionId;

/// What kind of API it is. REST APIs are those of API Gateway's first version, the others of its
/// second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A REST API.
    Rest,
    /// An HTTP API.
    Http,
    /// A WebSocket API, whose routes are chosen by `$request.body.action`.
    WebSocket,
}

/// An API with one stage.
#[derive(Debug, Clone)]
pub struct Api {
    /// Ten letters and digits; the dimension `ApiId` of HTTP and WebSocket APIs.
    pub id: &'static str,
    /// The dimension `ApiName` of REST APIs.
    pub name: &'static str,
    /// REST, HTTP or WebSocket.
    pub protocol: Protocol,
    /// The only stage.
    pub stage: &'static str,
    /// Metrics for every method or route are on.
    pub detailed_metrics: bool,
    /// X-Ray tracing is on, which only REST APIs have.
    pub tracing: bool,
    /// Id of the resource `/` of a REST API; empty for others.
    pub root_resource_id: &'static str,
    /// Tags.
    pub tags: &'static [Tag],
}

impl Api {
    /// Its ARN, whose account part is empty.
    pub fn arn(&self, region: &str) -> String {
        let kind = match self.protocol {
            Protocol::Rest => "restapis",
            Protocol::Http | Protocol::WebSocket => "apis",
        };
        format!("arn:aws:apigateway:{region}::/{kind}/{}", self.id)
    }
}

/// A method on a resource of a REST API, or a route of an HTTP or WebSocket API.
#[derive(Debug, Clone)]
pub struct Route {
    /// The API.
    pub api: ApiId,
    /// For example `GET`; `ANY` for every method; empty where the route key has no method.
    pub method: &'static str,
    /// The template, for example `/orders/{id}`; the whole key where it has no method.
    pub resource: &'static str,
    /// Id of the resource (routes of one template share it), or of the route.
    pub resource_id: &'static str,
    /// The function that serves it, as a proxy.
    pub function: FunctionId,
}

/// The route of a WebSocket API that a client opens a connection with.
pub const CONNECT: &str = "$connect";
/// The route of a WebSocket API that a closed connection is told to.
pub const DISCONNECT: &str = "$disconnect";

impl Route {
    /// `GET /orders/{id}`, `$default`, `track`.
    pub fn key(&self) -> String {
        if self.method.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{} {}", self.method, self.resource)
        }
    }
}

/// A custom domain name and what it leads to.
#[derive(Debug, Clone)]
pub struct Domain {
    /// For example `api.shop.example`.
    pub name: &'static str,
    /// First part of the path (empty for every other path), and the API whose stage answers there.
    pub mappings: &'static [(&'static str, ApiId)],
}
