//! Rules: queries of the catalog whose rows are alerts.

use std::fmt;
use std::sync::Arc;

use millicent_analyzer::{Kind, Params, Query, Table};
use serde::Serialize;

use crate::message::show_detail;
use crate::state::AlertRow;

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look at it today.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        })
    }
}

/// Unit of a number that a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// US dollars.
    Usd,
    /// Hundredths.
    Percent,
    /// A share of a whole, 0 to 1.
    Share,
    /// Milliseconds.
    Ms,
    /// Just a number.
    Number,
}

impl Unit {
    /// The number in this unit, in as many digits as say something.
    pub fn show(self, number: f64) -> String {
        match self {
            Unit::Usd => format!(
                "{}${}",
                if number < 0.0 { "−" } else { "" },
                money(number.abs())
            ),
            Unit::Percent => format!("{number:.0}%"),
            Unit::Share if number.abs() < 0.1 => format!("{:.1}%", number * 100.0),
            Unit::Share => format!("{:.0}%", number * 100.0),
            Unit::Ms => format!("{} ms", grouped(&format!("{number:.0}"))),
            Unit::Number if number.fract() == 0.0 => grouped(&format!("{number:.0}")),
            Unit::Number => format!("{number:.4}").trim_end_matches('0').to_owned(),
        }
    }
}

/// Cents for what is at least ten cents, three significant digits for what is less.
fn money(usd: f64) -> String {
    if usd >= 0.1 || usd == 0.0 {
        return grouped(&format!("{usd:.2}"));
    }
    let mut decimals = 2;
    let mut rest = usd;
    while rest < 0.1 && decimals < 12 {
        rest *= 10.0;
        decimals += 1;
    }
    format!("{usd:.*}", decimals + 1)
}

/// `1234567.50` as `1,234,567.50`.
fn grouped(digits: &str) -> String {
    let (whole, rest) = digits
        .split_once('.')
        .map_or((digits, None), |(w, r)| (w, Some(r)));
    let (sign, whole) = whole
        .strip_prefix('-')
        .map_or(("", whole), |whole| ("−", whole));
    let mut shown = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    if let Some(rest) = rest {
        shown.push('.');
        shown.push_str(rest);
    }
    shown
}

/// A query of the catalog that is evaluated as a rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The query.
    pub query: Arc<Query>,
    /// How bad its alerts are.
    pub severity: Severity,
    /// Unit of its value and threshold.
    pub unit: Unit,
    /// Columns that tell one alert from another.
    pub labels: Vec<String>,
    /// Values of its parameters, `from` and `to` not among them.
    pub params: Params,
}

impl Rule {
    /// The rule of a query; `None` for a query that is none.
    pub(crate) fn of(query: &Arc<Query>, params: Params) -> Option<Rule> {
        let spec = query.alert.as_ref()?;
        let value = query.columns.iter().find(|column| column.name == "value");
        Some(Rule {
            severity: match spec.severity.as_str() {
                "critical" => Severity::Critical,
                _ => Severity::Warning,
            },
            // Money is the only thing that is decimal.
            unit: match value.map(|column| column.kind) {
                Some(Kind::Decimal) => Unit::Usd,
                _ => Unit::Number,
            },
            labels: spec.labels.clone(),
            params,
            query: Arc::clone(query),
        })
    }

    /// The first required parameter that has no value: without it the rule is off.
    pub fn missing(&self) -> Option<&str> {
        let given = |name: &str| matches!(name, "from" | "to") || self.params.get(name).is_some();
        let missing = self
            .query
            .params
            .iter()
            .find(|param| param.required && !given(&param.name));
        missing.map(|param| param.name.as_str())
    }

    /// Whether missing data can only make its value less. A rule over `from` to `to` adds up what
    /// there is; one that takes `to` alone compares complete hours, and a missing count would
    /// make it fire.
    pub(crate) fn only_adds_up(&self) -> bool {
        self.query.param("from").is_some()
    }

    /// The alerts of an answer.
    pub(crate) fn rows(&self, table: &Table) -> Vec<AlertRow> {
        let columns = table.column_names();
        let position = |name: &str| columns.iter().position(|column| column == name);
        let read = |row: millicent_analyzer::Row<'_>| AlertRow {
            labels: self
                .labels
                .iter()
                .filter_map(|name| Some((name.clone(), row.display(position(name)?))))
                .collect(),
            value: row.f64("value").filter(|number| number.is_finite()),
            threshold: row.f64("threshold").filter(|number| number.is_finite()),
            since: row.timestamp("since"),
            details: columns
                .iter()
                .enumerate()
                .filter(|(_, name)| {
                    !matches!(name.as_str(), "value" | "threshold" | "since")
                        && !self.labels.contains(name)
                })
                .filter_map(|(index, name)| show_detail(name, &row.value(index)))
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
                .join("\n"),
        };
        table.rows().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        let usd: Vec<String> = [0.0, 1234567.5, 12.0, 0.5, 0.0425, 0.000_002_08]
            .map(|n| Unit::Usd.show(n))
            .into();
        assert_eq!(
            usd,
            [
                "$0.00",
                "$1,234,567.50",
                "$12.00",
                "$0.50",
                "$0.0425",
                "$0.00000208"
            ]
        );
        assert_eq!(Unit::Usd.show(-3.0), "−$3.00");
        assert_eq!(Unit::Share.show(0.034), "3.4%");
        assert_eq!(Unit::Share.show(0.6), "60%");
        assert_eq!(Unit::Percent.show(150.4), "150%");
        assert_eq!(Unit::Ms.show(12_345.6), "12,346 ms");
        assert_eq!(Unit::Number.show(1_000.0), "1,000");
        assert_eq!(Unit::Number.show(0.125), "0.125");
    }
}
