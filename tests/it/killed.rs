//! Killed at random moments while collecting, then finished: as if nothing had happened.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Timelike, Utc};
use millicent_simulator::{SimConfig, World};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::account::Account;
use crate::binary::Place;

const KILLS: usize = 20;

/// Rows and sums of every data table, for what is older than the simulated now.
const LEDGER: &[&str] = &[
    "SELECT count(*) FROM metrics WHERE ts < '{cut}'",
    "SELECT sum(sum) FROM metrics WHERE metric IN ('Invocations', 'Count', 'Errors')",
    "SELECT sum(sample_count) FROM metrics",
    "SELECT count(*) FROM spans",
    "SELECT count(DISTINCT trace_id || span_id) FROM spans",
    "SELECT sum(duration_ms) FROM spans",
    "SELECT count(*) FROM costs",
    "SELECT sum(cost_usd) FROM costs",
    "SELECT count(*) FROM resources",
];

fn ledger(place: &Place, cut: &str) -> Vec<String> {
    LEDGER
        .iter()
        .map(|sql| place.ask(&sql.replace("{cut}", cut)))
        .collect()
}

#[test]
fn twenty_kills_lose_and_double_nothing() {
    let now = Utc::now();
    let now = now - TimeDelta::seconds(i64::from(now.second()));
    let mut config = SimConfig::new(7, now - TimeDelta::days(2), now);
    config.scale = 0.3;
    let account = Account::serve(World::new(config));
    let history = "3d";
    // What is older than this is read at one resolution, whenever the run is.
    let cut = (now - TimeDelta::days(1))
        .format("%Y-%m-%dT%H:00:00Z")
        .to_string();

    let calm = Place::new();
    calm.configure_endpoint(&account.handle.url(), history);
    let started = Instant::now();
    calm.run(&["collect", "--once"]).expect(0, &[]);
    let whole = started.elapsed();

    let killed = Place::new();
    killed.configure_endpoint(&account.handle.url(), history);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut unfinished = 0;
    for _ in 0..KILLS {
        let mut child = killed
            .command(&["collect", "--once"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary runs");
        std::thread::sleep(
            whole
                .mul_f64(random.random_range(0.02..0.6))
                .max(Duration::from_millis(20)),
        );
        // SIGKILL; one that had finished before is no harm.
        child.kill().expect("SIGKILL");
        unfinished += usize::from(!child.wait().expect("its end").success());
    }
    assert!(
        unfinished > 0,
        "every run had finished before it was killed"
    );
    killed.run(&["collect", "--once"]).expect(0, &[]);

    assert_eq!(ledger(&killed, &cut), ledger(&calm, &cut));
}
