use chrono::DateTime;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

fn row(from: i64, to: i64, outcome: Outcome, cents: i64) -> Collection {
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
    let merged = merge(&row(0, 3, Outcome::Complete, 8), &existing);
    assert_eq!(merged.rows.len(), 2);
    assert_eq!(merged.rows[0].cost_usd, Decimal::new(15, 2));
    assert_eq!(
        span(&merged.rows[0]),
        span(&row(0, 3, Outcome::Complete, 0))
    );
    // What reached past it is kept.
    assert_eq!(
        span(&merged.rows[1]),
        span(&row(3, 4, Outcome::Complete, 0))
    );
    assert_eq!(merged.slice, span(&row(0, 4, Outcome::Complete, 0)));
}

#[test]
fn a_failed_attempt_leaves_what_was_read() {
    let existing = [row(0, 2, Outcome::Complete, 1)];
    let merged = merge(&row(0, 3, Outcome::Throttled, 2), &existing);
    assert_eq!(merged.rows[0], existing[0]);
    assert_eq!(
        span(&merged.rows[1]),
        span(&row(2, 3, Outcome::Throttled, 0))
    );
    assert_eq!(merged.rows[1].outcome, Outcome::Throttled);

    let merged = merge(&row(0, 2, Outcome::Failed, 2), &existing);
    assert_eq!(merged.rows.len(), 1);
    assert_eq!(merged.rows[0].outcome, Outcome::Complete);
    assert_eq!(merged.rows[0].cost_usd, Decimal::new(3, 2));
    assert!(
        merged.rows[0]
            .error
            .as_ref()
            .unwrap()
            .contains("again failed: because")
    );
}

proptest! {
    #[test]
    fn rows_never_overlap_and_no_cost_is_lost(
        attempts in prop::collection::vec((0i64..30, 1i64..12, 0usize..4, 0i64..50), 1..25)
    ) {
        let outcomes = [Outcome::Complete, Outcome::Partial, Outcome::Failed, Outcome::Denied];
        let mut rows: Vec<Collection> = Vec::new();
        let mut cost = Decimal::ZERO;
        for (from, length, outcome, cents) in attempts {
            let attempt = row(from, from + length, outcomes[outcome], cents);
            let before: Vec<Window> =
                rows.iter().filter(|r| has_data(r.outcome)).map(span).collect();
            cost += attempt.cost_usd;
            let merged = merge(&attempt, &rows);
            for r in &rows {
                let inside = merged.slice.from <= r.ts && r.ts < merged.slice.to;
                prop_assert_eq!(inside, span(r).overlaps(&merged.slice));
            }
            rows.retain(|r| !(merged.slice.from <= r.ts && r.ts < merged.slice.to));
            rows.extend(merged.rows);
            rows.sort_by_key(|r| r.ts);

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
