//! A day of Cost Explorer's answer → lines of the bill.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_costexplorer::types::{Granularity, MetricValue, ResultByTime};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use millicent_lake::CostLine;
use rust_decimal::Decimal;

use super::SOURCE;
use super::decimal::{PLACES, parse};
use super::usage_region::region_of;
use crate::trouble::Trouble;

/// Reads the groups of one day or hour. `usage`: grouped by usage type, else by kind of record.
pub(super) fn read(
    account_id: &str,
    usage: bool,
    granularity: &Granularity,
    day: &ResultByTime,
    rows: &mut Vec<CostLine>,
) -> Result<(), Trouble> {
    let start = day
        .time_period()
        .map(|period| period.start())
        .unwrap_or_default();
    let hourly = *granularity == Granularity::Hourly;
    let read = if hourly { hour_start } else { day_start };
    let ts = read(start).ok_or_else(|| {
        Trouble::failed(format!(
            "Cost Explorer answered for a day that can't be read: `{start}`"
        ))
    })?;
    for group in day.groups() {
        let [service, second] = group.keys() else {
            return Err(Trouble::failed(format!(
                "Cost Explorer answered with {} keys where two were asked for",
                group.keys().len()
            )));
        };
        let metrics = group.metrics();
        let (cost_usd, currency) = value(metrics, "UnblendedCost")?;
        if !matches!(currency.as_deref(), Some("USD") | None) {
            return Err(Trouble::failed(format!(
                "the bill is in {}: only bills in USD can be read yet",
                currency.unwrap_or_default()
            )));
        }
        let (quantity, unit) = match (usage, metrics.and_then(|m| m.get("UsageQuantity"))) {
            (true, Some(_)) => {
                let (quantity, unit) = value(metrics, "UsageQuantity")?;
                (Some(quantity), unit.filter(|unit| unit != "N/A"))
            }
            _ => (None, None),
        };
        rows.push(CostLine {
            ts,
            granularity: if hourly { "hourly" } else { "daily" }.to_owned(),
            account_id: account_id.to_owned(),
            region: if usage { region_of(second) } else { None }.map(str::to_owned),
            service: service.clone(),
            usage_type: usage.then(|| second.clone()),
            operation: None,
            record_type: if usage {
                "Usage".to_owned()
            } else {
                second.clone()
            },
            resource_id: None,
            tags: BTreeMap::new(),
            cost_usd,
            quantity,
            unit,
            estimated: day.estimated(),
            source: SOURCE.to_owned(),
        });
    }
    Ok(())
}

fn value(
    metrics: Option<&HashMap<String, MetricValue>>,
    name: &str,
) -> Result<(Decimal, Option<String>), Trouble> {
    let value = metrics
        .and_then(|metrics| metrics.get(name))
        .ok_or_else(|| Trouble::failed(format!("Cost Explorer answered without {name}")))?;
    let text = value.amount().unwrap_or_default();
    let amount = decimal(text).ok_or_else(|| {
        Trouble::failed(format!("Cost Explorer's {name} is not a number: `{text}`"))
    })?;
    Ok((amount, value.unit().map(str::to_owned)))
}

/// To the places that the lake keeps.
fn decimal(text: &str) -> Option<Decimal> {
    parse(text).map(|number| number.round_dp(PLACES))
}

/// `2026-11-23`, or a time of that day.
fn day_start(text: &str) -> Option<DateTime<Utc>> {
    let day: NaiveDate = text.get(..10)?.parse().ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// `2026-11-23T07:00:00Z`.
fn hour_start(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use aws_sdk_costexplorer::types::{DateInterval, Group};

    use super::*;

    fn day(keys: [&str; 2], cost: &str, currency: &str) -> ResultByTime {
        let metric =
            |amount: &str, unit: &str| MetricValue::builder().amount(amount).unit(unit).build();
        let period = DateInterval::builder()
            .start("2026-11-23")
            .end("2026-11-24")
            .build()
            .unwrap();
        ResultByTime::builder()
            .time_period(period)
            .estimated(true)
            .groups(
                Group::builder()
                    .keys(keys[0])
                    .keys(keys[1])
                    .metrics("UnblendedCost", metric(cost, currency))
                    .metrics("UsageQuantity", metric("1234.5000000000", "Second"))
                    .build(),
            )
            .build()
    }

    #[test]
    fn a_usage_line_keeps_every_digit() {
        let mut rows = Vec::new();
        let day = day(
            ["AWS Lambda", "EUC1-Lambda-GB-Second"],
            "0.0205750001",
            "USD",
        );
        read("123456789012", true, &Granularity::Daily, &day, &mut rows).unwrap();
        let row = &rows[0];
        assert_eq!(row.cost_usd.to_string(), "0.0205750001");
        assert_eq!(row.quantity, Some(Decimal::new(12345, 1)));
        assert_eq!(row.unit.as_deref(), Some("Second"));
        assert_eq!(row.region.as_deref(), Some("eu-central-1"));
        assert_eq!(row.usage_type.as_deref(), Some("EUC1-Lambda-GB-Second"));
        assert_eq!(
            row.ts,
            "2026-11-23T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
        assert!(row.estimated);
    }

    #[test]
    fn what_is_not_usage_has_a_kind_and_no_quantity() {
        let mut rows = Vec::new();
        read(
            "123456789012",
            false,
            &Granularity::Daily,
            &day(["Tax", "Tax"], "-1.5", "USD"),
            &mut rows,
        )
        .unwrap();
        let row = &rows[0];
        assert_eq!(
            (row.record_type.as_str(), row.usage_type.as_deref()),
            ("Tax", None)
        );
        assert_eq!((row.quantity, row.region.as_deref()), (None, None));
        assert_eq!(row.cost_usd, Decimal::new(-15, 1));
    }

    #[test]
    fn amounts_are_exact_or_refused() {
        assert_eq!(decimal("1.2E-7"), Some(Decimal::new(12, 8)));
        assert_eq!(decimal("-0.0000000001"), Some(Decimal::new(-1, 10)));
        assert_eq!(decimal("NaN"), None);
        let mut rows = Vec::new();
        let error = read(
            "1",
            true,
            &Granularity::Daily,
            &day(["S", "U"], "", "USD"),
            &mut rows,
        )
        .unwrap_err();
        assert!(error.message.contains("UnblendedCost is not a number"));
        let error = read(
            "1",
            true,
            &Granularity::Daily,
            &day(["S", "U"], "1", "CNY"),
            &mut rows,
        )
        .unwrap_err();
        assert!(error.message.contains("CNY"));
    }
}
