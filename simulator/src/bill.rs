//! The bill: what each day's usage costs, and when the account gets to see it.

mod fees;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    World,
    decimal::Decimal12,
    metrics::usage::{Meter, Usage},
    prices,
};

/// One line of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine {
    /// The day, UTC.
    pub date: NaiveDate,
    /// For example `AWS Lambda`.
    pub service: &'static str,
    /// With the region's prefix; empty for tax.
    pub usage_type: String,
    /// For example `Invoke`; empty for tax.
    pub operation: &'static str,
    /// `Usage`, `Tax` or `Credit`.
    pub record_type: &'static str,
    /// The region; `global` for global services, empty for tax.
    pub region: String,
    /// How much was used.
    pub quantity: Decimal12,
    /// Of the quantity.
    pub unit: &'static str,
    /// Unblended cost, USD.
    pub cost: Decimal12,
    /// The line will be restated.
    pub estimated: bool,
    /// What it counts.
    pub origin: Origin,
}

/// Where a bill line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The requests' usage of a meter.
    Meter(Meter),
    /// No request; why it is there.
    Other(&'static str),
}

/// The account's bill.
#[derive(Debug, Clone, Copy)]
pub struct Bill<'a> {
    world: &'a World,
}

/// How much of a day the bill has.
#[derive(Debug, Clone, Copy)]
struct Seen {
    hours: i64,
    settled: bool,
}

const WHOLE_DAY: Seen = Seen {
    hours: 24,
    settled: true,
};

impl World {
    /// The account's bill.
    pub fn bill(&self) -> Bill<'_> {
        Bill { world: self }
    }
}

impl Bill<'_> {
    /// The lines of the days from the one up to, not including, the other, as the account sees
    /// them at a time: late by hours, at first estimated and a little low.
    pub fn lines(&self, from: NaiveDate, to: NaiveDate, as_of: DateTime<Utc>) -> Vec<BillLine> {
        self.days(from, to)
            .flat_map(|day| self.day(day, self.seen(day, as_of)))
            .collect()
    }

    /// The same lines once nothing is restated any more.
    pub fn settled(&self, from: NaiveDate, to: NaiveDate) -> Vec<BillLine> {
        self.days(from, to)
            .flat_map(|day| self.day(day, WHOLE_DAY))
            .collect()
    }

    fn days(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let birth = self.world.estate().birth.date_naive();
        from.max(birth).iter_days().take_while(move |day| *day < to)
    }

    fn seen(&self, day: NaiveDate, as_of: DateTime<Utc>) -> Seen {
        let known_until = as_of - TimeDelta::hours(i64::from(self.world.config().bill_lag_hours));
        let hours = (known_until - midnight(day))
            .num_seconds()
            .div_euclid(3_600);
        Seen {
            hours: hours.clamp(0, 24),
            settled: hours >= 24 + 48,
        }
    }

    fn day(&self, day: NaiveDate, seen: Seen) -> Vec<BillLine> {
        if seen.hours == 0 {
            return Vec::new();
        }
        let first_minute = midnight(day).timestamp() / 60;
        let usage = self
            .world
            .usage(first_minute, first_minute + seen.hours * 60);
        let month = day.with_day(1).unwrap_or(day);
        let before = self
            .world
            .usage(midnight(month).timestamp() / 60, first_minute);
        let mut lines: Vec<BillLine> = Meter::ALL
            .iter()
            .filter_map(|meter| self.metered(day, *meter, &before, &usage))
            .collect();
        lines.extend(fees::lines(self.world, day, seen.hours));
        if !seen.settled {
            for line in &mut lines {
                self.estimate(line);
            }
        }
        // Cost Explorer tells ten decimals; what it cannot tell is not on the bill.
        for line in &mut lines {
            line.cost = line.cost.to_ten_decimals();
            line.quantity = line.quantity.to_ten_decimals();
        }
        lines
    }

    fn metered(
        &self,
        day: NaiveDate,
        meter: Meter,
        before: &Usage,
        usage: &Usage,
    ) -> Option<BillLine> {
        let rate = prices::rate(meter);
        let amount = i128::from(usage.total(meter));
        if amount == 0 {
            return None;
        }
        // Free tiers are shared by the architectures, in proportion to what each used.
        let shared: &[Meter] = match meter {
            Meter::LambdaRequestsX86 | Meter::LambdaRequestsArm => {
                &[Meter::LambdaRequestsX86, Meter::LambdaRequestsArm]
            }
            Meter::LambdaMbMsX86 | Meter::LambdaMbMsArm => {
                &[Meter::LambdaMbMsX86, Meter::LambdaMbMsArm]
            }
            _ => &[meter],
        };
        let all = |usage: &Usage| {
            shared
                .iter()
                .map(|meter| i128::from(usage.total(*meter)))
                .sum::<i128>()
        };
        let free_today = (rate.free() - all(before)).clamp(0, all(usage));
        let first = i128::from(usage.total(shared[0])) * free_today / all(usage);
        let free = if meter == shared[0] {
            first
        } else {
            free_today - first
        };
        Some(BillLine {
            date: day,
            service: rate.service,
            usage_type: prices::usage_type(&self.world.config().region, rate.usage_type),
            operation: rate.operation,
            record_type: "Usage",
            region: self.world.config().region.clone(),
            quantity: Decimal12::ratio(amount, rate.in_a_unit),
            unit: rate.unit,
            cost: Decimal12(rate.cost(i128::from(before.total(meter)), amount - free)),
            estimated: false,
            origin: Origin::Meter(meter),
        })
    }

    /// What is not settled lacks 1% to 6% of usage and cost.
    fn estimate(&self, line: &mut BillLine) {
        line.estimated = true;
        if let Origin::Meter(meter) = line.origin {
            let draw = draw(self.world.config().seed, line.date, meter as u64);
            let known = 940 + i128::from(draw % 51);
            line.quantity = line.quantity.share(known, 1_000);
            line.cost = line.cost.share(known, 1_000);
        }
    }
}

/// A number that depends on the seed, the day and a purpose, and on nothing else.
fn draw(seed: u64, day: NaiveDate, purpose: u64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xb111);
    rng.set_stream(((day.num_days_from_ce() as u64) << 8) | purpose);
    rng.next_u64()
}

/// The start of a day.
pub(crate) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests;
