//! `[[exports]]`: files of the bill.

use serde::Deserialize;
use toml::Spanned;

use super::explain::{ConfigError, Place};
use super::{Account, Export};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExport {
    path: Spanned<String>,
    account: Option<Spanned<String>>,
}

/// Where exports of the bill are: folders and files start beside the configuration. The account
/// whose credentials read a bucket has to be there.
pub(super) fn check(
    exports: Vec<RawExport>,
    accounts: &[Account],
    place: &Place<'_>,
) -> Result<Vec<Export>, ConfigError> {
    let mut checked: Vec<Export> = Vec::new();
    for export in exports {
        let path = export.path.get_ref();
        let bucket = path
            .strip_prefix("s3://")
            .map(|rest| rest.split('/').next());
        let refused = match bucket {
            Some(name) => name.is_none_or(str::is_empty),
            None => path.trim().is_empty() || path.contains("://"),
        };
        let path = match bucket {
            Some(_) => path.clone(),
            None => place.beside(path),
        };
        if refused || checked.iter().any(|other| other.path == path) {
            let reason = if refused {
                "it is neither a folder nor a bucket"
            } else {
                "it is named twice, and a bill must not count twice"
            };
            return Err(place.refuse(
                "exports.path",
                export.path.span(),
                reason,
                "the folder that an export is delivered to, like \"s3://my-bucket/exports/millicent\" or \"./exports\"",
            ));
        }
        if let Some(name) = &export.account
            && !accounts
                .iter()
                .any(|account| account.name == *name.get_ref())
        {
            return Err(place.refuse(
                "exports.account",
                name.span(),
                &format!("there is no account `{}`", name.get_ref()),
                "the `name` of one of [[accounts]]; without this key it is the first one",
            ));
        }
        checked.push(Export {
            path,
            account: export.account.map(Spanned::into_inner),
        });
    }
    Ok(checked)
}
