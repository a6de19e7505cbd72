//! The charts of the overview.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use millicent_analyzer::Report;

use super::Data;
use crate::{
    ask::Ask,
    charts::{Ink, Layer, Shape, Side, Slots, TimeChart, Widths, ratio},
    format::{self, Unit},
};

fn slots(ask: &Ask, step_s: i64) -> Slots {
    Slots::regular(ask.range.from, ask.range.to, step_s)
}

/// A column of a series in steps of that length, by slot of the range.
fn series(ask: &Ask, report: &Report, step_s: i64, column: &str) -> Vec<Option<f64>> {
    let rows = report.table.rows();
    slots(ask, step_s).place(rows.filter_map(|row| Some((row.timestamp("ts")?, row.f64(column)))))
}

fn chart(
    ask: &Ask,
    id: &'static str,
    title: &str,
    step_s: i64,
    widths: Widths,
    layers: Vec<Layer>,
) -> TimeChart {
    TimeChart {
        id,
        title: title.to_owned(),
        subtitle: format!("per {}, UTC", format::step(step_s)),
        from: ask.range.from,
        to: ask.range.to,
        slots: slots(ask, step_s),
        layers,
        marks: Vec::new(),
        provisional: None,
        widths,
        csv: Some(ask.csv("overview-series", &[("interval_s", &step_s.to_string())])),
        empty: "No data in this range yet.".to_owned(),
    }
}

/// Cost of the account as bars, and what 1,000 requests cost as a line.
pub(super) fn cost(ask: &Ask, data: &Data) -> TimeChart {
    let step = ask.range.cost_step_s();
    let slots = slots(ask, step);
    let cost = series(ask, &data.hours, step, "cost_usd");
    // Only what requests caused: nobody's request caused the tax.
    let (mut caused, mut requests) = (vec![None; slots.0.len()], vec![None; slots.0.len()]);
    for row in data.route_series.table.rows() {
        let Some(at) = row.timestamp("ts").and_then(|ts| slots.index_of(ts)) else {
            continue;
        };
        add(&mut caused[at], row.f64("cost_usd"));
        add(&mut requests[at], row.f64("requests"));
    }
    let estimated = estimated_days(&data.services);
    let provisional = slots
        .0
        .iter()
        .map(|slot| estimated.contains(&slot.from.date_naive()))
        .collect();
    let layers = vec![
        Layer::new("Cost", Ink::Cost, Unit::Usd, Side::Left, Shape::Bars, cost),
        Layer::new(
            "Cost per 1,000 requests",
            Ink::UnitCost,
            Unit::Usd,
            Side::Right,
            Shape::Line,
            ratio(&caused, &requests, 1_000.0),
        ),
    ];
    TimeChart {
        provisional: Some((provisional, "paler: bill not settled".to_owned())),
        ..chart(ask, "cost", "Cost", step, Widths::Full, layers)
    }
}

fn add(sum: &mut Option<f64>, value: Option<f64>) {
    if let Some(value) = value {
        *sum = Some(sum.unwrap_or(0.0) + value);
    }
}

/// Days whose bill can still change.
fn estimated_days(services: &Report) -> BTreeSet<NaiveDate> {
    let Some(date) = services
        .table
        .column_names()
        .iter()
        .position(|name| name == "date")
    else {
        return BTreeSet::new();
    };
    let rows = services
        .table
        .rows()
        .filter(|row| row.bool("estimated") == Some(true));
    rows.filter_map(|row| row.value(date).as_str()?.parse().ok())
        .collect()
}

/// Requests as bars, and the share of errors as a line.
pub(super) fn requests(ask: &Ask, data: &Data) -> TimeChart {
    let step = ask.range.step_s();
    let requests = series(ask, &data.series, step, "requests");
    let rate = ratio(&series(ask, &data.series, step, "errors"), &requests, 1.0);
    let layers = vec![
        Layer::new(
            "Requests",
            Ink::Requests,
            Unit::Count,
            Side::Left,
            Shape::Bars,
            requests,
        ),
        Layer::new(
            "Errors",
            Ink::Errors,
            Unit::Share,
            Side::Right,
            Shape::Line,
            rate,
        ),
    ];
    chart(
        ask,
        "requests",
        "Requests and errors",
        step,
        Widths::Half,
        layers,
    )
}

/// Latency, in steps long enough for the traces that it is estimated from.
pub(super) fn latency(ask: &Ask, data: &Data) -> TimeChart {
    let step = ask.range.cost_step_s();
    let p95 = series(ask, &data.hours, step, "p95_ms");
    let layers = vec![Layer::new(
        "p95",
        Ink::P95,
        Unit::Ms,
        Side::Left,
        Shape::Line,
        p95,
    )];
    chart(ask, "latency", "p95 latency", step, Widths::Half, layers)
}

/// Cold starts, in the same steps.
pub(super) fn cold(ask: &Ask, data: &Data) -> TimeChart {
    let step = ask.range.cost_step_s();
    let starts = |column| series(ask, &data.hours, step, column);
    let layer = Layer::new(
        "Cold starts",
        Ink::Cold,
        Unit::Count,
        Side::Left,
        Shape::Bars,
        starts("cold_starts"),
    )
    .within(starts("cold_starts_low"), starts("cold_starts_high"));
    TimeChart {
        subtitle: format!("per {}, UTC, estimated from traces", format::step(step)),
        ..chart(ask, "cold", "Cold starts", step, Widths::Full, vec![layer])
    }
}
