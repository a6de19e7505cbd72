//! The reports in groups, by what a reader looks for.

use millicent_analyzer::Query;

/// What a reader looks for, and the reports that tell it. What no group names comes last.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "What it costs",
        &[
            "cost-per-request-by-route",
            "entry-points",
            "cost-by-route-and-service",
            "explain-route",
            "route-cost",
            "cost-by-day-and-service",
            "cost-by-tag",
            "cost-of-errors",
            "forecast",
        ],
    ),
    (
        "Does it add up",
        &["reconciliation", "estimate-against-bill", "focus-export"],
    ),
    (
        "What changed, and why",
        &[
            "cost-change",
            "deploy-effect",
            "cold-start-storms",
            "deploys",
        ],
    ),
    (
        "How fast it is",
        &[
            "latency-by-route",
            "where-time-goes",
            "cold-starts-by-route",
            "cold-starts-by-function",
            "slowest-traces",
        ],
    ),
    (
        "What stands behind it",
        &[
            "functions",
            "memory-right-sizing",
            "state-machines",
            "tables",
            "buckets",
            "log-groups",
            "idle-resources",
        ],
    ),
];

/// The last groups: everything else, what the collection itself did, and the rules.
const COLLECTION: &[&str] = &[
    "coverage",
    "collection-windows",
    "collection-filters",
    "own-cost",
];

/// Reports by what they tell, in the order of the groups; no group is empty, no report left out.
pub(super) fn grouped<'a>(queries: &[&'a Query]) -> Vec<(&'static str, Vec<&'a Query>)> {
    let named = |names: &[&str]| -> Vec<&'a Query> {
        let of_name = |name: &&str| queries.iter().find(|query| query.name == *name).copied();
        names.iter().filter_map(of_name).collect()
    };
    let known = |name: &str| {
        let mut groups = GROUPS.iter().map(|(_, names)| *names).chain([COLLECTION]);
        groups.any(|names| names.contains(&name))
    };
    let rest = |alerts: bool| -> Vec<&'a Query> {
        let rest = queries.iter().copied();
        rest.filter(|query| query.alert.is_some() == alerts && !known(&query.name))
            .collect()
    };
    GROUPS
        .iter()
        .map(|(title, names)| (*title, named(names)))
        .chain([
            ("Behind the pages", rest(false)),
            ("What was collected", named(COLLECTION)),
            ("Alert rules", rest(true)),
        ])
        .filter(|(_, queries)| !queries.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn every_report_is_in_one_group() {
        let (state, _folder) = testing::state().await;
        let catalog = state.analyzer.catalog();
        let queries: Vec<&Query> = catalog.iter().map(|query| &**query).collect();
        let groups = grouped(&queries);
        let mut listed: Vec<&str> = groups
            .iter()
            .flat_map(|(_, queries)| queries.iter().map(|query| &*query.name))
            .collect();
        listed.sort_unstable();
        let mut all: Vec<&str> = queries.iter().map(|query| &*query.name).collect();
        all.sort_unstable();
        assert_eq!(listed, all);
        let names = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .chain(COLLECTION);
        for name in names {
            assert!(all.contains(name), "there is no report {name}");
        }
    }
}
