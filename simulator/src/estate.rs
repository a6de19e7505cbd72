//! What exists in the account: an online shop of two REST APIs, nine functions, four tables and
//! two buckets. Only names and configuration; how it behaves is in [`crate::traffic`].

mod shop;

use chrono::{DateTime, Utc};

use crate::{
    config::time,
    model::{BucketId, FunctionId, Micros, RouteId, TableId},
};

/// Index into [`Estate::apis`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiId(pub u16);

/// The function that the scenario deploys.
pub(crate) const DEPLOYED: FunctionId = FunctionId(0);

/// A name and a value.
pub type Tag = (&'static str, &'static str);

/// Everything in the account.
#[derive(Debug, Clone)]
pub struct Estate {
    /// Twelve digits.
    pub account_id: String,
    /// Of everything but the global services.
    pub region: String,
    /// When the account began; nothing is older, for the simulated bill and metrics.
    pub birth: DateTime<Utc>,
    /// REST APIs.
    pub apis: Vec<Api>,
    /// Routes of all APIs.
    pub routes: Vec<Route>,
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// DynamoDB tables, on demand.
    pub tables: Vec<Table>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    deploy_at: Micros,
}

/// A REST API with one stage.
#[derive(Debug, Clone)]
pub struct Api {
    /// Ten letters and digits.
    pub id: &'static str,
    /// The dimension `ApiName`.
    pub name: &'static str,
    /// The only stage.
    pub stage: &'static str,
    /// Metrics for every method are on.
    pub detailed_metrics: bool,
    /// X-Ray tracing is on.
    pub tracing: bool,
    /// Id of the resource `/`.
    pub root_resource_id: &'static str,
    /// Tags.
    pub tags: &'static [Tag],
}

/// A method on a resource of an API.
#[derive(Debug, Clone)]
pub struct Route {
    /// The API.
    pub api: ApiId,
    /// For example `GET`; `ANY` for every method.
    pub method: &'static str,
    /// The template, for example `/orders/{id}`.
    pub resource: &'static str,
    /// Id of the resource; routes of one template share it.
    pub resource_id: &'static str,
    /// The function that serves it, as a proxy.
    pub function: FunctionId,
}

impl Route {
    /// `GET /orders/{id}`.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.resource)
    }
}

/// A Lambda function; what a deploy changes is in [`Configuration`].
#[derive(Debug, Clone)]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// ARN.
    pub arn: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// For example `nodejs22.x`.
    pub runtime: &'static str,
    /// Entry point in its code.
    pub handler: &'static str,
    /// Seconds.
    pub timeout_s: u32,
    /// Bytes of the package.
    pub code_size: u64,
    /// Tags.
    pub tags: &'static [Tag],
    memory_mb: u32,
}

impl Function {
    /// Runs on Graviton, and is billed so.
    pub fn is_arm(&self) -> bool {
        self.architecture == "arm64"
    }

    /// Where it logs.
    pub fn log_group(&self) -> String {
        format!("/aws/lambda/{}", self.name)
    }
}

/// What of a function's configuration changes when it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// MB.
    pub memory_mb: u32,
    /// Base64 of 32 bytes.
    pub code_sha256: String,
    /// When it was deployed.
    pub last_modified: DateTime<Utc>,
    /// A UUID, new on every change.
    pub revision_id: String,
}

/// A DynamoDB table, billed per request.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// ARN.
    pub arn: String,
    /// The hash key, a string.
    pub hash_key: &'static str,
    /// Items.
    pub items: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// Tags.
    pub tags: &'static [Tag],
}

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Name.
    pub name: &'static str,
    /// Objects at the account's birth.
    pub objects: u64,
    /// Bytes at the account's birth, all in S3 Standard.
    pub bytes: u64,
    /// Bytes by which it grows a day.
    pub bytes_a_day: u64,
    /// Objects by which it grows a day.
    pub objects_a_day: u64,
    /// Tags.
    pub tags: &'static [Tag],
}

impl Estate {
    /// The same estate with the deploy of [`crate::scenario::Scenario`] in its history.
    pub fn with_deploy(mut self, at: Micros) -> Estate {
        self.deploy_at = at;
        self
    }

    /// The route of the shop's API with that method and template; the first route if there is none.
    pub fn route(&self, method: &str, resource: &str) -> RouteId {
        let found = self
            .routes
            .iter()
            .position(|r| r.method == method && r.resource == resource);
        RouteId(found.unwrap_or_default() as u16)
    }

    /// The API of a route.
    pub fn api_of(&self, route: RouteId) -> &Api {
        &self.apis[usize::from(self.routes[usize::from(route.0)].api.0)]
    }

    /// A function by its id.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[usize::from(id.0)]
    }

    /// A function's memory in MB when a request starts at that time.
    pub fn memory_mb(&self, id: FunctionId, at: Micros) -> u32 {
        let before = self.functions[usize::from(id.0)].memory_mb;
        if id == DEPLOYED && at >= self.deploy_at {
            before * 2
        } else {
            before
        }
    }

    /// A function's configuration as it was at that time.
    pub fn configuration(&self, id: FunctionId, at: Micros) -> Configuration {
        let deployed = id == DEPLOYED && at >= self.deploy_at;
        // Every function was last deployed at another time in the weeks before the account's birth.
        let age_s = 86_400 * (3 + 4 * i64::from(id.0)) + 4_321 * i64::from(id.0 + 1);
        let last_modified = if deployed {
            time(self.deploy_at)
        } else {
            self.birth - chrono::TimeDelta::seconds(age_s)
        };
        let mut mixed =
            0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2 * u64::from(id.0) + 1 + u64::from(deployed));
        let mut next = || {
            mixed = (mixed ^ (mixed >> 29))
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
                .wrapping_add(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 32)
        };
        let (a, b) = (next(), next());
        Configuration {
            memory_mb: self.memory_mb(id, at),
            code_sha256: base64_of(&[next(), next(), next(), next()]),
            last_modified,
            revision_id: format!(
                "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
                a >> 32,
                (a >> 16) & 0xffff,
                a & 0xfff,
                b >> 52,
                b & 0xffff_ffff_ffff
            ),
        }
    }

    /// A bucket's bytes and objects at the start of the day that is `days` after the birth.
    pub fn bucket_size(&self, id: BucketId, days: i64) -> (u64, u64) {
        let bucket = &self.buckets[usize::from(id.0)];
        let days = u64::try_from(days).unwrap_or(0);
        (
            bucket.bytes + days * bucket.bytes_a_day,
            bucket.objects + days * bucket.objects_a_day,
        )
    }

    /// A table by its id.
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[usize::from(id.0)]
    }
}

/// Base64, with padding, of 32 bytes.
fn base64_of(words: &[u64; 4]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
    let mut text = String::with_capacity(44);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}
