//! How the outcome of an attempt joins what `collections` has: its rows never overlap, what was
//! read stays read when reading it again fails, and no cost is ever lost.

#[cfg(test)]
mod tests;

use millicent_lake::{Collection, Outcome};

use crate::windows::Window;

/// The rows that replace everything of the source that begins in the slice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merged {
    /// By start of window, half-open.
    pub(crate) slice: Window,
    /// What stands there afterwards, in order.
    pub(crate) rows: Vec<Collection>,
}

/// Joins an attempt with the rows of the same source.
///
/// An attempt that brought data (complete or partial) is one row in place of all that it covers; its
/// calls, units and cost then are those of every attempt on that time. One that brought none leaves
/// what was read before as it is, and stands where nothing was.
pub(crate) fn merge(attempt: &Collection, existing: &[Collection]) -> Merged {
    let window = Window::new(attempt.ts, attempt.window_end);
    let touched: Vec<&Collection> = existing
        .iter()
        .filter(|row| span(row).overlaps(&window))
        .collect();
    let slice = Window::new(
        touched
            .iter()
            .map(|row| row.ts)
            .min()
            .unwrap_or(window.from)
            .min(window.from),
        touched
            .iter()
            .map(|row| row.window_end)
            .max()
            .unwrap_or(window.to)
            .max(window.to),
    );

    let brought = has_data(attempt.outcome);
    let mut rows = Vec::new();
    let mut spent = attempt.clone();
    for row in touched {
        if !brought && has_data(row.outcome) {
            rows.push(row.clone());
            continue;
        }
        add_cost(&mut spent, row);
        for rest in span(row).without([window]) {
            rows.push(free(row, rest));
        }
    }
    if brought {
        rows.push(spent);
    } else {
        let read: Vec<Window> = rows.iter().map(span).collect();
        let mut gaps = window.without(read).into_iter();
        match gaps.next() {
            Some(first) => rows.push(Collection {
                ts: first.from,
                window_end: first.to,
                ..spent
            }),
            // All of it was read before: the row says that the last attempt failed.
            None => {
                if let Some(row) = rows.iter_mut().find(|row| span(row).overlaps(&window)) {
                    add_cost(row, &spent);
                    row.error = attempt
                        .error
                        .as_ref()
                        .map(|error| format!("read before; reading it again failed: {error}"));
                }
            }
        }
        rows.extend(gaps.map(|gap| free(attempt, gap)));
    }
    rows.sort_by_key(|row| row.ts);
    Merged { slice, rows }
}

fn has_data(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Complete | Outcome::Partial)
}

fn span(row: &Collection) -> Window {
    Window::new(row.ts, row.window_end)
}

fn add_cost(to: &mut Collection, from: &Collection) {
    to.calls += from.calls;
    to.billed_units += from.billed_units;
    to.cost_usd += from.cost_usd;
}

/// The row on another span; what it cost is counted elsewhere.
fn free(row: &Collection, span: Window) -> Collection {
    Collection {
        ts: span.from,
        window_end: span.to,
        rows: 0,
        calls: 0,
        billed_units: 0,
        cost_usd: rust_decimal::Decimal::ZERO,
        elapsed_ms: 0,
        ..row.clone()
    }
}
