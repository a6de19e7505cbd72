//! A figure against the period before, in words.

use crate::format::trim_zeros;

/// Whether a change of a figure is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It got better.
    Better,
    /// It got worse.
    Worse,
    /// Neither: traffic, or a change too small to tell.
    Neutral,
}

impl Tone {
    /// The class of the stylesheet that colours it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Better => "better",
            Tone::Worse => "worse",
            Tone::Neutral => "neutral",
        }
    }
}

/// A figure against the period before, in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// For example `12% more`.
    pub(crate) text: String,
    /// `▲`, `▼` or `•`; decoration, the text says the same.
    pub(crate) arrow: &'static str,
    /// How to colour it.
    pub(crate) tone: Tone,
}

/// Compares with the period before. `more` and `less` are the words of the figure (`higher`,
/// `lower`), `worse_when_up` is `None` for figures without a good direction. There is no change
/// to tell where either is missing.
pub(crate) fn change(
    now: Option<f64>,
    before: Option<f64>,
    (more, less): (&str, &str),
    worse_when_up: Option<bool>,
) -> Option<Change> {
    let (now, before) = (
        now.filter(|v| v.is_finite())?,
        before.filter(|v| v.is_finite())?,
    );
    let flat = |text: &str| Change {
        text: text.to_owned(),
        arrow: "•",
        tone: Tone::Neutral,
    };
    if before == 0.0 {
        return Some(match now {
            0.0 => flat("as before"),
            _ => flat("none in the period before"),
        });
    }
    let ratio = (now - before) / before.abs();
    if ratio.abs() < 0.005 {
        return Some(flat("as before"));
    }
    let up = ratio > 0.0;
    let word = if up { more } else { less };
    let text = if now / before >= 3.0 {
        format!(
            "{}× the period before",
            trim_zeros(format!("{:.1}", now / before))
        )
    } else {
        format!("{}% {word}", trim_percent(ratio.abs() * 100.0))
    };
    let tone = match worse_when_up {
        None => Tone::Neutral,
        Some(worse) if worse == up => Tone::Worse,
        Some(_) => Tone::Better,
    };
    Some(Change {
        text,
        arrow: if up { "▲" } else { "▼" },
        tone,
    })
}

fn trim_percent(value: f64) -> String {
    if value < 9.95 {
        trim_zeros(format!("{value:.1}"))
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_words() {
        let words = ("more", "less");
        let up = change(Some(112.0), Some(100.0), words, Some(true)).unwrap();
        assert_eq!((up.text.as_str(), up.tone), ("12% more", Tone::Worse));
        let down = change(Some(50.0), Some(100.0), words, Some(true)).unwrap();
        assert_eq!((down.text.as_str(), down.tone), ("50% less", Tone::Better));
        assert_eq!(
            change(Some(420.0), Some(100.0), words, None).unwrap().text,
            "4.2× the period before"
        );
        assert_eq!(
            change(Some(1.0), Some(0.0), words, Some(true))
                .unwrap()
                .text,
            "none in the period before"
        );
        assert_eq!(
            change(Some(1.0), Some(1.001), words, Some(true))
                .unwrap()
                .text,
            "as before"
        );
        assert_eq!(change(None, Some(1.0), words, Some(true)), None);
    }
}
