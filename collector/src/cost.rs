//! The bill, from Cost Explorer: daily, by service and usage type.
//!
//! Two requests together are the whole bill: what is usage, grouped by service and usage type, with
//! its quantity; and everything else (tax, credits, refunds, fees), grouped by service and kind of
//! record. Each page costs $0.01, so days are asked for in one go. Amounts are decimals from AWS's
//! text to the lake, never floating point.

pub(crate) mod decimal;
mod lines;
mod usage_region;

pub(crate) use usage_region::region_of;

use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, Granularity, GroupDefinition,
    GroupDefinitionType, ResultByTime,
};
use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::{CostLine, Rows, Slice, Table};

use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::task::Collected;
use crate::trouble::{Operation, Trouble};
use crate::windows::Window;

const GET_COST_AND_USAGE: Operation = Operation("ce:GetCostAndUsage");

/// `source` of the rows.
const SOURCE: &str = "cost-explorer";
/// Kinds of record that are usage of a service, and so have a usage type and a quantity.
const USAGE_RECORDS: [&str; 3] = ["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"];
/// More pages than a bill can have: an end to a token that never ends, which would cost money.
const MAX_PAGES: usize = 500;
/// A day without a line that is younger than this is not billed yet, rather than free.
const BILL_LAG: TimeDelta = TimeDelta::days(3);

/// Requests that a window takes at least.
pub(crate) const REQUESTS: i64 = 2;

/// Reads the days of a window.
pub(crate) async fn collect(
    inner: &Inner,
    window: Window,
    meter: &Meter,
) -> Result<Collected, Trouble> {
    let now = inner.clock.now();
    meter.afford(Billed::CostRequest, REQUESTS)?;
    let mut rows: Vec<CostLine> = Vec::new();
    for ask in [Ask::Usage, Ask::Rest] {
        for day in ask.pages(inner, meter, window).await? {
            lines::read(&inner.aws.account_id, ask == Ask::Usage, &day, &mut rows)?;
        }
    }
    // Days that nobody asked for belong to another window.
    rows.retain(|row| row.ts >= window.from && row.ts < window.to);
    let billed_until = rows
        .iter()
        .map(|row| row.ts + TimeDelta::days(1))
        .max()
        .unwrap_or(window.from);
    let slice = Slice {
        table: Table::Costs,
        equal: vec![
            ("account_id", inner.aws.account_id.clone()),
            ("source", SOURCE.to_owned()),
        ],
        from: window.from,
        to: window.to,
    };
    let mut collected = Collected::whole(slice, Rows::Costs(rows));
    let not_yet = not_billed_yet(window, billed_until, now);
    if !not_yet.is_empty() {
        collected.not_yet = Some((
            not_yet,
            format!(
                "Cost Explorer has no bill yet for {} and after; it comes up to a day late",
                not_yet.from.date_naive()
            ),
        ));
    }
    Ok(collected)
}

fn not_billed_yet(window: Window, billed_until: DateTime<Utc>, now: DateTime<Utc>) -> Window {
    let lagging = crate::windows::floor(now - BILL_LAG, TimeDelta::days(1));
    Window::new(billed_until.max(lagging).max(window.from), window.to)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Usage,
    Rest,
}

impl Ask {
    fn filter(self) -> Expression {
        let usage = Expression::builder()
            .dimensions(
                DimensionValues::builder()
                    .key(Dimension::RecordType)
                    .set_values(Some(USAGE_RECORDS.map(str::to_owned).to_vec()))
                    .build(),
            )
            .build();
        match self {
            Ask::Usage => usage,
            Ask::Rest => Expression::builder().not(usage).build(),
        }
    }

    fn groups(self) -> Vec<GroupDefinition> {
        let second = match self {
            Ask::Usage => "USAGE_TYPE",
            Ask::Rest => "RECORD_TYPE",
        };
        ["SERVICE", second]
            .map(|key| {
                GroupDefinition::builder()
                    .r#type(GroupDefinitionType::Dimension)
                    .key(key)
                    .build()
            })
            .to_vec()
    }

    async fn pages(
        self,
        inner: &Inner,
        meter: &Meter,
        window: Window,
    ) -> Result<Vec<ResultByTime>, Trouble> {
        let period = DateInterval::builder()
            .start(window.from.date_naive().to_string())
            .end(window.to.date_naive().to_string())
            .build()
            .map_err(|error| Trouble::failed(error.to_string()))?;
        let mut days = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            meter.afford(Billed::CostRequest, 1)?;
            inner.pace.cost.take(1.0).await;
            let page = inner
                .aws
                .cost
                .get_cost_and_usage()
                .time_period(period.clone())
                .granularity(Granularity::Daily)
                .metrics("UnblendedCost")
                .metrics("UsageQuantity")
                .filter(self.filter())
                .set_group_by(Some(self.groups()))
                .set_next_page_token(token.clone())
                .customize()
                .interceptor(meter.attempts())
                .send()
                .await
                .map_err(|error| GET_COST_AND_USAGE.trouble(error))?;
            meter.spend(Billed::CostRequest, 1);
            days.extend(page.results_by_time.unwrap_or_default());
            let next = page.next_page_token.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(days);
            }
            if next == token {
                break;
            }
            token = next;
        }
        Err(Trouble::failed(format!(
            "{} never comes to an end of its pages",
            GET_COST_AND_USAGE.0
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_young_day_without_a_line_is_not_yet_and_an_old_one_is_free() {
        let window = Window::new(at("2026-11-01T00:00:00Z"), at("2026-11-24T00:00:00Z"));
        let now = at("2026-11-24T08:00:00Z");
        let not_yet = |until: &str| not_billed_yet(window, at(until), now);
        assert_eq!(
            not_yet("2026-11-23T00:00:00Z").from,
            at("2026-11-23T00:00:00Z")
        );
        assert!(not_yet("2026-11-24T00:00:00Z").is_empty());
        assert_eq!(
            not_yet("2026-11-05T00:00:00Z").from,
            at("2026-11-21T00:00:00Z")
        );
    }
}
