//! A simulated account that stands still in time, and what the product makes of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use millicent_analyzer::{Analyzer, Options, Params, Report};
use millicent_collector::{
    Clock, CollectConfig, Collector, PassSummary, StaticCredentials, TraceConfig,
};
use millicent_lake::Lake;
use millicent_simulator::{Organisation, SimConfig, World, server};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The now of every account here: a Wednesday noon.
pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 18, 12, 0, 0).unwrap()
}

/// Stands still.
#[derive(Debug)]
pub struct StillClock(pub DateTime<Utc>);

impl Clock for StillClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// A simulated account, served on loopback by a runtime of its own.
pub struct Account {
    pub world: Arc<World>,
    pub handle: server::Handle,
    stop: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Account {
    /// `days` whole days and today's morning, of the shop with that seed.
    pub fn start(seed: u64, days: i64, scale: f64) -> Account {
        let birth = now() - TimeDelta::days(days);
        let mut config = SimConfig::new(seed, birth, now());
        config.scale = scale;
        Account::serve(World::new(config))
    }

    /// Serves a world.
    pub fn serve(world: Arc<World>) -> Account {
        Account::serve_all(world.into())
    }

    /// Serves several accounts and regions behind one door; `world` is the first one's.
    pub fn serve_all(accounts: Organisation) -> Account {
        let world = Arc::clone(accounts.home());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let stop = CancellationToken::new();
        let (tell, told) = std::sync::mpsc::channel();
        let token = stop.clone();
        // Spawned, not blocked on: a test is in a runtime of its own already.
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let handle = server::start(accounts, listener, token)
                .await
                .expect("the simulator serves");
            tell.send(handle).expect("a test that waits");
        });
        let handle = told.recv().expect("the simulator serves");
        Account {
            world,
            handle,
            stop,
            runtime: Some(runtime),
        }
    }

    /// What a collector needs to read all of the account's history.
    pub fn collect_config(&self) -> CollectConfig {
        let config = self.world.config();
        CollectConfig {
            region: config.region.clone(),
            endpoint_url: Some(self.handle.url()),
            credentials: Some(StaticCredentials {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "example".to_owned(),
            }),
            history: now() - config.birth,
            traces: TraceConfig {
                sampling_rate: 0.1,
                backfill_sampling_rate: 0.1,
                concurrency: 8,
            },
            ..CollectConfig::default()
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One pass over everything that is due at [`now`].
pub async fn pass(config: CollectConfig, lake: &Lake) -> PassSummary {
    let collector = Collector::connect(config, lake.clone(), Arc::new(StillClock(now())))
        .await
        .expect("the simulator answers");
    collector
        .pass(now(), &CancellationToken::new(), &|_| {})
        .await
        .expect("a pass")
}

/// A lake in a folder that goes with it.
pub struct Collected {
    pub lake: Lake,
    pub analyzer: Analyzer,
    _folder: TempDir,
}

impl Collected {
    /// A lake with nothing in it yet.
    pub async fn empty() -> Collected {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = Lake::open(folder.path().to_str().expect("a UTF-8 path"))
            .await
            .expect("a lake");
        let options = Options {
            clock: Arc::new(now),
            ..Options::default()
        };
        let analyzer = Analyzer::open(lake.clone(), options)
            .await
            .expect("an analyzer");
        Collected {
            _folder: folder,
            lake,
            analyzer,
        }
    }

    /// A report over [from, to).
    pub async fn report(&self, name: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Report {
        let params = Params::new().set("from", from).set("to", to);
        self.analyzer
            .report(name, &params)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}
