//! Where the time of a trace goes: the critical path through its spans.
//!
//! The path of a span covers the span from its start to its end, without a gap and nothing twice. It is
//! walked from the end: at each moment it is in that child which ended last of those that had begun, cut
//! off there if it went on; where none had, the time is the span's own. So what ran beside something
//! longer is not on it, and the parts add up to the root's duration to the microsecond.
//!
//! What is stated where a trace is odd:
//! - Of two spans with one id the one that ends later counts.
//! - What X-Ray inferred mirrors the caller's subsegment and is left out, with its own subsegments.
//! - A child that begins before its parent or ends after it (clocks differ by some milliseconds) is cut off
//!   there; a span without an end lasts as long as its parent.
//! - A segment whose caller is not in the trace begins a path of its own, an *orphan*.
//! - A segment that its caller did not wait for, because it is an asynchronous invocation or ended after
//!   the call did, begins one too: an asynchronous *tail*.
//! - An initialisation hangs on its function's segment but lies before it: it is part of what the function
//!   was invoked by.
//! - Spans that are each other's parents are on no path.
//!
//! Source of the shapes: the X-Ray developer guide, "Segment documents", and recorded traces.

mod function;
mod kinds;

use std::collections::HashMap;

pub(crate) use function::critical_path;
use kinds::Place;

/// Clocks of two services differ by less; a call that ends later was not waited for.
const CLOCK_SKEW_US: i64 = 5_000;

/// A span, as far as a path needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    /// A segment, not a subsegment.
    pub(crate) segment: bool,
    pub(crate) inferred: bool,
    pub(crate) name: String,
    pub(crate) origin: Option<String>,
    pub(crate) namespace: Option<String>,
    /// What to call it.
    pub(crate) label: String,
    pub(crate) start_us: i64,
    /// Not known while in progress.
    pub(crate) end_us: Option<i64>,
}

/// A span's own time on a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// Id of the span that the path begins with.
    pub(crate) root: String,
    /// `root`, `tail` or `orphan`.
    pub(crate) path: &'static str,
    /// Id of the span.
    pub(crate) span: String,
    /// See [`Place`].
    pub(crate) kind: &'static str,
    /// Function, API, or call: `DynamoDB orders GetItem`.
    pub(crate) part: String,
    /// More than zero.
    pub(crate) own_us: i64,
}

/// The paths of one trace.
pub(crate) fn paths(steps: &[Step]) -> Vec<Part> {
    let tree = Tree::of(steps);
    let mut parts = Vec::new();
    for (root, path) in tree.roots() {
        let (from, to) = tree.extent(root);
        tree.walk(root, path, from, to, &mut parts);
    }
    parts
}

/// A child on a path: which, from when and until when.
type Stretch = (usize, i64, i64);
/// From when and until when.
type Time = (i64, i64);

/// Spans by who waited for whom.
struct Tree<'a> {
    steps: &'a [Step],
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    /// Neither left out nor doubled.
    kept: Vec<bool>,
}

impl<'a> Tree<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for (at, step) in steps.iter().enumerate() {
            let best = by_id.entry(&step.id).or_insert(at);
            let known = &steps[*best];
            if (step.end_us, known.start_us) > (known.end_us, step.start_us) {
                *best = at;
            }
        }
        let parent = |step: &Step| by_id.get(step.parent.as_deref()?).copied();
        let mut kept: Vec<bool> = (steps.iter().enumerate())
            .map(|(at, step)| by_id[step.id.as_str()] == at && !step.inferred)
            .collect();
        let mut parents: Vec<Option<usize>> = vec![None; steps.len()];
        for (at, step) in steps.iter().enumerate().filter(|(at, _)| kept[*at]) {
            let mut above = parent(step);
            // A function's initialisation, and what was called by a mirrored call.
            if kinds::is_initialisation(step)
                && let Some(function) = above.filter(|above| kinds::is_function(&steps[*above]))
            {
                above = parent(&steps[function]).or(above);
            }
            let mut climbed = 0;
            while let Some(mirror) = above.filter(|above| steps[*above].inferred)
                && climbed < steps.len()
            {
                above = parent(&steps[mirror]);
                climbed += 1;
            }
            parents[at] = above;
        }
        // Of a mirror's own subsegments nothing is known that its caller's subsegment does not have.
        for (at, step) in steps.iter().enumerate() {
            let mirrored = parent(step).is_some_and(|above| steps[above].inferred);
            kept[at] &= step.segment || !mirrored;
        }
        let mut children = vec![Vec::new(); steps.len()];
        for at in (0..steps.len()).filter(|at| kept[*at]) {
            if let Some(above) = parents[at].filter(|above| kept[*above]) {
                children[above].push(at);
            }
        }
        Tree {
            steps,
            parents,
            children,
            kept,
        }
    }

    /// What each path begins with: the first that has no caller at all is the trace's root.
    fn roots(&self) -> Vec<(usize, &'static str)> {
        let mut roots: Vec<(usize, &'static str)> = (0..self.steps.len())
            .filter(|at| self.kept[*at])
            .filter_map(
                |at| match self.parents[at].filter(|above| self.kept[*above]) {
                    None if self.steps[at].parent.is_none() => Some((at, "root")),
                    None => Some((at, "orphan")),
                    Some(above) => self.is_tail(at, above).then_some((at, "tail")),
                },
            )
            .collect();
        roots.sort_by_key(|(at, _)| (self.steps[*at].start_us, &self.steps[*at].id));
        let mut of_trace = roots.iter_mut().filter(|(_, path)| *path == "root");
        of_trace.next();
        of_trace.for_each(|(_, path)| *path = "orphan");
        roots
    }

    fn is_tail(&self, at: usize, above: usize) -> bool {
        let (step, caller) = (&self.steps[at], &self.steps[above]);
        if !step.segment || kinds::is_function(step) {
            return false;
        }
        let Some(until) = caller.end_us else {
            return self.is_asynchronous(at);
        };
        self.is_asynchronous(at)
            || step.start_us > until
            || step
                .end_us
                .is_some_and(|end_us| end_us > until + CLOCK_SKEW_US)
    }

    /// Lambda accepted it, kept it, and attempted it afterwards.
    fn is_asynchronous(&self, at: usize) -> bool {
        let below = &self.children[at];
        below.iter().any(|at| kinds::is_queued(&self.steps[*at]))
    }

    /// From where to where a path goes. What Lambda accepted lasts until its last attempt ends.
    fn extent(&self, root: usize) -> Time {
        let step = &self.steps[root];
        let below = || self.children[root].iter().map(|at| &self.steps[*at]);
        let last = below().filter_map(|child| child.end_us).max();
        let end = match step.end_us {
            Some(end) if self.is_asynchronous(root) => last.map_or(end, |last| last.max(end)),
            Some(end) => end,
            None => last.unwrap_or(step.start_us),
        };
        (step.start_us, end.max(step.start_us))
    }

    fn walk(&self, root: usize, path: &'static str, from: i64, to: i64, parts: &mut Vec<Part>) {
        let mut open = vec![(root, Place::start(&self.steps[root]), from, to)];
        while let Some((at, place, from, to)) = open.pop() {
            let (children, own) = self.within(at, from, to);
            let (queued, function) = (self.is_asynchronous(at), self.function(&children));
            for (kind, own_us) in place.kinds(&self.steps[at], queued, function, &own) {
                parts.push(Part {
                    root: self.steps[root].id.clone(),
                    path,
                    span: self.steps[at].id.clone(),
                    kind,
                    part: place.part(&self.steps[at]).to_owned(),
                    own_us,
                });
            }
            for (child, from, to) in children {
                open.push((child, place.below(&self.steps[child]), from, to));
            }
        }
    }

    /// When the function began, among what an invocation waited for.
    fn function(&self, children: &[Stretch]) -> Option<i64> {
        let mut functions = children
            .iter()
            .filter(|(at, ..)| kinds::is_function(&self.steps[*at]));
        functions.next().map(|(_, from, _)| *from)
    }

    /// The children on the path of a span, and the span's own times, in `from..to`.
    fn within(&self, at: usize, from: i64, to: i64) -> (Vec<Stretch>, Vec<Time>) {
        let mut waiting: Vec<Stretch> = self.children[at]
            .iter()
            .filter(|child| !self.is_tail(**child, at))
            .map(|&child| {
                let step = &self.steps[child];
                (
                    child,
                    step.start_us.max(from),
                    step.end_us.unwrap_or(to).min(to),
                )
            })
            .filter(|(_, start, end)| end > start)
            .collect();
        let (mut children, mut own) = (Vec::new(), Vec::new());
        let mut until = to;
        loop {
            waiting.retain(|(_, start, _)| *start < until);
            let last = waiting
                .iter()
                .enumerate()
                .max_by_key(|(_, (at, start, end))| {
                    // Of two that end here, one that went on is the less likely to have been waited for.
                    let step = &self.steps[*at];
                    let ended = step.end_us.is_some() && *end <= until;
                    ((*end).min(until), ended, *start, &step.id)
                });
            let Some((place, _)) = last else {
                break;
            };
            let (child, start, end) = waiting.swap_remove(place);
            let end = end.min(until);
            if end < until {
                own.push((end, until));
            }
            children.push((child, start, end));
            until = start;
        }
        if from < until {
            own.push((from, until));
        }
        (children, own)
    }
}

#[cfg(test)]
mod tests;
