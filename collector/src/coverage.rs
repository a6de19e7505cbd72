//! How the outcome of an attempt joins what `collections` has: its rows never overlap, what was
//! read stays read when reading it again fails, and no cost is ever lost.

#[cfg(test)]
mod interleaved;
#[cfg(test)]
mod tests;

use millicent_lake::{Collection, Outcome};

use crate::windows::Window;

/// Joins an attempt with the rows of the same source that overlap it; gives what stands in their
/// place. `seen` is what was recorded before the attempt read anything: a row that is not in it is
/// another collector's, which read the same time meanwhile.
///
/// An attempt that brought data (complete or partial) is one row in place of all that it covers; its
/// calls, units and cost then are those of every attempt on that time. One that brought none leaves
/// what was read before as it is, and stands where nothing was.
///
/// What another brought meanwhile stays too: whose data came last is not known here. If it was the
/// attempt's, then the other's row claims no more than is true.
pub(crate) fn merge(
    attempt: &Collection,
    existing: &[Collection],
    seen: &[Collection],
) -> Vec<Collection> {
    let window = span(attempt);
    let brought = has_data(attempt.outcome);
    let stays = |row: &Collection| has_data(row.outcome) && !(brought && seen.contains(row));
    let mut rows = Vec::new();
    let mut spent = attempt.clone();
    for row in existing.iter().filter(|row| span(row).overlaps(&window)) {
        if stays(row) {
            rows.push(row.clone());
            continue;
        }
        add_cost(&mut spent, row);
        for rest in span(row).without([window]) {
            rows.push(free(row, rest));
        }
    }
    let kept: Vec<Window> = rows.iter().map(span).collect();
    let mut gaps = window.without(kept).into_iter();
    match gaps.next() {
        Some(first) => rows.push(Collection {
            ts: first.from,
            window_end: first.to,
            ..spent
        }),
        None => {
            if let Some(row) = rows.iter_mut().find(|row| span(row).overlaps(&window)) {
                add_cost(row, &spent);
                // All of it was read before: the row says that the last attempt failed.
                if let (false, Some(error)) = (brought, &attempt.error) {
                    row.error = Some(format!("read before; reading it again failed: {error}"));
                }
            }
        }
    }
    rows.extend(gaps.map(|gap| free(attempt, gap)));
    rows.sort_by_key(|row| row.ts);
    rows
}

/// Adds what an attempt cost that changed nothing to the rows of the same source; where there is
/// none, the attempt stands itself.
pub(crate) fn charge(attempt: &Collection, existing: &[Collection]) -> Vec<Collection> {
    let window = span(attempt);
    let overlapping = existing.iter().filter(|row| span(row).overlaps(&window));
    let mut rows: Vec<Collection> = overlapping.cloned().collect();
    match rows.first_mut() {
        Some(row) => add_cost(row, attempt),
        None => rows.push(attempt.clone()),
    }
    rows
}

/// Puts what `change` makes of the rows that overlap the window in their place.
pub(crate) fn apply(
    rows: Vec<Collection>,
    window: Window,
    change: impl FnOnce(&[Collection]) -> Vec<Collection>,
) -> Vec<Collection> {
    let (touched, mut others): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| span(row).overlaps(&window));
    others.extend(change(&touched));
    others.sort_by_key(|row| row.ts);
    others
}

fn has_data(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Complete | Outcome::Partial)
}

pub(crate) fn span(row: &Collection) -> Window {
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
