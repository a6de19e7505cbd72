//! The shop, thing by thing.

use chrono::{DateTime, Utc};

use super::{Api, ApiId, Bucket, Estate, Function, Route, Table, Tag};
use crate::model::{FunctionId, Micros};

const CATALOG: &[Tag] = &[("service", "catalog"), ("team", "storefront")];
const CART: &[Tag] = &[("service", "cart"), ("team", "storefront")];
const ORDERS: &[Tag] = &[("service", "orders"), ("team", "fulfilment")];
const PAYMENTS: &[Tag] = &[("service", "payments"), ("team", "payments")];
const RECOMMEND: &[Tag] = &[("service", "recommendations"), ("team", "data")];
const BACKOFFICE: &[Tag] = &[("service", "backoffice"), ("team", "operations")];

type FunctionRow = (
    &'static str,
    u32,
    &'static str,
    &'static str,
    &'static str,
    u64,
    &'static [Tag],
);

#[rustfmt::skip]
const FUNCTIONS: &[FunctionRow] = &[
    // name, MB, architecture, runtime, handler, code bytes, tags
    ("shop-catalog",            512, "arm64",  "nodejs22.x",      "index.handler",                           1_482_913, CATALOG),
    ("shop-search",            2048, "x86_64", "java21",          "shop.search.Handler::handleRequest",     34_118_022, CATALOG),
    ("shop-cart",               256, "arm64",  "nodejs22.x",      "index.handler",                             612_004, CART),
    ("shop-orders",            1024, "x86_64", "java21",          "shop.orders.Handler::handleRequest",     28_771_530, ORDERS),
    ("shop-order-status",       256, "arm64",  "provided.al2023", "bootstrap",                               2_912_448, ORDERS),
    ("shop-payments",           512, "x86_64", "nodejs20.x",      "webhook.handler",                         1_120_377, PAYMENTS),
    ("shop-recommendations",   1536, "arm64",  "python3.13",      "app.handler",                            48_220_161, RECOMMEND),
    ("shop-invoice-writer",     768, "arm64",  "python3.12",      "invoice.handler",                        12_554_870, ORDERS),
    ("backoffice-monolith",    1024, "x86_64", "dotnet8",         "Backoffice::Backoffice.Entry::Handle",   22_019_344, BACKOFFICE),
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
];

#[rustfmt::skip]
const TABLES: &[(&str, &str, u64, u64, &[Tag])] = &[
    ("shop-products", "productId", 48_210,     2_104_551_936, CATALOG),
    ("shop-carts",    "cartId",    902_117,    6_812_004_352, CART),
    ("shop-orders",   "orderId",   3_871_940, 28_330_115_072, ORDERS),
    ("shop-payments", "paymentId", 3_902_556, 19_744_219_136, PAYMENTS),
];

impl Estate {
    /// The shop. `deploy_at` is when one function gets its new version.
    pub fn shop(account_id: &str, region: &str, birth: DateTime<Utc>) -> Estate {
        let arn =
            |service: &str, rest: String| format!("arn:aws:{service}:{region}:{account_id}:{rest}");
        let function =
            |&(name, memory_mb, architecture, runtime, handler, code_size, tags): &FunctionRow| {
                Function {
                    name,
                    arn: arn("lambda", format!("function:{name}")),
                    architecture,
                    runtime,
                    handler,
                    timeout_s: 29,
                    code_size,
                    tags,
                    memory_mb,
                }
            };
        let bucket = |name, objects, bytes, objects_a_day, bytes_a_day, tags| Bucket {
            name,
            objects,
            bytes,
            objects_a_day,
            bytes_a_day,
            tags,
        };
        Estate {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            birth,
            apis: vec![
                Api {
                    id: "a1b2c3shop",
                    name: "shop",
                    stage: "prod",
                    detailed_metrics: true,
                    tracing: true,
                    root_resource_id: "r00tsh0p01",
                    tags: &[("service", "shop"), ("team", "storefront")],
                },
                Api {
                    id: "d4e5f6back",
                    name: "backoffice",
                    stage: "prod",
                    detailed_metrics: false,
                    tracing: true,
                    root_resource_id: "r00tback01",
                    tags: BACKOFFICE,
                },
            ],
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
            functions: FUNCTIONS.iter().map(function).collect(),
            tables: TABLES
                .iter()
                .map(|&(name, hash_key, items, bytes, tags)| Table {
                    name,
                    arn: arn("dynamodb", format!("table/{name}")),
                    hash_key,
                    items,
                    bytes,
                    tags,
                })
                .collect(),
            buckets: vec![
                bucket(
                    "shop-media-eu",
                    212_480,
                    318_115_442_688,
                    240,
                    410_000_000,
                    CATALOG,
                ),
                bucket(
                    "shop-invoices-eu",
                    3_655_207,
                    164_484_315_136,
                    9_000,
                    405_000_000,
                    ORDERS,
                ),
            ],
            deploy_at: Micros::MAX,
        }
    }
}
