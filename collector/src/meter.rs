//! What Millicent's own calls come to: attempts, what AWS bills for, and dollars; and the daily
//! budget that stops them.
//!
//! List prices (reference: the AWS pricing pages of CloudWatch, X-Ray and Cost Management):
//! `GetMetricData` $0.01 per 1,000 metrics requested, never in the free tier; X-Ray $0.50 per
//! million traces scanned or retrieved; Logs Insights $0.005 per GB scanned; Cost Explorer $0.01 per
//! request; S3 $0.005 per 1,000 listings and $0.0004 per 1,000 objects.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use chrono::NaiveDate;
use millicent_lake::Outcome;
use rust_decimal::Decimal;

use crate::clock::Clock;
use crate::trouble::Trouble;

/// What AWS bills Millicent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Billed {
    /// A metric in a `GetMetricData` call; up to five statistics of it are one.
    Metric,
    /// A trace scanned or retrieved.
    Trace,
    /// A megabyte scanned by a query of CloudWatch Logs Insights.
    LogMegabyte,
    /// A page of Cost Explorer.
    CostRequest,
    /// A page of a bucket's listing.
    S3List,
    /// An object of a bucket.
    S3Get,
}

impl Billed {
    /// List price of one, in dollars.
    pub(crate) fn price_usd(self) -> Decimal {
        match self {
            Billed::Metric => Decimal::new(1, 5),
            Billed::Trace => Decimal::new(5, 7),
            Billed::LogMegabyte => Decimal::new(5, 6),
            Billed::CostRequest => Decimal::new(1, 2),
            Billed::S3List => Decimal::new(5, 6),
            Billed::S3Get => Decimal::new(4, 7),
        }
    }

    /// List price of so many.
    pub(crate) fn cost_usd(self, units: i64) -> Decimal {
        self.price_usd() * Decimal::from(units)
    }
}

/// The daily budget, shared by all accounts and sources. Without a limit it only adds up.
#[derive(Debug)]
pub(crate) struct Purse {
    limit: Option<Decimal>,
    today: Mutex<Day>,
}

/// What is gone of a day's budget.
#[derive(Debug)]
struct Day {
    date: NaiveDate,
    spent: Decimal,
    /// Promised to windows under way, so that two of them don't count on the same cent.
    reserved: Decimal,
}

impl Purse {
    /// A purse from which `spent` was taken on `day` already.
    pub(crate) fn new(limit: Option<Decimal>, day: NaiveDate, spent: Decimal) -> Self {
        Self {
            limit,
            today: Mutex::new(Day {
                date: day,
                spent,
                reserved: Decimal::ZERO,
            }),
        }
    }

    /// The limit, in dollars a UTC day.
    pub(crate) fn limit(&self) -> Option<Decimal> {
        self.limit
    }

    /// Spent on that day so far.
    pub(crate) fn spent(&self, day: NaiveDate) -> Decimal {
        self.on(day).spent
    }

    /// True when `amount` more stays within the limit.
    pub(crate) fn affords(&self, day: NaiveDate, amount: Decimal) -> bool {
        let today = self.on(day);
        self.limit
            .is_none_or(|limit| today.spent + today.reserved + amount <= limit)
    }

    /// Keeps `amount` for who asks, if that stays within the limit.
    fn reserve(&self, day: NaiveDate, amount: Decimal) -> bool {
        let mut today = self.on(day);
        let fits = self
            .limit
            .is_none_or(|limit| today.spent + today.reserved + amount <= limit);
        if fits {
            today.reserved += amount;
        }
        fits
    }

    fn release(&self, day: NaiveDate, amount: Decimal) {
        let mut today = self.on(day);
        today.reserved = (today.reserved - amount).max(Decimal::ZERO);
    }

    /// Counts what was spent on that day.
    pub(crate) fn add(&self, day: NaiveDate, amount: Decimal) {
        self.on(day).spent += amount;
    }

    fn on(&self, day: NaiveDate) -> MutexGuard<'_, Day> {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.date < day {
            // What is reserved is still to be spent.
            (today.date, today.spent) = (day, Decimal::ZERO);
        }
        today
    }
}

/// Counts what one window costs.
pub(crate) struct Meter {
    calls: Arc<AtomicI64>,
    units: AtomicI64,
    cost: Mutex<Decimal>,
    /// Kept in the purse for this window.
    reserved: Mutex<Decimal>,
    purse: Arc<Purse>,
    clock: Arc<dyn Clock>,
}

impl Meter {
    /// A meter at zero.
    pub(crate) fn new(purse: Arc<Purse>, clock: Arc<dyn Clock>) -> Self {
        Self {
            calls: Arc::default(),
            units: AtomicI64::new(0),
            cost: Mutex::new(Decimal::ZERO),
            reserved: Mutex::new(Decimal::ZERO),
            purse,
            clock,
        }
    }

    /// To be added to every call of the window: counts its attempts.
    pub(crate) fn attempts(&self) -> CountAttempts {
        CountAttempts(Arc::clone(&self.calls))
    }

    /// Asks before what will be billed so many units, and keeps that much in the purse until it is
    /// spent; refuses when the day's budget would be overdrawn. What is kept for a window is not
    /// asked for again by its calls.
    pub(crate) fn afford(&self, billed: Billed, units: i64) -> Result<(), Trouble> {
        let day = self.clock.now().date_naive();
        let amount = billed.cost_usd(units);
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = (amount - *reserved).max(Decimal::ZERO);
        if self.purse.reserve(day, missing) {
            *reserved += missing;
            return Ok(());
        }
        Err(Trouble {
            outcome: Outcome::OverBudget,
            message: format!(
                "the day's budget of ${} for Millicent's own AWS calls is spent (${} so far): collecting goes on at 00:00 UTC. \
                 Raise `budget_usd_per_day` to go on now",
                self.purse.limit().unwrap_or_default().normalize(),
                self.purse.spent(day).normalize(),
            ),
        })
    }

    /// Counts what AWS bills for a call that was made.
    pub(crate) fn spend(&self, billed: Billed, units: i64) {
        let amount = billed.cost_usd(units);
        self.units.fetch_add(units, Ordering::Relaxed);
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner) += amount;
        let day = self.clock.now().date_naive();
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = amount.min(*reserved);
        *reserved -= kept;
        self.purse.release(day, kept);
        self.purse.add(day, amount);
    }

    /// Calls so far, retries included.
    pub(crate) fn calls(&self) -> i64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Units billed so far.
    pub(crate) fn units(&self) -> i64 {
        self.units.load(Ordering::Relaxed)
    }

    /// Their list price.
    pub(crate) fn cost_usd(&self) -> Decimal {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let kept = *self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        self.purse.release(self.clock.now().date_naive(), kept);
    }
}

/// An interceptor of the SDK that counts attempts, so that retries are counted too.
#[derive(Debug)]
pub(crate) struct CountAttempts(Arc<AtomicI64>);

#[dyn_dispatch_hint]
impl Intercept for CountAttempts {
    fn name(&self) -> &'static str {
        "CountAttempts"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, d).unwrap()
    }

    #[test]
    fn prices_are_the_list() {
        assert_eq!(Billed::Metric.cost_usd(1_000), Decimal::new(1, 2));
        assert_eq!(Billed::Trace.cost_usd(1_000_000), Decimal::new(5, 1));
        assert_eq!(Billed::LogMegabyte.cost_usd(1_000), Decimal::new(5, 3));
        assert_eq!(Billed::CostRequest.cost_usd(2), Decimal::new(2, 2));
    }

    struct Still;

    impl Clock for Still {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            day(23).and_time(chrono::NaiveTime::MIN).and_utc()
        }
    }

    #[test]
    fn what_one_window_counts_on_another_cannot_spend() {
        let limit = Some(Decimal::new(5, 2));
        let purse = Arc::new(Purse::new(limit, day(23), Decimal::ZERO));
        let meter = || Meter::new(Arc::clone(&purse), Arc::new(Still));
        let (first, second) = (meter(), meter());
        first.afford(Billed::CostRequest, 3).unwrap();
        // A call of the window asks within what the window has.
        first.afford(Billed::CostRequest, 1).unwrap();
        let refused = second.afford(Billed::CostRequest, 3).unwrap_err();
        assert_eq!(refused.outcome, Outcome::OverBudget);
        first.spend(Billed::CostRequest, 1);
        assert!(second.afford(Billed::CostRequest, 3).is_err());
        drop(first);
        second.afford(Billed::CostRequest, 3).unwrap();
        second.spend(Billed::CostRequest, 3);
        drop(second);
        assert_eq!(purse.spent(day(23)), Decimal::new(4, 2));
        assert!(purse.affords(day(23), Decimal::new(1, 2)));
        assert!(!purse.affords(day(23), Decimal::new(2, 2)));
    }

    #[test]
    fn the_budget_is_a_hard_stop_until_the_next_day() {
        let purse = Purse::new(Some(Decimal::new(5, 2)), day(23), Decimal::new(4, 2));
        assert!(purse.affords(day(23), Decimal::new(1, 2)));
        purse.add(day(23), Decimal::new(1, 2));
        assert!(!purse.affords(day(23), Decimal::new(1, 5)));
        assert!(purse.affords(day(24), Decimal::new(5, 2)));
        assert_eq!(purse.spent(day(24)), Decimal::ZERO);
    }
}
