//! Which resources are collected: by name patterns and by tags.
//!
//! A filter is applied to the inventory before series are made of it, so that what is left out is
//! not asked for and costs nothing. What hangs on another resource goes with it: an API's stages and
//! routes, a function's aliases and log group, a table's indexes. Traces and the bill are an account's
//! as a whole, and stay whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use millicent_lake::Resource;

/// `kind` of the row of `resources` that says that a filter is on.
const KIND: &str = "collection-filter";

/// Name patterns, in which `*` stands for anything and `?` for one character, and tags whose value
/// is such a pattern. Without any, everything is collected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what matches one of them; none means everything.
    pub include: Vec<String>,
    /// Nothing that matches one of them.
    pub exclude: Vec<String>,
    /// Only what has all of them.
    pub tags: BTreeMap<String, String>,
}

impl Filter {
    /// True when it leaves nothing out.
    pub fn is_off(&self) -> bool {
        *self == Filter::default()
    }

    /// The resources that are collected, in their order.
    pub fn keep(&self, resources: Vec<Resource>) -> Vec<Resource> {
        if self.is_off() {
            return resources;
        }
        let kept: BTreeSet<usize> = {
            let owners = Owners::new(&resources);
            let keeps = |resource: &Resource| self.keeps(resource, &owners.of(resource));
            let indexed = resources.iter().enumerate();
            indexed
                .filter(|(_, resource)| keeps(resource))
                .map(|(at, _)| at)
                .collect()
        };
        let indexed = resources.into_iter().enumerate();
        indexed
            .filter(|(at, _)| kept.contains(at))
            .map(|(_, resource)| resource)
            .collect()
    }

    fn keeps(&self, resource: &Resource, owners: &[&Resource]) -> bool {
        if !FILTERED.contains(&resource.kind.as_str()) {
            return true;
        }
        // A group of logs has a name that somebody may have chosen; other children have not.
        let own = owners.is_empty() || resource.kind == "log-group";
        let judged: Vec<&Resource> = own
            .then_some(resource)
            .into_iter()
            .chain(owners.iter().copied())
            .collect();
        let named = |patterns: &[String]| {
            let mut names = judged.iter().map(|resource| resource.name.as_str());
            names.any(|name| patterns.iter().any(|pattern| matches(pattern, name)))
        };
        let tagged = |(key, pattern): (&String, &String)| {
            let mut values = judged.iter().filter_map(|resource| resource.tags.get(key));
            values.any(|value| matches(pattern, value))
        };
        (self.include.is_empty() || named(&self.include))
            && !named(&self.exclude)
            && self.tags.iter().all(tagged)
    }

    /// The row of `resources` that says what the filter is and how much it leaves out; a deleted one
    /// where it was on and is off. `None` where nothing has to be said.
    pub(crate) fn row(
        &self,
        known: &[Resource],
        all: &[Resource],
        (account_id, region): (&str, &str),
        now: DateTime<Utc>,
    ) -> Option<Resource> {
        let stood = known.iter().find(|resource| resource.kind == KIND);
        if self.is_off() {
            return stood.map(|row| Resource {
                ts: now,
                deleted: true,
                ..row.clone()
            });
        }
        let filtered = |resources: &[Resource]| {
            let counts = |resource: &&Resource| FILTERED.contains(&resource.kind.as_str());
            resources.iter().filter(counts).count()
        };
        let (of, kept) = (filtered(all), filtered(&self.keep(all.to_vec())));
        let tags: Vec<String> = self.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let configuration = [
            ("include", self.include.join(", ")),
            ("exclude", self.exclude.join(", ")),
            ("tags", tags.join(", ")),
            ("resources", of.to_string()),
            ("left_out", (of - kept).to_string()),
        ];
        let said = configuration
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        (stood.map(|row| &row.configuration) != Some(&said)).then(|| Resource {
            ts: now,
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            kind: KIND.to_owned(),
            name: "filter".to_owned(),
            arn: format!("millicent:filter:{region}:{account_id}"),
            configuration: said,
            tags: BTreeMap::new(),
            deleted: false,
        })
    }
}

/// Kinds that a filter judges.
const FILTERED: &[&str] = &[
    "function",
    "alias",
    "version",
    "function-url",
    "event-source-mapping",
    "rest-api",
    "http-api",
    "websocket-api",
    "stage",
    "route",
    "domain",
    "table",
    "index",
    "bucket",
    "state-machine",
    "log-group",
];

/// What others hang on.
struct Owners<'r> {
    functions: HashMap<&'r str, &'r Resource>,
    /// By id.
    apis: HashMap<&'r str, &'r Resource>,
    tables: HashMap<&'r str, &'r Resource>,
}

impl<'r> Owners<'r> {
    fn new(resources: &'r [Resource]) -> Owners<'r> {
        let named = |kind: &str| {
            let of_kind = resources.iter().filter(|resource| resource.kind == kind);
            of_kind
                .map(|resource| (resource.name.as_str(), resource))
                .collect()
        };
        let apis = resources
            .iter()
            .filter(|resource| resource.kind.ends_with("-api"));
        Owners {
            functions: named("function"),
            apis: apis
                .filter_map(|api| Some((api.configuration.get("api_id")?.as_str(), api)))
                .collect(),
            tables: named("table"),
        }
    }

    fn of(&self, resource: &Resource) -> Vec<&'r Resource> {
        let said = |key: &str| resource.configuration.get(key).map(String::as_str);
        let owner = match resource.kind.as_str() {
            "alias" | "version" | "function-url" | "event-source-mapping" | "log-group" => {
                let functions = said("function").into_iter().chain(said("functions"));
                return functions
                    .flat_map(|names| names.split(','))
                    .filter_map(|name| self.functions.get(name.trim()).copied())
                    .collect();
            }
            "stage" | "route" | "domain" => said("api_id").and_then(|id| self.apis.get(id)),
            "index" => resource
                .name
                .split("/index/")
                .next()
                .and_then(|table| self.tables.get(table)),
            _ => None,
        };
        owner.copied().into_iter().collect()
    }
}

/// Whether a name matches a pattern with `*` and `?`, as a whole.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
