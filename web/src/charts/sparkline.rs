//! A word-sized chart: a shape without axes, for a row of a table.

use plotters::prelude::*;

use super::{Ink, svg};

const WIDTH: u32 = 96;
const HEIGHT: u32 = 22;

/// Draws the values from zero to their highest as a line over a shade. A missing value is a gap.
/// `None` where there is nothing to draw.
pub(crate) fn sparkline(values: &[Option<f64>], ink: Ink, label: &str) -> Option<String> {
    let finite = |v: &Option<f64>| v.filter(|v| v.is_finite());
    let known: Vec<f64> = values.iter().filter_map(finite).collect();
    if known.is_empty() {
        return None;
    }
    let highest = known.iter().copied().fold(0.0, f64::max);
    let scale = svg::SCALE;
    let (width, height) = (WIDTH as i32 * scale, HEIGHT as i32 * scale);
    let inset = 2 * scale;
    let x = |i: usize| {
        inset
            + ((width - 2 * inset) as f64 * i as f64 / values.len().saturating_sub(1).max(1) as f64)
                as i32
    };
    let y = |value: f64| {
        let share = if highest > 0.0 {
            (value / highest).clamp(0.0, 1.0)
        } else {
            0.0
        };
        height - inset - ((height - 2 * inset) as f64 * share) as i32
    };
    let mut text = String::new();
    {
        let root =
            SVGBackend::with_string(&mut text, (width as u32, height as u32)).into_drawing_area();
        let colour = ink.sentinel();
        for run in runs(values) {
            let line: Vec<(i32, i32)> = run
                .clone()
                .filter_map(|i| Some((x(i), y(finite(&values[i])?))))
                .collect();
            let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else {
                continue;
            };
            // A String takes everything that is drawn.
            if line.len() == 1 {
                let _ = root.draw(&Circle::new(first, 6, colour.filled()));
                continue;
            }
            let shade = line
                .iter()
                .copied()
                .chain([(last.0, height - inset), (first.0, height - inset)]);
            let _ = root.draw(&Polygon::new(shade.collect::<Vec<_>>(), colour.mix(0.16)));
            let _ = root.draw(&PathElement::new(line, colour.stroke_width(5)));
        }
        let _ = root.present();
    }
    let drawing = svg::colours_to_classes(text);
    Some(format!(
        "<svg class=\"spark\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width} {height}\">{}</svg>",
        svg::escape(label),
        svg::inner(&drawing),
    ))
}

/// The longest stretches of indices that have values.
pub(super) fn runs(values: &[Option<f64>]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (i, value) in values.iter().enumerate() {
        match (value.is_some_and(f64::is_finite), start) {
            (true, None) => start = Some(i),
            (false, Some(from)) => {
                runs.push(from..i);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        runs.push(from..values.len());
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_splits_the_line() {
        let svg = sparkline(
            &[Some(1.0), Some(2.0), None, Some(3.0), Some(1.0)],
            Ink::Requests,
            "requests",
        )
        .unwrap();
        assert_eq!(svg.matches("<polyline").count(), 2);
        let point = sparkline(&[None, Some(2.0), None], Ink::Cost, "cost").unwrap();
        assert!(point.contains("<circle") && !point.contains("NaN"));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(sparkline(&[], Ink::Cost, ""), None);
        assert_eq!(sparkline(&[None, Some(f64::NAN)], Ink::Cost, ""), None);
    }

    #[test]
    fn labels_are_escaped() {
        let svg = sparkline(&[Some(0.0), Some(0.0)], Ink::Cost, "\"><script>").unwrap();
        assert!(!svg.contains("<script>"));
    }

    #[test]
    fn runs_are_stretches_of_values() {
        assert_eq!(
            runs(&[None, Some(1.0), Some(1.0), None, Some(f64::NAN), Some(2.0)]),
            [1..3, 5..6]
        );
    }
}
