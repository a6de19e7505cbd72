//! What became dearer or cheaper since the same hours of the week before, and because of what.

use chrono::{DateTime, TimeDelta, Utc};
use millicent_analyzer::{Coverage, Params, Report, Row};

use super::cards::{COST, unfair};
use crate::{ask::Ask, change::Tone, format};

/// The parts of a change in `cost-change`: column, name, and what it means.
const PARTS: [(&str, &str, &str); 6] = [
    ("traffic_usd", "Traffic", "more or fewer requests"),
    (
        "duration_usd",
        "Duration",
        "functions run longer for a request, or with more memory",
    ),
    (
        "calls_usd",
        "Calls",
        "a request calls functions, tables and buckets more or less, or takes more units",
    ),
    (
        "other_usd",
        "Logs, traces, transfer",
        "a request is logged, traced or transferred more or less",
    ),
    ("price_usd", "Price", "a unit costs more or less"),
    (
        "new_usd",
        "New or gone",
        "cost that has no usage in one of the two weeks, or none at all",
    ),
];

/// A part that is less than this share of the largest one is left out.
const LEAST_PART: f64 = 0.02;

/// What one route's cost came to, now and before; or what no route caused.
pub(crate) struct Moved {
    /// Page of the route.
    pub(crate) href: Option<String>,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) before: String,
    pub(crate) after: String,
    /// With its sign.
    pub(crate) change: String,
    pub(crate) tone: &'static str,
    /// The largest first.
    pub(crate) parts: Vec<Part>,
    /// API, stage and route.
    key: Option<(String, String, String)>,
}

/// One reason of a change.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    /// With its sign.
    pub(crate) amount: String,
    pub(crate) tone: &'static str,
    /// 0 to 100, of the largest part.
    pub(crate) width: u32,
}

/// What is compared: whole hours, so that a range of a week is held against the week before it.
pub(super) fn compared(ask: &Ask) -> Params {
    let (from, to) = hours(ask);
    Params::new().set("from", from).set("to", to)
}

/// The hours that `cost-change` holds them against: as many whole weeks earlier as they are long.
pub(super) fn weeks_before(ask: &Ask) -> Params {
    let (from, to) = hours(ask);
    let shift = TimeDelta::weeks(weeks(to - from));
    Params::new()
        .set("from", from - shift)
        .set("to", to - shift)
}

/// What it is held against, in words.
pub(super) fn against(ask: &Ask) -> String {
    let (from, to) = hours(ask);
    match weeks(to - from) {
        1 => "against the same hours a week earlier".to_owned(),
        weeks => format!("against the same hours {weeks} weeks earlier"),
    }
}

/// As many whole weeks as it is long, rounded up.
fn weeks(length: TimeDelta) -> i64 {
    let week_s = TimeDelta::weeks(1).num_seconds();
    ((length.num_seconds() + week_s - 1) / week_s).max(1)
}

fn hours(ask: &Ask) -> (DateTime<Utc>, DateTime<Utc>) {
    match ask.range.preset {
        Some(preset) => {
            let to = ask.range.to - TimeDelta::seconds(ask.range.to.timestamp().rem_euclid(3_600));
            (to - TimeDelta::hours(preset.hours), to)
        }
        None => (ask.range.from, ask.range.to),
    }
}

/// Why the two cannot be compared.
pub(super) fn incomparable(now: &Coverage, before: &Coverage) -> Option<&'static str> {
    unfair(now, before, COST).map(|why| match why {
        "" => "This range is not fully collected, so there is nothing fair to compare.",
        _ => "The hours before are not fully collected, so there is nothing fair to compare with.",
    })
}

/// All rows of the report, what moved most first. What did not move is left out.
pub(super) fn moved(ask: &Ask, report: &Report) -> Vec<Moved> {
    let mut rows: Vec<(f64, Row<'_>)> = report
        .table
        .rows()
        .filter_map(|row| Some((row.f64("change_usd")?, row)))
        .filter(|(change, _)| change.abs() >= 5e-5)
        .collect();
    rows.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    rows.into_iter()
        .map(|(change, row)| Moved::new(ask, &row, change))
        .collect()
}

impl Moved {
    /// Whether it is that route's.
    pub(super) fn is(&self, api: &str, stage: &str, route: &str) -> bool {
        let key = self.key.as_ref();
        key.is_some_and(|key| (&*key.0, &*key.1, &*key.2) == (api, stage, route))
    }

    fn new(ask: &Ask, row: &Row<'_>, change: f64) -> Moved {
        let (api, stage, route) = (row.text("api"), row.text("stage"), row.text("route"));
        let key = match (api, stage, route) {
            (Some(api), Some(stage), Some(route)) => {
                Some((api.to_owned(), stage.to_owned(), route.to_owned()))
            }
            _ => None,
        };
        let href = key.as_ref().map(|(api, stage, route)| {
            ask.link(
                "/route",
                &[("api", api), ("stage", stage), ("route", route)],
            )
        });
        let mut parts: Vec<(f64, &'static str, &'static str)> = PARTS
            .iter()
            .map(|(column, name, meaning)| (row.f64(column).unwrap_or(0.0), *name, *meaning))
            .collect();
        parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let largest = parts[0].0.abs();
        Moved {
            place: match (api, stage) {
                (Some(api), Some(stage)) => format!("{api} / {stage}"),
                _ => "storage, shared work and what was not seen".to_owned(),
            },
            name: route.unwrap_or("Not caused by a route").to_owned(),
            href,
            key,
            before: format::usd(row.f64("before_usd").unwrap_or(0.0)),
            after: format::usd(row.f64("after_usd").unwrap_or(0.0)),
            change: signed(change),
            tone: tone(change),
            parts: parts
                .into_iter()
                .filter(|(usd, _, _)| usd.abs() > 0.0 && usd.abs() >= largest * LEAST_PART)
                .map(|(usd, name, meaning)| Part {
                    name,
                    meaning,
                    amount: signed(usd),
                    tone: tone(usd),
                    width: (usd.abs() / largest * 100.0).round() as u32,
                })
                .collect(),
        }
    }
}

fn tone(change: f64) -> &'static str {
    let tone = if change > 0.0 {
        Tone::Worse
    } else {
        Tone::Better
    };
    tone.class()
}

/// An amount of money with its sign.
fn signed(usd: f64) -> String {
    let sign = if usd < 0.0 { "−" } else { "+" };
    format!("{sign}{}", format::usd(usd.abs()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;
    use crate::testing::{
        self,
        Cell::{Number, Text},
    };

    fn ask(query: &str) -> Ask {
        Ask::new("/", Some(query), &HeaderMap::new(), testing::now()).unwrap()
    }

    #[tokio::test]
    async fn what_moved_most_comes_first_with_its_reasons() {
        let (state, _folder) = testing::state().await;
        let row = |route: &str, before: f64, traffic: f64, duration: f64| {
            let (api, stage) = (Text("shop".into()), Text("prod".into()));
            let figures = [before, before + traffic + duration, traffic + duration];
            let figures = figures.into_iter().chain([traffic, duration]).map(Number);
            [api, stage, Text(route.into())]
                .into_iter()
                .chain(figures)
                .collect()
        };
        let columns = [
            "api",
            "stage",
            "route",
            "before_usd",
            "after_usd",
            "change_usd",
            "traffic_usd",
            "duration_usd",
        ];
        let rows = vec![
            row("GET /a", 1.0, 0.001, 0.0),
            row("GET /b", 1.0, 0.0, 0.0),
            row("GET /c", 0.5, 0.0002, 0.3),
            row("GET /d", 2.0, -1.0, 0.25),
        ];
        let report = testing::report(&state, &columns, rows, testing::coverage(1.0)).await;
        let moved = moved(&ask("range=24h"), &report);
        let seen: Vec<_> = moved.iter().map(|m| (&*m.name, &*m.change)).collect();
        assert_eq!(
            seen,
            [
                ("GET /d", "−$0.75"),
                ("GET /c", "+$0.30"),
                ("GET /a", "+$0.0010")
            ],
            "what stayed as it was is left out"
        );
        let parts: Vec<_> = moved[0].parts.iter().map(|p| (p.name, p.width)).collect();
        assert_eq!(parts, [("Traffic", 100), ("Duration", 25)]);
        assert_eq!(moved[1].parts.len(), 1, "a trifle is no reason");
    }

    #[test]
    fn a_week_is_held_against_the_week_before() {
        for (query, hours, weeks) in [
            ("range=24h", 24, 1),
            ("range=7d", 7 * 24, 1),
            ("range=14d", 14 * 24, 2),
        ] {
            let ask = ask(query);
            let to = testing::now() - TimeDelta::minutes(48);
            let params = |shift| {
                let from = to - TimeDelta::hours(hours);
                Params::new()
                    .set("from", from - shift)
                    .set("to", to - shift)
            };
            assert_eq!(compared(&ask), params(TimeDelta::zero()), "{query}");
            assert_eq!(
                weeks_before(&ask),
                params(TimeDelta::weeks(weeks)),
                "{query}"
            );
        }
    }
}
