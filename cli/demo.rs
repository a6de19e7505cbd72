//! `demo`: the whole product on a simulated account, on this machine alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::TimeDelta;
use clap::Args;
use millicent_alerts::{Alerts, SecretUrl};
use millicent_collector::{
    AccountConfig, CollectConfig, Estate, EstateConfig, StaticCredentials, SystemClock, TraceConfig,
};
use millicent_lake::Lake;
use millicent_web::WebState;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config;
use crate::output::{print, say};
use crate::progress::Reporter;
use crate::simulated::{Account, Served, listen_on, serve};
use crate::{collected, environment, roles, shutdown, telling};

/// Share of the history's traces that is fetched: enough for every route, in half a minute.
const HISTORY_TRACES: f64 = 0.02;
/// Share of the live traces that is fetched.
const LIVE_TRACES: f64 = 0.2;
/// The webhook of the simulated Slack.
const SLACK_PATH: &str = "/_simulator/slack/T00000000/B00000000/demo";

/// See it all without an AWS account: a simulated shop, collected, analysed, served and alerted
/// about on this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent demo
  millicent demo --listen 127.0.0.1:9000 --lake demo-lake   keep the lake, to query it later
  millicent demo --truth                                    what really happened, as JSON

No call leaves this machine. The simulated account has a deploy with a cold-start storm, an error
burst and, in the last day, a retry loop that costs money and fires an alert.")]
pub(crate) struct Demo {
    /// Address of the pages.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    #[command(flatten)]
    account: Account,

    /// Folder of the lake, which is kept [default: a temporary one, which is removed at the end]
    #[arg(long, value_name = "DIR")]
    lake: Option<PathBuf>,

    /// Print what really happened in the simulated account, as JSON, and end.
    #[arg(long)]
    truth: bool,

    /// Collect the history, evaluate the alerts, print what came of it, and end.
    #[arg(long, conflicts_with = "truth")]
    once: bool,

    /// Port of the simulated account on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port_simulator: u16,
}

impl Demo {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        if self.truth {
            let world = self.account.world(None);
            let truth = world.truth(world.config().birth, world.now());
            return Ok(print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&truth)?
            ))?);
        }
        let place = Place::new(self.lake.clone())?;
        shutdown::block_on(self.run(&place))?;
        place.remove()
    }

    async fn run(self, place: &Place) -> anyhow::Result<()> {
        let started = Instant::now();
        let cancel = shutdown::token("")?;
        // Before anything else: whoever must choose another port should not wait for it.
        let listener = if self.once {
            None
        } else {
            Some(listen_on(self.listen).await?)
        };
        let address = match &listener {
            Some(listener) => listener.local_addr()?,
            None => self.listen,
        };
        let location = place.path().display().to_string();
        let lake = Lake::open(&location).await?;
        let analyzer = roles::analyzer(lake.clone()).await?;
        let (reporter, progress) = Reporter::new(false);
        let pages = listener.map(|listener| {
            let state = WebState {
                analyzer: analyzer.clone(),
                progress,
                clock: environment::clock(),
            };
            tokio::spawn(millicent_web::serve(listener, state, cancel.clone()))
        });
        let door = SocketAddr::from(([127, 0, 0, 1], self.port_simulator));
        let simulated = serve(self.account.world(None), door, cancel.clone()).await?;
        say(&welcome(
            pages.is_some().then_some(address),
            &simulated.url,
            &location,
        ));

        let base_url = Url::parse(&format!("http://{address}/"))?;
        let slack = SecretUrl::parse(&format!("{}{SLACK_PATH}", simulated.url))?;
        let alerts = telling::with(&analyzer, rules(base_url), vec![telling::slack(slack)?])?;
        let estate = connect(&simulated, self.account.days, lake).await?;
        let result = self
            .collect(&estate, &alerts, &reporter, &cancel, started)
            .await;

        cancel.cancel();
        if let Some(pages) = pages {
            pages.await.context("the pages ended unexpectedly")??;
        }
        tokio::task::spawn_blocking(|| simulated.join()).await??;
        result
    }

    /// The history, then what happens live.
    async fn collect(
        &self,
        estate: &Estate,
        alerts: &Alerts,
        reporter: &Reporter,
        cancel: &CancellationToken,
        started: Instant,
    ) -> anyhow::Result<()> {
        let summary = estate
            .pass(environment::now(), cancel, &|place, step| {
                reporter.step(place, &step)
            })
            .await;
        reporter.end_line();
        let summary = summary?;
        if cancel.is_cancelled() {
            return Ok(());
        }
        reporter.finish();
        say(&format!(
            "{} days are there after {:.0} s.",
            self.account.days,
            started.elapsed().as_secs_f64()
        ));
        if self.once {
            print(&collected::summary(&summary))?;
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                evaluated = alerts.evaluate_once() => print(&telling::evaluated(&evaluated?))?,
            }
            return collected::failed(&summary);
        }
        say("From now on new minutes arrive live. Ctrl-C ends everything.");
        roles::go_on(estate, alerts, cancel).await
    }
}

/// Where the demo's lake is.
enum Place {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Place {
    fn new(kept: Option<PathBuf>) -> anyhow::Result<Place> {
        Ok(match kept {
            Some(path) => Place::Kept(path),
            None => {
                let folder = tempfile::Builder::new().prefix("millicent-demo-").tempdir();
                Place::Temporary(folder.context("cannot create a temporary folder for the lake")?)
            }
        })
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Place::Kept(path) => path,
            Place::Temporary(folder) => folder.path(),
        }
    }

    fn remove(self) -> anyhow::Result<()> {
        match self {
            Place::Kept(_) => Ok(()),
            Place::Temporary(folder) => {
                let path = folder.path().display().to_string();
                folder
                    .close()
                    .with_context(|| format!("cannot remove the temporary lake {path}"))
            }
        }
    }
}

fn welcome(pages: Option<SocketAddr>, simulated: &str, lake: &str) -> String {
    let dashboard = pages.map(|address| format!("  Dashboard          http://{address}/\n"));
    format!(
        "Millicent's demo, on this machine alone:\n\n\
         {}\
         \x20 Simulated account  {simulated}\n\
         \x20 Slack's inbox      {simulated}/_simulator/slack\n\
         \x20 SQL                millicent sql --lake {lake} 'SHOW TABLES'\n",
        dashboard.unwrap_or_default()
    )
}

fn rules(base_url: Url) -> millicent_alerts::AlertsConfig {
    let settings = config::Alerts {
        slack_webhook: None,
        json_webhook: None,
        every: Duration::from_secs(60),
        daily_budget_usd: None,
        cost_per_request: None,
    };
    telling::thresholds(&settings, base_url)
}

async fn connect(simulated: &Served, days: u32, lake: Lake) -> anyhow::Result<Estate> {
    let defaults = CollectConfig::default();
    let settings = CollectConfig {
        region: simulated.region.clone(),
        endpoint_url: Some(simulated.url.clone()),
        credentials: Some(StaticCredentials {
            access_key_id: "AKIADEMO".to_owned(),
            secret_access_key: "demo".to_owned(),
        }),
        freshness: TimeDelta::minutes(1),
        history: TimeDelta::days(i64::from(days)),
        traces: TraceConfig {
            sampling_rate: LIVE_TRACES,
            backfill_sampling_rate: HISTORY_TRACES,
            ..defaults.traces
        },
        ..defaults
    };
    let estate = EstateConfig {
        accounts: vec![AccountConfig {
            name: "demo".to_owned(),
            account_id: None,
            regions: vec![simulated.region.clone()],
            collect: settings,
        }],
        budget_usd_per_day: None,
    };
    Ok(Estate::connect(estate, lake, Arc::new(SystemClock)).await?)
}
