//! The layers of a time chart: bars with their whiskers, and lines.

use plotters::{coord::Shift, prelude::*};

use super::{Drawn, Frame, INTERVALS};
use crate::charts::{
    Ink, Layer, Shape, Side, TimeChart, axis::ValueAxis, sparkline::runs, svg::SCALE,
};

impl Frame {
    pub(super) fn bars<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
    ) -> Drawn<DB> {
        let layers: Vec<_> = chart
            .layers
            .iter()
            .filter(|layer| layer.shape == Shape::Bars)
            .collect();
        if layers.is_empty() {
            return Ok(());
        }
        for (i, slot) in chart.slots.0.iter().enumerate() {
            let (from, to) = (self.x(slot.from), self.x(slot.to));
            let gap = ((to - from) / 5).clamp(0, 2 * SCALE);
            let (from, to) = (
                from + gap / 2,
                (to - (gap - gap / 2)).max(from + gap / 2 + 2),
            );
            let provisional = chart
                .provisional
                .as_ref()
                .is_some_and(|(slots, _)| slots.get(i).is_some_and(|p| *p));
            let (mut above, mut below) = (0.0, 0.0);
            for layer in &layers {
                let Some(value) = layer
                    .values
                    .get(i)
                    .copied()
                    .flatten()
                    .filter(|v| v.is_finite())
                else {
                    continue;
                };
                let base: &mut f64 = if value < 0.0 { &mut below } else { &mut above };
                let (low, high) = (self.y(layer.side, *base), self.y(layer.side, *base + value));
                *base += value;
                // What is there is seen, however small it is.
                let high = if value > 0.0 && low - high < 2 {
                    low - 2
                } else {
                    high
                };
                let colour = layer
                    .ink
                    .sentinel()
                    .mix(if provisional { 0.5 } else { 0.9 });
                if low != high {
                    root.draw(&Rectangle::new(
                        [(from, low.min(high)), (to, low.max(high))],
                        colour.filled(),
                    ))?;
                }
            }
        }
        Ok(())
    }

    /// The interval of each bar that is an estimate.
    pub(super) fn whiskers<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
        layer: &Layer,
    ) -> Drawn<DB> {
        let ink = Ink::Text.sentinel().stroke_width(SCALE as u32 * 5 / 4);
        for (i, slot) in chart.slots.0.iter().enumerate() {
            let Some((low, high)) = layer.interval_of(i) else {
                continue;
            };
            let (from, to) = (self.x(slot.from), self.x(slot.to));
            let (x, cap) = (from.midpoint(to), ((to - from) / 5).min(3 * SCALE));
            let (low, high) = (self.y(layer.side, low), self.y(layer.side, high));
            if high >= low {
                continue;
            }
            root.draw(&PathElement::new([(x, low), (x, high)], ink))?;
            for y in [low, high] {
                root.draw(&PathElement::new([(x - cap, y), (x + cap, y)], ink))?;
            }
        }
        Ok(())
    }

    pub(super) fn line<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
        layer: &Layer,
    ) -> Drawn<DB> {
        let colour = layer.ink.sentinel();
        let most = (((self.right - self.left) / SCALE) as usize / 4).max(2);
        let ranges = chart.slots.groups(most);
        let thinned = ranges.len() < layer.values.len();
        let groups: Vec<Option<Group>> = ranges
            .into_iter()
            .map(|range| {
                let (first, last) = (chart.slots.0[range.start], chart.slots.0[range.end - 1]);
                Group::new(
                    self.x(first.from).midpoint(self.x(last.to)),
                    layer.values.get(range)?,
                )
            })
            .collect();
        let known: Vec<Option<f64>> = groups
            .iter()
            .map(|group| group.as_ref().map(|g| g.middle))
            .collect();
        let few = known.len() <= most / 5;
        for run in runs(&known) {
            let run: Vec<&Group> = groups[run].iter().flatten().collect();
            let points: Vec<(i32, i32)> = run
                .iter()
                .map(|g| (g.x, self.y(layer.side, g.middle)))
                .collect();
            if thinned && run.len() > 1 {
                let highest = run.iter().map(|g| (g.x, self.y(layer.side, g.high)));
                let lowest = run.iter().rev().map(|g| (g.x, self.y(layer.side, g.low)));
                root.draw(&Polygon::new(
                    highest.chain(lowest).collect::<Vec<_>>(),
                    colour.mix(0.15),
                ))?;
            }
            if few || points.len() == 1 {
                for point in &points {
                    root.draw(&Circle::new(*point, 2 * SCALE + 1, colour.filled()))?;
                }
            }
            if points.len() > 1 {
                root.draw(&PathElement::new(
                    points,
                    colour.stroke_width(SCALE as u32 * 7 / 4),
                ))?;
            }
        }
        Ok(())
    }
}

/// Several slots that share a place of the line.
struct Group {
    x: i32,
    low: f64,
    middle: f64,
    high: f64,
}

impl Group {
    fn new(x: i32, values: &[Option<f64>]) -> Option<Group> {
        let mut known: Vec<f64> = values
            .iter()
            .filter_map(|v| v.filter(|v| v.is_finite()))
            .collect();
        known.sort_by(f64::total_cmp);
        Some(Group {
            x,
            low: *known.first()?,
            middle: known[known.len() / 2],
            high: *known.last()?,
        })
    }
}

/// The axis of a side; bars on it stand on each other.
pub(super) fn axis(chart: &TimeChart, side: Side) -> Option<ValueAxis> {
    let layers = || chart.layers.iter().filter(move |layer| layer.side == side);
    let unit = layers().next()?.unit;
    let bars = (0..chart.slots.0.len()).flat_map(|i| {
        let values = layers()
            .filter(|layer| layer.shape == Shape::Bars)
            .filter_map(move |layer| {
                layer
                    .values
                    .get(i)
                    .copied()
                    .flatten()
                    .filter(|v| v.is_finite())
            });
        let (mut above, mut below) = (0.0, 0.0);
        for value in values {
            if value < 0.0 {
                below += value
            } else {
                above += value
            }
        }
        [above, below]
    });
    let lines = layers()
        .filter(|layer| layer.shape == Shape::Line)
        .flat_map(|layer| layer.values.iter().flatten());
    let ends = layers()
        .flat_map(|layer| layer.interval.iter().flatten().flatten())
        .flat_map(|(low, high)| [*low, *high]);
    Some(ValueAxis::new(
        unit,
        bars.chain(lines.copied()).chain(ends),
        INTERVALS,
    ))
}
