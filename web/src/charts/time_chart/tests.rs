use chrono::{TimeDelta, TimeZone};

use super::*;

fn at(day: u32, hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap()
}

fn chart(values: Vec<Option<f64>>) -> TimeChart {
    let slots = Slots::regular(
        at(24, 0),
        at(24, 0) + TimeDelta::hours(values.len() as i64),
        3_600,
    );
    TimeChart {
        id: "test",
        title: "GET /<script>alert(1)</script>".to_owned(),
        subtitle: "per \"hour\"".to_owned(),
        from: at(24, 0),
        to: at(24, 0) + TimeDelta::hours(values.len().max(1) as i64),
        slots,
        layers: vec![Layer {
            name: "p95 <b>".to_owned(),
            ink: Ink::P95,
            unit: Unit::Ms,
            side: Side::Left,
            shape: Shape::Line,
            values,
            interval: None,
        }],
        marks: vec![Mark {
            ts: at(24, 1),
            label: "</svg><script>'x'".to_owned(),
            detail: String::new(),
        }],
        provisional: None,
        widths: Widths::Half,
        csv: None,
        empty: "No data in this range.".to_owned(),
    }
}

fn narrow(html: &str) -> &str {
    let start = html.find("<svg class=\"narrow\"").unwrap();
    &html[start..start + html[start..].find("</svg>").unwrap()]
}

#[test]
fn names_from_elsewhere_are_text() {
    let html = chart(vec![Some(1.0), Some(2.0), Some(3.0)])
        .render()
        .unwrap();
    assert!(!html.contains("<script>") && !html.contains("<b>"));
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn a_gap_is_a_gap() {
    let html = chart(vec![Some(1.0), Some(2.0), None, Some(3.0), Some(4.0)])
        .render()
        .unwrap();
    assert_eq!(narrow(&html).matches("class=\"s-p95\"").count(), 2);
    assert!(html.contains("—"), "the pointer reads a dash there");
}

#[test]
fn one_point_is_seen() {
    let html = chart(vec![None, Some(5.0), None]).render().unwrap();
    assert!(narrow(&html).contains("<circle"));
}

#[test]
fn nothing_says_so() {
    for values in [vec![], vec![None, None], vec![Some(f64::NAN)]] {
        let html = chart(values).render().unwrap();
        assert!(html.contains("No data in this range.") && !html.contains("<svg"));
    }
}

#[test]
fn huge_and_tiny_values_stay_within_the_image() {
    for values in [
        vec![Some(1e-12), Some(3e-12)],
        vec![Some(1e15), Some(0.0)],
        vec![Some(0.0), Some(0.0)],
        vec![Some(f64::INFINITY), Some(4.0), Some(f64::NAN), Some(-3.0)],
    ] {
        for shape in [Shape::Line, Shape::Bars] {
            let mut chart = chart(values.clone());
            chart.layers[0].shape = shape;
            let html = chart.render().unwrap();
            let svg = narrow(&html);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?}");
            let tags = svg
                .split('<')
                .skip(2)
                .filter_map(|tag| tag.split('>').next());
            for number in tags
                .flat_map(|tag| tag.split(|c: char| !(c.is_ascii_digit() || c == '-')))
                .filter_map(|number| number.parse::<i64>().ok())
            {
                assert!((-20..10_000).contains(&number), "{number} in {values:?}");
            }
        }
    }
}

#[test]
fn many_points_are_thinned_and_never_averaged() {
    let values: Vec<Option<f64>> = (0..10_000).map(|i| Some(f64::from(i % 100))).collect();
    let html = chart(values).render().unwrap();
    assert!(html.len() < 120_000, "{}", html.len());
    assert!(html.contains("– 99 ms"), "the highest is kept");
}

#[test]
fn an_estimate_of_nothing_still_shows_how_much_it_may_be() {
    let mut chart = chart(vec![Some(0.0), Some(30.0), None]);
    chart.layers[0].shape = Shape::Bars;
    chart.layers[0].unit = Unit::Count;
    let layer = chart.layers.remove(0).within(
        vec![Some(0.0), Some(21.0), None],
        vec![Some(12.0), Some(44.0), None],
    );
    chart.layers.push(layer);
    let html = chart.render().unwrap();
    let svg = narrow(&html);
    assert_eq!(svg.matches("<polyline").count() - grid_lines(svg), 2 * 3);
    assert!(html.contains("0 (0 to 12)") && html.contains("30 (21 to 44)"));
    assert!(
        html.contains("95% interval"),
        "the legend says what they are"
    );
}

/// Lines that are not of a layer.
fn grid_lines(svg: &str) -> usize {
    ["s-grid", "s-axis", "s-deploy"]
        .iter()
        .map(|class| svg.matches(class).count())
        .sum()
}
