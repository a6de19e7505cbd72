use proptest::prelude::*;

use super::*;
use crate::coverage;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn scheme() -> Scheme {
    Scheme {
        history: TimeDelta::days(14),
        settle: TimeDelta::minutes(2),
        late: TimeDelta::minutes(20),
        freshness: TimeDelta::minutes(5),
        chunk: TimeDelta::days(1),
        fine: TimeDelta::hours(6),
        live_again: false,
        partial_counts: false,
    }
}

fn read(window: Window, outcome: Outcome, collected_at: DateTime<Utc>) -> Collection {
    Collection {
        source: "traces".into(),
        account_id: "123456789012".into(),
        region: "eu-central-1".into(),
        ts: window.from,
        window_end: window.to,
        outcome,
        rows: 1,
        calls: 1,
        billed_units: 1,
        cost_usd: rust_decimal::Decimal::new(1, 2),
        error: None,
        elapsed_ms: 1,
        collected_at,
    }
}

fn window(from: &str, to: &str) -> Window {
    Window::new(at(from), at(to))
}

#[test]
fn the_first_pass_begins_with_today_and_goes_back_by_days() {
    let windows = due(&scheme(), &[], at("2026-11-24T08:51:30Z"));
    assert_eq!(
        windows[0],
        window("2026-11-24T08:00:00Z", "2026-11-24T08:45:00Z")
    );
    assert_eq!(
        windows[1],
        window("2026-11-24T02:00:00Z", "2026-11-24T08:00:00Z")
    );
    assert_eq!(
        windows[2],
        window("2026-11-24T00:00:00Z", "2026-11-24T02:00:00Z")
    );
    assert_eq!(
        windows[3],
        window("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")
    );
    let last = windows.last().unwrap();
    assert_eq!(
        *last,
        window("2026-11-10T08:00:00Z", "2026-11-11T00:00:00Z")
    );
}

#[test]
fn an_hour_is_read_again_when_it_has_settled() {
    let scheme = scheme();
    let before = at("2026-11-24T08:51:30Z");
    let mut seen: Vec<_> = due(&scheme, &[], before)
        .into_iter()
        .map(|w| read(w, Outcome::Complete, before))
        .collect();
    assert!(due(&scheme, &seen, before).is_empty());

    let now = at("2026-11-24T08:57:10Z");
    let fresh = window("2026-11-24T08:45:00Z", "2026-11-24T08:55:00Z");
    assert_eq!(due(&scheme, &seen, now), [fresh]);
    seen.push(read(fresh, Outcome::Complete, now));

    let now = at("2026-11-24T09:20:00Z");
    assert_eq!(
        due(&scheme, &seen, now),
        [
            window("2026-11-24T09:00:00Z", "2026-11-24T09:15:00Z"),
            window("2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"),
        ]
    );
}

#[test]
fn metrics_read_the_whole_live_part_each_time() {
    let scheme = Scheme {
        live_again: true,
        ..scheme()
    };
    let before = at("2026-11-24T08:51:30Z");
    let seen: Vec<_> = due(&scheme, &[], before)
        .into_iter()
        .map(|w| read(w, Outcome::Complete, before))
        .collect();
    let now = at("2026-11-24T09:03:00Z");
    assert_eq!(
        due(&scheme, &seen, now),
        [window("2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z")]
    );
}

#[test]
fn what_failed_is_due_again_and_a_partial_one_is_not_asked_for_at_once() {
    let now = at("2026-11-24T08:51:30Z");
    for (outcome, partial_counts, due_again) in [
        (Outcome::Failed, true, true),
        (Outcome::Throttled, true, true),
        (Outcome::Denied, true, true),
        (Outcome::OverBudget, true, true),
        (Outcome::Partial, false, true),
        (Outcome::Partial, true, false),
    ] {
        let scheme = Scheme {
            partial_counts,
            ..scheme()
        };
        let mut seen: Vec<_> = due(&scheme, &[], now)
            .into_iter()
            .map(|w| read(w, Outcome::Complete, now))
            .collect();
        seen[0].outcome = outcome;
        assert_eq!(
            due(&scheme, &seen, now).len(),
            usize::from(due_again),
            "{outcome:?}"
        );
    }
}

#[test]
fn periods_follow_what_cloudwatch_keeps() {
    let now = at("2026-11-24T08:51:30Z");
    let fine = TimeDelta::hours(6);
    let period =
        |from: DateTime<Utc>| period_s(&Window::new(from, from + TimeDelta::hours(1)), now, fine);
    assert_eq!(period(at("2026-11-24T08:00:00Z")), 60);
    assert_eq!(period(at("2026-11-24T02:00:00Z")), 60);
    assert_eq!(period(at("2026-11-24T01:00:00Z")), 300);
    assert_eq!(period(at("2026-10-01T00:00:00Z")), 300);
    assert_eq!(period(at("2026-09-22T09:00:00Z")), 3_600);
    // However fine it is wanted, minutes are gone after 15 days.
    let window = window("2026-11-09T09:00:00Z", "2026-11-10T00:00:00Z");
    assert_eq!(period_s(&window, now, TimeDelta::days(20)), 300);
}

#[test]
fn the_bill_is_asked_for_once_then_the_last_days_again() {
    let history = TimeDelta::days(14);
    let every = TimeDelta::hours(6);
    let now = at("2026-11-24T08:00:00Z");
    let all = bill_due(history, every, &[], now).unwrap();
    assert_eq!(all, window("2026-11-01T00:00:00Z", "2026-11-24T00:00:00Z"));

    let seen = [read(all, Outcome::Complete, now)];
    assert_eq!(
        bill_due(history, every, &seen, now + TimeDelta::hours(5)),
        None
    );
    let later = bill_due(history, every, &seen, now + TimeDelta::hours(6)).unwrap();
    assert_eq!(
        later,
        window("2026-11-21T00:00:00Z", "2026-11-24T00:00:00Z")
    );
    let next_day = bill_due(history, every, &seen, now + TimeDelta::days(1)).unwrap();
    assert_eq!(
        next_day,
        window("2026-11-01T00:00:00Z", "2026-11-25T00:00:00Z")
    );
}

#[test]
fn the_month_before_is_open_until_the_15th() {
    let history = TimeDelta::days(60);
    let every = TimeDelta::hours(6);
    let days_ago = |now: DateTime<Utc>, days| {
        let all = bill_due(history, every, &[], now - TimeDelta::days(days)).unwrap();
        [read(all, Outcome::Complete, now - TimeDelta::days(days))]
    };
    let now = at("2026-11-15T23:00:00Z");
    let again = bill_due(history, every, &days_ago(now, 2), now).unwrap();
    assert_eq!(again.from, at("2026-10-01T00:00:00Z"));
    let now = at("2026-11-16T23:00:00Z");
    let again = bill_due(history, every, &days_ago(now, 2), now).unwrap();
    assert_eq!(again.from, at("2026-11-01T00:00:00Z"));
}

fn any_scheme() -> impl Strategy<Value = Scheme> {
    let minutes = prop_oneof![Just(1), Just(5), Just(15), Just(60)];
    (
        1i64..40,
        minutes,
        0i64..10,
        10i64..60,
        1i64..4,
        2i64..48,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(days, freshness, settle, late, chunk, fine, live_again, partial_counts)| Scheme {
                history: TimeDelta::days(days),
                settle: TimeDelta::minutes(settle),
                late: TimeDelta::minutes(late),
                freshness: TimeDelta::minutes(freshness),
                chunk: TimeDelta::days(chunk),
                fine: TimeDelta::hours(fine),
                live_again,
                partial_counts,
            },
        )
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Complete),
        1 => Just(Outcome::Partial),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::Throttled),
        1 => Just(Outcome::Denied),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever passes came before and whatever their windows came to.
    #[test]
    fn due_windows_fill_exactly_what_is_missing(
        scheme in any_scheme(),
        start in 1_790_000_000i64..1_800_000_000,
        passes in prop::collection::vec(
            (60i64..200_000, prop::collection::vec(any_outcome(), 1..20)),
            0..6,
        ),
    ) {
        let hour = TimeDelta::hours(1);
        let mut now = DateTime::from_timestamp(start, 0).unwrap();
        let mut seen: Vec<Collection> = Vec::new();
        for (sleep, outcomes) in passes {
            now += TimeDelta::seconds(sleep);
            for (window, outcome) in due(&scheme, &seen, now).into_iter().zip(outcomes) {
                let attempt = read(window, outcome, now);
                seen = coverage::apply(seen, window, |rows| coverage::merge(&attempt, rows, rows));
            }
        }

        now += TimeDelta::seconds(1);
        let windows = due(&scheme, &seen, now);
        let from = floor(now - scheme.history, hour);
        let settled = floor(now - scheme.late, hour).max(from);
        let to = floor(now - scheme.settle, scheme.freshness).max(settled);
        prop_assert!(windows.len() < 2_000);
        for w in &windows {
            prop_assert!(w.from < w.to && w.from >= from && w.to <= to);
            prop_assert!(w.length() <= scheme.chunk);
            prop_assert_eq!(w.from.timestamp() % 60, 0);
            if w.to <= settled {
                prop_assert_eq!((w.from.timestamp() % 3_600, w.to.timestamp() % 3_600), (0, 0));
            }
            let period = i64::from(period_s(w, now, scheme.fine));
            prop_assert_eq!((w.from.timestamp() % period, w.to.timestamp() % period), (0, 0));
        }
        for pair in windows.windows(2) {
            prop_assert!(pair[1].to <= pair[0].from, "newest first, no overlap: {:?}", pair);
        }
        // No gap: what is not due was read, and what has settled was read after it had.
        for hole in Window::new(from, to).without(windows.iter().copied()) {
            let read = seen.iter().filter(|c| counts(&scheme, c, now)).map(|c| {
                let end = if c.ts < settled { c.collected_at - scheme.late } else { c.window_end };
                Window::new(c.ts, c.window_end.min(end.max(settled)))
            });
            let read: Vec<Window> = read.filter(|w| !w.is_empty()).collect();
            prop_assert_eq!(hole.without(read), vec![]);
        }
        // Once all of it is read, nothing is due.
        for window in windows {
            let attempt = read(window, Outcome::Complete, now);
            seen = coverage::apply(seen, window, |rows| coverage::merge(&attempt, rows, rows));
        }
        prop_assert_eq!(due(&scheme, &seen, now), vec![]);
    }
}

#[test]
fn a_midnight_is_read_again_until_its_day_cannot_come_any_more() {
    let now = at("2026-11-24T12:00:00Z");
    let hour = |day: &str| {
        let from = at(&format!("2026-11-{day}T00:00:00Z"));
        Window::new(from, from + TimeDelta::hours(1))
    };
    let seen = [
        // Not read: it is due anyway.
        read(hour("24"), Outcome::Denied, at("2026-11-24T01:20:00Z")),
        read(hour("23"), Outcome::Complete, at("2026-11-24T04:00:00Z")),
        // Read a moment ago.
        read(hour("22"), Outcome::Complete, at("2026-11-24T11:00:00Z")),
        // Within a longer window of the history.
        read(
            window("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"),
            Outcome::Complete,
            at("2026-11-23T12:00:00Z"),
        ),
    ];
    assert_eq!(midnights_due(&seen, now), [hour("23"), hour("21")]);
}
