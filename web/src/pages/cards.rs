//! The six figures that open a page: cost, cost per 1,000 requests, requests, latency, errors and
//! cold starts, each against the period before.

use millicent_analyzer::Coverage;

use crate::{
    change::{Change, Tone, change},
    format::{self, Unit},
    frame::coverage_note,
};

const API: &[&str] = &["apigateway-metrics"];
pub(super) const COST: &[&str] = &["apigateway-metrics", "lambda-metrics"];
const TRACES: &[&str] = &["traces"];

/// One figure on a card.
pub(crate) struct Card {
    pub(crate) label: &'static str,
    /// What exactly it is.
    pub(crate) meaning: &'static str,
    pub(crate) value: String,
    /// Class of the ink of the same thing in charts.
    pub(crate) ink: &'static str,
    pub(crate) change: Option<Change>,
    /// Why there is no change to tell.
    pub(crate) incomparable: &'static str,
    /// Said beside the value: interval, estimate, coverage.
    pub(crate) notes: Vec<String>,
}

impl Card {
    fn new(
        label: &'static str,
        ink: &'static str,
        unit: Unit,
        value: Option<f64>,
        meaning: &'static str,
    ) -> Card {
        Card {
            label,
            meaning,
            value: unit.text(value),
            ink,
            change: None,
            incomparable: "nothing to compare with",
            notes: Vec::new(),
        }
    }

    /// Compares with the period before, if both are collected well enough for that.
    fn change(
        mut self,
        (now, before): (Option<f64>, Option<f64>),
        words: (&str, &str),
        worse_when_up: Option<bool>,
        unfair: Option<&'static str>,
    ) -> Card {
        match unfair {
            Some(why) => self.incomparable = why,
            None => self.change = change(now, before, words, worse_when_up),
        }
        self
    }

    fn note(mut self, note: Option<String>) -> Card {
        self.notes.extend(note);
        self
    }

    /// Class of the change's colour.
    pub(crate) fn tone(&self) -> &'static str {
        self.change
            .as_ref()
            .map_or(Tone::Neutral, |change| change.tone)
            .class()
    }
}

/// Why two periods cannot be compared: a source lacks too much of one of them.
pub(super) fn unfair(now: &Coverage, before: &Coverage, sources: &[&str]) -> Option<&'static str> {
    let whole = |coverage: &Coverage| {
        sources.iter().all(|name| {
            coverage
                .source(name)
                .is_some_and(|source| source.complete_share >= 0.95)
        })
    };
    match (whole(now), whole(before)) {
        (true, true) => None,
        (true, false) => Some("period before not fully collected"),
        // The note on coverage says it already.
        (false, _) => Some(""),
    }
}

/// What a card shows, and how.
struct Figure {
    label: &'static str,
    ink: &'static str,
    unit: Unit,
    column: &'static str,
    meaning: &'static str,
    words: (&'static str, &'static str),
    worse_when_up: Option<bool>,
    /// Sources that the figure needs.
    sources: &'static [&'static str],
}

const FIGURES: [Figure; 6] = [
    Figure {
        label: "Cost",
        ink: "cost",
        unit: Unit::Usd,
        column: "cost_usd",
        meaning: "Unblended cost, over all services. What the bill has not settled yet is usage at the effective \
                  price of the last settled week.",
        words: ("more", "less"),
        worse_when_up: Some(true),
        sources: COST,
    },
    Figure {
        label: "Cost per 1,000 requests",
        ink: "unit-cost",
        unit: Unit::Usd,
        column: "cost_per_1000_usd",
        meaning: "Cost that requests caused, divided by the requests that API Gateway counted, times 1,000.",
        words: ("more", "less"),
        worse_when_up: Some(true),
        sources: COST,
    },
    Figure {
        label: "Requests",
        ink: "requests",
        unit: Unit::Count,
        column: "requests",
        meaning: "As API Gateway counts them.",
        words: ("more", "fewer"),
        worse_when_up: None,
        sources: API,
    },
    Figure {
        label: "p95 latency",
        ink: "p95",
        unit: Unit::Ms,
        column: "p95_ms",
        meaning: "95 of 100 requests were answered within this time, as the API's clients saw it: from histograms of \
                  all requests where they are collected, else estimated from traces weighted by requests.",
        words: ("slower", "faster"),
        worse_when_up: Some(true),
        sources: TRACES,
    },
    Figure {
        label: "Errors",
        ink: "errors",
        unit: Unit::Share,
        column: "error_rate",
        meaning: "Share of requests that were answered with a 5xx status.",
        words: ("more", "fewer"),
        worse_when_up: Some(true),
        sources: API,
    },
    Figure {
        label: "Cold starts",
        ink: "cold",
        unit: Unit::Share,
        column: "cold_start_rate",
        meaning: "Share that waited for an initialisation, estimated from traces weighted by requests.",
        words: ("more", "fewer"),
        worse_when_up: Some(true),
        sources: TRACES,
    },
];

/// The six cards. `read` gives the value of a column in this period and in the one before.
pub(crate) fn six(
    read: impl Fn(&str) -> (Option<f64>, Option<f64>),
    now: &Coverage,
    before: &Coverage,
) -> Vec<Card> {
    let current = |column: &str| read(column).0;
    FIGURES
        .iter()
        .map(|figure| {
            let values = read(figure.column);
            let unfair = unfair(now, before, figure.sources);
            let own = match figure.column {
                "cost_usd" | "cost_per_1000_usd" => estimate_note(current("cost_estimated")),
                "p95_ms" => interval(Unit::Ms, current("p95_low_ms"), current("p95_high_ms")),
                "error_rate" => current("errors").map(|errors| match format::count_exact(errors) {
                    one if one == "1" => "1 request".to_owned(),
                    many => format!("{many} requests"),
                }),
                "cold_start_rate" => interval(
                    Unit::Share,
                    current("cold_start_rate_low"),
                    current("cold_start_rate_high"),
                ),
                _ => None,
            };
            Card::new(
                figure.label,
                figure.ink,
                figure.unit,
                values.0,
                figure.meaning,
            )
            .change(values, figure.words, figure.worse_when_up, unfair)
            .note(own)
            .note(coverage_note(now, figure.sources))
        })
        .collect()
}

/// The interval of an estimate, `1.8% to 2.4%`; none where both ends read the same.
pub(crate) fn interval(unit: Unit, low: Option<f64>, high: Option<f64>) -> Option<String> {
    let text = |end: Option<f64>| end.filter(|v| v.is_finite()).map(|v| unit.text(Some(v)));
    let (low, high) = (text(low)?, text(high)?);
    (low != high).then(|| format!("{low} to {high}"))
}

/// How much of a cost is an estimate until the bill settles.
pub(crate) fn estimate_note(share: Option<f64>) -> Option<String> {
    let share = share.filter(|share| *share > 0.0005)?;
    Some(if share > 0.9995 {
        "estimated until the bill settles".to_owned()
    } else {
        format!(
            "{} estimated until the bill settles",
            format::percent(share)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_periods_that_were_collected_are_compared() {
        let (whole, part) = (
            crate::testing::coverage(0.997),
            crate::testing::coverage(0.6),
        );
        assert_eq!(unfair(&whole, &whole, &["traces"]), None);
        assert!(
            unfair(&whole, &part, &["traces"])
                .unwrap()
                .contains("period before")
        );
        assert!(unfair(&part, &whole, &["traces"]).is_some());
        assert!(unfair(&whole, &Coverage::default(), &["traces"]).is_some());
    }

    #[test]
    fn notes_say_what_is_uncertain() {
        assert_eq!(
            interval(Unit::Share, Some(0.018), Some(0.024)).unwrap(),
            "1.8% to 2.4%"
        );
        assert_eq!(interval(Unit::Share, Some(0.0171), Some(0.0172)), None);
        assert_eq!(interval(Unit::Share, Some(0.018), None), None);
        assert_eq!(estimate_note(Some(0.0)), None);
        assert_eq!(
            estimate_note(Some(1.0)).unwrap(),
            "estimated until the bill settles"
        );
        assert_eq!(
            estimate_note(Some(0.25)).unwrap(),
            "25% estimated until the bill settles"
        );
    }
}
