//! What a pass will cost and what it came to, in tables.

use anyhow::anyhow;
use millicent_collector::{PassSummary, Plan};
use rust_decimal::Decimal;

use crate::output::lay_out;

/// Incidents of one source that are printed; `collections` has all.
const INCIDENTS: usize = 3;

/// What the next pass will ask and cost.
pub(crate) fn plan(plan: &Plan) -> String {
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
    let rows: Vec<Vec<String>> = plan
        .sources
        .iter()
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
    let unknown = plan.sources.iter().any(|source| source.cost_usd.is_none());
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

/// What a pass came to.
pub(crate) fn summary(summary: &PassSummary) -> String {
    let header = ["source", "windows", "complete", "rows", "calls", "cost"].map(str::to_owned);
    let rows: Vec<Vec<String>> = summary
        .sources
        .iter()
        .map(|source| {
            vec![
                source.source.name().to_owned(),
                source.windows.to_string(),
                source.complete.to_string(),
                source.rows.to_string(),
                source.calls.to_string(),
                usd(source.cost_usd),
            ]
        })
        .collect();
    let mut text = lay_out(&header, &rows, &[false, true, true, true, true, true]);
    for source in &summary.sources {
        for incident in source.incidents.iter().take(INCIDENTS) {
            text.push_str(&format!(
                "{}, {} to {}: {}: {}\n",
                source.source.name(),
                incident.window.from.format("%Y-%m-%d %H:%M"),
                incident.window.to.format("%Y-%m-%d %H:%M UTC"),
                incident.outcome.as_str(),
                incident.message
            ));
        }
        if source.incidents.len() > INCIDENTS {
            text.push_str(&format!(
                "{}: and {} more; all of them: millicent sql \"SELECT ts, window_end, outcome, error FROM \
                 collections WHERE source = '{0}' AND outcome <> 'complete'\"\n",
                source.source.name(),
                source.incidents.len() - INCIDENTS
            ));
        }
    }
    text
}

/// An error if a window was not collected whole.
pub(crate) fn failed(summary: &PassSummary) -> anyhow::Result<()> {
    if summary.is_complete() {
        return Ok(());
    }
    if summary.cancelled {
        return Err(anyhow!(
            "stopped before everything was collected; the next pass goes on from here"
        ));
    }
    let sources: Vec<&str> = summary
        .sources
        .iter()
        .filter(|source| !source.incidents.is_empty())
        .map(|source| source.source.name())
        .collect();
    Err(anyhow!(
        "not everything was collected: {}; what is missing is due again with the next pass",
        sources.join(", ")
    ))
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
mod tests {
    use chrono::DateTime;
    use millicent_collector::windows::Window;
    use millicent_collector::{Incident, PlannedSource, Source, SourceSummary};
    use millicent_lake::Outcome;

    use super::*;

    #[test]
    fn a_plan_says_what_it_does_not_know() {
        let planned = |source, units, cost| PlannedSource {
            source,
            windows: 3,
            calls: units,
            billed_units: units,
            cost_usd: cost,
            basis: "a page a request",
        };
        let text = super::plan(&Plan {
            sources: vec![
                planned(Source::Traces, None, None),
                planned(Source::Cost, Some(6), Some(Decimal::new(6, 2))),
            ],
            budget_usd_per_day: Some(Decimal::ONE),
            spent_today_usd: Decimal::ZERO,
        });
        assert_eq!(
            text,
            "source  windows  calls  billed units   cost  known from\n\
             ──────  ───────  ─────  ────────────  ─────  ────────────────\n\
             traces        3      ?             ?      ?  a page a request\n\
             cost          3      6             6  $0.06  a page a request\n\
             The next pass costs at least $0.06 at AWS's list price; $0 spent today of a budget of $1.\n"
        );
    }

    #[test]
    fn a_source_that_failed_is_named_and_the_pass_fails() {
        let window = Window::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        let incident = Incident {
            window,
            outcome: Outcome::Denied,
            message: "ce:GetCostAndUsage is denied".to_owned(),
        };
        let pass = PassSummary {
            sources: vec![SourceSummary {
                source: Source::Cost,
                windows: 5,
                complete: 0,
                rows: 0,
                calls: 5,
                billed_units: 5,
                cost_usd: Decimal::new(5, 2),
                incidents: vec![incident; 5],
            }],
            cancelled: false,
        };
        let text = summary(&pass);
        assert_eq!(
            text.matches("denied: ce:GetCostAndUsage is denied").count(),
            3,
            "{text}"
        );
        assert!(text.contains("cost: and 2 more"), "{text}");
        let error = failed(&pass).unwrap_err().to_string();
        assert!(
            error.contains("not everything was collected: cost;"),
            "{error}"
        );
        assert!(
            failed(&PassSummary {
                sources: Vec::new(),
                cancelled: false
            })
            .is_ok()
        );
    }
}
