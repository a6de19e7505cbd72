//! The charts of a route.

use chrono::{DateTime, Utc};
use millicent_analyzer::{Report, Row};

use super::{Data, Key};
use crate::{
    ask::Ask,
    charts::{Ink, Layer, Mark, Shape, Side, Slots, TimeChart, Widths, ratio},
    format::{self, Unit},
};

/// Latency at CloudWatch's own resolution: percentiles are never averaged.
pub(super) fn latency(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let rows: Vec<(DateTime<Utc>, i64, Row<'_>)> = data
        .series
        .table
        .rows()
        .filter_map(|row| Some((row.timestamp("ts")?, row.i64("period_s").unwrap_or(60), row)))
        .collect();
    let slots = Slots::of_periods(rows.iter().map(|(ts, period_s, _)| (*ts, *period_s)));
    let values = |column: &str| slots.place(rows.iter().map(|(ts, _, row)| (*ts, row.f64(column))));
    let layers = [
        ("p99", Ink::P99, "p99_ms"),
        ("p95", Ink::P95, "p95_ms"),
        ("p50", Ink::P50, "p50_ms"),
    ]
    .into_iter()
    .map(|(name, ink, column)| {
        Layer::new(name, ink, Unit::Ms, Side::Left, Shape::Line, values(column))
    })
    .collect();
    let periods = || rows.iter().map(|(_, period_s, _)| *period_s);
    let subtitle = match (periods().min(), periods().max()) {
        (Some(short), Some(long)) if short == long => format!("each {}, UTC", format::step(short)),
        (Some(short), Some(long)) => {
            format!(
                "each {} or {}, UTC",
                format::step(short),
                format::step(long)
            )
        }
        _ => String::new(),
    };
    TimeChart {
        id: "latency",
        title: "Latency".to_owned(),
        subtitle,
        from: ask.range.from,
        to: ask.range.to,
        layers,
        slots,
        marks: deploys.to_vec(),
        provisional: None,
        widths: Widths::Full,
        csv: Some(ask.csv("route-series", &key.pairs())),
        empty: "CloudWatch has no latency of this route in this range. Detailed metrics may be off for its stage."
            .to_owned(),
    }
}

fn bars(ask: &Ask, key: &Key, deploys: &[Mark], step_s: i64) -> TimeChart {
    TimeChart {
        id: "requests",
        title: "Requests and errors".to_owned(),
        subtitle: format!("per {}, UTC", format::step(step_s)),
        from: ask.range.from,
        to: ask.range.to,
        slots: Slots::regular(ask.range.from, ask.range.to, step_s),
        layers: Vec::new(),
        marks: deploys.to_vec(),
        provisional: None,
        widths: Widths::Half,
        csv: Some(ask.csv("route-series", &key.pairs())),
        empty: "No requests were counted in this range.".to_owned(),
    }
}

fn column(chart: &TimeChart, key: &Key, report: &Report, column: &str) -> Vec<Option<f64>> {
    let rows = report.table.rows().filter(|row| key.is(row));
    chart
        .slots
        .place(rows.filter_map(|row| Some((row.timestamp("ts")?, row.f64(column)))))
}

pub(super) fn requests(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let chart = bars(ask, key, deploys, ask.range.step_s());
    let (requests, errors) = (
        column(&chart, key, &data.steps, "requests"),
        column(&chart, key, &data.steps, "errors"),
    );
    let rate = ratio(&errors, &requests, 1.0);
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
    TimeChart { layers, ..chart }
}

/// Requests that waited for an initialisation, as far as the traces tell.
pub(super) fn cold(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let step = ask.range.cost_step_s();
    let chart = bars(ask, key, deploys, step);
    let starts = |name: &str| column(&chart, key, &data.cost_steps, name);
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
        id: "cold",
        title: "Cold starts".to_owned(),
        subtitle: format!("per {}, UTC, from traces", format::step(step)),
        layers: vec![layer],
        csv: Some(ask.csv(
            "routes-series",
            &[&key.pairs()[..], &[("interval_s", &step.to_string())]].concat(),
        )),
        empty: "Cold starts cannot be counted here: no trace tells of them, or nothing counts the requests.".to_owned(),
        ..chart
    }
}

pub(super) fn cost(ask: &Ask, key: &Key, data: &Data, deploys: &[Mark]) -> TimeChart {
    let chart = bars(ask, key, deploys, ask.range.cost_step_s());
    let (cost, requests) = (
        column(&chart, key, &data.cost_steps, "cost_usd"),
        column(&chart, key, &data.cost_steps, "requests"),
    );
    let per_1000 = ratio(&cost, &requests, 1_000.0);
    let layers = vec![
        Layer::new("Cost", Ink::Cost, Unit::Usd, Side::Left, Shape::Bars, cost),
        Layer::new(
            "Per 1,000 requests",
            Ink::UnitCost,
            Unit::Usd,
            Side::Right,
            Shape::Line,
            per_1000,
        ),
    ];
    TimeChart {
        id: "cost",
        title: "Cost".to_owned(),
        layers,
        csv: Some(
            ask.csv(
                "routes-series",
                &[
                    &key.pairs()[..],
                    &[("interval_s", &ask.range.cost_step_s().to_string())],
                ]
                .concat(),
            ),
        ),
        empty: "No cost of this route in this range yet.".to_owned(),
        ..chart
    }
}
