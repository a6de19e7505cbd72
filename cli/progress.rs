//! How far the collection is: on the terminal and for the pages.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use millicent_collector::{Place, Progress};
use tokio::sync::watch;

/// Plain lines come no faster than this.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// A terminal's line is drawn no faster than this.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Tells how far a pass is.
pub(crate) struct Reporter {
    pages: watch::Sender<millicent_web::Progress>,
    seen: Mutex<Seen>,
    started: Instant,
    /// A line that is drawn anew; else a line after the other.
    redraw: bool,
    /// Nothing on the terminal: passes that come every minute.
    quiet: bool,
}

#[derive(Default)]
struct Seen {
    windows: BTreeMap<(Place, &'static str), (u64, u64)>,
    last: Option<Instant>,
    drawn: bool,
}

impl Reporter {
    /// With the pages' end of it.
    pub(crate) fn new(quiet: bool) -> (Reporter, watch::Receiver<millicent_web::Progress>) {
        let (pages, receiver) = watch::channel(millicent_web::Progress {
            phase: "Starting".to_owned(),
            ..millicent_web::Progress::default()
        });
        let redraw = io::stderr().is_terminal();
        (
            Reporter {
                pages,
                seen: Mutex::default(),
                started: Instant::now(),
                redraw,
                quiet,
            },
            receiver,
        )
    }

    /// Pages that have nothing to wait for.
    pub(crate) fn finished() -> watch::Receiver<millicent_web::Progress> {
        let (_, receiver) = watch::channel(millicent_web::Progress {
            finished: true,
            ..millicent_web::Progress::default()
        });
        receiver
    }

    /// Takes in one step of a pass.
    pub(crate) fn step(&self, place: &Place, step: &Progress) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.windows
            .insert((place.clone(), step.source), (step.done, step.total));
        let (done, total) = seen
            .windows
            .values()
            .fold((0, 0), |(done, total), (d, t)| (done + d, total + t));
        self.pages.send_modify(|pages| {
            if !pages.finished {
                pages.phase = format!("Collecting {}", step.source);
                (pages.done, pages.total) = (done, total);
            }
        });
        if self.quiet {
            return;
        }
        let every = if self.redraw { DRAW_EVERY } else { LINE_EVERY };
        let due = seen.last.is_none_or(|last| last.elapsed() >= every) || done == total;
        if due {
            seen.last = Some(Instant::now());
            seen.drawn = true;
            let overall = overall(&seen, done, total, self.started.elapsed());
            let line = format!("{overall}: {}", by_source(&seen.windows));
            let text = if self.redraw {
                let fitting: String = line.chars().take(WIDTH).collect();
                format!("\r\x1b[2K{fitting}")
            } else {
                format!("{line}\n")
            };
            write(&text);
        }
    }

    /// The first pass is over: from now on it is live.
    pub(crate) fn finish(&self) {
        self.pages.send_modify(|pages| pages.finished = true);
        self.end_line();
    }

    /// Ends the line that is drawn anew, before something else is printed.
    pub(crate) fn end_line(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut seen.drawn) && self.redraw {
            write("\r\x1b[2K");
        }
    }
}

fn write(text: &str) {
    let mut out = io::stderr().lock();
    // Without stderr there is nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Widest line that is drawn anew: one that wraps can't be.
const WIDTH: usize = 79;

/// How much is done, how fast, and how long the rest takes.
fn overall(seen: &Seen, done: u64, total: u64, elapsed: Duration) -> String {
    let mut places: Vec<&Place> = seen.windows.keys().map(|(place, _)| place).collect();
    places.dedup();
    let places = match places.len() {
        0 | 1 => String::new(),
        several => format!(" in {several} places"),
    };
    let percent = (done * 100).checked_div(total).unwrap_or(100);
    format!(
        "Collecting: {done} of {total} windows{places} ({percent}%){}",
        pace(done, total, elapsed)
    )
}

/// `, 3.2/s, about 40 s left`; nothing while it is a guess.
fn pace(done: u64, total: u64, elapsed: Duration) -> String {
    if done < 3 || elapsed < Duration::from_secs(2) {
        return String::new();
    }
    let rate = done as f64 / elapsed.as_secs_f64();
    let rate_text = if rate >= 1.0 {
        format!("{rate:.1}/s")
    } else {
        format!("{:.1}/min", rate * 60.0)
    };
    let left = (total - done.min(total)) as f64 / rate;
    let left = match left {
        left if left < 1.0 => return format!(", {rate_text}"),
        left if left < 90.0 => format!("{left:.0} s"),
        left if left < 90.0 * 60.0 => format!("{:.0} min", left / 60.0),
        left => format!("{:.1} h", left / 3_600.0),
    };
    format!(", {rate_text}, about {left} left")
}

/// `cost 1/1 · traces 3/14`, over all places.
fn by_source(windows: &BTreeMap<(Place, &'static str), (u64, u64)>) -> String {
    let mut sources: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for ((_, source), (done, total)) in windows {
        let sum = sources.entry(source).or_default();
        *sum = (sum.0 + done, sum.1 + total);
    }
    let parts: Vec<String> = sources
        .iter()
        .filter(|(_, (_, total))| *total > 0)
        .map(|(source, (done, total))| format!("{source} {done}/{total}"))
        .collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_its_share() {
        let after = |done, total, seconds| pace(done, total, Duration::from_secs(seconds));
        assert_eq!(after(2, 100, 60), "", "too early to tell");
        assert_eq!(after(50, 100, 25), ", 2.0/s, about 25 s left");
        assert_eq!(after(10, 100, 100), ", 6.0/min, about 15 min left");
        assert_eq!(after(10, 1_010, 100), ", 6.0/min, about 2.8 h left");
        assert_eq!(after(100, 100, 10), ", 10.0/s");
    }

    #[test]
    fn windows_are_summed_over_places() {
        let place = |region: &str| Place {
            account: "shop".to_owned(),
            account_id: "1".to_owned(),
            region: region.to_owned(),
        };
        let mut seen = Seen::default();
        seen.windows.insert((place("a"), "traces"), (1, 4));
        seen.windows.insert((place("b"), "traces"), (2, 4));
        seen.windows.insert((place("b"), "cost"), (0, 0));
        assert_eq!(by_source(&seen.windows), "traces 3/8");
        assert_eq!(
            overall(&seen, 3, 8, Duration::ZERO),
            "Collecting: 3 of 8 windows in 2 places (37%)"
        );
    }
}
