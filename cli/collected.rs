//! What a pass will cost and what it came to, in tables.

use std::collections::BTreeMap;

use anyhow::anyhow;
use millicent_collector::{
    EstatePlan, EstateSummary, PlaceSummary, PlannedSource, Source, SourceSummary,
};
use rust_decimal::Decimal;

use crate::output::lay_out;

/// Incidents of one source that are printed; `collections` has all.
const INCIDENTS: usize = 3;
/// Places that are printed one by one.
const PLACES: usize = 40;

/// What the next pass will ask and cost.
pub(crate) fn plan(plan: &EstatePlan) -> String {
    let header = [
        "source",
        "windows",
        "calls",
        "billed units",
        "cost",
        "known from",
    ]
    .map(str::to_owned);
    let number =
        |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let planned = plan.places.iter().flat_map(|(_, plan)| &plan.sources);
    let sources = planned_by_source(planned.clone());
    let rows: Vec<Vec<String>> = sources
        .values()
        .map(|source| {
            vec![
                source.source.name().to_owned(),
                source.windows.to_string(),
                number(source.calls),
                number(source.billed_units),
                source.cost_usd.map_or_else(|| "?".to_owned(), usd),
                source.basis.to_owned(),
            ]
        })
        .collect();
    let mut text = lay_out(&header, &rows, &[false, true, true, true, true, false]);
    if plan.places.len() > 1 {
        let header = ["account", "region", "windows", "cost"].map(str::to_owned);
        let rows: Vec<Vec<String>> = plan
            .places
            .iter()
            .take(PLACES)
            .map(|(place, plan)| {
                let windows: u64 = plan.sources.iter().map(|source| source.windows).sum();
                vec![
                    place.account.clone(),
                    place.region.clone(),
                    windows.to_string(),
                    usd(plan.cost_usd()),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&lay_out(&header, &rows, &[false, false, true, true]));
        text.push_str(&more(plan.places.len()));
    }
    for (place, unreached) in plan.unreached.iter().take(PLACES) {
        text.push_str(&format!("Not in it: {place}: {}\n", unreached.message));
    }
    let unknown = planned.clone().any(|source| source.cost_usd.is_none());
    text.push_str(&format!(
        "The next pass costs {}{} at AWS's list price; {} spent today{}.\n",
        if unknown { "at least " } else { "" },
        usd(plan.cost_usd()),
        usd(plan.spent_today_usd),
        plan.budget_usd_per_day.map_or_else(
            || " (no budget_usd_per_day is set)".to_owned(),
            |budget| format!(" of a budget of {}", usd(budget))
        ),
    ));
    text
}

/// Each source summed over all places; what is not known in one place is not known in all.
fn planned_by_source<'p>(
    planned: impl Iterator<Item = &'p PlannedSource>,
) -> BTreeMap<Source, PlannedSource> {
    let mut sources: BTreeMap<Source, PlannedSource> = BTreeMap::new();
    for source in planned {
        match sources.get_mut(&source.source) {
            None => {
                sources.insert(source.source, source.clone());
            }
            Some(sum) => {
                sum.windows += source.windows;
                sum.calls = sum.calls.zip(source.calls).map(|(a, b)| a + b);
                sum.billed_units = sum
                    .billed_units
                    .zip(source.billed_units)
                    .map(|(a, b)| a + b);
                sum.cost_usd = sum.cost_usd.zip(source.cost_usd).map(|(a, b)| a + b);
            }
        }
    }
    sources
}

/// What a pass came to.
pub(crate) fn summary(summary: &EstateSummary) -> String {
    let header = ["source", "windows", "complete", "rows", "calls", "cost"].map(str::to_owned);
    let places = &summary.places;
    let by_source = counted_by_source(places.iter().flat_map(|place| &place.pass.sources));
    let rows: Vec<Vec<String>> = by_source
        .iter()
        .map(|(source, count)| [vec![source.name().to_owned()], count.cells()].concat())
        .collect();
    let mut text = lay_out(&header, &rows, &[false, true, true, true, true, true]);
    if places.len() > 1 {
        let header = [
            "account", "region", "windows", "complete", "rows", "calls", "cost",
        ]
        .map(str::to_owned);
        let rows: Vec<Vec<String>> = places
            .iter()
            .take(PLACES)
            .map(|place| {
                let mut count = Count::default();
                place.pass.sources.iter().for_each(|s| count.add(s));
                let name = vec![place.place.account.clone(), place.place.region.clone()];
                [name, count.cells()].concat()
            })
            .collect();
        text.push('\n');
        let right = [false, false, true, true, true, true, true];
        text.push_str(&lay_out(&header, &rows, &right));
        text.push_str(&more(places.len()));
    }
    for place in places {
        text.push_str(&incidents(place, places.len() > 1));
    }
    text
}

#[derive(Default)]
struct Count {
    windows: u64,
    complete: u64,
    rows: u64,
    calls: u64,
    cost_usd: Decimal,
}

impl Count {
    fn add(&mut self, source: &SourceSummary) {
        self.windows += source.windows;
        self.complete += source.complete;
        self.rows += source.rows;
        self.calls += source.calls;
        self.cost_usd += source.cost_usd;
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.windows.to_string(),
            self.complete.to_string(),
            self.rows.to_string(),
            self.calls.to_string(),
            usd(self.cost_usd),
        ]
    }
}

fn counted_by_source<'s>(
    counted: impl Iterator<Item = &'s SourceSummary>,
) -> BTreeMap<Source, Count> {
    let mut sources: BTreeMap<Source, Count> = BTreeMap::new();
    for source in counted {
        sources.entry(source.source).or_default().add(source);
    }
    sources
}

fn more(places: usize) -> String {
    match places.checked_sub(PLACES) {
        None | Some(0) => String::new(),
        Some(more) => format!("and {more} more\n"),
    }
}

/// What went wrong in a place, a line each.
fn incidents(place: &PlaceSummary, several: bool) -> String {
    let mut text = String::new();
    if let Some(unreached) = &place.unreached {
        return format!(
            "{}: {}: {}\n",
            place.place,
            unreached.outcome.as_str(),
            unreached.message
        );
    }
    let whose = if several {
        format!("{}, ", place.place)
    } else {
        String::new()
    };
    for source in &place.pass.sources {
        for incident in source.incidents.iter().take(INCIDENTS) {
            text.push_str(&format!(
                "{whose}{}, {} to {}: {}: {}\n",
                source.source.name(),
                incident.window.from.format("%Y-%m-%d %H:%M"),
                incident.window.to.format("%Y-%m-%d %H:%M UTC"),
                incident.outcome.as_str(),
                incident.message
            ));
        }
        if source.incidents.len() > INCIDENTS {
            text.push_str(&format!(
                "{whose}{}: and {} more; all of them: millicent sql \"SELECT ts, window_end, outcome, error FROM \
                 collections WHERE source = '{0}' AND outcome <> 'complete'\"\n",
                source.source.name(),
                source.incidents.len() - INCIDENTS
            ));
        }
    }
    text
}

/// An error if a window was not collected whole.
pub(crate) fn failed(summary: &EstateSummary) -> anyhow::Result<()> {
    if summary.is_complete() {
        return Ok(());
    }
    if summary.cancelled() {
        return Err(anyhow!(
            "stopped before everything was collected; the next pass goes on from here"
        ));
    }
    let several = summary.places.len() > 1;
    let failed: Vec<String> = summary
        .places
        .iter()
        .filter_map(|place| failed_in(place, several))
        .collect();
    Err(anyhow!(
        "not everything was collected: {}; what is missing is due again with the next pass",
        failed.join(if several { "; " } else { ", " })
    ))
}

fn failed_in(place: &PlaceSummary, several: bool) -> Option<String> {
    if place.unreached.is_some() {
        return Some(format!("{}: not reached", place.place));
    }
    let sources: Vec<&str> = place
        .pass
        .sources
        .iter()
        .filter(|source| !source.incidents.is_empty())
        .map(|source| source.source.name())
        .collect();
    if sources.is_empty() {
        return None;
    }
    let sources = sources.join(", ");
    Some(if several {
        format!("{}: {sources}", place.place)
    } else {
        sources
    })
}

fn usd(amount: Decimal) -> String {
    if amount.is_zero() {
        return "$0".to_owned();
    }
    format!(
        "${}",
        amount.round_dp(4).max(Decimal::new(1, 4)).normalize()
    )
}

#[cfg(test)]
mod tests;
