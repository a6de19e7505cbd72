//! Tells the truth from usage, samples and the settled bill.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    EntryPointTruth, FunctionTruth, NotOfRoutes, Quantiles, RouteTruth, TrueBillLine, Truth,
};
use crate::{
    World,
    bill::{BillLine, Origin, midnight},
    decimal::Decimal12,
    estate::Protocol,
    metrics::{
        statistic::rank,
        usage::{EntryUsage, Meter, Usage},
    },
    model::{FunctionId, RouteId},
};

impl World {
    /// The truth about the time between the two, taken down to whole minutes. It needs no clock:
    /// a time to come is told as it will be.
    pub fn truth(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Truth {
        let minute = |at: DateTime<Utc>| at.timestamp().div_euclid(60);
        let (from, to) = (minute(from).max(self.config().first_minute()), minute(to));
        let to = to.max(from);
        let usage = self.usage(from, to);
        let (latencies, durations) = self.quantiles(from, to);
        let mut teller = Teller {
            world: self,
            bill_usd: Decimal12(0),
            entries: vec![BTreeMap::new(); usage.entries().count()],
            failed: vec![Decimal12(0); usage.entries().count()],
            functions: vec![Decimal12(0); usage.functions.len()],
            not_routes: BTreeMap::new(),
            bill: Vec::new(),
        };
        let mut day = time(from).date_naive();
        while midnight(day) < time(to) {
            teller.day(day, from, to);
            day += TimeDelta::days(1);
        }
        for costs in &mut teller.entries {
            costs.retain(|_, cost| *cost != Decimal12(0));
        }
        let others = teller.entries.split_off(usage.routes.len());
        Truth {
            from: time(from),
            to: time(to),
            bill_usd: teller.bill_usd,
            routes: self.route_truths(&usage, latencies, teller.entries, teller.failed),
            entry_points: self.entry_point_truths(&usage, others),
            functions: self.function_truths(&usage, durations, teller.functions),
            not_routes: teller.not_routes.into_values().collect(),
            bill: teller.bill,
        }
    }

    fn route_truths(
        &self,
        usage: &Usage,
        latencies: Vec<Quantiles>,
        costs: Vec<BTreeMap<&'static str, Decimal12>>,
        failed: Vec<Decimal12>,
    ) -> Vec<RouteTruth> {
        let estate = self.estate();
        let parts = estate
            .routes
            .iter()
            .zip(&usage.routes)
            .zip(latencies)
            .zip(costs.into_iter().zip(failed))
            .enumerate();
        parts
            .map(
                |(index, (((route, usage), latency_ms), (cost_by_service, failed_usd)))| {
                    let api = estate.api_of(RouteId(index as u16));
                    RouteTruth {
                        api: api.name,
                        stage: api.stage,
                        protocol: match api.protocol {
                            Protocol::Rest => "REST",
                            Protocol::Http => "HTTP",
                            Protocol::WebSocket => "WEBSOCKET",
                        },
                        route: route.key(),
                        requests: usage.requests,
                        errors_4xx: usage.client_errors,
                        errors_5xx: usage.server_errors,
                        latency_ms,
                        cold_starts: usage.cold_starts,
                        cold_start_rate: rate(usage.cold_starts, usage.requests),
                        cold_start_penalty_ms: penalty_ms(usage),
                        cost_usd: cost_by_service.values().copied().sum(),
                        failed_usd,
                        cost_by_service,
                    }
                },
            )
            .collect()
    }

    fn entry_point_truths(
        &self,
        usage: &Usage,
        costs: Vec<BTreeMap<&'static str, Decimal12>>,
    ) -> Vec<EntryPointTruth> {
        let estate = self.estate();
        let parts = self
            .entry_points()
            .all()
            .iter()
            .zip(&usage.others)
            .zip(costs);
        parts
            .map(|((own, usage), cost_by_service)| EntryPointTruth {
                kind: own.kind(),
                name: own.name(estate),
                function: own.function(estate).map(|id| estate.function(id).name),
                starts: usage.requests,
                errors: usage.server_errors,
                cold_starts: usage.cold_starts,
                cost_usd: cost_by_service.values().copied().sum(),
                cost_by_service,
            })
            .collect()
    }

    fn function_truths(
        &self,
        usage: &Usage,
        durations: Vec<Quantiles>,
        costs: Vec<Decimal12>,
    ) -> Vec<FunctionTruth> {
        let parts = self
            .estate()
            .functions
            .iter()
            .zip(&usage.functions)
            .zip(durations)
            .zip(costs);
        parts
            .filter(|(((_, usage), _), _)| usage.invocations > 0)
            .map(
                |(((function, usage), duration_ms), cost_usd)| FunctionTruth {
                    name: function.name,
                    invocations: usage.invocations,
                    errors: usage.errors,
                    cold_starts: usage.cold_starts,
                    cold_start_rate: rate(usage.cold_starts, usage.invocations),
                    init_ms_mean: rate(usage.init_us, usage.cold_starts).map(|us| us / 1_000.0),
                    duration_ms,
                    billed_gb_s: Decimal12::ratio(
                        i128::from(usage.mb_ms + usage.provisioned_mb_ms),
                        1_024_000,
                    ),
                    cost_usd,
                    failed_gb_s_share: rate(
                        usage.failed_mb_ms,
                        usage.mb_ms + usage.provisioned_mb_ms,
                    ),
                },
            )
            .collect()
    }

    /// Quantiles of every route's latency and of every function's duration.
    fn quantiles(&self, from: i64, to: i64) -> (Vec<Quantiles>, Vec<Quantiles>) {
        let layout = self.layout();
        let routes =
            (0..self.estate().routes.len() as u16).map(|route| layout.latency(RouteId(route)));
        let functions =
            (0..self.estate().functions.len() as u16).map(|f| layout.duration(FunctionId(f)));
        let slots: Vec<u16> = routes.chain(functions).collect();
        if from >= to {
            return (
                vec![Quantiles::default(); self.estate().routes.len()],
                vec![Quantiles::default(); self.estate().functions.len()],
            );
        }
        let hours = self.each_hour(
            from.div_euclid(60),
            (to - 1).div_euclid(60) + 1,
            |hour, samples| {
                let mut values: Vec<Vec<u32>> = vec![Vec::new(); slots.len()];
                for (minute, samples) in (hour * 60..).zip(&samples.minutes) {
                    if (from..to).contains(&minute) {
                        for (values, slot) in values.iter_mut().zip(&slots) {
                            values.extend_from_slice(samples.slot(*slot));
                        }
                    }
                }
                values
            },
        );
        let mut quantiles: Vec<Quantiles> = (0..slots.len())
            .map(|slot| {
                Quantiles::of(
                    hours
                        .iter()
                        .flat_map(|hour| hour[slot].iter().copied())
                        .collect(),
                )
            })
            .collect();
        let functions = quantiles.split_off(self.estate().routes.len());
        (quantiles, functions)
    }
}

impl Quantiles {
    /// Of microseconds, in milliseconds.
    fn of(mut values: Vec<u32>) -> Quantiles {
        let mut at = |percent: f64| {
            let place = rank(values.len(), percent);
            (!values.is_empty()).then(|| f64::from(*values.select_nth_unstable(place).1) / 1_000.0)
        };
        Quantiles {
            p50: at(50.0),
            p95: at(95.0),
            p99: at(99.0),
        }
    }
}

struct Teller<'a> {
    world: &'a World,
    bill_usd: Decimal12,
    /// Cost by service of every entry point: the routes, then the others.
    entries: Vec<BTreeMap<&'static str, Decimal12>>,
    /// What of it failed work cost.
    failed: Vec<Decimal12>,
    functions: Vec<Decimal12>,
    not_routes: BTreeMap<(&'static str, String, &'static str, &'static str), NotOfRoutes>,
    bill: Vec<TrueBillLine>,
}

impl Teller<'_> {
    /// Adds the part of a day that is within the time.
    fn day(&mut self, day: NaiveDate, from: i64, to: i64) {
        let start = midnight(day).timestamp() / 60;
        let (from, to) = (from.max(start), to.min(start + 1_440));
        let whole = self.world.usage(start, start + 1_440);
        let part = self.world.usage(from, to);
        for line in self.world.bill().settled(day, day + TimeDelta::days(1)) {
            let (within, of) = match line.origin {
                Origin::Meter(meter) => (
                    i128::from(part.total(meter)),
                    i128::from(whole.total(meter)),
                ),
                Origin::Other(_) => (i128::from(to - from), 1_440),
            };
            self.line(
                &line,
                line.cost.share(within, of),
                line.quantity.share(within, of),
                &part,
            );
        }
    }

    fn line(&mut self, line: &BillLine, cost: Decimal12, quantity: Decimal12, usage: &Usage) {
        self.bill_usd += cost;
        self.bill.push(TrueBillLine {
            date: line.date,
            service: line.service,
            usage_type: line.usage_type.clone(),
            record_type: line.record_type,
            quantity,
            unit: line.unit,
            cost_usd: cost,
        });
        let reason = match line.origin {
            Origin::Other(reason) => reason,
            Origin::Meter(meter) => {
                let weights: Vec<u64> = usage
                    .entries()
                    .map(|entry| entry.meters[meter as usize])
                    .collect();
                // Without usage within the time there is no cost within it.
                let entries = self.entries.iter_mut().zip(&mut self.failed);
                for (((costs, failed), part), entry) in entries
                    .zip(cost.split(&weights).unwrap_or_default())
                    .zip(usage.entries())
                {
                    *costs.entry(line.service).or_default() += part;
                    let at = meter as usize;
                    let (of_failed, of_all) = (entry.failed_meters[at], entry.meters[at]);
                    if of_all > 0 {
                        *failed += part.share(i128::from(of_failed), i128::from(of_all));
                    }
                }
                self.share_between_functions(meter, cost, usage);
                return;
            }
        };
        let key = (
            line.service,
            line.usage_type.clone(),
            line.record_type,
            reason,
        );
        let entry = self.not_routes.entry(key).or_insert_with(|| NotOfRoutes {
            service: line.service,
            usage_type: line.usage_type.clone(),
            record_type: line.record_type,
            reason,
            cost_usd: Decimal12(0),
        });
        entry.cost_usd += cost;
    }

    fn share_between_functions(&mut self, meter: Meter, cost: Decimal12, usage: &Usage) {
        let functions = self.world.estate().functions.iter().zip(&usage.functions);
        let weights: Vec<u64> = functions
            .map(|(function, usage)| usage.metered(function.is_arm(), meter).unwrap_or(0))
            .collect();
        for (to, part) in self
            .functions
            .iter_mut()
            .zip(cost.split(&weights).unwrap_or_default())
        {
            *to += part;
        }
    }
}

fn rate(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How much longer the clients waited that found the function cold.
fn penalty_ms(usage: &EntryUsage) -> Option<f64> {
    let cold = rate(usage.cold_us, usage.cold_starts)?;
    let warm = rate(
        usage.waited_us - usage.cold_us,
        usage.requests - usage.cold_starts,
    )?;
    Some((cold - warm) / 1_000.0)
}

fn time(minute: i64) -> DateTime<Utc> {
    crate::config::time(minute * 60_000_000)
}
