//! `sql` and `report`: questions to a lake, answered on stdout.

use std::io::{self, Read};

use anyhow::Context;
use chrono::TimeDelta;
use clap::Args;
use millicent_analyzer::{Analyzer, Coverage, Options, Params, Query};
use millicent_lake::Lake;

use crate::config::{self, Config};
use crate::failure::Usage;
use crate::output::{Format, lay_out, print, print_table, say};
use crate::{Common, environment, shutdown};

/// Ask the lake in SQL, read-only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent sql 'SHOW TABLES'
  millicent sql \"SELECT date_bin(interval '1 hour', ts) AS hour, sum(sum) AS requests
                 FROM metrics WHERE service = 'apigateway' AND metric = 'Count' AND route IS NULL
                 GROUP BY 1 ORDER BY 1\"
  millicent sql \"SELECT api, route, sum(cost_usd) AS usd FROM bill_shares WHERE place = 'route'
                 GROUP BY 1, 2 ORDER BY usd DESC LIMIT 10\"
  millicent sql 'DESCRIBE costs'
  millicent sql --format csv < question.sql > answer.csv

Tables are the lake's own: metrics, spans, costs, resources, collections, latency_histograms, alert_events. Views are the
steps from the bill to a route: bill (one source a day), usage (who used how much, by hour), bill_shares (each line of the
bill, part by part), hourly_costs (that, and estimates until the bill comes). SHOW TABLES lists all of them.
Time is UTC and money DECIMAL(38, 12). Filter by `date`, by which the tables are partitioned, to read only some days.
Nothing can be changed, no file can be read, and an answer has at most 100,000 rows: `millicent export` writes more.")]
pub(crate) struct Sql {
    #[command(flatten)]
    common: Common,

    /// One statement that reads; without it, the statement is read from stdin.
    statement: Option<String>,

    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Sql {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        let statement = match self.statement {
            Some(statement) => statement,
            None => {
                let mut text = String::new();
                io::stdin()
                    .read_to_string(&mut text)
                    .context("cannot read the statement from stdin")?;
                text
            }
        };
        if statement.trim().is_empty() {
            return Err(
                Usage("there is no statement: give one, or send one to stdin".to_owned()).into(),
            );
        }
        let table = shutdown::block_on(async {
            let analyzer = open(&config).await?;
            Ok(analyzer.sql(&statement).await?)
        })?;
        Ok(print_table(&table, self.format)?)
    }
}

/// Run an analysis of the catalog; `--list` shows them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent report --list
  millicent report routes --describe
  millicent report cost-per-request-by-route --last 7d
  millicent report slowest-traces -p api=shop -p stage=prod -p 'route=POST /orders' -p limit=5")]
pub(crate) struct Report {
    #[command(flatten)]
    common: Common,

    /// Name of the analysis, for example `routes`.
    #[arg(required_unless_present = "list")]
    name: Option<String>,

    /// List every analysis with the question that it answers.
    #[arg(long, conflicts_with = "name")]
    list: bool,

    /// Show what the analysis takes and gives, instead of running it.
    #[arg(long, conflicts_with = "list")]
    describe: bool,

    /// A parameter; times are RFC 3339 or YYYY-MM-DD, UTC.
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,

    /// The time up to now that an analysis with `from` and `to` looks at, where they are not given.
    #[arg(long, value_name = "TIME", default_value = "24h")]
    last: String,

    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Report {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        if self.list || self.describe {
            let catalog = millicent_analyzer::Catalog::load()?;
            let text = match &self.name {
                Some(name) => describe(&*catalog.get(name)?),
                None => list(catalog.iter().map(|query| &**query)),
            };
            return Ok(print(&text)?);
        }
        let config = self.common.load()?;
        let name = self.name.unwrap_or_default();
        let query = millicent_analyzer::Catalog::load()?.get(&name)?;
        let params = parameters(&query, &self.params, &self.last)?;
        let report = shutdown::block_on(async {
            let analyzer = open(&config).await?;
            Ok(analyzer.report(&name, &params).await?)
        })?;
        print_table(&report.table, self.format)?;
        let gaps = gaps(&report.coverage);
        if self.format == Format::Table || !gaps.is_empty() {
            if let Some(as_of) = report.coverage.as_of {
                say(&format!("As of {}.", as_of.format("%Y-%m-%d %H:%M:%S UTC")));
            }
            for gap in gaps {
                say(&gap);
            }
        }
        Ok(())
    }
}

/// The lake of the configuration, to be asked.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Analyzer> {
    let lake = Lake::open_existing(&config.lake).await?;
    Ok(Analyzer::open(
        lake,
        Options {
            clock: environment::clock(),
            ..Options::default()
        },
    )
    .await?)
}

/// The given parameters, and the last hours or days where they say no time.
fn parameters(query: &Query, given: &[String], last: &str) -> anyhow::Result<Params> {
    let mut pairs = Vec::new();
    for pair in given {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Usage(format!("--param {pair}: expected NAME=VALUE")).into());
        };
        pairs.push((name.to_owned(), value.to_owned()));
    }
    let length = config::duration(last)
        .and_then(|length| TimeDelta::from_std(length).ok())
        .ok_or_else(|| {
            Usage(format!(
                "--last {last}: expected a time like 90m, 24h or 7d"
            ))
        })?;
    let now = environment::now();
    for (name, time) in [("from", now - length), ("to", now)] {
        if query.param(name).is_some() && pairs.iter().all(|(given, _)| given != name) {
            pairs.push((name.to_owned(), time.to_rfc3339()));
        }
    }
    Ok(Params::parse(query, pairs)?)
}

/// What is missing behind an answer, a line a source.
fn gaps(coverage: &Coverage) -> Vec<String> {
    let incomplete = coverage
        .sources
        .iter()
        .filter(|source| source.complete_share < 0.999);
    incomplete
        .map(|source| {
            let until = source.complete_until.map_or_else(String::new, |until| {
                format!(", complete until {}", until.format("%Y-%m-%d %H:%M UTC"))
            });
            let error = source
                .last_error
                .as_ref()
                .map_or_else(String::new, |error| format!("; last error: {error}"));
            format!(
                "{}: {:.1}% of this time is collected{until}{error}",
                source.source,
                source.complete_share * 100.0
            )
        })
        .collect()
}

fn list<'q>(queries: impl Iterator<Item = &'q Query>) -> String {
    let rows: Vec<Vec<String>> = queries
        .map(|query| vec![query.name.clone(), query.answers.clone()])
        .collect();
    lay_out(
        &["report".to_owned(), "answers".to_owned()],
        &rows,
        &[false, false],
    )
}

fn describe(query: &Query) -> String {
    let mut text = format!("{}: {}\n{}\n", query.name, query.title, query.answers);
    let head = |names: [&str; 3]| names.map(str::to_owned);
    if !query.params.is_empty() {
        let rows: Vec<Vec<String>> = query
            .params
            .iter()
            .map(|param| {
                let presence = match (&param.default, param.required) {
                    (Some(default), _) => format!("{} (default {default})", param.kind.name()),
                    (None, true) => format!("{} (required)", param.kind.name()),
                    (None, false) => param.kind.name().to_owned(),
                };
                vec![param.name.clone(), presence, param.doc.clone()]
            })
            .collect();
        text.push('\n');
        text.push_str(&lay_out(
            &head(["parameter", "type", "means"]),
            &rows,
            &[false; 3],
        ));
    }
    let rows: Vec<Vec<String>> = query
        .columns
        .iter()
        .map(|column| {
            vec![
                column.name.clone(),
                column.kind.name().to_owned(),
                column.doc.clone(),
            ]
        })
        .collect();
    text.push('\n');
    text.push_str(&lay_out(
        &head(["column", "type", "means"]),
        &rows,
        &[false; 3],
    ));
    text
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn query(name: &str) -> std::sync::Arc<Query> {
        millicent_analyzer::Catalog::load()
            .unwrap()
            .get(name)
            .unwrap()
    }

    fn message(result: anyhow::Result<Params>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn the_last_day_is_asked_for_where_no_time_is_given() {
        let routes = query("routes");
        let params = parameters(&routes, &[], "24h").unwrap();
        assert!(params.get("from").is_some() && params.get("to").is_some());
        let given = ["from=2026-11-01".to_owned(), "to=2026-11-02".to_owned()];
        let params = parameters(&routes, &given, "24h").unwrap();
        let from = DateTime::parse_from_rfc3339("2026-11-01T00:00:00Z").unwrap();
        assert_eq!(params.get("from"), Some(&from.to_utc().into()));
    }

    #[test]
    fn a_parameter_that_is_not_right_is_named() {
        let routes = query("routes");
        let bad = |given: &str| message(parameters(&routes, &[given.to_owned()], "24h"));
        assert_eq!(bad("from"), "--param from: expected NAME=VALUE");
        assert!(bad("form=2026-11-01").contains("there is no parameter \"form\""));
        assert!(bad("from=yesterday").contains("a time such as"));
        let last = message(parameters(&routes, &[], "a while"));
        assert_eq!(last, "--last a while: expected a time like 90m, 24h or 7d");
    }

    #[test]
    fn a_description_names_every_parameter_and_column() {
        for query in millicent_analyzer::Catalog::load().unwrap().iter() {
            let text = describe(query);
            let names = query.params.iter().map(|param| &param.name);
            for name in names.chain(query.columns.iter().map(|column| &column.name)) {
                assert!(text.contains(name.as_str()), "{}: {name}", query.name);
            }
        }
    }
}
