//! `collect`: fill the lake, once, from further back, or for ever.

use anyhow::Context;
use clap::Args;
use millicent_lake::Lake;

use crate::backfill::{self, Span};
use crate::estate::connect;
use crate::output::{print, say};
use crate::progress::Reporter;
use crate::{Common, collected, environment, roles, shutdown};

/// Collect into the lake.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent collect --dry-run                      what the next pass will ask, and its price
  millicent collect --once                         one pass over everything that is due
  millicent collect --since 60d                    from further back, then go on
  millicent collect --since 2026-09-01 --until 2026-10-01 --yes

AWS keeps metrics by the minute for 15 days, by five minutes for 63 and by the hour for 455; traces for
30 days. What was collected is not asked for again, so a backfill that was stopped or killed goes on
where it was. Of several accounts and regions, and of all sources, one that AWS denies or throttles does
not hold up the others; --once ends with 1 if any failed.")]
pub(crate) struct Collect {
    #[command(flatten)]
    common: Common,

    /// End after one pass over everything that is due.
    #[arg(long)]
    once: bool,

    /// From when to collect what is not there yet, instead of the configured history: a length of
    /// time (36h, 14d) or a date (2026-11-01, UTC).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Until when, exclusive, as for --since; then end.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Don't ask whether what it costs is meant.
    #[arg(long)]
    yes: bool,

    /// Print what the next pass will ask and cost, and end.
    #[arg(long)]
    dry_run: bool,
}

impl Collect {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let mut config = self.common.load()?;
        let now = environment::now();
        let span = Span::parse(self.since.as_deref(), self.until.as_deref(), now)?;
        if let Some(since) = span.since {
            config.collect.history = (now - since).to_std()?;
        }
        config.collect.until = span.until;
        shutdown::block_on(async move {
            let cancel = shutdown::token(shutdown::COLLECTING)?;
            let lake = Lake::open(&config.lake).await?;
            let estate = connect(&config, lake).await?;
            let plan = estate.plan(environment::now()).await?;
            if self.dry_run {
                return Ok(print(&collected::plan(&plan))?);
            }
            say(&collected::plan(&plan));
            if (span.since.is_some() || span.until.is_some())
                && !self.yes
                && !backfill::agreed(&plan, &cancel).await?
            {
                return Ok(());
            }
            let (reporter, _pages) = Reporter::new(false);
            if self.once || span.until.is_some() {
                let pass = estate
                    .pass(environment::now(), &cancel, &|place, step| {
                        reporter.step(place, &step);
                    })
                    .await;
                reporter.end_line();
                let summary = pass?;
                print(&collected::summary(&summary))?;
                return collected::failed(&summary);
            }
            let collecting = async {
                let result = estate
                    .run(&cancel, &|place, step| reporter.step(place, &step))
                    .await;
                cancel.cancel();
                result
            };
            let (collected, ()) = tokio::join!(collecting, roles::keep(estate.lake(), &cancel));
            collected.context("collecting ended")
        })
    }
}
