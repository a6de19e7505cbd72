//! A row of the table, with its shapes over time.

use std::collections::HashMap;

use millicent_analyzer::{Report, Row};

use super::{Key, key};
use crate::{
    ask::Ask,
    charts::{Ink, Slots, sparkline},
    format::{self, Unit},
    pages::{
        cards::{estimate_note, interval},
        latency::{Basis, Latencies},
    },
};

/// A row of the table.
pub(super) struct Line {
    pub(super) href: String,
    pub(super) route: String,
    pub(super) place: String,
    pub(super) requests: String,
    pub(super) requests_exact: String,
    pub(super) requests_shape: Option<String>,
    pub(super) errors: String,
    pub(super) bad: bool,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p95_interval: Option<String>,
    /// What both percentiles are from.
    pub(super) basis: Option<Basis>,
    pub(super) cold: String,
    pub(super) cold_interval: Option<String>,
    pub(super) cost: String,
    pub(super) cost_shape: Option<String>,
    pub(super) estimate: Option<String>,
    pub(super) per_1000: String,
    pub(super) share: String,
    pub(super) width: u32,
}

/// Requests and cost of one route, by slot.
struct Shape {
    requests: Vec<Option<f64>>,
    cost: Vec<Option<f64>>,
}

/// Requests and cost of each route over time.
pub(super) struct Shapes {
    slots: Slots,
    rows: HashMap<Key, Shape>,
}

impl Shapes {
    pub(super) fn new(ask: &Ask, series: &Report, step_s: i64) -> Shapes {
        let slots = Slots::regular(ask.range.from, ask.range.to, step_s);
        let mut rows: HashMap<Key, Shape> = HashMap::new();
        for row in series.table.rows() {
            let Some(at) = row.timestamp("ts").and_then(|ts| slots.index_of(ts)) else {
                continue;
            };
            let none = || vec![None; slots.0.len()];
            let shape = rows.entry(key(&row)).or_insert_with(|| Shape {
                requests: none(),
                cost: none(),
            });
            shape.requests[at] = row.f64("requests");
            shape.cost[at] = row.f64("cost_usd");
        }
        Shapes { slots, rows }
    }

    fn draw(&self, key: &Key, ink: Ink, unit: Unit) -> Option<String> {
        let shape = self.rows.get(key)?;
        let values = if ink == Ink::Cost {
            &shape.cost
        } else {
            &shape.requests
        };
        // The last step is still under way and would look like a fall.
        let whole = if self.slots.0.len() > 2 {
            &values[..values.len() - 1]
        } else {
            values
        };
        let known = || whole.iter().flatten().copied();
        let (low, high) = (
            known().fold(f64::INFINITY, f64::min),
            known().fold(0.0, f64::max),
        );
        let step = self
            .slots
            .0
            .get(1)
            .map_or(0, |slot| (slot.to - slot.from).num_seconds());
        let label = format!(
            "{} to {} per {}",
            unit.text(Some(low)),
            unit.text(Some(high)),
            format::step(step.max(60))
        );
        sparkline(whole, ink, &label)
    }
}

impl Line {
    pub(super) fn new(
        ask: &Ask,
        row: &Row<'_>,
        most: f64,
        shapes: &Shapes,
        latencies: &Latencies,
    ) -> Line {
        let ms = |column| latencies.value(row, column);
        let key = key(row);
        let (api, stage, route) = &key;
        let share = row.f64("share_of_cost");
        Line {
            href: ask.link(
                "/route",
                &[("api", api), ("stage", stage), ("route", route)],
            ),
            place: format!("{api} / {stage}"),
            requests_shape: shapes.draw(&key, Ink::Requests, Unit::Count),
            cost_shape: shapes.draw(&key, Ink::Cost, Unit::Usd),
            p50: Unit::Ms.text(ms("p50_ms")),
            p95: Unit::Ms.text(ms("p95_ms")),
            p95_interval: interval(Unit::Ms, ms("p95_low_ms"), ms("p95_high_ms")),
            basis: latencies.basis(&key),
            cold_interval: interval(
                Unit::Share,
                row.f64("cold_start_rate_low"),
                row.f64("cold_start_rate_high"),
            ),
            estimate: estimate_note(row.f64("cost_estimated")),
            width: share
                .filter(|_| most > 0.0)
                .map_or(0, |share| (share / most * 100.0).clamp(0.0, 100.0) as u32),
            ..Line::values(row, route.clone())
        }
    }

    fn values(row: &Row<'_>, route: String) -> Line {
        let requests = row.f64("requests");
        Line {
            href: String::new(),
            route,
            place: String::new(),
            requests: Unit::Count.text(requests),
            requests_exact: requests.map_or_else(
                || "not counted: CloudWatch has no metric of its requests here".to_owned(),
                format::count_exact,
            ),
            requests_shape: None,
            errors: Unit::Share.text(row.f64("error_rate")),
            bad: row.f64("error_rate").is_some_and(|rate| rate >= 0.01),
            p50: format::MISSING.to_owned(),
            p95: format::MISSING.to_owned(),
            p95_interval: None,
            basis: None,
            cold: Unit::Share.text(row.f64("cold_start_rate")),
            cold_interval: None,
            cost: Unit::Usd.text(row.f64("cost_usd")),
            cost_shape: None,
            estimate: None,
            per_1000: Unit::Usd.text(row.f64("cost_per_1000_usd")),
            share: Unit::Share.text(row.f64("share_of_cost")),
            width: 0,
        }
    }

    /// Sums of the rows that are shown. Quantiles have no sum.
    pub(super) fn total(rows: &[Row<'_>]) -> Line {
        let sum = |column: &str| {
            let known: Vec<f64> = rows.iter().filter_map(|row| row.f64(column)).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>())
        };
        let (requests, errors, cost) = (sum("requests"), sum("errors"), sum("cost_usd"));
        let ratio =
            |above: Option<f64>, scale: f64| Some(above? / requests.filter(|r| *r > 0.0)? * scale);
        Line {
            href: String::new(),
            route: format!("{} routes", rows.len()),
            place: String::new(),
            requests: Unit::Count.text(requests),
            requests_exact: requests.map_or_else(String::new, format::count_exact),
            requests_shape: None,
            errors: Unit::Share.text(ratio(errors, 1.0)),
            bad: false,
            p50: String::new(),
            p95: String::new(),
            p95_interval: None,
            basis: None,
            cold: String::new(),
            cold_interval: None,
            cost: Unit::Usd.text(cost),
            cost_shape: None,
            estimate: None,
            per_1000: Unit::Usd.text(ratio(cost, 1_000.0)),
            share: Unit::Share.text(sum("share_of_cost")),
            width: 0,
        }
    }
}
