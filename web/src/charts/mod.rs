//! Charts, drawn by plotters as SVG that takes its colours and its font from the page.
//!
//! A chart is drawn once for each width of its box, so that its text keeps its size on a phone
//! and on a wide screen; the stylesheet shows the one that fits.

mod axis;
mod hover;
mod ink;
mod plot;
mod slots;
mod sparkline;
mod svg;
mod time_chart;

pub(crate) use ink::Ink;
pub(crate) use slots::Slots;
pub(crate) use sparkline::sparkline;
pub(crate) use time_chart::{Layer, Mark, Shape, Side, TimeChart, Widths, ratio};
