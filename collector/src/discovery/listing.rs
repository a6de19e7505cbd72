//! What every listing needs: pages that come to an end, rows, and particulars of many resources of
//! which some can't be read.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use futures::{StreamExt, stream};
use millicent_lake::{Outcome, Resource};

use crate::collector::Inner;
use crate::trouble::{Operation, Trouble};

/// Calls under way at once for the particulars of resources of one kind. The rate is the pace's.
const CONCURRENCY: usize = 8;
/// So many that can't be read, and none that can: the action is missing, so the rest is not asked for.
const GIVE_UP: usize = 10;
/// Names told in a message.
const NAMED: usize = 3;

/// What a listing gave.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) resources: Vec<Resource>,
    /// What is missing in it.
    pub(super) missing: Vec<Trouble>,
}

impl Found {
    pub(super) fn whole(resources: Vec<Resource>) -> Self {
        Self {
            resources,
            missing: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, other: Found) {
        self.resources.extend(other.resources);
        self.missing.extend(other.missing);
    }
}

/// The pages of a listing. A token that comes a second time would be followed for ever.
pub(super) struct Pages {
    operation: Operation,
    seen: HashSet<String>,
    token: Option<String>,
}

impl Pages {
    pub(super) fn of(operation: Operation) -> Self {
        Self {
            operation,
            seen: HashSet::new(),
            token: None,
        }
    }

    /// The token to ask the page with; none for the first one.
    pub(super) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// Takes the token that came with a page. True when there is a next one.
    pub(super) fn turn(&mut self, token: Option<String>) -> Result<bool, Trouble> {
        self.token = token.filter(|token| !token.is_empty());
        let Some(token) = &self.token else {
            return Ok(false);
        };
        if self.seen.insert(token.clone()) {
            return Ok(true);
        }
        Err(Trouble::failed(format!(
            "{} never comes to an end of its pages: a page's token came twice. It is tried again",
            self.operation.0
        )))
    }
}

/// A row of the account and region that are collected.
pub(super) fn row(
    inner: &Inner,
    kind: &str,
    name: impl Into<String>,
    arn: impl Into<String>,
    configuration: BTreeMap<String, String>,
) -> Resource {
    Resource {
        ts: inner.clock.now(),
        account_id: inner.aws.account_id.clone(),
        region: inner.config.region.clone(),
        kind: kind.to_owned(),
        name: name.into(),
        arn: arn.into(),
        configuration,
        tags: BTreeMap::new(),
        deleted: false,
    }
}

/// Settings of which some are not set.
pub(super) fn settings<const N: usize>(
    pairs: [(&str, Option<String>); N],
) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// Puts the value that was known of a row, where it could not be read this time.
pub(super) fn keep(row: &mut Resource, key: &str, known: &[Resource]) {
    let before = known
        .iter()
        .find(|before| before.kind == row.kind && before.arn == row.arn);
    if let Some(value) = before.and_then(|before| before.configuration.get(key)) {
        row.configuration.insert(key.to_owned(), value.clone());
    }
}

/// True when AWS says that there is no such thing: it was deleted since it was listed, or never
/// configured.
pub(super) fn is_gone<E, R>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    matches!(
        error.code(),
        Some(
            "ResourceNotFoundException"
                | "NotFoundException"
                | "NoSuchBucket"
                | "ProvisionedConcurrencyConfigNotFoundException"
                | "StateMachineDoesNotExist"
        )
    )
}

/// Many resources whose particulars are asked for one by one.
pub(super) struct Each<'a> {
    /// For messages: `tables`.
    pub(super) what: &'static str,
    /// Kinds of the rows that the particulars give.
    pub(super) kinds: &'static [&'static str],
    /// What was known of them.
    pub(super) known: &'a [Resource],
    /// Of which of them a known row is.
    pub(super) owner: fn(&Resource) -> Option<&str>,
}

impl Each<'_> {
    /// Asks for each. What is gone gives no row, what is read in part those rows. Of what can't be read the rows that were known
    /// stay, else there is the row that its name alone gives, if any; a message tells how many and
    /// which.
    pub(super) async fn ask<F>(
        &self,
        items: Vec<(String, Option<Resource>)>,
        ask: impl Fn(String) -> F,
    ) -> Found
    where
        F: Future<Output = Result<Found, Trouble>>,
    {
        let all = items.len();
        let (mut read, mut resources) = (0, Vec::new());
        let mut unread: Vec<(String, Option<Resource>)> = Vec::new();
        let mut halves: Vec<String> = Vec::new();
        let mut first: Option<Trouble> = None;
        let mut left = items.into_iter();
        let mut running = stream::iter(left.by_ref())
            .map(|(name, bare)| {
                let asked = ask(name.clone());
                async move { (name, bare, asked.await) }
            })
            .buffered(CONCURRENCY);
        while let Some((name, bare, result)) = running.next().await {
            match result {
                Ok(found) => {
                    read += 1;
                    resources.extend(found.resources);
                    if let Some(trouble) = found.missing.into_iter().next() {
                        halves.push(name);
                        first.get_or_insert(trouble);
                    }
                }
                Err(trouble) => {
                    unread.push((name, bare));
                    first.get_or_insert(trouble);
                }
            }
            if read == 0 && unread.len() == GIVE_UP {
                break;
            }
        }
        drop(running);
        unread.extend(left);
        let Some(first) = first else {
            return Found::whole(resources);
        };

        let names: HashSet<&str> = unread.iter().map(|(name, _)| name.as_str()).collect();
        let mut kept: HashSet<&str> = HashSet::new();
        for row in self.known {
            let owner = (self.owner)(row).filter(|owner| names.contains(owner));
            if let (true, Some(owner)) = (self.kinds.contains(&row.kind.as_str()), owner) {
                kept.insert(owner);
                resources.push(row.clone());
            }
        }
        let bare = unread
            .iter()
            .filter(|(name, _)| !kept.contains(name.as_str()));
        resources.extend(bare.filter_map(|(_, bare)| bare.clone()));
        let names: Vec<&str> = unread
            .iter()
            .map(|(name, _)| name)
            .chain(&halves)
            .map(String::as_str)
            .collect();
        let what = self.what;
        Found {
            resources,
            missing: vec![Trouble {
                outcome: Outcome::Partial,
                message: format!(
                    "{} of {all} {what} can't be read whole ({}): {}",
                    names.len(),
                    some(&names),
                    first.message
                ),
            }],
        }
    }
}

fn some(names: &[&str]) -> String {
    let told = names.iter().take(NAMED).copied();
    let more = (names.len() > NAMED).then_some("…");
    told.chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_repeat_end_the_listing_with_an_error() {
        let mut pages = Pages::of(Operation("dynamodb:ListTables"));
        let mut turn = |token: &str| pages.turn(Some(token.to_owned()));
        assert_eq!(turn("a"), Ok(true));
        assert_eq!(turn("b"), Ok(true));
        let error = turn("a").unwrap_err();
        assert!(error.message.starts_with("dynamodb:ListTables never"));
    }

    #[test]
    fn an_empty_token_is_the_end() {
        let mut pages = Pages::of(Operation("lambda:ListFunctions"));
        assert_eq!(pages.turn(Some(String::new())), Ok(false));
        assert_eq!(pages.turn(None), Ok(false));
    }
}
