//! The time range of a page, as its URL says it: `?range=24h|7d|14d`, or `?from=…&to=…`.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::{error::PageError, query::Query};

/// A range that ends now, and the step in which its charts are drawn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Preset {
    /// As the URL names it.
    pub(crate) name: &'static str,
    /// As a person reads it.
    pub(crate) label: &'static str,
    /// Its length.
    pub(crate) hours: i64,
}

/// The ranges that the selector offers.
pub(crate) const PRESETS: [Preset; 3] = [
    Preset {
        name: "24h",
        label: "24 hours",
        hours: 24,
    },
    Preset {
        name: "7d",
        label: "7 days",
        hours: 7 * 24,
    },
    Preset {
        name: "14d",
        label: "14 days",
        hours: 14 * 24,
    },
];

const LONGEST: TimeDelta = TimeDelta::days(400);
const STEPS_S: [i64; 12] = [
    60, 300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];
const MOST_STEPS: i64 = 120;
/// Cost is known by the hour.
const COST_STEP_S: i64 = 3_600;

/// A half-open range of time, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// The preset it came from; `None` for explicit bounds.
    pub(crate) preset: Option<&'static Preset>,
    /// Inclusive.
    pub(crate) from: DateTime<Utc>,
    /// Exclusive.
    pub(crate) to: DateTime<Utc>,
}

impl Range {
    /// Reads the range from the URL; 24 hours where it has none.
    pub(crate) fn parse(query: &Query, now: DateTime<Utc>) -> Result<Range, PageError> {
        let (from, to) = (query.get("from"), query.get("to"));
        if from.is_some() || to.is_some() {
            if matches!(query.get("range"), Some(range) if range != "custom") {
                return Err(PageError::parameter(
                    "range",
                    "give either range, or from and to",
                ));
            }
            return Range::explicit(from, to, now);
        }
        let name = query.get("range").unwrap_or(PRESETS[0].name);
        match PRESETS.iter().find(|preset| preset.name == name) {
            Some(preset) => Ok(Range::preset(preset, now)),
            None => Err(PageError::parameter(
                "range",
                format!(
                    "“{name}” is not a range. It is one of 24h, 7d and 14d, or leave it out and give from and to"
                ),
            )),
        }
    }

    /// The preset's range that ends at this minute. It begins where a step of the charts begins,
    /// of cost too, so that its first bar is a whole one.
    pub(crate) fn preset(preset: &'static Preset, now: DateTime<Utc>) -> Range {
        let to = floor(now, 60);
        let length = TimeDelta::hours(preset.hours);
        let from = floor(to - length, step_s(length).max(COST_STEP_S));
        Range {
            preset: Some(preset),
            from,
            to,
        }
    }

    fn explicit(
        from: Option<&str>,
        to: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Range, PageError> {
        let to = match to {
            Some(text) => parse_time("to", text)?,
            None => floor(now, 60),
        };
        let from = match from {
            Some(text) => parse_time("from", text)?,
            None => {
                return Err(PageError::parameter(
                    "from",
                    "to is given, and from is missing",
                ));
            }
        };
        if from >= to {
            return Err(PageError::parameter(
                "from",
                "from must lie before to (and before now)",
            ));
        }
        if to - from > LONGEST {
            return Err(PageError::parameter(
                "from",
                "the range is longer than 400 days; ask for less",
            ));
        }
        Ok(Range {
            preset: None,
            from,
            to,
        })
    }

    /// The step in which charts of the range are drawn, in seconds.
    pub(crate) fn step_s(&self) -> i64 {
        step_s(self.to - self.from)
    }

    /// The step in which cost is drawn, in seconds: an hour at least.
    pub(crate) fn cost_step_s(&self) -> i64 {
        self.step_s().max(COST_STEP_S)
    }

    /// What the URL needs to say the range again.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        match self.preset {
            Some(preset) => vec![("range", preset.name.to_owned())],
            None => vec![("from", rfc3339(self.from)), ("to", rfc3339(self.to))],
        }
    }

    /// The bounds in words: `the last 24 hours`, or both bounds.
    pub(crate) fn label(&self) -> String {
        match self.preset {
            Some(preset) => format!("last {}", preset.label),
            None => crate::format::span(self.from, self.to),
        }
    }
}

/// A time as URLs and the JSON API write it.
pub(crate) fn rfc3339(ts: DateTime<Utc>) -> String {
    ts.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

fn step_s(length: TimeDelta) -> i64 {
    let seconds = length.num_seconds();
    STEPS_S
        .into_iter()
        .find(|step| seconds / step <= MOST_STEPS)
        .unwrap_or(STEPS_S[STEPS_S.len() - 1])
}

fn floor(ts: DateTime<Utc>, step_s: i64) -> DateTime<Utc> {
    let seconds = ts.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(step_s), 0).unwrap_or(ts)
}

/// RFC 3339, a date, or what a browser's date field sends; the latter two are UTC.
fn parse_time(name: &'static str, text: &str) -> Result<DateTime<Utc>, PageError> {
    let text = text.trim();
    // A plus sign that was not escaped arrives as a space.
    let plus = text.replace(' ', "+");
    if let Ok(ts) = DateTime::parse_from_rfc3339(&plus) {
        return Ok(ts.with_timezone(&Utc));
    }
    for pattern in ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"] {
        if let Ok(ts) = NaiveDateTime::parse_from_str(text, pattern) {
            return Ok(ts.and_utc());
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    Err(PageError::parameter(
        name,
        format!("“{text}” is not a time. Write 2026-11-24, or 2026-11-24T08:00:00Z"),
    ))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 24, 8, 48, 27).unwrap()
    }

    fn parse(query: &str) -> Result<Range, PageError> {
        Range::parse(&Query::parse(query), now())
    }

    #[test]
    fn every_range_survives_its_own_url() {
        for query in [
            "",
            "range=24h",
            "range=7d",
            "range=14d",
            "from=2026-11-20&to=2026-11-22",
            "from=2026-11-20T08:30:00Z&to=2026-11-22T10:15",
            "from=2026-11-20T08:30:00+02:00&to=2026-11-22T10:15:00.250Z",
        ] {
            let range = parse(query).unwrap();
            let again = range
                .pairs()
                .into_iter()
                .fold(
                    url::form_urlencoded::Serializer::new(String::new()),
                    |mut all, (key, value)| {
                        all.append_pair(key, &value);
                        all
                    },
                )
                .finish();
            assert_eq!(parse(&again).unwrap(), range, "{query}");
        }
    }

    #[test]
    fn a_preset_begins_at_a_step() {
        for preset in &PRESETS {
            let range = Range::preset(preset, now());
            assert_eq!(range.from.timestamp() % range.cost_step_s(), 0);
            assert_eq!(
                range.to,
                Utc.with_ymd_and_hms(2026, 11, 24, 8, 48, 0).unwrap()
            );
            assert!(range.to - range.from >= TimeDelta::hours(preset.hours));
            assert!((range.to - range.from).num_seconds() / range.step_s() <= MOST_STEPS);
        }
    }

    #[test]
    fn bad_ranges_name_the_parameter() {
        for (query, name) in [
            ("range=yesterday", "range"),
            ("range=7d&from=2026-11-20", "range"),
            ("from=nonsense", "from"),
            ("from=2026-11-20&to=x", "to"),
            ("to=2026-11-20", "from"),
            ("from=2026-11-21&to=2026-11-20", "from"),
            ("from=2020-01-01&to=2026-11-20", "from"),
        ] {
            match parse(query) {
                Err(PageError::Parameter { name: got, .. }) => assert_eq!(got, name, "{query}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
