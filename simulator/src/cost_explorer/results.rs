//! The answer: amounts by period and group, a page of them at a time.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate};
use serde_json::{Value, json};

use crate::bill::BillLine;
use crate::cost_explorer::input::{Granularity, Input, Metric};
use crate::decimal::Decimal12;

/// One period, with its groups in order; one without keys where nothing is grouped.
pub(super) struct Period {
    from: NaiveDate,
    to: NaiveDate,
    estimated: bool,
    grouped: bool,
    groups: Vec<(Vec<String>, Value)>,
}

/// A sum of lines.
#[derive(Default)]
struct Sum<'a> {
    cost: Decimal12,
    quantity: Decimal12,
    /// The lines' unit, none while there are none, `N/A` once they differ.
    unit: Option<&'a str>,
}

impl<'a> Sum<'a> {
    fn add(&mut self, line: &'a BillLine) {
        self.cost += line.cost;
        self.quantity += line.quantity;
        self.unit = match self.unit {
            Some(unit) if unit != line.unit => Some("N/A"),
            _ => Some(line.unit),
        };
    }

    fn amounts(&self, metrics: &[Metric]) -> Value {
        let none = self.unit.is_none();
        let amounts = metrics.iter().map(|metric| {
            let (amount, unit) = match metric {
                Metric::Cost(_) => (self.cost, if none { "N/A" } else { "USD" }),
                Metric::UsageQuantity => (self.quantity, self.unit.unwrap_or("N/A")),
                Metric::NormalizedUsageAmount => (Decimal12(0), "N/A"),
            };
            (
                metric.name().to_owned(),
                json!({ "Amount": amount_text(amount), "Unit": unit }),
            )
        });
        Value::Object(amounts.collect())
    }
}

/// An amount as Cost Explorer writes it: at most ten decimals, no zeros at the end.
fn amount_text(amount: Decimal12) -> String {
    amount.to_ten_decimals().to_string()
}

/// The amounts of every period of the question.
pub(super) fn by_period(input: &Input, lines: &[&BillLine], account_id: &str) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut from = input.from;
    while from < input.to {
        let to = end_of(from, input.granularity).min(input.to);
        let own: Vec<&BillLine> = lines
            .iter()
            .copied()
            .filter(|line| (from..to).contains(&line.date))
            .collect();
        let mut sums: BTreeMap<Vec<String>, Sum<'_>> = BTreeMap::new();
        if input.group_by.is_empty() {
            sums.insert(Vec::new(), Sum::default());
        }
        for line in &own {
            let keys = input
                .group_by
                .iter()
                .map(|dimension| dimension.of(line, account_id).to_owned())
                .collect();
            sums.entry(keys).or_default().add(line);
        }
        periods.push(Period {
            from,
            to,
            estimated: own.iter().any(|line| line.estimated),
            grouped: !input.group_by.is_empty(),
            groups: sums
                .into_iter()
                .map(|(keys, sum)| (keys, sum.amounts(&input.metrics)))
                .collect(),
        });
        from = to;
    }
    periods
}

fn end_of(from: NaiveDate, granularity: Granularity) -> NaiveDate {
    let end = match granularity {
        Granularity::Daily => from.succ_opt(),
        Granularity::Monthly => from
            .with_day(1)
            .and_then(|first| first.checked_add_months(Months::new(1))),
    };
    end.unwrap_or(NaiveDate::MAX)
}

/// The results of one page, and the offset of the next. A row is a group, or a period without
/// any; a period whose groups don't fit goes on at the next page.
pub(super) fn page(periods: &[Period], from: usize, size: usize) -> (Vec<Value>, Option<usize>) {
    let until = from.saturating_add(size);
    let mut results = Vec::new();
    let mut first = 0;
    for period in periods {
        let rows = period.groups.len().max(1);
        let (start, end) = (from.max(first), until.min(first + rows));
        if start < end {
            results.push(period.json(start - first, end - first));
        }
        first += rows;
    }
    (results, (until < first).then_some(until))
}

impl Period {
    fn json(&self, from: usize, to: usize) -> Value {
        let groups = &self.groups[from.min(self.groups.len())..to.min(self.groups.len())];
        let (total, groups) = if self.grouped {
            let groups = groups
                .iter()
                .map(|(keys, amounts)| json!({ "Keys": keys, "Metrics": amounts }))
                .collect();
            (json!({}), groups)
        } else {
            (
                groups
                    .first()
                    .map(|(_, amounts)| amounts.clone())
                    .unwrap_or_default(),
                Vec::new(),
            )
        };
        json!({
            "TimePeriod": { "Start": self.from.to_string(), "End": self.to.to_string() },
            "Total": total,
            "Groups": groups,
            "Estimated": self.estimated,
        })
    }
}
