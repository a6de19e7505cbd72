//! `run` and `serve`: the long-running roles on configured accounts.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use millicent_alerts::Alerts;
use millicent_analyzer::{Analyzer, Options};
use millicent_collector::Estate;
use millicent_lake::Lake;
use millicent_web::WebState;
use tokio_util::sync::CancellationToken;

use crate::estate::connect;
use crate::failure::Usage;
use crate::output::say;
use crate::progress::Reporter;
use crate::simulated::listen_on;
use crate::{Common, environment, shutdown, telling};

/// Collect, serve the pages and alert, in one process, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent run
  millicent run --config /etc/millicent/millicent.toml

`millicent collect --dry-run` says beforehand what collecting will cost.")]
pub(crate) struct Run {
    #[command(flatten)]
    common: Common,
}

impl Run {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        shutdown::block_on(async move {
            let cancel = shutdown::token(shutdown::COLLECTING)?;
            let listener = listen_on(config.web.listen).await?;
            let lake = Lake::open(&config.lake).await?;
            let analyzer = analyzer(lake.clone()).await?;
            let alerts = telling::configured(&config, &analyzer)?;
            let estate = connect(&config, lake).await?;
            let (reporter, progress) = Reporter::new(true);
            let state = WebState {
                analyzer,
                progress,
                clock: environment::clock(),
            };
            say(&format!(
                "Serving {} from {}; Ctrl-C ends it.",
                config.web.base_url, config.lake
            ));
            // What ends first ends the others.
            let stop = cancel.clone();
            let collecting = async {
                let result = collect_and_alert(&estate, &alerts, &reporter, &stop).await;
                stop.cancel();
                result
            };
            let serving = async {
                let result = millicent_web::serve(listener, state, stop.clone()).await;
                stop.cancel();
                result.context("serving ended")
            };
            let (collected, served) = tokio::join!(collecting, serving);
            collected.and(served)
        })
    }
}

/// A first pass over everything that is due, then live. Alerts begin after the first pass: what is
/// half collected says little of what is usual.
async fn collect_and_alert(
    estate: &Estate,
    alerts: &Alerts,
    reporter: &Reporter,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let first = estate
        .pass(environment::now(), cancel, &|place, step| {
            reporter.step(place, &step)
        })
        .await;
    if let Err(error) = first {
        // The disk may have room again by the next pass.
        tracing::error!(
            "the first pass failed and is tried again: {:#}",
            anyhow::Error::from(error)
        );
    }
    reporter.finish();
    go_on(estate, alerts, cancel).await
}

/// Time between two merges of the lake's small files; a live collector writes a handful a minute.
const UPKEEP_EVERY: Duration = Duration::from_secs(30 * 60);

/// New minutes, alerts and the lake's upkeep, until cancelled.
pub(crate) async fn go_on(
    estate: &Estate,
    alerts: &Alerts,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let collecting = async {
        let result = estate.run(cancel, &|_, _| ()).await;
        cancel.cancel();
        result
    };
    let (collected, (), ()) = tokio::join!(
        collecting,
        alerts.run(cancel.clone()),
        keep(estate.lake(), cancel)
    );
    collected.context("collecting ended")
}

/// Merges the lake's small files now and then. A merge that is cut short by the end of the process
/// leaves the lake as it was.
pub(crate) async fn keep(lake: &Lake, cancel: &CancellationToken) {
    loop {
        let work = async {
            tokio::time::sleep(UPKEEP_EVERY).await;
            lake.maintain(environment::now()).await
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            done = work => match done {
                Ok(done) => tracing::info!(?done, "the lake's small files are merged"),
                Err(error) => tracing::error!(%error, "the lake's small files could not be merged; it is tried again later"),
            },
        }
    }
}

/// Serve the pages and the JSON API from a lake that is collected elsewhere.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    common: Common,

    /// Address to listen on, instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
}

impl Serve {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        let listen = self.listen.unwrap_or(config.web.listen);
        if listen != config.web.listen && !listen.ip().is_loopback() {
            return Err(Usage(format!(
                "--listen {listen} can be reached from other machines, and the pages have no login: \
                 set `listen` and `allow_remote = true` in [web] of millicent.toml if that is meant"
            ))
            .into());
        }
        shutdown::block_on(async move {
            let cancel = shutdown::token("")?;
            let listener = listen_on(listen).await?;
            let address = listener.local_addr()?;
            let lake = Lake::open_existing(&config.lake).await?;
            let analyzer = analyzer(lake).await?;
            let state = WebState {
                analyzer,
                progress: Reporter::finished(),
                clock: environment::clock(),
            };
            say(&format!(
                "Serving http://{address}/ from {}; Ctrl-C ends it.",
                config.lake
            ));
            Ok(millicent_web::serve(listener, state, cancel).await?)
        })
    }
}

/// Queries over a lake.
pub(crate) async fn analyzer(lake: Lake) -> anyhow::Result<Analyzer> {
    let options = Options {
        clock: environment::clock(),
        ..Options::default()
    };
    Ok(Analyzer::open(lake, options).await?)
}
