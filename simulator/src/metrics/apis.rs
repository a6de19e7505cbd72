//! The series of API Gateway: by API, by stage, and by route where detailed metrics are on.

use super::{layout::Layout, registry::Builder, series::Source};
use crate::{
    estate::{Api, ApiId, CONNECT, DISCONNECT, Estate, Protocol},
    model::RouteId,
};

impl Builder {
    pub(super) fn api_gateway(&mut self, estate: &Estate, layout: &Layout) {
        for (index, api) in estate.apis.iter().enumerate() {
            let of_api = |id: &RouteId| estate.routes[usize::from(id.0)].api == ApiId(index as u16);
            let routes: Vec<RouteId> = (0..estate.routes.len() as u16)
                .map(RouteId)
                .filter(of_api)
                .collect();
            // REST APIs are told apart by their names, the others by their ids.
            let whole = match api.protocol {
                Protocol::Rest => ("ApiName", api.name),
                Protocol::Http | Protocol::WebSocket => ("ApiId", api.id),
            };
            let stage = ("Stage", api.stage);
            self.api_set(layout, api, estate, &[whole], &routes);
            self.api_set(layout, api, estate, &[whole, stage], &routes);
            for id in routes.iter().filter(|_| api.detailed_metrics) {
                let route = &estate.routes[usize::from(id.0)];
                let method = if route.method.is_empty() {
                    route.resource
                } else {
                    route.method
                };
                // AWS documents both; HTTP APIs have the newer form here, WebSocket APIs the older.
                let dimensions = match api.protocol {
                    Protocol::Rest | Protocol::Http => vec![
                        whole,
                        stage,
                        ("Method", method),
                        ("Resource", route.resource),
                    ],
                    Protocol::WebSocket => vec![whole, stage, ("Route", route.resource)],
                };
                self.api_set(layout, api, estate, &dimensions, &[*id]);
            }
        }
    }

    fn api_set(
        &mut self,
        layout: &Layout,
        api: &Api,
        estate: &Estate,
        dimensions: &[(&str, &str)],
        routes: &[RouteId],
    ) {
        match api.protocol {
            Protocol::Rest => self.requests(layout, dimensions, routes, ["4XXError", "5XXError"]),
            Protocol::Http => {
                self.requests(layout, dimensions, routes, ["4xx", "5xx"]);
                let slots = routes.iter().map(|r| layout.data_processed(*r)).collect();
                let bytes = Source::Times(slots);
                self.add(
                    "AWS/ApiGateway",
                    "DataProcessed",
                    "Bytes",
                    dimensions,
                    bytes,
                );
            }
            Protocol::WebSocket => self.messages(layout, estate, dimensions, routes),
        }
    }

    fn messages(
        &mut self,
        layout: &Layout,
        estate: &Estate,
        dimensions: &[(&str, &str)],
        routes: &[RouteId],
    ) {
        let key = |route: &RouteId| estate.routes[usize::from(route.0)].resource;
        let slots = |wanted: &dyn Fn(&str) -> bool| -> Vec<u16> {
            let own = routes.iter().filter(|route| wanted(key(route)));
            own.map(|route| layout.integration_latency(*route))
                .collect()
        };
        let connects = slots(&|key| key == CONNECT);
        let messages = slots(&|key| key != CONNECT && key != DISCONNECT);
        let all = slots(&|_| true);
        let client_errors = routes.iter().map(|r| layout.client_errors(*r)).collect();
        let server_errors = routes.iter().map(|r| layout.server_errors(*r)).collect();
        let flags = |counters| Source::Flags {
            slots: all.clone(),
            counters,
            besides: false,
        };
        let mut add =
            |metric, unit, source| self.add("AWS/ApiGateway", metric, unit, dimensions, source);
        if !connects.is_empty() {
            add("ConnectCount", "Count", Source::Ones(connects));
        }
        if !messages.is_empty() {
            add("MessageCount", "Count", Source::Ones(messages));
        }
        add("ClientError", "Count", flags(client_errors));
        add("IntegrationError", "Count", flags(server_errors));
        add("ExecutionError", "Count", flags(Vec::new()));
        add(
            "IntegrationLatency",
            "Milliseconds",
            Source::Times(all.clone()),
        );
    }

    /// What REST and HTTP APIs have in common, but for the names of their errors.
    fn requests(
        &mut self,
        layout: &Layout,
        dimensions: &[(&str, &str)],
        routes: &[RouteId],
        [client_error, server_error]: [&'static str; 2],
    ) {
        let slots: Vec<u16> = routes.iter().map(|r| layout.latency(*r)).collect();
        let integration = routes
            .iter()
            .map(|r| layout.integration_latency(*r))
            .collect();
        let client_errors = routes.iter().map(|r| layout.client_errors(*r)).collect();
        let server_errors = routes.iter().map(|r| layout.server_errors(*r)).collect();
        let flags = |counters| Source::Flags {
            slots: slots.clone(),
            counters,
            besides: false,
        };
        let mut add =
            |metric, unit, source| self.add("AWS/ApiGateway", metric, unit, dimensions, source);
        add("Count", "Count", Source::Ones(slots.clone()));
        add(client_error, "Count", flags(client_errors));
        add(server_error, "Count", flags(server_errors));
        add("Latency", "Milliseconds", Source::Times(slots.clone()));
        add(
            "IntegrationLatency",
            "Milliseconds",
            Source::Times(integration),
        );
    }
}
