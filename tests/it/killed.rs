//! Killed at random moments while collecting, alone and two at once, then finished: as if nothing had
//! happened.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Timelike, Utc};
use millicent_simulator::{SimConfig, World};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::account::Account;
use crate::binary::Place;

/// Kills of one collector, and of two at once, where the environment does not say otherwise in
/// `MILLICENT_KILLS`.
const KILLS: usize = 20;
const KILLS_OF_TWO: usize = 10;

/// Rows and sums of every data table, for what is older than the simulated now.
const LEDGER: &[&str] = &[
    "count(*) FROM metrics WHERE ts < '{cut}'",
    "sum(sum) FROM metrics WHERE metric IN ('Invocations', 'Count', 'Errors')",
    "sum(sample_count) FROM metrics",
    "count(*) FROM spans",
    "count(DISTINCT trace_id || span_id) FROM spans",
    "CAST(sum(duration_ms) AS DECIMAL(30, 3)) FROM spans",
    "count(*) FROM costs WHERE ts < '{cut}'",
    "sum(cost_usd) FROM costs WHERE ts < '{cut}'",
    "count(*) FROM resources",
    "count(*) FROM collections WHERE outcome <> 'complete' AND window_end < '{cut}'",
];

/// An account, a lake that was collected from it in one go, and one that is still empty.
struct Scene {
    calm: Place,
    killed: Place,
    /// How long it took to collect.
    whole: Duration,
    cut: String,
    kills: usize,
    random: ChaCha8Rng,
    _account: Account,
}

impl Scene {
    fn new(seed: u64, kills: usize) -> Scene {
        // An hour behind the collectors' clock: what is there to read does not depend on when they run.
        let now = Utc::now() - TimeDelta::hours(1);
        let now = now - TimeDelta::seconds(i64::from(now.second()));
        let mut config = SimConfig::new(seed, now - TimeDelta::days(2), now);
        config.scale = 0.3;
        let account = Account::serve(World::new(config));
        let places = [Place::new(), Place::new()];
        for place in &places {
            place.configure_endpoint(&account.handle.url(), "3d");
        }
        let [calm, killed] = places;
        let started = Instant::now();
        calm.run(&["collect", "--once"]).expect(0, &[]);
        let kills = std::env::var("MILLICENT_KILLS").map_or(kills, |kills| {
            kills.parse().expect("MILLICENT_KILLS is a number")
        });
        Scene {
            calm,
            killed,
            whole: started.elapsed(),
            // What is older than this is read at one resolution and its days are billed, whenever the run is, be
            // it over midnight.
            cut: (now - TimeDelta::days(1))
                .format("%Y-%m-%dT%H:00:00Z")
                .to_string(),
            kills,
            random: ChaCha8Rng::seed_from_u64(seed),
            _account: account,
        }
    }

    fn start(&self) -> Child {
        self.killed
            .command(&["collect", "--once"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs")
    }

    fn wait(&mut self, shares: std::ops::Range<f64>) {
        let share = self.random.random_range(shares);
        std::thread::sleep(self.whole.mul_f64(share).max(Duration::from_millis(20)));
    }

    /// A line for each entry of the ledger.
    fn ledger(&self, place: &Place) -> String {
        let entries = LEDGER.iter().enumerate().map(|(at, entry)| {
            let (value, rest) = entry.split_once(" FROM ").expect("an entry");
            let rest = rest.replace("{cut}", &self.cut);
            format!("SELECT {at} AS entry, CAST({value} AS VARCHAR) AS value FROM {rest}")
        });
        let entries = entries.collect::<Vec<_>>().join(" UNION ALL ");
        let sql = format!("SELECT entry, value FROM ({entries}) ORDER BY entry");
        let run = place.run(&["sql", "--format", "csv", &sql]);
        assert_eq!(run.code, Some(0), "{run:#?}");
        assert_eq!(run.stdout.lines().count(), 1 + LEDGER.len(), "{run:#?}");
        run.stdout
    }

    /// Finishes what was killed, and compares.
    fn check(&self) {
        self.killed.run(&["collect", "--once"]).expect(0, &[]);
        assert_eq!(self.ledger(&self.killed), self.ledger(&self.calm));
    }
}

/// SIGKILL; one that had finished before is no harm. True if it had not.
fn kill(mut child: Child) -> bool {
    child.kill().expect("SIGKILL");
    !child.wait().expect("its end").success()
}

#[test]
fn kills_lose_and_double_nothing() {
    let mut scene = Scene::new(7, KILLS);
    let mut unfinished = 0;
    for _ in 0..scene.kills {
        let child = scene.start();
        scene.wait(0.02..0.6);
        unfinished += usize::from(kill(child));
    }
    assert!(
        unfinished > 0,
        "every run had finished before it was killed"
    );
    scene.check();
}

#[test]
fn two_at_once_lose_and_double_nothing_when_killed_either() {
    let mut scene = Scene::new(8, KILLS_OF_TWO);
    let mut both = Vec::new();
    let mut unfinished = 0;
    for turn in 0..scene.kills {
        // Always two, of which now the one is killed and now the other.
        while both.len() < 2 {
            both.push(scene.start());
        }
        scene.wait(0.02..0.5);
        unfinished += usize::from(kill(both.remove(turn % 2)));
    }
    for mut child in both {
        let ended = child.wait().expect("its end");
        assert!(ended.success(), "who is left finishes its pass: {ended}");
    }
    assert!(
        unfinished > 0,
        "every run had finished before it was killed"
    );
    scene.check();
}
