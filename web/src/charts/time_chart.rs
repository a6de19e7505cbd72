//! A chart over time: what is drawn, its legend, and what a pointer over it reads.

use askama::Template;
use chrono::{DateTime, Utc};

use super::{Ink, Slots, axis::slot_label, hover::hover, plot, svg};
use crate::format::{self, Unit};

/// How a layer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A bar from zero for each slot; bars of several such layers stand on each other.
    Bars,
    /// A line through the slots' middles. Where there are more slots than the width can show,
    /// it runs through the middle one of each group, within a shade from the lowest to the highest.
    Line,
}

/// Which axis a layer is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// One thing that a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) unit: Unit,
    pub(crate) side: Side,
    pub(crate) shape: Shape,
    /// One for each slot.
    pub(crate) values: Vec<Option<f64>>,
    /// Of an estimate: lower and upper end of each slot's interval. Bars show it as whiskers.
    pub(crate) interval: Option<Vec<Option<(f64, f64)>>>,
}

impl Layer {
    /// A layer of these values.
    pub(crate) fn new(
        name: &str,
        ink: Ink,
        unit: Unit,
        side: Side,
        shape: Shape,
        values: Vec<Option<f64>>,
    ) -> Layer {
        Layer {
            name: name.to_owned(),
            ink,
            unit,
            side,
            shape,
            values,
            interval: None,
        }
    }

    /// The same with the intervals of its estimates, known where both ends are.
    pub(crate) fn within(mut self, low: Vec<Option<f64>>, high: Vec<Option<f64>>) -> Layer {
        let finite = |end: Option<f64>| end.filter(|v| v.is_finite());
        let ends = low.into_iter().zip(high);
        self.interval = Some(
            ends.map(|(low, high)| Some((finite(low)?, finite(high)?)))
                .collect(),
        );
        self
    }

    /// The interval of a slot.
    pub(super) fn interval_of(&self, slot: usize) -> Option<(f64, f64)> {
        self.interval.as_ref()?.get(slot).copied().flatten()
    }
}

/// One value by another, times `scale`, where both are known and the other is not zero.
pub(crate) fn ratio(above: &[Option<f64>], below: &[Option<f64>], scale: f64) -> Vec<Option<f64>> {
    above
        .iter()
        .zip(below)
        .map(|(a, b)| Some((*a)? / (*b).filter(|b| *b > 0.0)? * scale))
        .collect()
}

/// An event: a line from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) ts: DateTime<Utc>,
    /// Short, for the chart.
    pub(crate) label: String,
    /// The whole of it.
    pub(crate) detail: String,
}

/// How wide the box of a chart can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Widths {
    /// The width of the page.
    Full,
    /// Half of it on a wide screen.
    Half,
}

impl Widths {
    /// Class of the stylesheet, width and height of each drawing.
    fn drawings(self) -> &'static [(&'static str, u32, u32)] {
        match self {
            Widths::Full => &[
                ("narrow", 350, 220),
                ("medium", 700, 250),
                ("wide", 1180, 270),
            ],
            Widths::Half => &[("narrow", 350, 210), ("medium", 580, 220)],
        }
    }
}

/// A chart over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeChart {
    /// Unique in the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What one slot or unit is, for example `per hour`.
    pub(crate) subtitle: String,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    pub(crate) slots: Slots,
    pub(crate) layers: Vec<Layer>,
    pub(crate) marks: Vec<Mark>,
    /// Which slots can still change, and why; they are drawn paler.
    pub(crate) provisional: Option<(Vec<bool>, String)>,
    pub(crate) widths: Widths,
    /// Where its rows can be had as CSV.
    pub(crate) csv: Option<String>,
    /// What to say where there is nothing to draw.
    pub(crate) empty: String,
}

#[derive(Template)]
#[template(path = "chart.html")]
struct Figure<'a> {
    chart: &'a TimeChart,
    legend: Vec<LegendEntry<'a>>,
    drawings: String,
    hover: String,
    whiskers: bool,
    provisional: Option<&'a str>,
}

struct LegendEntry<'a> {
    name: &'a str,
    class: String,
    shape: &'static str,
    axis: Option<&'static str>,
}

impl TimeChart {
    /// Whether there is any value to draw.
    pub(crate) fn is_empty(&self) -> bool {
        !self
            .layers
            .iter()
            .flat_map(|layer| &layer.values)
            .any(|value| value.is_some_and(f64::is_finite))
    }

    /// The chart as an HTML figure. Everything in it that came from elsewhere is escaped.
    pub(crate) fn render(&self) -> Result<String, askama::Error> {
        let (drawings, hover) = if self.is_empty() {
            (String::new(), String::new())
        } else {
            (
                self.drawings(),
                serde_json::to_string(&hover(self)).unwrap_or_default(),
            )
        };
        let two_axes = self.layers.iter().any(|layer| layer.side == Side::Right);
        let legend = self
            .layers
            .iter()
            .map(|layer| LegendEntry {
                name: &layer.name,
                class: layer.ink.class(),
                shape: match layer.shape {
                    Shape::Bars => "bar",
                    Shape::Line => "line",
                },
                axis: two_axes.then_some(match layer.side {
                    Side::Left => "left",
                    Side::Right => "right",
                }),
            })
            .collect();
        let provisional = self
            .provisional
            .as_ref()
            .filter(|(slots, _)| slots.contains(&true));
        let figure = Figure {
            chart: self,
            legend,
            drawings,
            hover,
            whiskers: self.layers.iter().any(|layer| layer.interval.is_some()),
            provisional: provisional.map(|(_, why)| why.as_str()),
        };
        figure.render()
    }

    fn drawings(&self) -> String {
        let description = self.description();
        let mut out = String::new();
        for (class, width, height) in self.widths.drawings() {
            let (drawing, plot) = plot::draw(self, *width, *height);
            let image = svg::Image {
                class,
                id: &format!("{}-{class}", self.id),
                width: *width,
                height: *height,
                title: &self.title,
                description: &description,
                plot,
            };
            image.write(&mut out, &drawing);
        }
        out
    }

    /// What the chart shows, in words.
    fn description(&self) -> String {
        let mut text = format!("{} (UTC).", format::span(self.from, self.to));
        for layer in &self.layers {
            let known = || {
                layer
                    .values
                    .iter()
                    .zip(&self.slots.0)
                    .filter_map(|(v, slot)| Some((v.filter(|v| v.is_finite())?, slot)))
            };
            let highest = known().max_by(|a, b| a.0.total_cmp(&b.0));
            let lowest = known().min_by(|a, b| a.0.total_cmp(&b.0));
            if let (Some((high, at)), Some((low, _)), Some((last, _))) =
                (highest, lowest, known().next_back())
            {
                let write = |v| layer.unit.text(Some(v));
                text += &format!(
                    " {}: from {} to {} ({}), last {}.",
                    layer.name,
                    write(low),
                    write(high),
                    slot_label(at.from, at.to - at.from),
                    write(last)
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
