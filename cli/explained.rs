//! `explain`: the chain from the bill's lines to one route, for a person to follow.

use std::fmt::Write;

use anyhow::Context;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use clap::Args;
use millicent_analyzer::{Params, Row, Table};

use crate::failure::Usage;
use crate::output::{Format, print, print_table, say};
use crate::questions::open;
use crate::{Common, environment, shutdown};

/// Show where a route's cost comes from: each line of the bill, its price, the route's usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millicent explain 'POST /orders'
  millicent explain 'POST /orders' --day 2026-11-20 --api shop
  millicent explain 'POST /orders' --format csv")]
pub(crate) struct Explain {
    #[command(flatten)]
    common: Common,

    /// The route, as the reports name it: `METHOD /template`.
    route: String,

    /// The UTC day [default: yesterday].
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<NaiveDate>,

    /// Name of the API, where several have such a route.
    #[arg(long)]
    api: Option<String>,

    /// Stage of the API, where it has several.
    #[arg(long)]
    stage: Option<String>,

    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Explain {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        let today = environment::now().date_naive();
        let day = self.day.unwrap_or(today - Days::new(1));
        let from = midnight(day);
        let to = day
            .checked_add_days(Days::new(1))
            .map(midnight)
            .with_context(|| format!("--day {day}: there is no day after it"))?;
        let bounds = Params::new().set("from", from).set("to", to);
        let (chain, routes) = shutdown::block_on(async {
            let analyzer = open(&config).await?;
            let mut params = bounds.clone().set("route", self.route.clone());
            for (name, value) in [("api", &self.api), ("stage", &self.stage)] {
                if let Some(value) = value {
                    params = params.set(name, value.clone());
                }
            }
            let chain = analyzer.report("explain-route", &params).await?;
            let routes = analyzer
                .report("cost-per-request-by-route", &bounds)
                .await?;
            Ok((chain, routes))
        })?;
        if chain.table.num_rows() == 0 {
            return Err(self.unknown(day, &routes.table).into());
        }
        if self.format != Format::Table {
            return Ok(print_table(&chain.table, self.format)?);
        }
        print(&tell(&chain.table, &routes.table, day))?;
        if let Some(as_of) = chain.coverage.as_of {
            say(&format!("As of {}.", as_of.format("%Y-%m-%d %H:%M:%S UTC")));
        }
        Ok(())
    }

    fn unknown(&self, day: NaiveDate, routes: &Table) -> Usage {
        let known: Vec<String> = routes
            .rows()
            .filter_map(|row| row.text("route").map(str::to_owned))
            .collect();
        let mut of = String::new();
        for (name, value) in [("API", &self.api), ("stage", &self.stage)] {
            if let Some(value) = value {
                let _ = write!(of, " of {name} {value}");
            }
        }
        Usage(if known.is_empty() {
            format!(
                "no route has a cost on {day} UTC: was that day collected? `millicent report coverage` tells"
            )
        } else {
            format!(
                "{}{of} has no cost on {day} UTC. Routes that have: {}",
                self.route,
                known.join(", ")
            )
        })
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key<'a>(row: &Row<'a>) -> Key<'a> {
    let text = |name| row.text(name).unwrap_or_default();
    (text("api"), text("stage"), text("route"))
}

/// The chain of every route in the table, each under its own heading.
fn tell(chain: &Table, routes: &Table, day: NaiveDate) -> String {
    let mut text = String::new();
    let mut current = None;
    let mut service = None;
    let mut line = None;
    for row in chain.rows() {
        let key = key(&row);
        if current != Some(key) {
            if current.is_some() {
                text.push('\n');
            }
            heading(&mut text, key, routes, day);
            (current, service, line) = (Some(key), None, None);
        }
        if service != row.text("service") {
            service = row.text("service");
            line = None;
            let sum: f64 = chain
                .rows()
                .filter(|other| self::key(other) == key && other.text("service") == service)
                .filter_map(|other| other.f64("cost_usd"))
                .sum();
            let _ = writeln!(text, "\n{}  {}", service.unwrap_or("?"), usd(sum));
        }
        if line != row.text("usage_type") {
            line = row.text("usage_type");
            let _ = writeln!(
                text,
                "  {}, a line of {}",
                line.unwrap_or("without a usage type"),
                row.f64("line_usd")
                    .map_or_else(|| "unknown cost".to_owned(), usd)
            );
        }
        text.push_str(&part(&row));
    }
    text
}

fn heading(text: &mut String, (api, stage, route): Key<'_>, routes: &Table, day: NaiveDate) {
    let row = routes.rows().find(|row| key(row) == (api, stage, route));
    let of = |name| row.as_ref().and_then(|row| row.f64(name));
    let _ = write!(text, "{route} of {api}/{stage} on {day} UTC");
    if let Some(cost) = of("cost_usd") {
        let _ = write!(text, ": {}", usd(cost));
    }
    if let (Some(requests), Some(per_1000)) = (of("requests"), of("cost_per_1000_usd")) {
        let _ = write!(
            text,
            " for {requests:.0} requests, {} per 1,000",
            usd(per_1000)
        );
    }
    if of("cost_estimated").is_some_and(|share| share > 0.0) {
        text.push_str(", estimated until the bill settles");
    }
    text.push('\n');
}

/// One resource behind one line: usage × price = cost, and how it is known.
fn part(row: &Row<'_>) -> String {
    let resource = row.text("resource").unwrap_or("no resource");
    let cost = row.f64("cost_usd").map_or_else(String::new, usd);
    let how = match (
        row.f64("used"),
        row.f64("used_by_all"),
        row.f64("price_usd"),
    ) {
        (Some(used), Some(all), Some(price)) => format!(
            "{} of {} {} × ${price:.3e}",
            amount(used),
            amount(all),
            row.text("meter").unwrap_or("units")
        ),
        _ => "its part of the line".to_owned(),
    };
    format!(
        "    {cost:>10}  {resource}: {how}; {}\n",
        row.text("basis").unwrap_or("no basis is known")
    )
}

fn usd(value: f64) -> String {
    match value.abs() {
        small if small > 0.0 && small < 0.000_001 => format!("${value:.3e}"),
        small if small < 1.0 => format!("${value:.6}"),
        _ => format!("${value:.4}"),
    }
}

fn amount(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
