//! The import rule of ARCHITECTURE.md, kept over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may import of the others.
const ALLOWED: &[(&str, &[&str])] = &[
    ("lake", &[]),
    ("simulator", &[]),
    ("collector", &["lake"]),
    ("analyzer", &["lake"]),
    ("alerts", &["lake", "analyzer"]),
    ("web", &["analyzer", "alerts"]),
];

/// What is linked, by crate: the product's own crates and the third-party ones, without tests.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata");
    metadata
        .packages
        .iter()
        .map(|package| {
            let imports = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), imports)
        })
        .collect()
}

#[test]
fn crates_import_only_what_the_map_allows() {
    let imports = imports();
    let known: BTreeSet<String> = ALLOWED
        .iter()
        .map(|(name, _)| format!("millicent-{name}"))
        .chain(["millicent".to_owned()])
        .collect();
    assert_eq!(
        imports.keys().cloned().collect::<BTreeSet<_>>(),
        known,
        "a crate is missing from the map, or the map names one that is gone"
    );
    for (name, allowed) in ALLOWED {
        let allowed: BTreeSet<String> = allowed
            .iter()
            .map(|name| format!("millicent-{name}"))
            .collect();
        let own: BTreeSet<String> = imports[&format!("millicent-{name}")]
            .iter()
            .filter(|import| import.starts_with("millicent"))
            .cloned()
            .collect();
        assert!(
            own.is_subset(&allowed),
            "{name} may import {allowed:?}, and imports {own:?}"
        );
    }
}

#[test]
fn only_the_collector_speaks_to_aws() {
    for (name, imports) in imports() {
        let sdks: Vec<_> = imports
            .iter()
            .filter(|name| name.starts_with("aws-"))
            .collect();
        assert!(
            sdks.is_empty() || name == "millicent-collector",
            "{name} imports {sdks:?}"
        );
    }
}

#[test]
fn only_analyzer_and_lake_know_the_engine() {
    for (name, imports) in imports() {
        let engine: Vec<_> = imports
            .iter()
            .filter(|name| ["datafusion", "deltalake"].contains(&name.as_str()))
            .collect();
        assert!(
            engine.is_empty() || ["millicent-analyzer", "millicent-lake"].contains(&name.as_str()),
            "{name} imports {engine:?}"
        );
    }
}
