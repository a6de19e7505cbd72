//! Millicent: what every route of an AWS serverless account costs, how fast it is and how often it
//! starts cold. This is the command line: it reads the configuration and the environment, builds
//! the parts and runs the role that it is asked for.

mod backfill;
mod collect;
mod collected;
mod config;
mod demo;
mod environment;
mod estate;
mod explained;
mod export;
mod failure;
mod logs;
mod output;
mod prices;
mod progress;
mod questions;
mod roles;
mod shutdown;
mod simulated;
mod telling;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;

/// What every route of an AWS serverless account costs, how fast it is and how often it starts
/// cold, adding up to the bill.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
Try it without an AWS account:
  millicent demo

Watch your own account (credentials as for the AWS CLI):
  millicent collect --dry-run          what collecting will ask and cost
  millicent collect --since 60d        what AWS still has of the time before
  millicent run                        collect, serve http://127.0.0.1:8080, alert

Ask:
  millicent report --list
  millicent report cost-per-request-by-route --last 7d
  millicent explain 'POST /orders'     each line of the bill that a route is a part of
  millicent export --output november.csv    the attributed bill as FOCUS 1.2, for FinOps tools
  millicent sql 'SELECT service, sum(cost_usd) FROM costs GROUP BY service ORDER BY 2 DESC'

Exit codes: 0 done, 1 failed (the message says what), 2 wrong usage or configuration."
)]
struct Cli {
    #[command(subcommand)]
    role: Role,

    /// What to log to stderr, for example `info` or `warn,millicent_collector=debug`
    /// [default: $MILLICENT_LOG, else warn]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Role {
    Demo(demo::Demo),
    Simulate(simulated::Simulate),
    Run(roles::Run),
    Collect(collect::Collect),
    Serve(roles::Serve),
    Sql(questions::Sql),
    Report(questions::Report),
    Explain(explained::Explain),
    Export(export::Export),
    Prices(prices::Prices),
    Alerts(telling::AlertsCommand),
}

/// Options of every role that works on a configured account.
#[derive(Debug, Args)]
struct Common {
    /// Configuration [default: $MILLICENT_CONFIG, else millicent.toml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Folder of the lake, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    lake: Option<String>,
}

impl Common {
    fn load(&self) -> anyhow::Result<Config> {
        let named = self
            .config
            .clone()
            .or_else(|| environment::read("MILLICENT_CONFIG").map(PathBuf::from));
        let mut config = Config::load(named.as_deref())?;
        if let Some(lake) = &self.lake {
            config.lake.clone_from(lake);
        }
        Ok(config)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = cli.log.or_else(|| environment::read("MILLICENT_LOG"));
    let result = logs::start(filter.as_deref().unwrap_or("warn")).and_then(|()| match cli.role {
        Role::Demo(demo) => demo.start(),
        Role::Simulate(simulate) => simulate.start(),
        Role::Run(run) => run.start(),
        Role::Collect(collect) => collect.start(),
        Role::Serve(serve) => serve.start(),
        Role::Sql(sql) => sql.start(),
        Role::Report(report) => report.start(),
        Role::Explain(explain) => explain.start(),
        Role::Export(export) => export.start(),
        Role::Prices(prices) => prices.start(),
        Role::Alerts(alerts) => alerts.start(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
