//! The pages: each a struct, a template and a handler in one file.

use axum::response::Html;
use millicent_analyzer::{Params, Report};

use crate::{
    WebState,
    error::PageError,
    format::{self, Change, Tone, Unit},
    frame::Ask,
};

pub(crate) mod overview;
pub(crate) mod reports;
pub(crate) mod route;
pub(crate) mod routes;
pub(crate) mod status;

/// A page, or what is wrong.
pub(crate) type Page = Result<Html<String>, PageError>;

/// The range of a page as parameters of a report.
pub(crate) fn bounds(ask: &Ask) -> Params {
    Params::new()
        .set("from", ask.range.from)
        .set("to", ask.range.to)
}

/// One report of the page's range.
async fn report(state: &WebState, name: &str, params: Params) -> Result<Report, PageError> {
    Ok(state.analyzer.report(name, &params).await?)
}

/// Draws and writes a page on a thread that may take its time.
async fn draw(write: impl FnOnce() -> Result<String, askama::Error> + Send + 'static) -> Page {
    Ok(Html(tokio::task::spawn_blocking(write).await??))
}

/// One figure on a card.
pub(crate) struct Card {
    pub(crate) label: &'static str,
    /// What exactly it is.
    pub(crate) meaning: &'static str,
    pub(crate) value: String,
    /// Class of the ink of the same thing in charts.
    pub(crate) ink: &'static str,
    pub(crate) change: Option<Change>,
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
            notes: Vec::new(),
        }
    }

    fn change(
        mut self,
        now: Option<f64>,
        before: Option<f64>,
        words: (&str, &str),
        worse_when_up: Option<bool>,
    ) -> Card {
        self.change = format::change(now, before, words, worse_when_up);
        self
    }

    fn note(mut self, note: Option<String>) -> Card {
        self.notes.extend(note);
        self
    }

    /// Without a change, why: the period before has nothing to compare with.
    pub(crate) fn tone(&self) -> &'static str {
        self.change
            .as_ref()
            .map_or(Tone::Neutral, |change| change.tone)
            .class()
    }
}

/// The interval of an estimate: `1.8–2.4%`.
fn interval(unit: Unit, low: Option<f64>, high: Option<f64>) -> Option<String> {
    let (low, high) = (
        low.filter(|v| v.is_finite())?,
        high.filter(|v| v.is_finite())?,
    );
    (high > low).then(|| format!("{} to {}", unit.text(Some(low)), unit.text(Some(high))))
}

/// How much of a cost is an estimate until the bill settles.
fn estimate_note(share: Option<f64>) -> Option<String> {
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
    fn notes_say_what_is_uncertain() {
        assert_eq!(
            interval(Unit::Share, Some(0.018), Some(0.024)).unwrap(),
            "1.8% to 2.4%"
        );
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
