//! Collectors at once, as a model: every one of its steps is one commit to the lake, which is atomic,
//! and any order of the steps of several may happen. A collector that is killed is one whose next
//! step never comes, so what has to hold, has to hold after every step.

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::tests::row;
use super::*;

const HOURS: i64 = 3;

/// What the data table has of an hour: when the reading of it began, and whether it is all there is.
#[derive(Debug, Clone, Copy)]
struct Data {
    read: i64,
    whole: bool,
}

#[derive(Default)]
struct Lake {
    clock: i64,
    data: [Option<Data>; HOURS as usize],
    /// Windows of the commits to the data, in order.
    commits: Vec<Window>,
    collections: Vec<Collection>,
}

/// A collector half-way through a window.
#[derive(Debug, Clone)]
struct Actor {
    from: i64,
    to: i64,
    outcome: Outcome,
    next: Step,
    seen: Vec<Collection>,
    mark: usize,
    read: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Begin,
    TakeBack,
    Replace,
    Record,
    Charge,
    Done,
}

fn time(tick: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000_000 + tick, 0).unwrap()
}

impl Actor {
    fn new(from: i64, to: i64, outcome: Outcome) -> Actor {
        Actor {
            from,
            to,
            outcome,
            next: Step::Begin,
            seen: Vec::new(),
            mark: 0,
            read: 0,
        }
    }

    fn attempt(&self) -> Collection {
        Collection {
            collected_at: time(self.read),
            ..row(self.from, self.to, self.outcome, 1)
        }
    }

    /// As `Task::run` and `Task::settle` go, a commit a step.
    fn step(&mut self, lake: &mut Lake) {
        lake.clock += 1;
        let attempt = self.attempt();
        let window = span(&attempt);
        let rows = lake.collections.clone();
        self.next = match self.next {
            Step::Begin => {
                self.seen = rows;
                self.mark = lake.commits.len();
                self.read = lake.clock;
                match self.outcome {
                    Outcome::Complete => Step::Replace,
                    Outcome::Partial => Step::TakeBack,
                    _ => Step::Record,
                }
            }
            Step::TakeBack => {
                let claim = Collection {
                    calls: 0,
                    error: Some(lake.clock.to_string()),
                    ..row(self.from, self.to, Outcome::Partial, 0)
                };
                lake.collections = apply(rows, window, |rows| merge(&claim, rows, rows));
                self.seen = lake.collections.clone();
                Step::Replace
            }
            Step::Replace
                if lake.commits[self.mark..]
                    .iter()
                    .any(|w| w.overlaps(&window)) =>
            {
                Step::Charge
            }
            Step::Replace => {
                lake.commits.push(window);
                let (read, whole) = (self.read, self.outcome == Outcome::Complete);
                for hour in self.from..self.to {
                    lake.data[hour as usize] = Some(Data { read, whole });
                }
                Step::Record
            }
            Step::Record => {
                let seen = &self.seen;
                lake.collections = apply(rows, window, |rows| merge(&attempt, rows, seen));
                Step::Done
            }
            Step::Charge => {
                let left = Collection {
                    outcome: Outcome::Failed,
                    ..attempt
                };
                lake.collections = apply(rows, window, |rows| charge(&left, rows));
                Step::Done
            }
            Step::Done => Step::Done,
        };
    }
}

/// What is recorded as complete is there, whole, and no older than it says.
fn check(lake: &Lake) {
    for pair in lake.collections.windows(2) {
        assert!(pair[0].window_end <= pair[1].ts, "{:#?}", lake.collections);
    }
    for claim in &lake.collections {
        let hours = (0..HOURS).filter(|hour| {
            span(claim).overlaps(&span(&row(*hour, hour + 1, Outcome::Complete, 0)))
        });
        for hour in hours.filter(|_| claim.outcome == Outcome::Complete) {
            let data = lake.data[hour as usize].expect("data where it is recorded");
            assert!(
                data.whole && time(data.read) >= claim.collected_at,
                "{data:?} is not {claim:#?}"
            );
        }
    }
}

/// Who is left alone makes good what the others left behind.
fn finish(lake: &mut Lake) {
    let mut last = Actor::new(0, HOURS, Outcome::Complete);
    while last.next != Step::Done {
        last.step(lake);
        check(lake);
    }
    let claimed = lake.collections.iter().map(span).collect::<Vec<_>>();
    assert_eq!(claimed.len(), 1, "{:#?}", lake.collections);
    assert_eq!(lake.collections[0].outcome, Outcome::Complete);
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Complete),
        3 => Just(Outcome::Partial),
        1 => Just(Outcome::Throttled),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_order_of_the_steps_of_many_leaves_true_claims(
        actors in prop::collection::vec((0..HOURS, 1..=HOURS, outcome()), 2..7),
        order in prop::collection::vec(0usize..6, 0..40),
    ) {
        let mut lake = Lake::default();
        let mut actors: Vec<Actor> = actors
            .into_iter()
            .map(|(from, length, outcome)| Actor::new(from, (from + length).min(HOURS), outcome))
            .collect();
        for turn in order {
            let count = actors.len();
            actors[turn % count].step(&mut lake);
            check(&lake);
            let done = actors.iter().filter(|actor| actor.next == Step::Done).count();
            let calls: i64 = lake.collections.iter().map(|row| row.calls).sum();
            prop_assert_eq!(calls, done as i64, "every call is accounted for, once");
        }
        finish(&mut lake);
    }
}

/// Every order of the steps of two, over what a third had read before.
#[test]
fn every_order_of_two_leaves_true_claims() {
    let windows = [(0, 2), (1, 3), (0, 3)];
    let outcomes = [Outcome::Complete, Outcome::Partial, Outcome::Denied];
    let mut orders = 0;
    for (from, to) in windows {
        for ours in outcomes {
            for theirs in outcomes {
                for before in [None, Some(Outcome::Complete), Some(Outcome::Partial)] {
                    for order in 0u32..1 << 8 {
                        if order.count_ones() == 4 {
                            let actors = [Actor::new(0, 2, ours), Actor::new(from, to, theirs)];
                            run(before, actors, |turn| (order >> turn & 1) as usize);
                            orders += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(orders, 3 * 9 * 3 * 70);
}

fn run(before: Option<Outcome>, mut actors: [Actor; 2], whose: impl Fn(u32) -> usize) {
    let mut lake = Lake::default();
    if let Some(outcome) = before {
        let mut earlier = Actor::new(0, HOURS, outcome);
        while earlier.next != Step::Done {
            earlier.step(&mut lake);
        }
    }
    for turn in 0..8 {
        actors[whose(turn)].step(&mut lake);
        check(&lake);
    }
    finish(&mut lake);
}
