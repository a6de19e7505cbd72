//! A generated estate for benchmarks: four places (two accounts, two Regions) with 1,000 functions,
//! three APIs of 300 routes, 200 tables and 100 buckets between them.

use chrono::{DateTime, Utc};

use super::{
    Api, ApiId, Billing, Bucket, Estate, Function, Index, LogFormat, Protocol, RequestMetrics,
    Route, Schedule, Table, Tag, Target, named, unique,
};
use crate::config::SimConfig;
use crate::model::FunctionId;

/// Places of the estate.
pub(crate) const PLACES: u16 = 4;
const FUNCTIONS: u16 = 250;
const ROUTES: u16 = 100;
const TABLES: u16 = 50;
const BUCKETS: u16 = 25;

const TEAMS: [&[Tag]; 5] = [
    &[("team", "storefront"), ("cost-centre", "1001")],
    &[("team", "fulfilment"), ("cost-centre", "1002")],
    &[("team", "payments"), ("cost-centre", "1003")],
    &[("team", "data"), ("cost-centre", "1004")],
    &[("team", "operations"), ("cost-centre", "1005")],
];

const BY_OWNER: &[Index] = &[Index {
    name: "by-owner",
    hash_key: "ownerId",
    items: 10_000,
    bytes: 4_000_000,
}];

/// Name, kind, id and id of the root resource; the last place has no API.
const APIS: [(&str, Protocol, &str, &str); 3] = [
    ("large-orders", Protocol::Rest, "l0a1r2orde", "r00tl0rd01"),
    ("large-mobile", Protocol::Http, "l1a2h3mobi", ""),
    ("large-partners", Protocol::Rest, "l2a3r4part", "r00tpart01"),
];

impl Estate {
    /// One place of the generated estate. The first functions serve the API's routes, a function a
    /// route; a schedule starts each of the others every minute.
    pub(super) fn large(config: &SimConfig, place: u16, birth: DateTime<Utc>) -> Estate {
        let (account_id, region) = (config.account_id.as_str(), config.region.as_str());
        let arn =
            |service: &str, rest: String| format!("arn:aws:{service}:{region}:{account_id}:{rest}");
        let api = APIS.get(usize::from(place));
        let routes = if api.is_some() { ROUTES } else { 0 };
        let functions = (0..FUNCTIONS).map(|n| {
            let name = named(format!("service-{place}-{n:03}"));
            Function {
                name,
                arn: arn("lambda", format!("function:{name}")),
                architecture: if n % 3 == 0 { "x86_64" } else { "arm64" },
                runtime: if n % 2 == 0 {
                    "nodejs22.x"
                } else {
                    "python3.13"
                },
                handler: "index.handler",
                timeout_s: 29,
                code_size: 400_000 + u64::from(n) * 1_000,
                log_format: if n % 5 == 0 {
                    LogFormat::Json
                } else {
                    LogFormat::Text
                },
                provisioned_concurrency: 0,
                snap_start: false,
                url_id: None,
                tags: team(n),
                memory_mb: 128 << (n % 4),
            }
        });
        let tables = (0..TABLES).map(|n| {
            let name = named(format!("table-{place}-{n:03}"));
            Table {
                name,
                arn: arn("dynamodb", format!("table/{name}")),
                hash_key: "id",
                items: 10_000 * u64::from(n + 1),
                bytes: 4_000_000 * u64::from(n + 1),
                billing: if is_called(n) {
                    Billing::OnDemand
                } else {
                    Billing::Provisioned { read: 5, write: 5 }
                },
                indexes: if n % 10 == 0 { BY_OWNER } else { &[] },
                stream: None,
                tags: team(n),
            }
        });
        let buckets = (0..BUCKETS).map(|n| Bucket {
            name: unique(named(format!("large-{place}-{n:03}")), &config.suffix),
            objects: 1_000 * u64::from(n + 1),
            bytes: 100_000_000 * u64::from(n + 1),
            bytes_a_day: 1_000_000,
            objects_a_day: 100,
            metrics: if n % 5 == 0 { ENTIRE } else { &[] },
            notifications: &[],
            tags: team(n),
        });
        Estate {
            generated: true,
            apis: api.map(api_of).into_iter().collect(),
            routes: (0..routes).map(route).collect(),
            functions: functions.collect(),
            tables: tables.collect(),
            buckets: buckets.collect(),
            schedules: (routes..FUNCTIONS)
                .map(|n| Schedule {
                    name: named(format!("every-minute-{place}-{n:03}")),
                    every_min: 1,
                    target: Target::Function(FunctionId(n)),
                })
                .collect(),
            ..Estate::nothing(config, birth)
        }
    }
}

const ENTIRE: &[RequestMetrics] = &[RequestMetrics {
    id: "EntireBucket",
    prefix: None,
}];

/// Tables that functions call are paid per request; of the others nothing is asked.
pub(crate) fn is_called(table: u16) -> bool {
    table % 4 != 3
}

fn team(n: u16) -> &'static [Tag] {
    TEAMS[usize::from(n) % TEAMS.len()]
}

fn api_of(
    &(name, protocol, id, root_resource_id): &(&'static str, Protocol, &'static str, &'static str),
) -> Api {
    Api {
        id,
        name,
        protocol,
        stage: if protocol == Protocol::Http {
            "$default"
        } else {
            "prod"
        },
        detailed_metrics: true,
        tracing: protocol == Protocol::Rest,
        root_resource_id,
        tags: TEAMS[0],
    }
}

/// Two methods of each resource.
fn route(n: u16) -> Route {
    let resource = n / 2;
    Route {
        api: ApiId(0),
        method: if n.is_multiple_of(2) { "GET" } else { "POST" },
        resource: named(format!("/things{resource:02}/{{id}}")),
        // Of an HTTP API the id is the route's own.
        resource_id: named(format!("res{resource:03}")),
        function: FunctionId(n),
    }
}
