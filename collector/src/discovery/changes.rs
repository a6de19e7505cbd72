//! What changed between two inventories.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use millicent_lake::Resource;

/// Rows for what is new or different, and for what is gone among the kinds that were listed.
pub(super) fn between(
    known: &[Resource],
    found: &[Resource],
    listed: &[&str],
    now: DateTime<Utc>,
) -> Vec<Resource> {
    let key = |resource: &Resource| (resource.kind.clone(), resource.arn.clone());
    let before: HashMap<_, &Resource> = known.iter().map(|r| (key(r), r)).collect();
    let after: HashMap<_, &Resource> = found.iter().map(|r| (key(r), r)).collect();
    let changed = found.iter().filter(|resource| {
        before.get(&key(resource)).is_none_or(|old| {
            old.name != resource.name
                || old.configuration != resource.configuration
                || old.tags != resource.tags
        })
    });
    let gone = known.iter().filter(|resource| {
        listed.contains(&resource.kind.as_str()) && !after.contains_key(&key(resource))
    });
    changed
        .map(|resource| (resource, false))
        .chain(gone.map(|resource| (resource, true)))
        .map(|(resource, deleted)| Resource {
            ts: now,
            deleted,
            ..resource.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, memory_mb: &str) -> Resource {
        Resource {
            ts: DateTime::UNIX_EPOCH,
            account_id: "123456789012".into(),
            region: "eu-central-1".into(),
            kind: "function".into(),
            name: name.into(),
            arn: format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}"),
            configuration: [("memory_mb".to_owned(), memory_mb.to_owned())].into(),
            tags: [].into(),
            deleted: false,
        }
    }

    #[test]
    fn only_what_changed_gets_a_row() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let known = [
            function("a", "128"),
            function("b", "128"),
            function("gone", "128"),
        ];
        let found = [
            function("a", "128"),
            function("b", "256"),
            function("new", "512"),
        ];
        let rows = between(&known, &found, &["function"], now);
        let told: Vec<_> = rows
            .iter()
            .map(|r| (r.name.as_str(), r.deleted, r.ts))
            .collect();
        assert_eq!(
            told,
            [("b", false, now), ("new", false, now), ("gone", true, now)]
        );
    }

    #[test]
    fn what_could_not_be_listed_is_not_gone() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(between(&[function("a", "128")], &[], &["route"], now), []);
    }
}
