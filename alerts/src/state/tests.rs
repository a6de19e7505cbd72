use proptest::prelude::*;

use super::*;

const RULE: &str = "alerts/daily-budget";
const ALL: Trust = Trust {
    presence: true,
    absence: true,
};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

fn row(name: &str) -> AlertRow {
    AlertRow {
        labels: Labels::from([("api".to_owned(), name.to_owned())]),
        value: Some(12.0),
        threshold: Some(10.0),
        since: Some(at(-5)),
        details: String::new(),
    }
}

fn delivery(due: &Due, success: bool, ts: DateTime<Utc>) -> AlertEvent {
    AlertEvent {
        ts,
        event: if success {
            "delivered"
        } else {
            "delivery-failed"
        }
        .to_owned(),
        notifier: Some(due.notifier.clone()),
        ..due.event.clone()
    }
}

/// One evaluation: what the engine does, with a notifier that succeeds or not.
fn evaluate(log: &mut Vec<AlertEvent>, state: &mut State, step: &Step, now: DateTime<Utc>) {
    let rows: Vec<AlertRow> = step.rows.iter().map(|name| row(name)).collect();
    if step.answered {
        for event in state.judge(RULE, &rows, step.trust, now) {
            state.apply(&event);
            log.push(event);
        }
    }
    for due in state.due(["slack"].into_iter(), now) {
        let event = delivery(&due, step.delivers, state.stamp(now));
        state.apply(&event);
        log.push(event);
    }
}

#[derive(Debug, Clone)]
struct Step {
    rows: Vec<&'static str>,
    answered: bool,
    trust: Trust,
    delivers: bool,
    restart: bool,
    minutes: i64,
}

fn step() -> impl Strategy<Value = Step> {
    (
        proptest::sample::subsequence(vec!["shop", "admin", "shop"], 0..=3),
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
        ),
        // A clock that is set back must not mix up the order of events.
        -2..90_i64,
    )
        .prop_map(
            |(rows, (answered, presence, absence, delivers, restart), minutes)| Step {
                rows,
                answered,
                trust: Trust { presence, absence },
                delivers,
                restart,
                minutes,
            },
        )
}

proptest! {
    #[test]
    fn every_alert_alternates_and_every_change_is_delivered_once(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let (mut log, mut state, mut minute) = (Vec::new(), State::default(), 0);
        for step in &steps {
            minute += step.minutes;
            if step.restart {
                let mut stored = log.clone();
                stored.reverse();
                prop_assert_eq!(&State::from_events(stored), &state);
                state = State::from_events(log.clone());
            }
            let before = state.firing().count();
            evaluate(&mut log, &mut state, step, at(minute));
            if !step.answered {
                prop_assert_eq!(state.firing().count(), before, "a failed query changes nothing");
            }
            if !step.trust.absence {
                prop_assert!(state.firing().count() >= before, "missing is not resolved");
            }
        }
        for name in ["shop", "admin"] {
            let labels = row(name).labels;
            let mut expected = "firing";
            let mut delivered_of_change = 0;
            let mut told_of_firing = false;
            for event in log.iter().filter(|event| event.labels == labels) {
                match event.event.as_str() {
                    "firing" | "resolved" => {
                        prop_assert_eq!(event.event.as_str(), expected);
                        expected = if expected == "firing" { "resolved" } else { "firing" };
                        told_of_firing = expected == "firing" && delivered_of_change == 1;
                        delivered_of_change = 0;
                    }
                    "delivered" => {
                        delivered_of_change += 1;
                        prop_assert_eq!(delivered_of_change, 1);
                        prop_assert!(expected == "resolved" || told_of_firing);
                    }
                    _ => prop_assert_eq!(delivered_of_change, 0),
                }
            }
        }
    }
}

fn step_of(rows: &[&'static str], trust: Trust, delivers: bool) -> Step {
    Step {
        rows: rows.to_vec(),
        answered: true,
        trust,
        delivers,
        restart: false,
        minutes: 0,
    }
}

fn events(log: &[AlertEvent]) -> Vec<&str> {
    log.iter().map(|event| event.event.as_str()).collect()
}

#[test]
fn fires_once_and_resolves_once() {
    let (mut log, mut state) = (Vec::new(), State::default());
    for (minute, rows) in [
        (0, vec!["shop"]),
        (1, vec!["shop"]),
        (2, vec![]),
        (3, vec![]),
    ] {
        evaluate(&mut log, &mut state, &step_of(&rows, ALL, true), at(minute));
    }
    assert_eq!(
        events(&log),
        ["firing", "delivered", "resolved", "delivered"]
    );
    assert_eq!(state.alerts.len(), 0, "what is over and told is forgotten");
}

#[test]
fn missing_data_does_not_resolve() {
    let (mut log, mut state) = (Vec::new(), State::default());
    let blind = Trust {
        presence: true,
        absence: false,
    };
    evaluate(&mut log, &mut state, &step_of(&["shop"], ALL, true), at(0));
    evaluate(&mut log, &mut state, &step_of(&[], blind, true), at(1));
    evaluate(&mut log, &mut state, &step_of(&["shop"], ALL, true), at(2));
    assert_eq!(events(&log), ["firing", "delivered"]);
}

#[test]
fn a_failed_delivery_is_repeated_after_a_restart_and_ever_more_seldom() {
    let (mut log, mut state) = (Vec::new(), State::default());
    let mut attempts = Vec::new();
    for minute in 0..130 {
        let before = log.len();
        evaluate(
            &mut log,
            &mut state,
            &step_of(&["shop"], ALL, false),
            at(minute),
        );
        if log.len() > before {
            attempts.push(minute);
        }
        state = State::from_events(log.clone());
    }
    assert_eq!(attempts, [0, 1, 2, 4, 8, 16, 32, 64, 124]);
    evaluate(
        &mut log,
        &mut state,
        &step_of(&["shop"], ALL, true),
        at(200),
    );
    assert_eq!(log.last().unwrap().event, "delivered");
}

#[test]
fn who_was_not_told_of_the_firing_is_not_told_of_its_end() {
    let (mut log, mut state) = (Vec::new(), State::default());
    evaluate(&mut log, &mut state, &step_of(&["shop"], ALL, false), at(0));
    evaluate(&mut log, &mut state, &step_of(&[], ALL, true), at(10));
    assert_eq!(events(&log), ["firing", "delivery-failed", "resolved"]);
}
