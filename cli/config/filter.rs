//! `include`, `exclude` and `tags`: which resources, in `[collect]` and in each of `[[accounts]]`.

use std::collections::BTreeMap;

use millicent_collector::Filter;
use toml::Spanned;

use super::explain::{ConfigError, Place};

/// What one table says of a filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PartOfFilter {
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
}

impl PartOfFilter {
    /// Checks the patterns of a section.
    pub(super) fn check(
        section: &str,
        include: Option<Vec<Spanned<String>>>,
        exclude: Option<Vec<Spanned<String>>>,
        tags: Option<BTreeMap<String, Spanned<String>>>,
        place: &Place<'_>,
    ) -> Result<PartOfFilter, ConfigError> {
        let pattern = |key: &str, pattern: Spanned<String>| {
            if pattern.get_ref().trim().is_empty() {
                return Err(place.refuse(
                    &format!("{section}.{key}"),
                    pattern.span(),
                    "the pattern is empty and matches nothing",
                    "a name, in which * stands for anything and ? for one character, like \"shop-*\"",
                ));
            }
            Ok(pattern.into_inner())
        };
        let patterns = |key: &str, patterns: Option<Vec<Spanned<String>>>| {
            let checked =
                patterns.map(|all| all.into_iter().map(|one| pattern(key, one)).collect());
            checked.transpose()
        };
        let tags = tags.map(|tags| {
            let checked = tags.into_iter().map(|(k, v)| Ok((k, pattern("tags", v)?)));
            checked.collect()
        });
        Ok(PartOfFilter {
            include: patterns("include", include)?,
            exclude: patterns("exclude", exclude)?,
            tags: tags.transpose()?,
        })
    }

    /// The filter with what is said here in place of what it says.
    pub(crate) fn over(&self, filter: &Filter) -> Filter {
        Filter {
            include: self.include.as_ref().unwrap_or(&filter.include).clone(),
            exclude: self.exclude.as_ref().unwrap_or(&filter.exclude).clone(),
            tags: self.tags.as_ref().unwrap_or(&filter.tags).clone(),
        }
    }
}
