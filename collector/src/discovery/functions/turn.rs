//! Whose turn it is: what takes a call a function is asked for at Lambda's 15 calls a second, which
//! a thousand functions would use up for minutes each time.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use millicent_lake::Resource;

/// Functions that are asked about each time.
const EACH_TIME: usize = 100;

/// Names of the functions to ask about now: those that are new or have changed, and of the others
/// so many as the turn has, another share each time. Which share follows from the clock, so a
/// restart forgets none.
pub(super) fn of(
    functions: &[Resource],
    known: &[Resource],
    now: DateTime<Utc>,
    every: TimeDelta,
) -> HashSet<String> {
    let before: HashSet<_> = known
        .iter()
        .filter(|r| r.kind == "function")
        .map(|r| (&r.arn, &r.configuration))
        .collect();
    let shares = functions.len().div_ceil(EACH_TIME).max(1);
    let turn = now.timestamp().div_euclid(every.num_seconds().max(1));
    let share = usize::try_from(turn).unwrap_or(0) % shares;
    functions
        .iter()
        .enumerate()
        .filter(|(at, function)| {
            at % shares == share || !before.contains(&(&function.arn, &function.configuration))
        })
        .map(|(_, function)| function.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::resource;
    use super::*;

    #[test]
    fn everyone_has_a_turn_and_who_is_new_has_it_at_once() {
        let every = TimeDelta::minutes(10);
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let functions: Vec<_> = (0..250)
            .map(|n| resource("function", &format!("f-{n}"), &[]))
            .collect();
        assert_eq!(of(&functions, &[], start, every).len(), 250);

        let mut asked = HashSet::new();
        for turn in 0..3 {
            let now = of(&functions, &functions[1..], start + every * turn, every);
            assert!(now.contains("f-0"), "new");
            assert!(now.len() <= EACH_TIME);
            asked.extend(now);
        }
        assert_eq!(asked.len(), 250);
        assert_eq!(of(&functions[..100], &functions, start, every).len(), 100);
    }
}
