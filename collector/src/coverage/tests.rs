use chrono::DateTime;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

pub(super) fn row(from: i64, to: i64, outcome: Outcome, cents: i64) -> Collection {
    let at = |hours: i64| DateTime::from_timestamp(hours * 3_600, 0).unwrap();
    Collection {
        source: "traces".into(),
        account_id: "123456789012".into(),
        region: "eu-central-1".into(),
        ts: at(from),
        window_end: at(to),
        outcome,
        rows: 10,
        calls: 1,
        billed_units: cents,
        cost_usd: Decimal::new(cents, 2),
        error: (outcome != Outcome::Complete).then(|| "because".to_owned()),
        elapsed_ms: 5,
        collected_at: at(to),
    }
}

#[test]
fn a_settled_hour_takes_the_place_and_the_costs_of_its_pieces() {
    let existing = [
        row(0, 1, Outcome::Complete, 1),
        row(1, 2, Outcome::Failed, 2),
        row(2, 4, Outcome::Complete, 4),
    ];
    let merged = merge(&row(0, 3, Outcome::Complete, 8), &existing, &existing);
    assert_eq!(merged.len(), 2);
    assert_eq!(merged[0].cost_usd, Decimal::new(15, 2));
    assert_eq!(span(&merged[0]), span(&row(0, 3, Outcome::Complete, 0)));
    // What reached past it is kept.
    assert_eq!(span(&merged[1]), span(&row(3, 4, Outcome::Complete, 0)));
}

#[test]
fn what_another_brought_meanwhile_stays() {
    let seen = [
        row(0, 1, Outcome::Complete, 1),
        row(3, 4, Outcome::Failed, 1),
    ];
    let theirs = row(1, 2, Outcome::Partial, 2);
    let existing = [seen[0].clone(), theirs.clone(), seen[1].clone()];
    for outcome in [Outcome::Complete, Outcome::Partial] {
        let merged = merge(&row(0, 4, outcome, 4), &existing, &seen);
        let spans: Vec<Window> = merged.iter().map(span).collect();
        let expected = [(0, 1), (1, 2), (2, 4)].map(|(from, to)| span(&row(from, to, outcome, 0)));
        assert_eq!(spans, expected);
        assert_eq!(merged[1], theirs);
        assert_eq!((merged[0].outcome, merged[2].outcome), (outcome, outcome));
        assert_eq!(merged[0].cost_usd, Decimal::new(6, 2));
    }
    // All of it is theirs: what the attempt cost is counted, and no word of theirs changes.
    let merged = merge(&row(1, 2, Outcome::Complete, 4), &existing, &seen);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].outcome, Outcome::Partial);
    assert_eq!(merged[0].error, theirs.error);
    assert_eq!(merged[0].cost_usd, Decimal::new(6, 2));
}

#[test]
fn what_was_left_to_another_costs_nevertheless() {
    let left = row(0, 2, Outcome::Failed, 4);
    let theirs = row(1, 3, Outcome::Complete, 1);
    let charged = charge(&left, std::slice::from_ref(&theirs));
    assert_eq!(charged.len(), 1);
    assert_eq!(charged[0].cost_usd, Decimal::new(5, 2));
    assert_eq!(
        (charged[0].outcome, &charged[0].error),
        (Outcome::Complete, &None)
    );
    assert_eq!(charge(&left, &[row(2, 3, Outcome::Complete, 1)]), [left]);
}

#[test]
fn a_failed_attempt_leaves_what_was_read() {
    let existing = [row(0, 2, Outcome::Complete, 1)];
    let merged = merge(&row(0, 3, Outcome::Throttled, 2), &existing, &existing);
    assert_eq!(merged[0], existing[0]);
    assert_eq!(span(&merged[1]), span(&row(2, 3, Outcome::Throttled, 0)));
    assert_eq!(merged[1].outcome, Outcome::Throttled);

    let merged = merge(&row(0, 2, Outcome::Failed, 2), &existing, &existing);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].outcome, Outcome::Complete);
    assert_eq!(merged[0].cost_usd, Decimal::new(3, 2));
    assert!(
        merged[0]
            .error
            .as_ref()
            .unwrap()
            .contains("again failed: because")
    );
}

proptest! {
    #[test]
    fn rows_never_overlap_and_no_cost_is_lost(
        attempts in prop::collection::vec((0i64..30, 1i64..12, 0usize..4, 0i64..50, 0usize..3), 1..25)
    ) {
        let outcomes = [Outcome::Complete, Outcome::Partial, Outcome::Failed, Outcome::Denied];
        let mut history: Vec<Vec<Collection>> = vec![Vec::new()];
        let mut rows: Vec<Collection> = Vec::new();
        let mut cost = Decimal::ZERO;
        for (from, length, outcome, cents, behind) in attempts {
            let attempt = row(from, from + length, outcomes[outcome], cents);
            let before: Vec<Window> =
                rows.iter().filter(|r| has_data(r.outcome)).map(span).collect();
            cost += attempt.cost_usd;
            // Others may have written since the attempt read what is recorded.
            let seen = &history[history.len().saturating_sub(1 + behind)];
            rows = apply(rows, span(&attempt), |rows| merge(&attempt, rows, seen));
            history.push(rows.clone());

            for pair in rows.windows(2) {
                prop_assert!(pair[0].window_end <= pair[1].ts, "{:?}", pair);
            }
            prop_assert!(rows.iter().all(|r| r.ts < r.window_end));
            prop_assert_eq!(rows.iter().map(|r| r.cost_usd).sum::<Decimal>(), cost);
            let after: Vec<Window> =
                rows.iter().filter(|r| has_data(r.outcome)).map(span).collect();
            for window in before {
                prop_assert_eq!(window.without(after.iter().copied()), vec![]);
            }
            let all: Vec<Window> = rows.iter().map(span).collect();
            prop_assert_eq!(span(&attempt).without(all), vec![]);
        }
    }
}
