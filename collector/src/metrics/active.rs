//! Which metrics there are, as `ListMetrics` tells it: without asking for data, which is billed, it
//! is known which tables have which operations, and what had data of late. Asking for a metric that
//! has nothing costs as much as for one that has.
//!
//! Reference: "ListMetrics" in Amazon CloudWatch's API reference. A new metric is listed within 15
//! minutes, one without data for two weeks no more; `RecentlyActive=PT3H` lists what had data in the
//! last three hours, and up to 50 minutes more.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_cloudwatch::types::RecentlyActive;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};
use crate::windows::Window;

const LIST_METRICS: Operation = Operation("cloudwatch:ListMetrics");
/// A metric that woke up is listed within about 15 minutes.
const KEEP: TimeDelta = TimeDelta::minutes(15);
/// What `RecentlyActive` looks back at least.
const RECENT: TimeDelta = TimeDelta::hours(3);
/// A metric without data is listed so long, with a day's margin.
pub(super) const LISTED_FOR: TimeDelta = TimeDelta::days(13);
/// More pages than there can be: an end to a token that never ends.
const MAX_PAGES: usize = 10_000;

/// A metric that is listed: its name, and its exact dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Listed {
    pub(crate) metric: String,
    /// Name and value, by name.
    pub(crate) dimensions: Vec<(String, String)>,
}

impl Listed {
    /// The values of these dimensions, if there are no others.
    pub(super) fn exactly<const N: usize>(&self, names: [&str; N]) -> Option<[&str; N]> {
        if self.dimensions.len() != N {
            return None;
        }
        let mut values = [""; N];
        for (at, name) in names.into_iter().enumerate() {
            let (_, value) = self.dimensions.iter().find(|(key, _)| key == name)?;
            values[at] = value;
        }
        Some(values)
    }
}

/// The metrics of a namespace at a time.
#[derive(Debug)]
pub(crate) struct Listing {
    at: DateTime<Utc>,
    pub(super) metrics: Vec<Listed>,
}

/// What a listing is wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) namespace: &'static str,
    /// What had data of late is enough, where the window lies there.
    pub(super) recent_only: bool,
    pub(super) window: Window,
    /// Nothing comes late to it any more.
    pub(super) settled: bool,
}

/// A namespace, and whether only what had data of late is listed.
type Key = (&'static str, bool);

/// A listing; nobody else asks for it while its lock is held.
type Place = Arc<Mutex<Option<Arc<Listing>>>>;

/// What was listed last.
#[derive(Default)]
pub(crate) struct Active {
    listings: Mutex<HashMap<Key, Place>>,
}

impl Active {
    /// The metrics of a namespace that can have data in the window: those of the last hours if it
    /// lies there, else those of the last two weeks.
    pub(super) async fn listing(
        &self,
        inner: &Inner,
        meter: &Meter,
        look: Look,
    ) -> Result<Arc<Listing>, Trouble> {
        let now = inner.clock.now();
        let (namespace, window) = (look.namespace, look.window);
        let recent = look.recent_only && window.from >= now - RECENT;
        // What came late to a settled window is listed as late, so the listing has to be younger.
        let since = if look.settled {
            window.to + inner.config.late
        } else {
            now - KEEP
        };
        let place = {
            let mut listings = self.listings.lock().await;
            Arc::clone(listings.entry((namespace, recent)).or_default())
        };
        let mut place = place.lock().await;
        if let Some(listing) = place.as_ref().filter(|listing| listing.at >= since) {
            return Ok(Arc::clone(listing));
        }
        let listing = Arc::new(Listing {
            at: now,
            metrics: list(inner, meter, namespace, recent).await?,
        });
        *place = Some(Arc::clone(&listing));
        Ok(listing)
    }
}

async fn list(
    inner: &Inner,
    meter: &Meter,
    namespace: &str,
    recent: bool,
) -> Result<Vec<Listed>, Trouble> {
    let mut metrics = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        inner.pace.list_metrics.take(1.0).await;
        let page = inner
            .aws
            .cloudwatch
            .list_metrics()
            .namespace(namespace)
            .set_recently_active(recent.then_some(RecentlyActive::Pt3H))
            .set_next_token(token.clone())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST_METRICS.trouble(error))?;
        for metric in page.metrics.unwrap_or_default() {
            let mut dimensions: Vec<(String, String)> = metric
                .dimensions
                .unwrap_or_default()
                .into_iter()
                .filter_map(|d| Some((d.name?, d.value?)))
                .collect();
            dimensions.sort();
            if let Some(metric) = metric.metric_name {
                metrics.push(Listed { metric, dimensions });
            }
        }
        let next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() {
            return Ok(metrics);
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(Trouble::failed(format!(
        "cloudwatch:ListMetrics never ended for {namespace}. It is tried again"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_match_only_as_an_exact_set() {
        let listed = Listed {
            metric: "SuccessfulRequestLatency".to_owned(),
            dimensions: vec![
                ("Operation".to_owned(), "GetItem".to_owned()),
                ("TableName".to_owned(), "orders".to_owned()),
            ],
        };
        assert_eq!(
            listed.exactly(["TableName", "Operation"]),
            Some(["orders", "GetItem"])
        );
        assert_eq!(listed.exactly(["TableName"]), None);
        assert_eq!(listed.exactly(["TableName", "StreamLabel"]), None);
    }
}
