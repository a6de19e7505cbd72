//! What Millicent's own calls come to: attempts, what AWS bills for, and dollars; and the daily
//! budget that stops them.
//!
//! List prices (reference: the AWS pricing pages of CloudWatch, X-Ray and Cost Management):
//! `GetMetricData` $0.01 per 1,000 metrics requested, never in the free tier; X-Ray $0.50 per
//! million traces scanned or retrieved; Cost Explorer $0.01 per request; S3 $0.005 per 1,000 listings
//! and $0.0004 per 1,000 objects.

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

/// The daily budget, shared by all sources. Without a limit it only adds up.
#[derive(Debug)]
pub(crate) struct Purse {
    limit: Option<Decimal>,
    today: Mutex<(NaiveDate, Decimal)>,
}

impl Purse {
    /// A purse from which `spent` was taken on `day` already.
    pub(crate) fn new(limit: Option<Decimal>, day: NaiveDate, spent: Decimal) -> Self {
        Self {
            limit,
            today: Mutex::new((day, spent)),
        }
    }

    /// The limit, in dollars a UTC day.
    pub(crate) fn limit(&self) -> Option<Decimal> {
        self.limit
    }

    /// Spent on that day so far.
    pub(crate) fn spent(&self, day: NaiveDate) -> Decimal {
        self.on(day).1
    }

    /// True when `amount` more stays within the limit.
    pub(crate) fn affords(&self, day: NaiveDate, amount: Decimal) -> bool {
        self.limit
            .is_none_or(|limit| self.on(day).1 + amount <= limit)
    }

    /// Counts what was spent on that day.
    pub(crate) fn add(&self, day: NaiveDate, amount: Decimal) {
        self.on(day).1 += amount;
    }

    fn on(&self, day: NaiveDate) -> MutexGuard<'_, (NaiveDate, Decimal)> {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.0 < day {
            *today = (day, Decimal::ZERO);
        }
        today
    }
}

/// Counts what one window costs.
pub(crate) struct Meter {
    calls: Arc<AtomicI64>,
    units: AtomicI64,
    cost: Mutex<Decimal>,
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
            purse,
            clock,
        }
    }

    /// To be added to every call of the window: counts its attempts.
    pub(crate) fn attempts(&self) -> CountAttempts {
        CountAttempts(Arc::clone(&self.calls))
    }

    /// Asks before a call that will be billed so many units; refuses when the day's budget would
    /// be overdrawn.
    pub(crate) fn afford(&self, billed: Billed, units: i64) -> Result<(), Trouble> {
        let day = self.clock.now().date_naive();
        let amount = billed.cost_usd(units);
        if self.purse.affords(day, amount) {
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
        self.purse.add(self.clock.now().date_naive(), amount);
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
        assert_eq!(Billed::CostRequest.cost_usd(2), Decimal::new(2, 2));
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
