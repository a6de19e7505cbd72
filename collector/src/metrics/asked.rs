//! Which series a window asks for: what CloudWatch lists as active in its time. What an account is
//! billed for then follows what happens in it, and not how much is deployed.

use std::sync::Arc;

use chrono::TimeDelta;
use millicent_lake::Resource;

use super::active::{LISTED_FOR, Listing, Look};
use super::series::{Series, without_doubles};
use super::{apigateway, dynamodb, fetch, lambda, logs, s3, states};
use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::Meter;
use crate::source::System;
use crate::trouble::Trouble;
use crate::windows::{Window, ceil, floor, period_s};

/// Up to so many series of functions and APIs are asked for without a look at what is active: a new
/// function shows before it is listed, and what that costs is little.
const ASK_ALL_UP_TO: usize = 100;

/// The period of a daily metric.
const DAY: TimeDelta = TimeDelta::days(1);

/// CloudWatch keeps minutes for 15 days.
const MINUTES_KEPT: TimeDelta = TimeDelta::days(14);

/// What goes into `GetMetricData` of one window at one period.
pub(crate) struct Asked {
    pub(super) series: Vec<Series>,
    /// Whole periods: of a daily metric it is wider than the window.
    pub(super) window: Window,
    pub(super) period_s: i32,
}

impl Asked {
    /// What AWS bills for it.
    pub(crate) fn units(&self) -> usize {
        self.series.len()
    }

    /// The series of each call, without retries and pages.
    pub(crate) fn calls(&self) -> Vec<std::ops::Range<usize>> {
        fetch::batches(&self.series, self.periods())
    }

    /// At most so many points come of a call.
    pub(crate) fn points_of(&self, call: &std::ops::Range<usize>) -> usize {
        let series = &self.series[call.clone()];
        let queries: usize = series.iter().map(|one| one.statistics.len()).sum();
        queries * usize::try_from(self.periods()).unwrap_or(0)
    }

    fn periods(&self) -> i64 {
        (self.window.length().num_seconds() / i64::from(self.period_s)).max(1)
    }
}

/// What a window asks for.
///
/// # Errors
/// As [`series_for`].
pub(crate) async fn asked_for(
    inner: &Inner,
    meter: &Meter,
    system: System,
    known: &Knowledge,
    window: Window,
) -> Result<Vec<Asked>, Trouble> {
    let mut series = series_for(inner, meter, system, known, window).await?;
    series.sort_by(|a, b| a.place().cmp(&b.place()));
    let (daily, others): (Vec<Series>, Vec<Series>) =
        series.into_iter().partition(Series::is_daily);
    let now = inner.clock.now();
    let mut period_s = period_s(&window, now, inner.config.minute_resolution);
    // The hour after a midnight is read again for days; what stands there by the minute stays so.
    let again = system == System::S3 && window.length() <= TimeDelta::hours(1);
    if again && window.from > now - MINUTES_KEPT {
        period_s = 60;
    }
    let days = Window::new(floor(window.from, DAY), ceil(window.to, DAY));
    let asked = |series, window, period_s| Asked {
        series,
        window,
        period_s,
    };
    Ok(
        [asked(others, window, period_s), asked(daily, days, 86_400)]
            .into_iter()
            .filter(|asked| asked.units() > 0)
            .collect(),
    )
}

/// The series of a system that a window asks for.
///
/// # Errors
/// Where `ListMetrics` can't be asked: without it neither is known what there is nor what has data,
/// and asking for all that there could be would be billed.
async fn series_for(
    inner: &Inner,
    meter: &Meter,
    system: System,
    known: &Knowledge,
    window: Window,
) -> Result<Vec<Series>, Trouble> {
    let now = inner.clock.now();
    let settled = window.to <= floor(now - inner.config.late, TimeDelta::hours(1));
    // A day's value has the time of its midnight; until that hour has settled it isn't there.
    let daily = settled && floor(window.to - TimeDelta::seconds(1), DAY) >= window.from;
    let look = Look {
        namespace: system.namespace(),
        // Of late is nothing that comes days after its time.
        recent_only: !(daily && system == System::S3),
        window,
        settled,
    };
    let listing = listing(inner, meter, look).await?;
    let mut series = listed_series(system, &known.resources, &listing);
    if system == System::Lambda {
        let namespace = lambda::INSIGHTS;
        let listing = self::listing(inner, meter, Look { namespace, ..look }).await?;
        series.extend(listing.metrics.iter().filter_map(lambda::insights));
    }
    let of_resources = known_series(system, &known.resources);
    let few = matches!(system, System::Lambda | System::ApiGateway)
        && of_resources.len() <= ASK_ALL_UP_TO;
    // What has been silent for long is listed no more, but its data are kept.
    let silent = window.from < now - LISTED_FOR;
    if few || silent {
        series.extend(of_resources);
    }
    series.retain(|one| daily || !one.is_daily());
    if let Some(trouble) = known.unknown(system) {
        tracing::info!(
            namespace = system.namespace(), series = series.len(), error = %trouble,
            "the account could not be listed whole: resources go by the names in CloudWatch's metrics"
        );
    }
    Ok(without_doubles(series))
}

async fn listing(inner: &Inner, meter: &Meter, look: Look) -> Result<Arc<Listing>, Trouble> {
    let listing = inner.active.listing(inner, meter, look).await;
    listing.map_err(|trouble| Trouble {
        outcome: trouble.outcome,
        message: format!(
            "it is not known which metrics of {} have data: {}",
            look.namespace, trouble.message
        ),
    })
}

/// What the resources have for sure.
fn known_series(system: System, resources: &[Resource]) -> Vec<Series> {
    match system {
        System::Lambda => lambda::known(resources),
        System::ApiGateway => apigateway::known(resources),
        System::DynamoDb => dynamodb::known(resources),
        System::S3 => s3::known(resources),
        System::StepFunctions => states::known(resources),
        System::Logs => logs::known(resources),
    }
}

/// What of the listed metrics is collected.
fn listed_series(system: System, resources: &[Resource], listing: &Listing) -> Vec<Series> {
    let names = apigateway::Names::new(resources);
    let of_system = |listed| match system {
        System::Lambda => lambda::listed(listed),
        System::ApiGateway => apigateway::listed(&names, listed),
        System::DynamoDb => dynamodb::listed(listed),
        System::S3 => s3::listed(listed),
        System::StepFunctions => states::listed(listed),
        System::Logs => logs::listed(listed),
    };
    listing.metrics.iter().filter_map(of_system).collect()
}
