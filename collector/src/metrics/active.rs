//! Which series had data in the last three hours, as `ListMetrics` tells it. Asking for a series
//! that has nothing costs as much as for one that has, so the live part skips those; the settled
//! hour asks for all, so nothing is missed for good.

use std::collections::HashSet;

use aws_sdk_cloudwatch::types::RecentlyActive;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::series::Series;
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

const LIST_METRICS: Operation = Operation("cloudwatch:ListMetrics");
/// A series that woke up is listed within about 15 minutes.
const KEEP: TimeDelta = TimeDelta::minutes(15);

type Key = (String, String, Vec<(String, String)>);

/// Namespace, when it was listed, what was active.
type Listed = (&'static str, DateTime<Utc>, HashSet<Key>);

/// What was active when it was last asked, by namespace.
#[derive(Default)]
pub(crate) struct Active {
    listed: Mutex<Vec<Listed>>,
}

impl Active {
    /// Of the series those that are active; all of them where CloudWatch does not tell.
    pub(crate) async fn only(
        &self,
        inner: &Inner,
        meter: &Meter,
        series: Vec<Series>,
    ) -> Vec<Series> {
        let Some(namespace) = series.first().map(|one| one.namespace) else {
            return series;
        };
        let now = inner.clock.now();
        let mut listed = self.listed.lock().await;
        listed.retain(|(of, at, _)| *of != namespace || now - *at < KEEP);
        if !listed.iter().any(|(of, ..)| *of == namespace) {
            match list(inner, meter, namespace).await {
                Ok(keys) => listed.push((namespace, now, keys)),
                Err(trouble) => {
                    tracing::debug!(namespace, error = %trouble, "active metrics can't be listed: all are asked for");
                    return series;
                }
            }
        }
        let Some((_, _, keys)) = listed.iter().find(|(of, ..)| *of == namespace) else {
            return series;
        };
        series
            .into_iter()
            .filter(|one| keys.contains(&key(one)))
            .collect()
    }
}

fn key(series: &Series) -> Key {
    let mut dimensions: Vec<(String, String)> = series
        .dimensions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    dimensions.sort();
    (
        series.namespace.to_owned(),
        series.metric.to_owned(),
        dimensions,
    )
}

async fn list(inner: &Inner, meter: &Meter, namespace: &str) -> Result<HashSet<Key>, Trouble> {
    let mut keys = HashSet::new();
    let mut token = None;
    loop {
        inner.pace.list_metrics.take(1.0).await;
        let page = inner
            .aws
            .cloudwatch
            .list_metrics()
            .namespace(namespace)
            .recently_active(RecentlyActive::Pt3H)
            .set_next_token(token)
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST_METRICS.trouble(error))?;
        for metric in page.metrics() {
            let mut dimensions: Vec<(String, String)> = metric
                .dimensions()
                .iter()
                .filter_map(|d| Some((d.name()?.to_owned(), d.value()?.to_owned())))
                .collect();
            dimensions.sort();
            if let Some(name) = metric.metric_name() {
                keys.insert((namespace.to_owned(), name.to_owned(), dimensions));
            }
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(keys);
        }
    }
}
