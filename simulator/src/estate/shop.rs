//! The shop, thing by thing.

use chrono::{DateTime, Utc};

use super::{
    Api, ApiId, Billing, Bucket, Domain, EXPORTS_BUCKET, Estate, EventSource, Function, Index,
    LogFormat,
    LogFormat::{Json, Text},
    MachineId, Notification, Protocol, Queue, QueueId, RequestMetrics, Route, Schedule, Source,
    StateMachine, Table, Tag, Target, Task,
};
use crate::config::SimConfig;
use crate::model::{FunctionId, TableId};

const SHOP: &[Tag] = &[("service", "shop"), ("team", "storefront")];
const CATALOG: &[Tag] = &[("service", "catalog"), ("team", "storefront")];
const CART: &[Tag] = &[("service", "cart"), ("team", "storefront")];
const ORDERS: &[Tag] = &[("service", "orders"), ("team", "fulfilment")];
const PAYMENTS: &[Tag] = &[("service", "payments"), ("team", "payments")];
const RECOMMEND: &[Tag] = &[("service", "recommendations"), ("team", "data")];
const BACKOFFICE: &[Tag] = &[("service", "backoffice"), ("team", "operations")];
const BILLING: &[Tag] = &[("service", "billing"), ("team", "finance")];
const STORES: &[Tag] = &[("service", "stores"), ("team", "storefront")];
const LIVE: &[Tag] = &[("service", "live-tracking"), ("team", "fulfilment")];
const PRICES: &[Tag] = &[("service", "prices"), ("team", "data")];

type FunctionRow = (
    &'static str,
    u32,
    &'static str,
    &'static str,
    &'static str,
    u64,
    LogFormat,
    &'static [Tag],
);

#[rustfmt::skip]
const FUNCTIONS: &[FunctionRow] = &[
    // name, MB, architecture, runtime, handler, code bytes, log format, tags
    ("shop-catalog",            512, "arm64",  "nodejs22.x",      "index.handler",                           1_482_913, Text, CATALOG),
    ("shop-search",            2048, "x86_64", "java21",          "shop.search.Handler::handleRequest",     34_118_022, Text, CATALOG),
    ("shop-cart",               256, "arm64",  "nodejs22.x",      "index.handler",                             612_004, Text, CART),
    ("shop-orders",            1024, "x86_64", "java21",          "shop.orders.Handler::handleRequest",     28_771_530, Text, ORDERS),
    ("shop-order-status",       256, "arm64",  "provided.al2023", "bootstrap",                               2_912_448, Text, ORDERS),
    ("shop-payments",           512, "x86_64", "nodejs20.x",      "webhook.handler",                         1_120_377, Text, PAYMENTS),
    ("shop-recommendations",   1536, "arm64",  "python3.13",      "app.handler",                            48_220_161, Text, RECOMMEND),
    ("shop-invoice-writer",     768, "arm64",  "python3.12",      "invoice.handler",                        12_554_870, Text, ORDERS),
    ("backoffice-monolith",    1024, "x86_64", "dotnet8",         "Backoffice::Backoffice.Entry::Handle",   22_019_344, Text, BACKOFFICE),
    ("storefront-stores",       256, "arm64",  "nodejs22.x",      "stores.list",                             1_204_881, Json, STORES),
    ("storefront-store",        256, "arm64",  "nodejs22.x",      "stores.one",                              1_204_881, Json, STORES),
    ("storefront-feedback",     256, "arm64",  "python3.13",      "feedback.handler",                        3_077_120, Json, STORES),
    ("storefront-fallback",     128, "arm64",  "nodejs22.x",      "fallback.handler",                           48_112, Json, STORES),
    ("live-connect",            128, "arm64",  "nodejs22.x",      "live.connect",                              402_377, Text, LIVE),
    ("live-disconnect",         128, "arm64",  "nodejs22.x",      "live.disconnect",                           402_377, Text, LIVE),
    ("live-track",              256, "arm64",  "nodejs22.x",      "live.track",                                402_377, Text, LIVE),
    ("live-default",            128, "arm64",  "nodejs22.x",      "live.other",                                402_377, Text, LIVE),
    ("shop-emails",             256, "arm64",  "python3.12",      "emails.handler",                          5_330_904, Text, ORDERS),
    ("shop-projector",          512, "x86_64", "java21",          "shop.projector.Handler::handleRequest",  19_008_213, Text, ORDERS),
    ("shop-invoice-index",      256, "arm64",  "python3.12",      "index.handler",                           2_210_006, Text, ORDERS),
    ("shop-cleanup",            256, "arm64",  "python3.12",      "cleanup.handler",                           188_402, Text, CART),
    ("fulfil-pick",             512, "arm64",  "nodejs22.x",      "pick.handler",                              914_555, Text, ORDERS),
    ("fulfil-ship",             512, "arm64",  "nodejs22.x",      "ship.handler",                            1_402_208, Text, ORDERS),
    ("price-fetch",            1024, "arm64",  "python3.13",      "fetch.handler",                           9_771_340, Json, PRICES),
];

#[rustfmt::skip]
const ROUTES: &[(u16, &str, &str, &str, u16)] = &[
    (0, "GET",  "/products",                     "pr0d01", 0),
    (0, "GET",  "/products/{id}",                "pr0d02", 0),
    (0, "GET",  "/search",                       "sea1ch", 1),
    (0, "GET",  "/cart/{cartId}",                "ca1t02", 2),
    (0, "POST", "/cart/{cartId}/items",          "ca1t03", 2),
    (0, "POST", "/orders",                       "0rde01", 3),
    (0, "GET",  "/orders/{id}",                  "0rde02", 4),
    (0, "POST", "/payments/webhook",             "paym02", 5),
    (0, "GET",  "/recommendations/{customerId}", "rec0m2", 6),
    (1, "ANY",  "/{proxy+}",                     "pr0xy1", 8),
    (2, "GET",  "/stores",                       "st0res1", 9),
    (2, "GET",  "/stores/{id}",                  "st0res2", 10),
    (2, "POST", "/feedback",                     "feedba1", 11),
    (2, "",     "$default",                      "defau1t", 12),
    (3, "",     "$connect",                      "c0nnec1", 13),
    (3, "",     "$disconnect",                   "disc0n1", 14),
    (3, "",     "track",                         "track01", 15),
    (3, "",     "$default",                      "defau2t", 16),
];

const DOMAINS: &[Domain] = &[
    Domain {
        name: "api.shop.example",
        mappings: &[("", ApiId(0)), ("backoffice", ApiId(1))],
    },
    Domain {
        name: "stores.shop.example",
        mappings: &[("", ApiId(2))],
    },
    Domain {
        name: "live.shop.example",
        mappings: &[("", ApiId(3))],
    },
];

#[rustfmt::skip]
const TABLES: &[(&str, &str, u64, u64, &[Tag])] = &[
    ("shop-products", "productId", 48_210,     2_104_551_936, CATALOG),
    ("shop-carts",    "cartId",    902_117,    6_812_004_352, CART),
    ("shop-orders",   "orderId",   3_871_940, 28_330_115_072, ORDERS),
    ("shop-payments", "paymentId", 3_902_556, 19_744_219_136, PAYMENTS),
];

/// Orders by customer, which nothing reads yet.
const BY_CUSTOMER: &[Index] = &[Index {
    name: "by-customer",
    hash_key: "customerId",
    items: 3_871_940,
    bytes: 1_804_331_520,
}];

const NEW_INVOICES: &[Notification] = &[Notification {
    id: "index-invoices",
    event: "s3:ObjectCreated:*",
    prefix: "",
    function: FunctionId(19),
}];

const FULFILMENT: &[Task] = &[
    Task {
        state: "Pick",
        function: FunctionId(21),
        integration: true,
    },
    Task {
        state: "Ship",
        function: FunctionId(22),
        integration: false,
    },
];

const PRICE_IMPORT: &[Task] = &[Task {
    state: "Fetch",
    function: FunctionId(23),
    integration: true,
}];

const SCHEDULES: &[Schedule] = &[
    Schedule {
        name: "shop-cleanup",
        every_min: 5,
        target: Target::Function(FunctionId(20)),
    },
    Schedule {
        name: "price-import",
        every_min: 15,
        target: Target::Machine(MachineId(1)),
    },
];

const EVENT_SOURCES: &[EventSource] = &[
    EventSource {
        uuid: "3f1b2c44-9a07-4c1e-8d55-71e0a6b2c9f1",
        source: Source::Queue(QueueId(0)),
        function: FunctionId(17),
        batch_size: 10,
        window_s: 5,
    },
    EventSource {
        uuid: "b7d0e9a2-5c36-4f8b-9e14-2a60c3f7d815",
        source: Source::Stream(TableId(2)),
        function: FunctionId(18),
        batch_size: 100,
        window_s: 1,
    },
];

impl Estate {
    /// The shop. What is at the end of each list came later; the order is part of the seed.
    pub(super) fn shop(config: &SimConfig, birth: DateTime<Utc>) -> Estate {
        let (account_id, region) = (config.account_id.as_str(), config.region.as_str());
        let arn =
            |service: &str, rest: String| format!("arn:aws:{service}:{region}:{account_id}:{rest}");
        Estate {
            apis: apis(),
            routes: ROUTES
                .iter()
                .map(|&(api, method, resource, resource_id, function)| Route {
                    api: ApiId(api),
                    method,
                    resource,
                    resource_id,
                    function: FunctionId(function),
                })
                .collect(),
            domains: DOMAINS.to_vec(),
            functions: FUNCTIONS.iter().map(|row| function(row, &arn)).collect(),
            tables: TABLES
                .iter()
                .map(|&(name, hash_key, items, bytes, tags)| Table {
                    name,
                    arn: arn("dynamodb", format!("table/{name}")),
                    hash_key,
                    items,
                    bytes,
                    billing: Billing::OnDemand,
                    indexes: if name == "shop-orders" {
                        BY_CUSTOMER
                    } else {
                        &[]
                    },
                    stream: (name == "shop-orders").then_some("2025-02-11T09:14:03.517"),
                    tags,
                })
                .collect(),
            buckets: buckets(&config.suffix),
            queues: vec![Queue {
                name: "shop-emails",
                arn: arn("sqs", "shop-emails".to_owned()),
                url: format!("https://sqs.{region}.amazonaws.com/{account_id}/shop-emails"),
                tags: ORDERS,
            }],
            event_sources: EVENT_SOURCES.to_vec(),
            schedules: SCHEDULES.to_vec(),
            state_machines: vec![
                StateMachine {
                    name: "order-fulfilment",
                    arn: arn("states", "stateMachine:order-fulfilment".to_owned()),
                    express: false,
                    tracing: true,
                    tasks: FULFILMENT,
                    tags: ORDERS,
                },
                StateMachine {
                    name: "price-import",
                    arn: arn("states", "stateMachine:price-import".to_owned()),
                    express: true,
                    tracing: true,
                    tasks: PRICE_IMPORT,
                    tags: PRICES,
                },
            ],
            ..Estate::nothing(config, birth)
        }
    }
}

fn apis() -> Vec<Api> {
    let rest = |id, name, detailed_metrics, root_resource_id, tags| Api {
        id,
        name,
        protocol: Protocol::Rest,
        stage: "prod",
        detailed_metrics,
        tracing: true,
        root_resource_id,
        tags,
    };
    let later = |id, name, protocol, stage, tags| Api {
        id,
        name,
        protocol,
        stage,
        detailed_metrics: true,
        tracing: false,
        root_resource_id: "",
        tags,
    };
    vec![
        rest("a1b2c3shop", "shop", true, "r00tsh0p01", SHOP),
        rest("d4e5f6back", "backoffice", false, "r00tback01", BACKOFFICE),
        later(
            "h7t8t9fron",
            "storefront",
            Protocol::Http,
            "$default",
            STORES,
        ),
        later("w1s2k3live", "live", Protocol::WebSocket, "prod", LIVE),
    ]
}

fn function(row: &FunctionRow, arn: &impl Fn(&str, String) -> String) -> Function {
    let &(name, memory_mb, architecture, runtime, handler, code_size, log_format, tags) = row;
    Function {
        name,
        arn: arn("lambda", format!("function:{name}")),
        architecture,
        runtime,
        handler,
        timeout_s: 29,
        code_size,
        log_format,
        url_id: (name == "shop-payments").then_some("k3v7q2xw5yzt4nr6m8p1d0sbhc9f2ljg"),
        provisioned_concurrency: if name == "shop-search" { 2 } else { 0 },
        snap_start: name == "shop-projector",
        tags,
        memory_mb,
    }
}

fn buckets(suffix: &str) -> Vec<Bucket> {
    let named = |name| super::unique(name, suffix);
    vec![
        Bucket {
            name: named("shop-media-eu"),
            objects: 212_480,
            bytes: 318_115_442_688,
            objects_a_day: 240,
            bytes_a_day: 410_000_000,
            metrics: &[RequestMetrics {
                id: "EntireBucket",
                prefix: None,
            }],
            notifications: &[],
            tags: CATALOG,
        },
        Bucket {
            name: named("shop-invoices-eu"),
            objects: 3_655_207,
            bytes: 164_484_315_136,
            objects_a_day: 9_000,
            bytes_a_day: 405_000_000,
            // Nothing asks for what is there, so that it has no metrics.
            metrics: &[RequestMetrics {
                id: "archive",
                prefix: Some("archive/"),
            }],
            notifications: NEW_INVOICES,
            tags: ORDERS,
        },
        // What AWS writes there is not worth a line of the bill.
        Bucket {
            name: named(EXPORTS_BUCKET),
            objects: 0,
            bytes: 0,
            objects_a_day: 0,
            bytes_a_day: 0,
            metrics: &[],
            notifications: &[],
            tags: BILLING,
        },
    ]
}
