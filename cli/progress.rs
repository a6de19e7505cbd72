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
            let line = line(&seen.windows);
            let text = if self.redraw {
                format!("\r\x1b[2K{line}")
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

/// `Collecting: cost 1/1 · traces 3/14`, over all places.
fn line(windows: &BTreeMap<(Place, &'static str), (u64, u64)>) -> String {
    let mut sources: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut places: Vec<&Place> = windows.keys().map(|(place, _)| place).collect();
    places.dedup();
    for ((_, source), (done, total)) in windows {
        let sum = sources.entry(source).or_default();
        *sum = (sum.0 + done, sum.1 + total);
    }
    let parts: Vec<String> = sources
        .iter()
        .map(|(source, (done, total))| format!("{source} {done}/{total}"))
        .collect();
    let places = match places.len() {
        0 | 1 => String::new(),
        several => format!(" {several} places"),
    };
    format!("Collecting{places}: {}", parts.join(" · "))
}
