//! What a pointer over a chart reads: texts by slot, which the page's script shows.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{TimeChart, axis::slot_label};
use crate::format::{self, Unit};

/// What the page's script shows at the pointer: texts only, by slot.
#[derive(Serialize)]
pub(super) struct Hover<'a> {
    /// Start and end of each slot as parts of the plot's width.
    at: Vec<(f64, f64)>,
    label: Vec<String>,
    series: Vec<HoverSeries<'a>>,
    marks: Vec<(f64, &'a str)>,
}

#[derive(Serialize)]
struct HoverSeries<'a> {
    name: &'a str,
    class: String,
    text: Vec<String>,
}

/// The texts of a chart.
pub(super) fn hover(chart: &TimeChart) -> Hover<'_> {
    const MOST: usize = 300;
    let span = (chart.to - chart.from).num_milliseconds().max(1) as f64;
    let part = |ts: DateTime<Utc>| {
        (((ts - chart.from).num_milliseconds() as f64 / span).clamp(0.0, 1.0) * 1e4).round() / 1e4
    };
    let groups = chart.slots.groups(MOST);
    let ends = || {
        groups.iter().map(|group| {
            (
                chart.slots.0[group.start].from,
                chart.slots.0[group.end - 1].to,
            )
        })
    };
    let series = chart.layers.iter().map(|layer| HoverSeries {
        name: &layer.name,
        class: layer.ink.class(),
        text: groups
            .iter()
            .map(|group| {
                let text = group_text(layer.unit, &layer.values[group.clone()]);
                match layer.interval_of(group.start) {
                    Some(ends) if group.len() == 1 => {
                        let (low, high) = (exact(layer.unit, ends.0), exact(layer.unit, ends.1));
                        format!("{text} ({low} to {high})")
                    }
                    _ => text,
                }
            })
            .collect(),
    });
    Hover {
        at: ends().map(|(from, to)| (part(from), part(to))).collect(),
        label: ends()
            .map(|(from, to)| slot_label(from, to - from))
            .collect(),
        series: series.collect(),
        marks: chart
            .marks
            .iter()
            .map(|mark| (part(mark.ts), mark.detail.as_str()))
            .collect(),
    }
}

fn exact(unit: Unit, value: f64) -> String {
    if unit == Unit::Count {
        format::count_exact(value)
    } else {
        unit.text(Some(value))
    }
}

/// One value as it is; of several the lowest and the highest.
fn group_text(unit: Unit, values: &[Option<f64>]) -> String {
    let exact = |v: f64| exact(unit, v);
    let mut known: Vec<f64> = values
        .iter()
        .filter_map(|v| v.filter(|v| v.is_finite()))
        .collect();
    known.sort_by(f64::total_cmp);
    match known.as_slice() {
        [] => format::MISSING.to_owned(),
        [one] => exact(*one),
        [low, .., high] if low == high => exact(*low),
        [low, .., high] => format!("{} – {}", exact(*low), exact(*high)),
    }
}
