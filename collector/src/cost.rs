//! The bill, from Cost Explorer: daily, by service and usage type.
//!
//! Two requests together are the whole bill of an account: what is usage, grouped by service and usage
//! type, with its quantity; and everything else (tax, credits, refunds, fees), grouped by service and
//! kind of record. Each page costs $0.01, so days are asked for in one go. Amounts are decimals from
//! AWS's text to the lake, never floating point.
//!
//! Two things cost more and are asked for only where they are configured. A management account sees
//! the bills of all its linked accounts: since at most two groups fit a request, that takes one request for
//! the list of accounts, and then two for each. And where hourly granularity is enabled, the usage
//! of the last two weeks is read by the hour, in one more request each.

pub(crate) mod decimal;
mod lines;
mod usage_region;

pub(crate) use usage_region::region_of;

use std::collections::BTreeSet;

use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, Granularity, GroupDefinition,
    GroupDefinitionType, ResultByTime,
};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use millicent_lake::{CostLine, Outcome, Rows, Slice, Table};

use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::task::Collected;
use crate::trouble::{Operation, Trouble, chain};
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

/// Requests that a window of an account takes at least.
const REQUESTS: i64 = 2;
/// Cost Explorer keeps hours for 14 days; one of them is cut.
const HOURLY_HISTORY: TimeDelta = TimeDelta::days(13);

/// Requests that a window takes, one for each page, of which there is seldom a second; `None` where
/// only asking, which costs too, tells how many accounts there are.
pub(crate) fn planned(inner: &Inner) -> Option<u64> {
    let hourly = i64::from(inner.config.hourly_cost);
    let requests = (REQUESTS + hourly).unsigned_abs();
    (!inner.config.linked_accounts).then_some(requests)
}

/// Reads the days of a window.
pub(crate) async fn collect(
    inner: &Inner,
    window: Window,
    meter: &Meter,
) -> Result<Collected, Trouble> {
    let now = inner.clock.now();
    let own = &inner.aws.account_id;
    let asking = Asking {
        inner,
        meter,
        window,
    };
    let mut others = Vec::new();
    if inner.config.linked_accounts {
        others = asking.linked_accounts().await?;
        others.retain(|account| account != own);
    }
    let requests = REQUESTS * (others.len() as i64 + 1);
    meter.afford(Billed::CostRequest, requests)?;
    let linked = inner.config.linked_accounts;
    let mut billed_until = window.from;
    let until = |rows: &[CostLine]| rows.iter().map(|row| row.ts.date_naive()).max();
    let mut read = async |account: &str| {
        let rows = asking.bill(account, linked).await?;
        if let Some(last) = until(&rows) {
            billed_until = billed_until.max(midnight(last) + TimeDelta::days(1));
        }
        Ok::<_, Trouble>(rows)
    };
    for account in &others {
        let rows = read(account).await?;
        let replaced = slice(account, window);
        let replaced = inner.lake.replace(&replaced, Rows::Costs(rows)).await;
        replaced.map_err(|error| {
            let why = chain(&error);
            Trouble::failed(format!(
                "the bill of account {account} can't be stored: {why}"
            ))
        })?;
    }
    let rows = read(own).await?;
    let mut collected = Collected::whole(slice(own, window), Rows::Costs(rows));
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

/// What a window of an account's bill owns.
fn slice(account: &str, window: Window) -> Slice {
    Slice {
        table: Table::Costs,
        equal: vec![
            ("account_id", account.to_owned()),
            ("source", SOURCE.to_owned()),
        ],
        from: window.from,
        to: window.to,
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn not_billed_yet(window: Window, billed_until: DateTime<Utc>, now: DateTime<Utc>) -> Window {
    let lagging = crate::windows::floor(now - BILL_LAG, TimeDelta::days(1));
    Window::new(billed_until.max(lagging).max(window.from), window.to)
}

/// Requests for one window.
struct Asking<'a> {
    inner: &'a Inner,
    meter: &'a Meter,
    window: Window,
}

impl Asking<'_> {
    /// Accounts that are on the bill of the window.
    async fn linked_accounts(&self) -> Result<Vec<String>, Trouble> {
        let days = self
            .pages(self.window, Granularity::Daily, None, &["LINKED_ACCOUNT"])
            .await?;
        let keys = days
            .iter()
            .flat_map(|day| day.groups())
            .flat_map(|group| group.keys());
        let accounts: BTreeSet<&String> = keys.collect();
        Ok(accounts.into_iter().cloned().collect())
    }

    /// All of an account's bill. `linked`: it is one of several on the bill.
    async fn bill(&self, account: &str, linked: bool) -> Result<Vec<CostLine>, Trouble> {
        let mut rows = Vec::new();
        for ask in [Ask::Usage, Ask::Rest] {
            let filter = ask.filter(linked.then_some(account));
            for (window, granularity) in self.spans(ask) {
                let groups = ask.groups();
                let results = self
                    .pages(window, granularity.clone(), Some(filter.clone()), &groups)
                    .await?;
                for result in &results {
                    lines::read(account, ask == Ask::Usage, &granularity, result, &mut rows)?;
                }
            }
        }
        // Days that nobody asked for belong to another window.
        rows.retain(|row| row.ts >= self.window.from && row.ts < self.window.to);
        Ok(rows)
    }

    /// The window, cut where usage is there by the hour.
    fn spans(&self, ask: Ask) -> Vec<(Window, Granularity)> {
        let Window { from, to } = self.window;
        let now = self.inner.clock.now();
        let fine = match self.inner.config.hourly_cost && ask == Ask::Usage {
            true => midnight((now - HOURLY_HISTORY).date_naive()).clamp(from, to),
            false => to,
        };
        let mut spans = vec![
            (Window::new(from, fine), Granularity::Daily),
            (Window::new(fine, to), Granularity::Hourly),
        ];
        spans.retain(|(window, _)| !window.is_empty());
        spans
    }

    async fn pages(
        &self,
        window: Window,
        granularity: Granularity,
        filter: Option<Expression>,
        groups: &[&str],
    ) -> Result<Vec<ResultByTime>, Trouble> {
        let Asking { inner, meter, .. } = self;
        let time = |time: DateTime<Utc>| match granularity {
            Granularity::Hourly => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            _ => time.date_naive().to_string(),
        };
        let period = DateInterval::builder()
            .start(time(window.from))
            .end(time(window.to))
            .build()
            .map_err(|error| Trouble::failed(error.to_string()))?;
        let groups = groups.iter().map(|key| {
            GroupDefinition::builder()
                .r#type(GroupDefinitionType::Dimension)
                .key(*key)
                .build()
        });
        let groups: Vec<GroupDefinition> = groups.collect();
        let mut results = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            meter.afford(Billed::CostRequest, 1)?;
            inner.pace.cost.take(1.0).await;
            let page = inner
                .aws
                .cost
                .get_cost_and_usage()
                .time_period(period.clone())
                .granularity(granularity.clone())
                .metrics("UnblendedCost")
                .metrics("UsageQuantity")
                .set_filter(filter.clone())
                .set_group_by(Some(groups.clone()))
                .set_next_page_token(token.clone())
                .customize()
                .interceptor(meter.attempts())
                .send()
                .await
                .map_err(|error| hourly_hint(&granularity, GET_COST_AND_USAGE.trouble(error)))?;
            meter.spend(Billed::CostRequest, 1);
            results.extend(page.results_by_time.unwrap_or_default());
            let next = page.next_page_token.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(results);
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

/// Hours are there only for who enabled them.
fn hourly_hint(granularity: &Granularity, mut trouble: Trouble) -> Trouble {
    if *granularity == Granularity::Hourly && trouble.outcome == Outcome::Failed {
        trouble.message.push_str(
            ". Hourly granularity has to be enabled in the Cost Management preferences two days before; or leave \
             out `hourly`",
        );
    }
    trouble
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Usage,
    Rest,
}

impl Ask {
    fn filter(self, account: Option<&str>) -> Expression {
        let is = |dimension, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Expression::builder()
                .dimensions(
                    DimensionValues::builder()
                        .key(dimension)
                        .set_values(Some(values))
                        .build(),
                )
                .build()
        };
        let usage = is(Dimension::RecordType, &USAGE_RECORDS);
        let records = match self {
            Ask::Usage => usage,
            Ask::Rest => Expression::builder().not(usage).build(),
        };
        match account {
            None => records,
            Some(account) => Expression::builder()
                .and(is(Dimension::LinkedAccount, &[account]))
                .and(records)
                .build(),
        }
    }

    fn groups(self) -> [&'static str; 2] {
        match self {
            Ask::Usage => ["SERVICE", "USAGE_TYPE"],
            Ask::Rest => ["SERVICE", "RECORD_TYPE"],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ACCOUNT, Request, Response, Scripted};
    use crate::{CollectConfig, Source};

    const OTHER: &str = "999999999999";

    /// A bill of two accounts: a dollar a day of usage of the first, two of the second, and a tax of
    /// half a dollar on the second's. It refuses hours where `hourly` is false.
    fn organisation(hourly: bool) -> impl Fn(&Request) -> Option<Response> + Send + Sync {
        move |request| {
            if request.operation != "GetCostAndUsage" {
                return None;
            }
            let asked = request.json();
            let period = &asked["TimePeriod"];
            let by_hour = asked["Granularity"] == "HOURLY";
            if by_hour && !hourly {
                let error = Response::error("GetCostAndUsage", 400, "ValidationException");
                return Some(error);
            }
            let step = if by_hour {
                TimeDelta::hours(1)
            } else {
                TimeDelta::days(1)
            };
            let time = |text: &Value| match text.as_str().unwrap() {
                text if by_hour => text.parse::<DateTime<Utc>>().unwrap(),
                text => midnight(text.parse().unwrap()),
            };
            let (mut at, end) = (time(&period["Start"]), time(&period["End"]));
            let groups: Vec<&str> = asked["GroupBy"]
                .as_array()
                .unwrap()
                .iter()
                .map(|group| group["Key"].as_str().unwrap())
                .collect();
            let filter = &asked["Filter"];
            let account = filter["And"][0]["Dimensions"]["Values"][0].as_str();
            let group = |keys: &[&str], amount: f64| {
                json!({"Keys": keys, "Metrics": {
                    "UnblendedCost": {"Amount": amount.to_string(), "Unit": "USD"},
                    "UsageQuantity": {"Amount": "1", "Unit": "Requests"}}})
            };
            let share = if by_hour { 1.0 / 32.0 } else { 1.0 };
            let mut results = Vec::new();
            while at < end {
                let groups: Vec<Value> = match (&groups[..], account) {
                    (["LINKED_ACCOUNT"], _) => vec![group(&[ACCOUNT], 1.0), group(&[OTHER], 2.5)],
                    (["SERVICE", "USAGE_TYPE"], Some(OTHER)) => {
                        vec![group(&["Amazon Kendra", "EUC1-Query"], 2.0 * share)]
                    }
                    (["SERVICE", "USAGE_TYPE"], _) => {
                        vec![group(&["AWS Lambda", "EUC1-Request"], 1.0 * share)]
                    }
                    (["SERVICE", "RECORD_TYPE"], Some(OTHER)) => vec![group(&["Tax", "Tax"], 0.5)],
                    _ => vec![],
                };
                let text = |at: DateTime<Utc>| match by_hour {
                    true => at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                    false => at.date_naive().to_string(),
                };
                results.push(
                    json!({"TimePeriod": {"Start": text(at), "End": text(at + step)},
                    "Estimated": false, "Total": {}, "Groups": groups}),
                );
                at += step;
            }
            Some(Response::json(&json!({"ResultsByTime": results})))
        }
    }

    /// Requests made, and the bill: account, granularity, number of lines and their sum.
    async fn bill(
        hourly: bool,
        config: CollectConfig,
    ) -> (usize, Vec<(String, String, usize, String)>, Vec<String>) {
        let aws = Scripted::start(organisation(hourly)).await;
        let config = CollectConfig {
            sources: vec![Source::Cost],
            history: TimeDelta::days(20),
            ..config
        };
        let config = CollectConfig {
            endpoint_url: aws.config().endpoint_url,
            credentials: aws.config().credentials,
            ..config
        };
        let collector = aws.collector(config).await;
        let now = crate::Clock::now(&*aws.clock);
        let cancel = tokio_util::sync::CancellationToken::new();
        let summary = collector.pass(now, &cancel, &|_| ()).await.unwrap();
        let incidents = &summary.sources[0].incidents;
        let incidents = incidents.iter().map(|incident| incident.message.clone());
        let mut sums: std::collections::BTreeMap<(String, String), (usize, rust_decimal::Decimal)> =
            std::collections::BTreeMap::new();
        for line in aws.bill().await {
            let sum = sums.entry((line.account_id, line.granularity)).or_default();
            sum.0 += 1;
            sum.1 += line.cost_usd;
        }
        let sums = sums
            .into_iter()
            .map(|((account, by), (lines, sum))| (account, by, lines, sum.normalize().to_string()));
        (
            aws.calls_of("GetCostAndUsage"),
            sums.collect(),
            incidents.collect(),
        )
    }

    fn sum(account: &str, by: &str, lines: usize, usd: &str) -> (String, String, usize, String) {
        (account.to_owned(), by.to_owned(), lines, usd.to_owned())
    }

    #[tokio::test]
    async fn a_management_account_reads_the_bill_of_each_linked_account_where_that_is_wanted() {
        // The 1st to the 23rd of November: what is due at the 24th.
        let (requests, sums, incidents) = bill(
            true,
            CollectConfig {
                linked_accounts: true,
                ..CollectConfig::default()
            },
        )
        .await;
        assert_eq!(incidents, [""; 0]);
        assert_eq!(requests, 1 + 2 * 2);
        assert_eq!(
            sums,
            [
                sum(ACCOUNT, "daily", 23, "23"),
                sum(OTHER, "daily", 46, "57.5")
            ]
        );

        let (requests, sums, _) = bill(true, CollectConfig::default()).await;
        assert_eq!(requests, 2);
        assert_eq!(sums, [sum(ACCOUNT, "daily", 23, "23")]);
    }

    #[tokio::test]
    async fn the_last_days_are_read_by_the_hour_where_that_is_enabled() {
        let by_hour = CollectConfig {
            hourly_cost: true,
            ..CollectConfig::default()
        };
        let (requests, sums, incidents) = bill(true, by_hour.clone()).await;
        assert_eq!(incidents, [""; 0]);
        assert_eq!(
            requests, 3,
            "days before, hours since, and what is not usage"
        );
        // From the 11th on there are hours.
        assert_eq!(
            sums,
            [
                sum(ACCOUNT, "daily", 10, "10"),
                sum(ACCOUNT, "hourly", 13 * 24, "9.75"),
            ]
        );
        let (_, sums, incidents) = bill(false, by_hour).await;
        assert!(sums.is_empty(), "{sums:?}");
        assert!(
            incidents[0].contains("Hourly granularity has to be enabled"),
            "{incidents:?}"
        );
    }

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
