//! `resources`: a resource as it was found at a time. A new row is written only when something
//! changed, so a changed row marks a deploy.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::columns::columns;

/// A resource as it was found at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// When discovery found it so.
    pub ts: DateTime<Utc>,
    /// Twelve digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// `function`, `rest-api`, `stage`, `route`.
    pub kind: String,
    /// Function name; API name; `api/stage`; for a route `METHOD /template`.
    pub name: String,
    /// ARN, unique for the resource.
    pub arn: String,
    /// What is configured, values as text; keys carry their unit (`memory_mb`, `timeout_s`).
    /// Of a function: memory_mb, architecture, runtime, handler_timeout_s, package_type,
    /// tracing, last_modified, code_sha256, log_format. Of a stage: api_id, api_name, detailed_metrics, tracing.
    /// Of a route: api_id, api_name, stage, method, path, integration_type, integration_target
    /// (name of the function that serves it).
    pub configuration: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// It was there before and is no longer.
    pub deleted: bool,
}

columns!(Resource, date of ts, [
    ts, account_id, region, kind, name, arn, configuration, tags, deleted,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &["kind", "name"];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &["account_id", "region", "ts"];

impl Resource {
    /// But for the time.
    fn says_the_same(&self, other: &Resource) -> bool {
        let at_once = Resource {
            ts: other.ts,
            ..self.clone()
        };
        at_once == *other
    }
}

/// Those of the rows that neither the row before nor the row after of the same resource repeats.
pub(crate) fn new_ones(rows: &[Resource], stood: &[Resource]) -> Vec<Resource> {
    let mut known: HashMap<(&str, &str), Vec<&Resource>> = HashMap::new();
    for row in stood {
        known.entry((&row.kind, &row.arn)).or_default().push(row);
    }
    let news = rows.iter().filter(|row| {
        let of_it = known.get(&(row.kind.as_str(), row.arn.as_str()));
        let of_it = of_it
            .into_iter()
            .flatten()
            .filter(|known| (&known.account_id, &known.region) == (&row.account_id, &row.region));
        let before = of_it.clone().filter(|known| known.ts <= row.ts);
        let after = of_it.filter(|known| known.ts > row.ts);
        let neighbours = [
            before.max_by_key(|known| known.ts),
            after.min_by_key(|known| known.ts),
        ];
        !neighbours
            .into_iter()
            .flatten()
            .any(|known| known.says_the_same(row))
    });
    news.cloned().collect()
}
