//! Draws a time chart: grid, bars, lines, marks and labels.
//!
//! It draws on any backend of plotters; the dashboard's is SVG.

mod layers;

use chrono::{DateTime, Utc};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use self::layers::axis;
use super::{
    Ink, Shape, Side, TimeChart,
    axis::{ValueAxis, time_ticks},
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
    let wide = text.chars().filter(|letter| *letter == '%').count() as f64;
    // A percent sign is nearly an em.
    (text.chars().count() as f64 * 0.58 + wide * 0.38) * FONT_PX
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
