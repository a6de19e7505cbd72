//! What a notifier is told, before it is put into anyone's format.

use chrono::{DateTime, Utc};
use serde::Serialize;
use url::Url;

use crate::rule::{Severity, Unit};
use crate::state::{Change, Due, Labels};

/// One change of one alert, for a person or a program to read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// `firing` or `resolved`.
    pub change: &'static str,
    /// Name of the rule.
    pub rule: String,
    /// What the rule watches, in words.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// What tells this alert from others of the rule.
    pub labels: Labels,
    /// What was measured when it began to fire, in `unit`.
    pub value: Option<f64>,
    /// What it was held against, in `unit`.
    pub threshold: Option<f64>,
    /// Unit of `value` and `threshold`.
    pub unit: Unit,
    /// Since when it holds.
    pub since: Option<DateTime<Utc>>,
    /// When it began to fire or was resolved.
    pub at: DateTime<Utc>,
    /// What the query says besides: name and value.
    pub details: Vec<(String, String)>,
    /// The page that shows it.
    pub link: Option<String>,
}

impl Message {
    /// The message of a change.
    pub(crate) fn of(
        due: &Due,
        title: &str,
        severity: Severity,
        unit: Unit,
        base_url: Option<&Url>,
    ) -> Message {
        let event = &due.event;
        let details = event.message.as_deref().unwrap_or_default().lines();
        Message {
            change: due.change.as_str(),
            rule: event.rule.clone(),
            title: title.to_owned(),
            severity,
            labels: event.labels.clone(),
            value: event.value,
            threshold: event.threshold,
            unit,
            since: event.since,
            at: event.ts,
            details: details
                .map(|line| line.split_once(": ").unwrap_or(("Note", line)))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            link: base_url.and_then(|base| link(base, &event.labels)),
        }
    }

    /// Whether it begins or ends.
    pub(crate) fn is_firing(&self) -> bool {
        self.change == Change::Firing.as_str()
    }

    /// What the alert is about: its labels' values.
    pub fn subject(&self) -> String {
        match (
            self.labels.get("api"),
            self.labels.get("stage"),
            self.labels.get("route"),
        ) {
            (Some(api), Some(stage), Some(route)) => format!("{route} of {api}/{stage}"),
            _ => self
                .labels
                .iter()
                .map(|(name, value)| format!("{name} {value}"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    /// By how much the value is off the threshold, in the unit and in percent.
    pub fn delta(&self) -> Option<String> {
        let (value, threshold) = (self.value?, self.threshold?);
        let delta = value - threshold;
        let sign = if delta < 0.0 { "−" } else { "+" };
        let amount = format!("{sign}{}", self.unit.show(delta.abs()));
        if threshold == 0.0 {
            return Some(amount);
        }
        Some(format!(
            "{amount} ({sign}{:.0}%)",
            (delta / threshold * 100.0).abs()
        ))
    }

    /// Everything in one line of plain text.
    pub fn line(&self) -> String {
        let mut line = if self.is_firing() {
            self.title.clone()
        } else {
            format!("Resolved: {}", self.title)
        };
        let subject = self.subject();
        if !subject.is_empty() {
            line.push_str(&format!(": {subject}"));
        }
        if let (Some(value), Some(threshold)) = (self.value, self.threshold) {
            let (value, threshold) = (self.unit.show(value), self.unit.show(threshold));
            let was = if self.is_firing() { "is" } else { "was" };
            line.push_str(&format!(" {was} at {value}, limit {threshold}"));
        }
        if let Some(since) = self.since {
            line.push_str(&format!(", since {}", show_time(since)));
        }
        line
    }
}

/// A time as messages show it: to the minute, UTC, saying so.
pub(crate) fn show_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The page of a route for an alert about one, else the overview.
fn link(base: &Url, labels: &Labels) -> Option<String> {
    let mut url = base.clone();
    let route = ["api", "stage", "route"].map(|name| labels.get(name).map(|value| (name, value)));
    {
        let mut segments = url.path_segments_mut().ok()?;
        segments.pop_if_empty();
        segments.push(if route.iter().all(Option::is_some) {
            "route"
        } else {
            ""
        });
    }
    url.set_query(None);
    {
        let mut query = url.query_pairs_mut();
        if route.iter().all(Option::is_some) {
            query.extend_pairs(route.iter().flatten());
        }
        query.append_pair("range", "7d");
    }
    Some(url.into())
}

/// A value of a further column for a person, by the unit that its name ends with.
pub(crate) fn show_detail(column: &str, value: &serde_json::Value) -> Option<(String, String)> {
    let (name, unit) = [
        ("_usd", Unit::Usd),
        ("_percent", Unit::Percent),
        ("_share", Unit::Share),
        ("_rate", Unit::Share),
        ("_ms", Unit::Ms),
    ]
    .into_iter()
    .find_map(|(suffix, unit)| column.strip_suffix(suffix).map(|name| (name, unit)))
    .unwrap_or((column, Unit::Number));
    let number = match value {
        serde_json::Value::Number(number) => number.as_f64(),
        // Exact decimals travel as text.
        serde_json::Value::String(text) if unit != Unit::Number => text.parse().ok(),
        _ => None,
    };
    let shown = match (number, value) {
        (Some(number), _) => unit.show(number),
        (None, serde_json::Value::Null) => return None,
        (None, serde_json::Value::String(text)) => DateTime::parse_from_rfc3339(text)
            .map_or_else(|_| text.clone(), |time| show_time(time.to_utc())),
        (None, other) => other.to_string(),
    };
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    // A detail is one line of an event's message.
    Some((
        words,
        shown.split_whitespace().collect::<Vec<_>>().join(" "),
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use millicent_lake::AlertEvent;

    use super::*;
    use crate::state::AlertKey;

    pub(crate) fn due(labels: &[(&str, &str)], details: &str, change: Change) -> Due {
        let labels: Labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let rule = "alerts/cost-per-request".to_owned();
        Due {
            key: AlertKey {
                rule: rule.clone(),
                labels: labels.clone(),
            },
            notifier: "slack".to_owned(),
            event: AlertEvent {
                ts: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
                rule,
                labels,
                event: change.as_str().to_owned(),
                value: Some(1.25),
                threshold: Some(0.5),
                since: DateTime::from_timestamp(1_799_990_000, 0),
                notifier: None,
                message: (!details.is_empty()).then(|| details.to_owned()),
            },
            change,
        }
    }

    pub(crate) fn message(labels: &[(&str, &str)], details: &str, change: Change) -> Message {
        let base = Url::parse("http://127.0.0.1:8080").unwrap();
        let due = due(labels, details, change);
        Message::of(
            &due,
            "Cost per 1,000 requests",
            Severity::Warning,
            Unit::Usd,
            Some(&base),
        )
    }

    #[test]
    fn a_message_says_what_how_much_and_since_when() {
        let labels = [
            ("api", "shop"),
            ("stage", "prod"),
            ("route", "POST /orders"),
        ];
        let message = message(&labels, "Driver: AWS Lambda: GB-seconds", Change::Firing);
        assert_eq!(message.delta().unwrap(), "+$0.75 (+150%)");
        assert_eq!(
            message.line(),
            "Cost per 1,000 requests: POST /orders of shop/prod is at $1.25, limit $0.50, \
             since 2027-01-15 05:13 UTC"
        );
        assert_eq!(
            message.details,
            [("Driver".to_owned(), "AWS Lambda: GB-seconds".to_owned())]
        );
        assert_eq!(
            message.link.unwrap(),
            "http://127.0.0.1:8080/route?api=shop&stage=prod&route=POST+%2Forders&range=7d"
        );
    }

    #[test]
    fn an_alert_that_is_not_about_a_route_links_to_the_overview_below_the_base() {
        let base = Url::parse("https://example.com/millicent/").unwrap();
        let due = due(&[("day", "2027-01-15")], "", Change::Resolved);
        let message = Message::of(
            &due,
            "Daily budget",
            Severity::Critical,
            Unit::Usd,
            Some(&base),
        );
        assert_eq!(
            message.link.as_deref(),
            Some("https://example.com/millicent/?range=7d")
        );
        assert!(
            message
                .line()
                .starts_with("Resolved: Daily budget: day 2027-01-15 was at")
        );
    }

    #[test]
    fn further_columns_are_shown_in_the_unit_of_their_name() {
        let show = |column: &str, value: serde_json::Value| show_detail(column, &value);
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(
            show("spent_usd", "12.500000000000".into()),
            pair("Spent", "$12.50")
        );
        assert_eq!(
            show("share_of_cost", 0.6.into()),
            pair("Share of cost", "0.6")
        );
        assert_eq!(show("cost_share", 0.6.into()), pair("Cost", "60%"));
        assert_eq!(show("p95_ms", 812.4.into()), pair("P95", "812 ms"));
        assert_eq!(show("driver", "a\nb".into()), pair("Driver", "a b"));
        assert_eq!(
            show("met_at", "2027-01-15T05:13:20Z".into()),
            pair("Met at", "2027-01-15 05:13 UTC")
        );
        assert_eq!(show("driver", serde_json::Value::Null), None);
    }
}
