//! What there is in the account. Each listing gives all resources of its kinds, runs beside the
//! others and fails alone: what it could not list stays as it was known. A row of `resources` is
//! written only for what changed, so a changed row marks a deploy.

mod buckets;
mod changes;
mod domains;
mod event_sources;
mod functions;
mod http_apis;
mod integrations;
mod listing;
mod log_groups;
mod rest_apis;
mod state_machines;
mod tables;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use millicent_lake::{Outcome, Resource};

use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::Trouble;
use listing::Found;

/// Listings under way at once.
const CONCURRENCY: usize = 4;

/// An inventory, and how it differs from the one before.
pub(crate) struct Inventory {
    /// Everything that is there now; where it could not be listed, what was there before.
    pub(crate) resources: Vec<Resource>,
    /// Rows to write.
    pub(crate) changes: Vec<Resource>,
    /// What could not be listed, or not whole.
    pub(crate) gaps: Vec<Gap>,
    /// Nothing at all could be listed.
    nothing: bool,
}

/// A listing that failed, or is not whole.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// Kinds of resources of which some may be unknown.
    pub(crate) kinds: &'static [&'static str],
    pub(crate) trouble: Trouble,
}

impl Inventory {
    /// What is known without asking.
    pub(crate) fn known(resources: Vec<Resource>) -> Self {
        Self {
            resources,
            changes: Vec::new(),
            gaps: Vec::new(),
            nothing: false,
        }
    }

    /// What the inventory came to: partial, unless nothing at all could be listed.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let first = &self.gaps.first()?.trouble;
        let mut messages: Vec<&str> = Vec::new();
        for gap in &self.gaps {
            // What stops one listing, such as credentials that ran out, often stops others.
            if !messages.contains(&gap.trouble.message.as_str()) {
                messages.push(&gap.trouble.message);
            }
        }
        Some(Trouble {
            outcome: if self.nothing {
                first.outcome
            } else {
                Outcome::Partial
            },
            message: messages.join("; "),
        })
    }
}

/// What a listing is responsible for.
#[derive(Clone, Copy)]
struct Scope {
    kinds: &'static [&'static str],
    /// Of the rows of these kinds.
    ours: fn(&Resource) -> bool,
}

impl Scope {
    fn owns(&self, row: &Resource) -> bool {
        self.kinds.contains(&row.kind.as_str()) && (self.ours)(row)
    }
}

type Listed = (Scope, Result<Found, Trouble>);

fn listing<'a>(
    kinds: &'static [&'static str],
    found: impl Future<Output = Result<Found, Trouble>> + Send + 'a,
) -> BoxFuture<'a, Listed> {
    listing_of(
        Scope {
            kinds,
            ours: |_| true,
        },
        found,
    )
}

fn listing_of<'a>(
    scope: Scope,
    found: impl Future<Output = Result<Found, Trouble>> + Send + 'a,
) -> BoxFuture<'a, Listed> {
    async move { (scope, found.await) }.boxed()
}

fn listings<'a>(
    inner: &'a Inner,
    meter: &'a Meter,
    known: &'a [Resource],
) -> Vec<BoxFuture<'a, Listed>> {
    // Stages and routes of REST APIs and of the others are listed apart.
    let rest = Scope {
        kinds: rest_apis::KINDS,
        ours: |row| !http_apis::is_ours(row),
    };
    let http = Scope {
        kinds: http_apis::KINDS,
        ours: http_apis::is_ours,
    };
    vec![
        listing(functions::KINDS, functions::list(inner, meter, known)),
        listing_of(rest, rest_apis::list(inner, meter, known)),
        listing_of(http, http_apis::list(inner, meter, known)),
        listing(domains::KINDS, domains::list(inner, meter, known)),
        listing(event_sources::KINDS, event_sources::list(inner, meter)),
        listing(tables::KINDS, tables::list(inner, meter, known)),
        listing(buckets::KINDS, buckets::list(inner, meter, known)),
        listing(
            state_machines::KINDS,
            state_machines::list(inner, meter, known),
        ),
        listing(log_groups::KINDS, log_groups::list(inner, meter)),
    ]
}

/// Lists the account. What can't be listed is taken as it was known.
pub(crate) async fn discover(inner: &Inner, meter: &Meter, known: Vec<Resource>) -> Inventory {
    let listings = listings(inner, meter, &known);
    let count = listings.len();
    let (listings, tags) = tokio::join!(
        stream::iter(listings)
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>(),
        tags::read(inner, meter)
    );

    let mut failed = 0;
    let mut resources = Vec::new();
    let mut gaps = Vec::new();
    let mut listed: Vec<Scope> = Vec::new();
    for (scope, result) in listings {
        let missing = match result {
            Ok(found) => {
                resources.extend(found.resources);
                listed.push(scope);
                found.missing
            }
            Err(trouble) => {
                resources.extend(known.iter().filter(|row| scope.owns(row)).cloned());
                failed += 1;
                vec![trouble]
            }
        };
        let kinds = scope.kinds;
        gaps.extend(missing.into_iter().map(|trouble| Gap { kinds, trouble }));
    }
    match tags {
        Ok(tags) => tags.put(&mut resources),
        Err(trouble) => {
            tags::read_one_by_one(inner, meter, &known, &mut resources).await;
            gaps.push(Gap {
                kinds: &[],
                trouble,
            });
        }
    }
    log_groups::relate(&mut resources);
    changes::steady(&known, &mut resources);
    let listed = |row: &Resource| listed.iter().any(|scope| scope.owns(row));
    let changes = changes::between(&known, &resources, listed, inner.clock.now());
    Inventory {
        resources,
        changes,
        gaps,
        nothing: failed == count,
    }
}
