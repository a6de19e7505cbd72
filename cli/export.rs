//! `export`: the attributed bill as a FOCUS 1.2 file, for the tools of FinOps analysts.

mod file;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use clap::Args;
use millicent_analyzer::{Analyzer, Params};
use rust_decimal::Decimal;

use self::file::{Format, Growing};
use crate::failure::Usage;
use crate::output::say;
use crate::questions::open;
use crate::{Common, environment, shutdown};

/// Name of the query that it writes.
const QUERY: &str = "focus-export";

/// Write the attributed costs as a FOCUS 1.2 file (Parquet or CSV) for FinOps tools.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent export                                        this month's bill so far, as Parquet
  millicent export --from 2026-11-01 --to 2026-12-01 --output november.csv.gz
  millicent export --hourly --from 2026-11-20 --to 2026-11-21 --output day.parquet
  duckdb -c \"SELECT x_Route, sum(BilledCost) FROM 'november.csv.gz' GROUP BY ALL ORDER BY 2 DESC\"

A row is one part of one line of the bill: what a resource took of it for a route or for what else starts work (a queue,
a schedule), what is not split, or what is not explained (x_Place says which, x_Basis how it is known). BilledCost adds up
to the bill exactly, for every day, account, service and usage type. The route stands in x_Api, x_Stage, x_Route, what
else starts work in x_Trigger, and both, with the resource's own tags, in Tags.
Days that have no bill yet are left out, and named; x_Settled is false where a day's bill can still change.
`millicent report focus-export --describe` tells every column.")]
pub(crate) struct Export {
    #[command(flatten)]
    common: Common,

    /// First UTC day [default: the first of the month that yesterday is in]
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,

    /// UTC day before which it ends [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,

    /// A row an hour instead of a day, where usage tells the hours.
    #[arg(long)]
    hourly: bool,

    /// What to write [default: as the name of the file says, else parquet]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Pack the CSV with gzip; a name that ends in .gz does too.
    #[arg(long)]
    gzip: bool,

    /// The file [default: focus-FROM-to-TO.parquet or .csv in this folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the file where there is one.
    #[arg(long)]
    force: bool,
}

/// What is asked for, with nothing left open.
#[derive(Debug, PartialEq)]
struct Asked {
    from: NaiveDate,
    to: NaiveDate,
    format: Format,
    gzip: bool,
    path: PathBuf,
}

impl Export {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let asked = self.asked(environment::now())?;
        file::may_stand_at(&asked.path, self.force)?;
        let config = self.common.load()?;
        shutdown::block_on(async {
            let stop = shutdown::token("")?;
            let analyzer = open(&config).await?;
            tokio::select! {
                done = write(&analyzer, &asked, self.hourly, self.force) => done,
                () = stop.cancelled() => bail!("stopped; {} was not written", asked.path.display()),
            }
        })
    }

    fn asked(&self, now: DateTime<Utc>) -> Result<Asked, Usage> {
        let to = self.to.unwrap_or(now.date_naive());
        let from = match self.from {
            Some(from) => from,
            // On the first of a month its bill is empty, and the month before is meant.
            None => first_of_month(to - Days::new(1)),
        };
        if to <= from {
            return Err(Usage(format!(
                "--from {from} --to {to}: there is no day between them; --to is the day after the last"
            )));
        }
        let named = self.output.as_deref().and_then(Format::of);
        let format = self.format.or(named).unwrap_or(Format::Parquet);
        let packed_name = self
            .output
            .as_deref()
            .is_some_and(|path| path.extension().is_some_and(|end| end == "gz"));
        let gzip = self.gzip || packed_name;
        if gzip && format == Format::Parquet {
            return Err(Usage(
                "Parquet packs its columns itself: --gzip and .gz are for --format csv".to_owned(),
            ));
        }
        if let Some(named) = named.filter(|named| *named != format) {
            return Err(Usage(format!(
                "--format {} and the name {} contradict each other",
                format.extension(),
                named.extension()
            )));
        }
        let path = self.output.clone().unwrap_or_else(|| {
            let end = if gzip { ".gz" } else { "" };
            format!("focus-{from}-to-{to}.{}{end}", format.extension()).into()
        });
        Ok(Asked {
            from,
            to,
            format,
            gzip,
            path,
        })
    }
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Writes the rows as they come, and holds them against the bill before the file takes its name.
async fn write(
    analyzer: &Analyzer,
    asked: &Asked,
    hourly: bool,
    force: bool,
) -> anyhow::Result<()> {
    let bounds = Params::new()
        .set("from", midnight(asked.from))
        .set("to", midnight(asked.to));
    let billed = billed(analyzer, &bounds).await?;
    if billed.days.is_empty() {
        bail!(
            "no day from {} to {} has a bill in this lake: `millicent report coverage` tells what was collected",
            asked.from,
            asked.to - Days::new(1)
        );
    }
    let mut rows = analyzer
        .stream(QUERY, &bounds.set("hourly", hourly))
        .await?;
    let mut growing = Growing::begin(&asked.path, force, asked.format, asked.gzip, rows.schema())?;
    let mut written = Written::default();
    let told = io::stderr().is_terminal();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        growing.write(&batch)?;
        written.add(&batch)?;
        if told {
            // Without a terminal there is nobody to tell.
            let _ = write!(io::stderr(), "\r{} rows", written.rows);
        }
    }
    if told {
        let _ = write!(io::stderr(), "\r");
    }
    if written.usd != billed.usd {
        bail!(
            "the rows add up to ${} and the bill to ${}: the lake changed meanwhile; run it again",
            written.usd.normalize(),
            billed.usd.normalize()
        );
    }
    let bytes = growing.finish()?;
    say(&format!(
        "Wrote {} rows, ${} as billed, of {} to {} ({:.1} MB).",
        written.rows,
        written.usd.normalize(),
        days(billed.days.len()),
        asked.path.display(),
        bytes as f64 / 1e6
    ));
    for line in remarks(&billed, asked) {
        say(&line);
    }
    Ok(())
}

fn days(count: usize) -> String {
    match count {
        1 => "1 day".to_owned(),
        count => format!("{count} days"),
    }
}

/// What went into the file.
#[derive(Default)]
struct Written {
    rows: u64,
    usd: Decimal,
}

impl Written {
    fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        self.usd = added(self.usd, batch, "BilledCost")?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }
}

/// What the bill has of the days asked for.
#[derive(Default)]
struct Billed {
    usd: Decimal,
    days: BTreeSet<NaiveDate>,
    /// Of those, days whose bill can still change.
    open: BTreeSet<NaiveDate>,
}

/// The bill itself, not its parts.
async fn billed(analyzer: &Analyzer, bounds: &Params) -> anyhow::Result<Billed> {
    let mut lines = analyzer.stream("reconciliation", bounds).await?;
    let mut billed = Billed::default();
    while let Some(batch) = lines.next().await {
        let batch = batch?;
        billed.usd = added(billed.usd, &batch, "billed_usd")?;
        let dates = column(&batch, "date")?.as_primitive::<Date32Type>();
        let settled = column(&batch, "settled")?.as_boolean();
        for row in 0..batch.num_rows() {
            if let Some(day) = dates.value_as_date(row) {
                billed.days.insert(day);
                if settled.is_null(row) || !settled.value(row) {
                    billed.open.insert(day);
                }
            }
        }
    }
    Ok(billed)
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> anyhow::Result<&'b ArrayRef> {
    batch
        .column_by_name(name)
        .with_context(|| format!("the query has no column {name}"))
}

/// A sum with a batch's column of money added, exactly.
fn added(sum: Decimal, batch: &RecordBatch, name: &str) -> anyhow::Result<Decimal> {
    let costs = column(batch, name)?.as_primitive::<Decimal128Type>();
    let places = u32::from(costs.scale().unsigned_abs());
    costs.iter().flatten().try_fold(sum, |sum, cost| {
        Decimal::try_from_i128_with_scale(cost, places)
            .ok()
            .and_then(|cost| sum.checked_add(cost))
            .context("the sum of the costs is beyond all measure")
    })
}

/// What the reader of the file should know of its days.
fn remarks(billed: &Billed, asked: &Asked) -> Vec<String> {
    let missing: Vec<NaiveDate> = asked
        .from
        .iter_days()
        .take_while(|day| *day < asked.to)
        .filter(|day| !billed.days.contains(day))
        .collect();
    let mut lines = Vec::new();
    if !missing.is_empty() {
        lines.push(format!(
            "No bill yet, so left out: {}.",
            ranges(missing.iter().copied())
        ));
    }
    if !billed.open.is_empty() {
        lines.push(format!(
            "Not settled, so they can still change (x_Settled is false): {}.",
            ranges(billed.open.iter().copied())
        ));
    }
    lines
}

/// Days in a row are told by the first and the last.
fn ranges(days: impl Iterator<Item = NaiveDate>) -> String {
    let mut runs: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if last.succ_opt() == Some(day) => *last = day,
            _ => runs.push((day, day)),
        }
    }
    let told = runs.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        export: Export,
    }

    fn asked(arguments: &[&str]) -> Result<Asked, String> {
        let line = ["export"].iter().chain(arguments);
        let export = Line::try_parse_from(line).unwrap().export;
        let now = DateTime::parse_from_rfc3339("2026-11-24T10:00:00Z").unwrap();
        export
            .asked(now.to_utc())
            .map_err(|error| error.to_string())
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn this_month_until_yesterday_is_what_is_meant() {
        let expected = Asked {
            from: day("2026-11-01"),
            to: day("2026-11-24"),
            format: Format::Parquet,
            gzip: false,
            path: "focus-2026-11-01-to-2026-11-24.parquet".into(),
        };
        assert_eq!(asked(&[]).unwrap(), expected);
        let first = asked(&["--to", "2026-11-01"]).unwrap();
        assert_eq!(first.from, day("2026-10-01"), "a month that is over");
        let csv = asked(&["--format", "csv", "--gzip"]).unwrap();
        assert!(csv.gzip && csv.path.ends_with("focus-2026-11-01-to-2026-11-24.csv.gz"));
    }

    #[test]
    fn the_name_tells_the_format() {
        let packed = asked(&["--output", "bill.csv.gz"]).unwrap();
        assert_eq!((packed.format, packed.gzip), (Format::Csv, true));
        let plain = asked(&["--output", "bill.csv"]).unwrap();
        assert_eq!((plain.format, plain.gzip), (Format::Csv, false));
        let other = asked(&["--output", "bill.out"]).unwrap();
        assert_eq!((other.format, other.gzip), (Format::Parquet, false));
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_what_to_do() {
        for (arguments, said) in [
            (
                &["--from", "2026-11-10", "--to", "2026-11-10"][..],
                "the day after the last",
            ),
            (
                &["--from", "2026-11-10", "--to", "2026-11-01"],
                "no day between",
            ),
            (&["--gzip"], "--format csv"),
            (&["--format", "csv", "--output", "a.parquet"], "contradict"),
            (&["--output", "a.parquet.gz"], "--format csv"),
        ] {
            let error = asked(arguments).unwrap_err();
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn days_without_a_bill_and_days_that_can_change_are_told() {
        let billed = Billed {
            usd: Decimal::ONE,
            days: ["2026-11-02", "2026-11-03", "2026-11-05"].map(day).into(),
            open: [day("2026-11-05")].into(),
        };
        let asked = asked(&["--from", "2026-11-01", "--to", "2026-11-09"]).unwrap();
        assert_eq!(
            remarks(&billed, &asked),
            [
                "No bill yet, so left out: 2026-11-01, 2026-11-04, 2026-11-06 to 2026-11-08.",
                "Not settled, so they can still change (x_Settled is false): 2026-11-05.",
            ]
        );
    }
}
