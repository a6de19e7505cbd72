//! A record of an answer → rows of one function and five minutes.

use chrono::{DateTime, NaiveDateTime, Utc};
use millicent_lake::MetricPoint;

use super::insights::Record;
use super::{BIN, Groups, SERVICE};
use crate::collector::Inner;
use crate::metrics::series::{COUNT, MILLISECONDS};
use crate::trouble::Trouble;
use crate::windows::Window;

/// The rows of a record: `ColdStarts` and `BilledDuration` always, `InitDuration` and `RestoreDuration`
/// where there was one. What lies outside of the window is left out.
///
/// # Errors
/// A record that can't be read: none of the window is kept, because what is missing can't be told.
pub(super) fn of(
    inner: &Inner,
    groups: &Groups,
    window: Window,
    record: &Record,
) -> Result<Vec<MetricPoint>, Trouble> {
    let text = |field: &str| record.get(field).map(String::as_str);
    let unreadable = |field: &str| {
        Trouble::failed(format!(
            "CloudWatch Logs Insights answered with {field} = {:?}, which can't be read",
            text(field).unwrap_or_default()
        ))
    };
    let number = |field: &str| match text(field) {
        None | Some("") => Ok(None),
        Some(value) => value
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
            .map(Some)
            .ok_or_else(|| unreadable(field)),
    };
    // `123456789012:/aws/lambda/get-order`
    let log = text("@log").ok_or_else(|| unreadable("@log"))?;
    let group = log.split_once(':').map_or(log, |(_, group)| group);
    let function = groups
        .values()
        .find_map(|of| of.get(group))
        .ok_or_else(|| unreadable("@log"))?;
    let ts = text("bin(5m)")
        .and_then(time)
        .ok_or_else(|| unreadable("bin(5m)"))?;
    if !window.holds(ts) {
        return Ok(Vec::new());
    }

    let point = |metric: &str, unit: &str, samples: f64, sum: f64, p99: Option<f64>| MetricPoint {
        account_id: inner.aws.account_id.clone(),
        region: inner.config.region.clone(),
        service: SERVICE.to_owned(),
        resource: function.clone(),
        stage: None,
        route: None,
        operation: None,
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        ts,
        period_s: BIN.num_seconds() as i32,
        sample_count: Some(samples),
        sum: Some(sum),
        min: None,
        max: None,
        p50: None,
        p95: None,
        p99,
    };
    let reports = number("reports")?.ok_or_else(|| unreadable("reports"))?;
    let inits = number("inits")?.unwrap_or(0.0);
    let restores = number("restores")?.unwrap_or(0.0);
    let mut points = vec![
        point("ColdStarts", COUNT, reports, inits + restores, None),
        point(
            "BilledDuration",
            MILLISECONDS,
            reports,
            number("billed_ms")?.ok_or_else(|| unreadable("billed_ms"))?,
            None,
        ),
    ];
    for (metric, count, sum, p99) in [
        ("InitDuration", inits, "init_ms", "init_p99"),
        ("RestoreDuration", restores, "restore_ms_sum", "restore_p99"),
    ] {
        if count > 0.0 {
            let sum = number(sum)?.ok_or_else(|| unreadable(sum))?;
            points.push(point(metric, MILLISECONDS, count, sum, number(p99)?));
        }
    }
    Ok(points)
}

/// `2026-11-24 08:50:00.000`, UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .ok()
        .map(|time| time.and_utc())
}
