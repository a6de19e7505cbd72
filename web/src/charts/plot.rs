//! Draws a time chart: grid, bars, lines, marks and labels.
//!
//! It draws on any backend of plotters; the dashboard's is SVG.

use chrono::{DateTime, Utc};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    Ink, Shape, Side, TimeChart,
    axis::{ValueAxis, time_ticks},
    sparkline::runs,
    svg::{self, SCALE},
};
use crate::format::Unit;

const FONT_PX: f64 = 11.5;
const BOTTOM: i32 = 24;
const INTERVALS: u32 = 4;

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Draws the chart in the given size. Gives the drawing, and left, top, width and height of the
/// plot in the drawing's units.
pub(super) fn draw(chart: &TimeChart, width: u32, height: u32) -> (String, (i32, i32, i32, i32)) {
    let frame = Frame::new(chart, width as i32, height as i32);
    let mut text = String::new();
    {
        let root =
            SVGBackend::with_string(&mut text, (width * SCALE as u32, height * SCALE as u32))
                .into_drawing_area();
        // A String takes everything that is drawn.
        let _ = frame.draw(&root, chart);
        let _ = root.present();
    }
    let drawing = svg::colours_to_classes(text);
    (
        svg::inner(&drawing).to_owned(),
        (
            frame.left,
            frame.top,
            frame.right - frame.left,
            frame.bottom - frame.top,
        ),
    )
}

/// The plot within the drawing, in the drawing's units, and its axes.
struct Frame {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
    from: DateTime<Utc>,
    span_ms: f64,
    left_axis: ValueAxis,
    right_axis: Option<ValueAxis>,
    time: Vec<(DateTime<Utc>, String)>,
}

impl Frame {
    fn new(chart: &TimeChart, width: i32, height: i32) -> Frame {
        let left_axis =
            axis(chart, Side::Left).unwrap_or_else(|| ValueAxis::new(Unit::Count, [], INTERVALS));
        let right_axis = axis(chart, Side::Right);
        let labels = |axis: &ValueAxis| {
            axis.ticks
                .iter()
                .map(|(_, label)| text_px(label))
                .fold(0.0, f64::max)
        };
        let left = 8 + labels(&left_axis).ceil() as i32;
        let right = width
            - right_axis
                .as_ref()
                .map_or(10, |axis| 8 + labels(axis).ceil() as i32);
        let top = if chart.marks.is_empty() { 9 } else { 22 };
        let most = ((right - left) / 62).max(2) as u32;
        Frame {
            left: left * SCALE,
            top: top * SCALE,
            right: right * SCALE,
            bottom: (height - BOTTOM) * SCALE,
            from: chart.from,
            span_ms: (chart.to - chart.from).num_milliseconds().max(1) as f64,
            left_axis,
            right_axis,
            time: time_ticks(chart.from, chart.to, most),
        }
    }

    fn x(&self, ts: DateTime<Utc>) -> i32 {
        let part = ((ts - self.from).num_milliseconds() as f64 / self.span_ms).clamp(0.0, 1.0);
        self.left + (f64::from(self.right - self.left) * part).round() as i32
    }

    fn y(&self, side: Side, value: f64) -> i32 {
        let axis = match (side, &self.right_axis) {
            (Side::Right, Some(axis)) => axis,
            _ => &self.left_axis,
        };
        let part = ((value - axis.low) / (axis.high - axis.low)).clamp(0.0, 1.0);
        self.bottom - (f64::from(self.bottom - self.top) * part).round() as i32
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
    ) -> Drawn<DB> {
        self.grid(root)?;
        self.marks(root, chart)?;
        self.bars(root, chart)?;
        for layer in chart
            .layers
            .iter()
            .filter(|layer| layer.shape == Shape::Bars)
        {
            self.whiskers(root, chart, layer)?;
        }
        for layer in chart
            .layers
            .iter()
            .filter(|layer| layer.shape == Shape::Line)
        {
            self.line(root, chart, layer)?;
        }
        Ok(())
    }

    fn grid<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        for (value, label) in &self.left_axis.ticks {
            let y = self.y(Side::Left, *value);
            let ink = if *value == 0.0 { Ink::Axis } else { Ink::Grid };
            root.draw(&PathElement::new(
                [(self.left, y), (self.right, y)],
                ink.sentinel().stroke_width(SCALE as u32),
            ))?;
            root.draw(&label_at(
                label,
                (self.left - 6 * SCALE, y),
                HPos::Right,
                VPos::Center,
                Ink::Text,
            ))?;
        }
        for (value, label) in self.right_axis.iter().flat_map(|axis| &axis.ticks) {
            let y = self.y(Side::Right, *value);
            root.draw(&label_at(
                label,
                (self.right + 6 * SCALE, y),
                HPos::Left,
                VPos::Center,
                Ink::Text,
            ))?;
        }
        let (mut free_from, last) = (i32::MIN, self.right + 8 * SCALE);
        for (ts, label) in &self.time {
            let x = self.x(*ts);
            let tick = [(x, self.bottom), (x, self.bottom + 4 * SCALE)];
            root.draw(&PathElement::new(
                tick,
                Ink::Axis.sentinel().stroke_width(SCALE as u32),
            ))?;
            let half = (text_px(label) * f64::from(SCALE) / 2.0) as i32;
            if x - half >= free_from && x + half <= last && x - half >= 0 {
                root.draw(&label_at(
                    label,
                    (x, self.bottom + 8 * SCALE),
                    HPos::Center,
                    VPos::Top,
                    Ink::Text,
                ))?;
                free_from = x + half + 10 * SCALE;
            }
        }
        Ok(())
    }

    fn bars<DB: DrawingBackend>(
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
    fn whiskers<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
        layer: &super::Layer,
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

    fn line<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
        layer: &super::Layer,
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

    fn marks<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        chart: &TimeChart,
    ) -> Drawn<DB> {
        let mut free_from = i32::MIN;
        for mark in &chart.marks {
            let x = self.x(mark.ts);
            let line = [(x, self.top - 14 * SCALE), (x, self.bottom)];
            root.draw(&PathElement::new(
                line,
                Ink::Deploy.sentinel().stroke_width(SCALE as u32),
            ))?;
            let label = shorten(&mark.label, 24);
            let width = ((text_px(&label) + 4.0) * f64::from(SCALE)) as i32;
            let (start, text_x, anchor) = if x + width > self.right {
                (x - width, x - 4 * SCALE, HPos::Right)
            } else {
                (x, x + 4 * SCALE, HPos::Left)
            };
            if start >= free_from && start >= 0 {
                root.draw(&label_at(
                    &label,
                    (text_x, self.top - 13 * SCALE),
                    anchor,
                    VPos::Top,
                    Ink::Deploy,
                ))?;
                free_from = start + width + 6 * SCALE;
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
fn axis(chart: &TimeChart, side: Side) -> Option<ValueAxis> {
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

fn label_at(
    label: &str,
    at: (i32, i32),
    horizontal: HPos,
    vertical: VPos,
    ink: Ink,
) -> Text<'static, (i32, i32), String> {
    // plotters' SVG backend divides a size by 1.24.
    let font = ("sans-serif", FONT_PX * 1.24 * f64::from(SCALE)).into_font();
    let mut style = TextStyle::from(font).pos(Pos::new(horizontal, vertical));
    style.color = ink.sentinel().to_backend_color();
    Text::new(label.to_owned(), at, style)
}

/// About how wide a text is, in pixels.
fn text_px(text: &str) -> f64 {
    text.chars().count() as f64 * FONT_PX * 0.58
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
