//! The manifest of a billing period: the files that it consists of, no more and no less.
//!
//! AWS writes it last, so that files which are not in it are half written, or left over from an
//! earlier refresh. Source: AWS Data Exports user guide, "Understanding export delivery".

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::period::Period;

const FOLDER: &str = "metadata/BILLING_PERIOD=";
const DATA: &str = "data/BILLING_PERIOD=";
/// Keys under which a manifest lists its files. The guide names none; the first is what exports have.
const LISTS: [&str; 3] = ["dataFiles", "files", "reportKeys"];

/// Where a manifest is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    /// Folder of the export: what `metadata` and `data` are in, relative to where it was looked.
    pub(super) root: String,
    pub(super) period: Period,
    /// The manifest itself, relative too.
    pub(super) path: String,
    /// When it was written.
    pub(super) written: DateTime<Utc>,
    /// Changes when the manifest does.
    pub(super) stamp: String,
}

/// The export's folder and the billing period of a path that is a manifest's:
/// `…/metadata/BILLING_PERIOD=2026-11/…-Manifest.json`.
pub(super) fn place(path: &str) -> Option<(&str, Period)> {
    let at = path.rfind(FOLDER)?;
    let root = path[..at].trim_end_matches('/');
    if at > 0 && !path[..at].ends_with('/') || !path.ends_with("Manifest.json") {
        return None;
    }
    let (period, _) = path[at + FOLDER.len()..].split_once('/')?;
    Some((root, Period::parse(period)?))
}

/// Of an export that is never overwritten the newest manifest of each period; newest periods first.
pub(super) fn newest(mut found: Vec<Manifest>) -> Vec<Manifest> {
    found.sort_by(|a, b| {
        let key = |m: &Manifest| (m.period, m.written);
        a.root
            .cmp(&b.root)
            .then(key(b).cmp(&key(a)))
            .then(b.path.cmp(&a.path))
    });
    found.dedup_by(|later, first| later.root == first.root && later.period == first.period);
    found
}

/// Paths of the period's files, relative to the export's folder, in the manifest's order.
///
/// # Errors
/// What is wrong with the manifest.
pub(super) fn files(text: &[u8]) -> Result<Vec<String>, String> {
    let manifest: Value =
        serde_json::from_slice(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let listed = LISTS
        .iter()
        .find_map(|key| manifest.get(key)?.as_array())
        .ok_or_else(|| format!("it has no list `{}`", LISTS[0]))?;
    if listed.is_empty() {
        return Err("it names no file".to_owned());
    }
    listed
        .iter()
        .map(|entry| {
            let path = entry.as_str().or_else(|| entry.get("key")?.as_str());
            let path = path.ok_or_else(|| format!("{entry} is not the path of a file"))?;
            relative(path).ok_or_else(|| format!("`{path}` is not in the export's folder `data`"))
        })
        .collect()
}

/// `s3://bucket/prefix/export/data/BILLING_PERIOD=2026-11/export-00001.csv.gz` without what is
/// before `data`: an export is copied to other folders and buckets whole.
fn relative(path: &str) -> Option<String> {
    let at = path.rfind(DATA)?;
    let rest = &path[at..];
    (!rest.split('/').any(|part| part == "..")).then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_export_and_the_period() {
        let november = Period::parse("2026-11").unwrap();
        for (path, root) in [
            ("metadata/BILLING_PERIOD=2026-11/shop-Manifest.json", ""),
            (
                "a/shop/metadata/BILLING_PERIOD=2026-11/20261124T060000Z-id/shop-Manifest.json",
                "a/shop",
            ),
        ] {
            assert_eq!(place(path), Some((root, november)), "{path}");
        }
        for path in [
            "a/metadata/BILLING_PERIOD=2026-11/notes.json",
            "a/mymetadata/BILLING_PERIOD=2026-11/x-Manifest.json",
            "a/metadata/BILLING_PERIOD=November/x-Manifest.json",
            "a/data/BILLING_PERIOD=2026-11/x-Manifest.json",
        ] {
            assert_eq!(place(path), None, "{path}");
        }
    }

    #[test]
    fn files_are_found_wherever_the_export_was_copied_to() {
        let list = |entry: &str| files(format!(r#"{{"dataFiles": [{entry}]}}"#).as_bytes());
        let expected = "data/BILLING_PERIOD=2026-11/e-00001.csv.gz";
        assert_eq!(
            list(&format!(r#""s3://b/p/e/{expected}""#)).unwrap(),
            [expected]
        );
        assert_eq!(list(&format!(r#""{expected}""#)).unwrap(), [expected]);
        for entry in [
            r#""""#,
            "7",
            r#""s3://b/other.csv""#,
            r#""data/BILLING_PERIOD=2026-11/../../../etc/passwd""#,
        ] {
            assert!(list(entry).is_err(), "{entry}");
        }
        for text in ["", "{}", r#"{"dataFiles": []}"#, "[1]"] {
            assert!(files(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn of_an_export_that_keeps_every_refresh_the_newest_counts() {
        let manifest = |period: &str, path: &str, written: &str| Manifest {
            root: "e".to_owned(),
            period: Period::parse(period).unwrap(),
            path: path.to_owned(),
            written: written.parse().unwrap(),
            stamp: String::new(),
        };
        let found = newest(vec![
            manifest("2026-10", "old", "2026-11-10T00:00:00Z"),
            manifest("2026-11", "first", "2026-11-20T00:00:00Z"),
            manifest("2026-11", "second", "2026-11-21T00:00:00Z"),
        ]);
        let paths: Vec<_> = found.iter().map(|m| m.path.as_str()).collect();
        assert_eq!(paths, ["second", "old"]);
    }
}
