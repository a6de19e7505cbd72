//! Where a lake is: a folder, given as a path or as a `file://` URL.

use std::path::PathBuf;

use url::Url;

use crate::LakeError;

/// The absolute path that a location names.
pub(crate) fn resolve(location: &str) -> Result<PathBuf, LakeError> {
    let refused = |reason: String| LakeError::Location {
        location: location.to_owned(),
        reason,
    };
    if location.is_empty() {
        return Err(refused(
            "it is empty: give a folder, for example ./lake".to_owned(),
        ));
    }
    let path = match location.split_once("://") {
        None => PathBuf::from(location),
        Some(("file", _)) => Url::parse(location)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .ok_or_else(|| {
                refused("it is not a URL of a local folder, as file:///srv/lake is".to_owned())
            })?,
        Some((scheme, _)) => {
            return Err(refused(format!(
                "{scheme}:// is not supported yet: give a local folder or a file:// URL"
            )));
        }
    };
    // delta-rs decodes a path once more than it encodes it, and would end up in another folder.
    if let Some(code) = percent_code(&path.to_string_lossy()) {
        return Err(refused(format!(
            "a folder whose name has `{code}`, a percent sign and two digits, is not supported"
        )));
    }
    std::path::absolute(&path)
        .map_err(|error| refused(format!("it cannot be made an absolute path: {error}")))
}

/// The first `%20` or the like.
fn percent_code(path: &str) -> Option<&str> {
    let codes = path
        .match_indices('%')
        .filter_map(|(at, _)| path.get(at..at + 3));
    codes
        .into_iter()
        .find(|code| code.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit()))
}

/// The URL of a table's folder in the lake.
pub(crate) fn table_url(folder: &std::path::Path, name: &str) -> Result<Url, LakeError> {
    let path = folder.join(name);
    Url::from_directory_path(&path).map_err(|()| LakeError::Location {
        location: path.display().to_string(),
        reason: "it cannot be written as a URL".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_urls_name_the_same_folder() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(resolve("a lake").unwrap(), here.join("a lake"));
        assert_eq!(
            resolve("/srv/späte lake").unwrap(),
            PathBuf::from("/srv/späte lake")
        );
        assert_eq!(
            resolve("file:///srv/sp%C3%A4te%20lake").unwrap(),
            PathBuf::from("/srv/späte lake")
        );
    }

    #[test]
    fn other_stores_are_refused_by_name() {
        for location in [
            "s3://bucket/prefix",
            "gs://bucket",
            "",
            "file://host/share",
            "a%20b",
        ] {
            let error = resolve(location).unwrap_err().to_string();
            assert!(error.contains(location), "{error}");
        }
        assert!(
            resolve("s3://bucket")
                .unwrap_err()
                .to_string()
                .contains("s3:// is not supported")
        );
    }
}
