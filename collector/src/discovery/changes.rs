//! What changed between two inventories.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use millicent_lake::Resource;

/// Figures that change all the time. They are kept to within a tenth, so that a table that fills up is
/// no new row each time.
const FIGURES: &[&str] = &["item_count", "size_bytes", "stored_bytes"];

/// Leaves a figure as it was known while it is within a tenth of what is found.
pub(super) fn steady(known: &[Resource], found: &mut [Resource]) {
    let before: HashMap<_, _> = known
        .iter()
        .map(|r| ((r.kind.as_str(), r.arn.as_str()), &r.configuration))
        .collect();
    for resource in found {
        let Some(before) = before.get(&(resource.kind.as_str(), resource.arn.as_str())) else {
            continue;
        };
        for figure in FIGURES {
            if let (Some(old), Some(new)) =
                (before.get(*figure), resource.configuration.get_mut(*figure))
                && near(old, new)
            {
                new.clone_from(old);
            }
        }
    }
}

fn near(old: &str, new: &str) -> bool {
    match (old.parse::<f64>(), new.parse::<f64>()) {
        (Ok(old), Ok(new)) => (old - new).abs() <= old / 10.0,
        _ => false,
    }
}

/// Rows for what is new or different, and for what is gone among what was listed.
pub(super) fn between(
    known: &[Resource],
    found: &[Resource],
    listed: impl Fn(&Resource) -> bool,
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
    let gone = known
        .iter()
        .filter(|resource| listed(resource) && !after.contains_key(&key(resource)));
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
        let rows = between(&known, &found, |_| true, now);
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
        assert_eq!(between(&[function("a", "128")], &[], |_| false, now), []);
    }

    #[test]
    fn a_table_that_fills_up_is_a_change_each_tenth() {
        let table = |bytes: &str| {
            let mut table = function("orders", "0");
            table.configuration = [("size_bytes".to_owned(), bytes.to_owned())].into();
            table
        };
        let rows = |before: &str, after: &str| {
            let known = [table(before)];
            let mut found = [table(after)];
            steady(&known, &mut found);
            between(&known, &found, |_| true, DateTime::UNIX_EPOCH)
        };
        assert_eq!(rows("1000", "1099"), []);
        assert_eq!(rows("1000", "950"), []);
        assert_eq!(rows("1000", "1101")[0].configuration["size_bytes"], "1101");
        assert_eq!(rows("0", "1").len(), 1);
    }
}
