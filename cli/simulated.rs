//! `simulate`: a simulated AWS account on loopback, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use millicent_simulator::{Organisation, SimConfig, World, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::failure::Usage;
use crate::output::{print, say};
use crate::{environment, shutdown};

/// Serve a simulated AWS account: CloudWatch, X-Ray, Cost Explorer, Lambda, API Gateway and Slack
/// on one port of this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent simulate --listen 127.0.0.1:4570
  AWS_ENDPOINT_URL=http://127.0.0.1:4570 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \\
  AWS_REGION=eu-central-1 millicent collect --once

The first line on stdout is the address. It is an account of its own: no call leaves this machine.")]
pub(crate) struct Simulate {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    #[command(flatten)]
    account: Account,

    /// What there is
    #[arg(long, value_enum, default_value_t = Estate::Shop)]
    estate: Estate,

    /// Stop the account's clock at this time (RFC 3339) [default: the machine's clock]
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
}

/// What a simulator serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Estate {
    /// One account with an online shop, in one region
    Shop,
    /// Two accounts and two regions with a shop each; the second account is read by a role
    Shops,
    /// Two accounts and two regions with 1,000 functions, 300 routes, 200 tables and 100 buckets
    Large,
}

/// What makes one simulated account.
#[derive(Debug, Clone, Args)]
pub(crate) struct Account {
    /// Seed: the same seed gives the same requests.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Days of history that the account has.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub(crate) days: u32,
}

impl Account {
    /// The account as of now; its clock is the machine's, or stands still.
    pub(crate) fn world(&self, stopped_at: Option<DateTime<Utc>>) -> Arc<World> {
        World::new(self.config(stopped_at))
    }

    fn config(&self, stopped_at: Option<DateTime<Utc>>) -> SimConfig {
        let anchor = stopped_at.unwrap_or_else(environment::now);
        let config = SimConfig::new(
            self.seed,
            anchor - TimeDelta::days(i64::from(self.days)),
            anchor,
        );
        match stopped_at {
            Some(_) => config,
            None => config.with_clock(environment::clock()),
        }
    }
}

/// A simulated account that is being served by threads of its own.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) region: String,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Served {
    /// Waits until it has stopped, after its token was cancelled.
    pub(crate) fn join(self) -> anyhow::Result<()> {
        self.thread
            .join()
            .map_err(|_| anyhow!("the simulated account ended unexpectedly"))?
    }
}

/// Serves the account on a runtime of its own, so that its work, which is computing every request,
/// does not hold up anyone else's.
pub(crate) async fn serve(
    accounts: impl Into<Organisation>,
    listen: SocketAddr,
    cancel: CancellationToken,
) -> anyhow::Result<Served> {
    let accounts = accounts.into();
    let region = accounts.home().config().region.clone();
    let (started, starting) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || {
            // Every request that is answered computes on a blocking thread; more of them than
            // processors would only take the processors from everyone else.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .max_blocking_threads(std::thread::available_parallelism().map_or(1, usize::from))
                .enable_all()
                .build()
                .context("cannot start the runtime of the simulated account")?;
            runtime.block_on(async move {
                let listener = listen_on(listen).await?;
                let handle = server::start(accounts, listener, cancel).await?;
                // Whoever waits for it is gone only if the process ends.
                let _ = started.send(handle.url());
                handle.stopped().await;
                Ok(())
            })
        })
        .context("cannot start a thread for the simulated account")?;
    match starting.await {
        Ok(url) => Ok(Served {
            url,
            region,
            thread,
        }),
        Err(_) => Err(match thread.join() {
            Ok(Err(error)) => error,
            _ => anyhow!("the simulated account did not start"),
        }),
    }
}

/// Listens, or says what to do.
pub(crate) async fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let usage = match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "{address} is taken by another program: choose another with --listen, for example \
                 --listen {}:{}; port 0 takes a free one",
                address.ip(),
                address.port().wrapping_add(1).max(1024)
            ),
            _ => {
                format!("cannot listen on {address}: {error}; choose another address with --listen")
            }
        };
        Usage(usage).into()
    })
}

impl Simulate {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.account.config(self.now);
        let accounts = match self.estate {
            Estate::Shop => Organisation::from(World::new(config)),
            Estate::Shops => Organisation::shops(&config),
            Estate::Large => Organisation::large(&config),
        };
        shutdown::block_on(async move {
            let cancel = shutdown::token("")?;
            let served = serve(accounts, self.listen, cancel.clone()).await?;
            print(&format!("{}\n", served.url))?;
            say(&format!(
                "A simulated AWS account answers at {0} (any keys, region {1}); Slack messages are \
                 kept at {0}/_simulator/slack. Ctrl-C ends it.",
                served.url, served.region
            ));
            cancel.cancelled().await;
            tokio::task::spawn_blocking(|| served.join()).await?
        })
    }
}
