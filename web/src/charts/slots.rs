//! The periods of a chart: steps of equal length, or CloudWatch's own.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

/// One period of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
}

/// The periods of a chart in their order, those without data among them: a gap is a slot whose
/// values are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) Vec<Slot>);

impl Slots {
    /// Steps of equal length, from the step that holds `from` to the one that holds the last instant before `to`.
    pub(crate) fn regular(from: DateTime<Utc>, to: DateTime<Utc>, step_s: i64) -> Slots {
        let step = TimeDelta::seconds(step_s);
        let mut start = from - TimeDelta::seconds(from.timestamp().rem_euclid(step_s));
        let mut slots = Vec::new();
        while start < to {
            slots.push(Slot {
                from: start.max(from),
                to: (start + step).min(to),
            });
            start += step;
        }
        Slots(slots)
    }

    /// The periods of rows that are sorted by time, with a slot in each gap between them.
    pub(crate) fn of_periods(periods: impl IntoIterator<Item = (DateTime<Utc>, i64)>) -> Slots {
        let mut slots: Vec<Slot> = Vec::new();
        for (from, period_s) in periods {
            if let Some(last) = slots.last()
                && from > last.to
            {
                slots.push(Slot {
                    from: last.to,
                    to: from,
                });
            }
            slots.push(Slot {
                from,
                to: from + TimeDelta::seconds(period_s.max(1)),
            });
        }
        Slots(slots)
    }

    /// The slot that an instant lies in.
    pub(crate) fn index_of(&self, ts: DateTime<Utc>) -> Option<usize> {
        let after = self.0.partition_point(|slot| slot.from <= ts);
        match after {
            // A first slot that the range cuts is stamped with its uncut start.
            0 => self
                .0
                .first()
                .filter(|slot| slot.from - ts < slot.to - slot.from + TimeDelta::days(7))
                .map(|_| 0),
            n => Some(n - 1).filter(|i| ts < self.0[*i].to),
        }
    }

    /// Neighbouring slots together, so that at most about `most` groups of one length in time
    /// remain. A slot that is longer than that is a group of its own.
    pub(crate) fn groups(&self, most: usize) -> Vec<Range<usize>> {
        if self.0.len() <= most {
            return (0..self.0.len()).map(|i| i..i + 1).collect();
        }
        let (first, last) = (self.0[0].from, self.0[self.0.len() - 1].to);
        let length_ms = ((last - first).num_milliseconds() / most.max(1) as i64).max(1);
        let group_of = |slot: &Slot| (slot.from - first).num_milliseconds() / length_ms;
        let mut groups: Vec<Range<usize>> = Vec::new();
        for (i, slot) in self.0.iter().enumerate() {
            match groups.last_mut() {
                Some(group) if group_of(&self.0[group.start]) == group_of(slot) => {
                    group.end = i + 1
                }
                _ => groups.push(i..i + 1),
            }
        }
        groups
    }

    /// Values by slot, from values by time.
    pub(crate) fn place(
        &self,
        values: impl IntoIterator<Item = (DateTime<Utc>, Option<f64>)>,
    ) -> Vec<Option<f64>> {
        let mut placed = vec![None; self.0.len()];
        for (ts, value) in values {
            if let Some(i) = self.index_of(ts) {
                placed[i] = value;
            }
        }
        placed
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(day: u32, hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap()
    }

    #[test]
    fn regular_slots_are_cut_at_the_range() {
        let from = at(24, 0) + TimeDelta::minutes(20);
        let slots = Slots::regular(from, at(24, 3) + TimeDelta::minutes(5), 3_600);
        assert_eq!(slots.0.len(), 4);
        assert_eq!(
            slots.0[0],
            Slot {
                from,
                to: at(24, 1)
            }
        );
        assert_eq!(slots.index_of(at(24, 0)), Some(0));
        assert_eq!(slots.index_of(at(24, 2)), Some(2));
        assert_eq!(slots.index_of(at(24, 5)), None);
    }

    #[test]
    fn a_gap_between_periods_becomes_a_slot() {
        let slots = Slots::of_periods([(at(24, 0), 3_600), (at(24, 1), 3_600), (at(24, 5), 3_600)]);
        assert_eq!(slots.0.len(), 4);
        assert_eq!(
            slots.0[2],
            Slot {
                from: at(24, 2),
                to: at(24, 5)
            }
        );
        assert_eq!(
            slots.place([(at(24, 5), Some(1.0))]),
            [None, None, None, Some(1.0)]
        );
    }

    #[test]
    fn groups_are_of_one_length_in_time() {
        let minutes = (0..600).map(|i| (at(24, 0) + TimeDelta::minutes(i), 60));
        let later = (0..5).map(|i| (at(24, 12) + TimeDelta::hours(i), 3_600));
        let slots = Slots::of_periods(minutes.chain(later));
        let groups = slots.groups(17);
        assert_eq!(groups[0], 0..60, "an hour each");
        assert_eq!(groups.last().unwrap().end, slots.0.len());
        assert!(groups.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(slots.groups(10_000).len(), slots.0.len());
    }
}
