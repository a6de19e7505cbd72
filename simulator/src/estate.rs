//! What exists in the account: an online shop of REST, HTTP and WebSocket APIs, with functions,
//! tables, buckets and what starts functions besides. Only names and configuration; how it behaves
//! is in [`crate::traffic`].

mod api;
mod function;
mod large;
mod logs;
mod shop;
mod storage;
mod triggers;

use chrono::{DateTime, Utc};

use crate::config::{Content, SimConfig};
use crate::model::{BucketId, FunctionId, Micros, RouteId, TableId};

pub use api::{Api, Domain, Protocol, Route};
pub use api::{CONNECT, DISCONNECT};
pub use function::{ALIAS, Configuration, Function, LogFormat};
pub(crate) use large::{PLACES, is_called};
pub use logs::LogGroup;
pub use storage::{Billing, Bucket, Index, Notification, RequestMetrics, Table};
pub use triggers::{
    EventSource, LAST_STATE, MachineId, Queue, QueueId, Schedule, Source, StateMachine, Target,
    Task,
};

/// Index into [`Estate::apis`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiId(pub u16);

/// The function that the scenario deploys.
pub(crate) const DEPLOYED: FunctionId = FunctionId(0);

/// The bucket that Data Exports writes the account's bill to.
pub const EXPORTS_BUCKET: &str = "millicent-exports";

/// A name that is made. Names live as long as the program, of which an estate is a part; they are
/// made once for each.
fn named(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

/// A name with something at its end.
fn unique(name: &'static str, suffix: &str) -> &'static str {
    if suffix.is_empty() {
        name
    } else {
        named(format!("{name}-{suffix}"))
    }
}

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
    /// REST, HTTP and WebSocket APIs.
    pub apis: Vec<Api>,
    /// Routes of all APIs.
    pub routes: Vec<Route>,
    /// Custom domain names.
    pub domains: Vec<Domain>,
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// Event source mappings.
    pub event_sources: Vec<EventSource>,
    /// EventBridge schedules.
    pub schedules: Vec<Schedule>,
    /// State machines of Step Functions.
    pub state_machines: Vec<StateMachine>,
    /// It was generated, and its traffic is too.
    pub(crate) generated: bool,
    deploy_at: Micros,
}

impl Estate {
    /// What a configuration says that exists.
    pub fn new(config: &SimConfig, birth: DateTime<Utc>) -> Estate {
        match config.content {
            Content::Shop => Estate::shop(config, birth),
            Content::Large { place } => Estate::large(config, place, birth),
            Content::Nothing => Estate::nothing(config, birth),
        }
    }

    fn nothing(config: &SimConfig, birth: DateTime<Utc>) -> Estate {
        Estate {
            account_id: config.account_id.clone(),
            region: config.region.clone(),
            birth,
            apis: Vec::new(),
            routes: Vec::new(),
            domains: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            buckets: Vec::new(),
            queues: Vec::new(),
            event_sources: Vec::new(),
            schedules: Vec::new(),
            state_machines: Vec::new(),
            generated: false,
            deploy_at: Micros::MAX,
        }
    }

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
