//! Several accounts and regions from one configuration, against a simulated organisation.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use millicent_simulator::faults::{Fault, Rule};
use millicent_simulator::organisation::{EXTERNAL_ID, SECOND_ACCOUNT};
use millicent_simulator::server::service::Service;
use millicent_simulator::{Organisation, SimConfig, World};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::account::Account;
use crate::binary::Place;

const SOURCES: [&str; 3] = ["discovery", "lambda-metrics", "cost"];

/// Two accounts, of which the first has two regions; two days old and small.
struct Shops {
    account: Account,
    worlds: Vec<Arc<World>>,
    home: String,
    now: DateTime<Utc>,
}

impl Shops {
    fn open() -> Shops {
        let now = Utc::now();
        let mut config = SimConfig::new(7, now - TimeDelta::days(2), now);
        config.scale = 0.05;
        config.bill_lag_hours = 0;
        let organisation = Organisation::shops(&config);
        let members = organisation.accounts().iter();
        let worlds = members.flat_map(|member| member.worlds().to_vec());
        Shops {
            worlds: worlds.collect(),
            home: config.account_id,
            account: Account::serve_all(organisation),
            now,
        }
    }

    fn configure(&self, place: &Place, external_id: &str) {
        let sources = SOURCES.map(|source| format!("\"{source}\"")).join(", ");
        place.configure(&format!(
            "[aws]\nregion = \"eu-central-1\"\nendpoint_url = \"{}\"\n\
             [collect]\nhistory = \"6h\"\nsources = [{sources}]\n\
             [[accounts]]\nname = \"home\"\nregions = [\"eu-central-1\", \"us-east-1\"]\n\
             [[accounts]]\nname = \"second\"\nrole_arn = \"arn:aws:iam::{SECOND_ACCOUNT}:role/millicent\"\n\
             external_id = \"{external_id}\"\n",
            self.account.handle.url()
        ));
    }

    /// Whole hours that stand still, and lie within the history.
    fn hours(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let hour = self
            .now
            .duration_trunc(TimeDelta::hours(1))
            .expect("an hour");
        (hour - TimeDelta::hours(5), hour - TimeDelta::hours(1))
    }

    /// The last whole day of the bill.
    fn day(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let midnight = self.now.duration_trunc(TimeDelta::days(1)).expect("a day");
        (midnight - TimeDelta::days(1), midnight)
    }

    /// What a lake has to have of those accounts: invocations by function, and the bill by account.
    fn truth(&self, accounts: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        let worlds = self.worlds.iter();
        for world in worlds.filter(|world| accounts.contains(&&*world.config().account_id)) {
            let (account_id, region) = (&world.config().account_id, &world.config().region);
            let (from, to) = self.hours();
            for function in world.truth(from, to).functions {
                let name = format!("{account_id} {region} {}", function.name);
                ledger.add(name, Decimal::from(function.invocations));
            }
            let (from, to) = self.day();
            for line in world
                .bill()
                .lines(from.date_naive(), to.date_naive(), self.now)
            {
                ledger.add(
                    account_id.clone(),
                    Decimal::from_i128_with_scale(line.cost.0, 12),
                );
            }
        }
        ledger
    }

    /// What an account's windows came to, by source, as far as they are of the hours and the day that
    /// are compared.
    fn outcomes(&self, place: &Place, account_id: &str) -> [String; 3] {
        let (hours, day) = (self.hours().0.to_rfc3339(), self.day().0.to_rfc3339());
        let told = place.ask(&format!(
            "SELECT string_agg(outcome, ' ' ORDER BY source, outcome) FROM (SELECT DISTINCT source, outcome FROM collections \
             WHERE account_id = '{account_id}' AND window_end > arrow_cast(CASE source WHEN 'cost' THEN '{day}' ELSE '{hours}' END, 'Timestamp(Microsecond, Some(\"UTC\"))'))"
        ));
        let mut outcomes = told.split(' ').map(str::to_owned);
        let mut next = || outcomes.next().unwrap_or_default();
        let three = [next(), next(), next()];
        assert_eq!(outcomes.next(), None, "{told}");
        three
    }

    /// What it has.
    fn ledger(&self, place: &Place) -> Ledger {
        let within = |(from, to): (DateTime<Utc>, DateTime<Utc>)| {
            format!(
                "ts >= '{}' AND ts < '{}'",
                from.to_rfc3339(),
                to.to_rfc3339()
            )
        };
        let rows = place.run(&["sql", "--format", "csv", &format!(
            "SELECT account_id || ' ' || region || ' ' || resource AS what, CAST(sum(sum) AS BIGINT) || '' AS value \
             FROM metrics WHERE metric = 'Invocations' AND {} GROUP BY account_id, region, resource \
             UNION ALL SELECT account_id, sum(cost_usd) || '' FROM costs WHERE {} GROUP BY account_id",
            within(self.hours()),
            within(self.day()),
        )]);
        rows.expect(0, &[]);
        let mut ledger = Ledger::default();
        for row in rows.stdout.lines().skip(1) {
            let (what, value) = row.split_once(',').expect("two columns");
            ledger.add(what.to_owned(), value.parse().expect("a number"));
        }
        ledger
    }
}

/// Numbers by what they are of; what comes to nothing is as if it were not there.
#[derive(Debug, Default, PartialEq)]
struct Ledger(BTreeMap<String, Decimal>);

impl Ledger {
    fn add(&mut self, what: String, value: Decimal) {
        if !value.is_zero() {
            *self.0.entry(what).or_default() += value;
        }
    }
}

#[test]
fn every_account_and_region_is_collected_and_every_bill_once() {
    let shops = Shops::open();
    let place = Place::new();
    shops.configure(&place, EXTERNAL_ID);
    let run = place.run(&["collect", "--once"]);
    run.expect(0, &["second", "us-east-1"]);
    assert!(!run.stderr.contains(EXTERNAL_ID), "{run:#?}");
    let truth = shops.truth(&[&shops.home, SECOND_ACCOUNT]);
    assert!(truth.0.len() > 40, "{truth:#?}");
    assert_eq!(shops.ledger(&place), truth);

    // Every line of both bills goes somewhere, and nothing of them twice.
    let (from, to) = shops.day();
    let range =
        [("from", from), ("to", to)].map(|(name, at)| format!("{name}={}", at.to_rfc3339()));
    let [from, to] = &range;
    let report = [
        "report",
        "reconciliation",
        "--format",
        "json",
        "--param",
        from,
        "--param",
        to,
    ];
    let reconciled = place.run(&report);
    reconciled.expect(0, &[]);
    let reconciled: Value = serde_json::from_str(&reconciled.stdout).expect("JSON");
    let lines = reconciled.as_array().expect("lines");
    let mut sum = Decimal::ZERO;
    for line in lines {
        let part = |name: &str| {
            let amount = line[name].as_str().expect("an amount");
            amount.parse::<Decimal>().expect("a decimal")
        };
        let placed = part("to_routes_usd") + part("to_triggers_usd");
        let parts = placed + part("not_split_usd") + part("unexplained_usd");
        assert_eq!(parts, part("billed_usd"), "{line:?}");
        sum += parts;
    }
    assert_eq!(sum, truth.0[&shops.home] + truth.0[SECOND_ACCOUNT]);

    // Again, as a timer would.
    place.run(&["collect", "--once"]).expect(0, &[]);
    assert_eq!(shops.ledger(&place), truth);
}

#[test]
fn a_role_that_is_refused_holds_up_no_other_account() {
    let shops = Shops::open();
    let place = Place::new();
    shops.configure(&place, "not-it");
    let run = place.run(&["collect", "--once"]);
    run.expect(
        1,
        &["second", "role/millicent", "external id", "not reached"],
    );
    assert!(
        !run.stderr.contains("not-it") && !run.stdout.contains("not-it"),
        "{run:#?}"
    );
    assert_eq!(shops.outcomes(&place, &shops.home), ["complete"; 3]);
    assert_eq!(shops.outcomes(&place, SECOND_ACCOUNT), ["denied"; 3]);
    assert_eq!(shops.ledger(&place), shops.truth(&[&shops.home]));

    // Who grants it gets all that was missed, and nothing twice.
    shops.configure(&place, EXTERNAL_ID);
    place.run(&["collect", "--once"]).expect(0, &[]);
    assert_eq!(shops.outcomes(&place, SECOND_ACCOUNT), ["complete"; 3]);
    assert_eq!(
        shops.ledger(&place),
        shops.truth(&[&shops.home, SECOND_ACCOUNT])
    );
}

#[test]
fn an_account_that_is_throttled_costs_its_own_windows_only() {
    let shops = Shops::open();
    let handle = &shops.account.handle;
    handle.set_faults_of(
        SECOND_ACCOUNT,
        vec![Rule::always(Service::CloudWatch, Fault::Throttle)],
    );
    let place = Place::new();
    shops.configure(&place, EXTERNAL_ID);
    place
        .run(&["collect", "--once"])
        .expect(1, &["second eu-central-1: lambda-metrics"]);
    assert_eq!(shops.outcomes(&place, &shops.home), ["complete"; 3]);
    // Of the cost, the inventory and the metrics.
    let of_second = ["complete", "complete", "throttled"];
    assert_eq!(shops.outcomes(&place, SECOND_ACCOUNT), of_second);
    let mut truth = shops.truth(&[&shops.home, SECOND_ACCOUNT]);
    let metrics_of_second = format!("{SECOND_ACCOUNT} ");
    truth
        .0
        .retain(|what, _| !what.starts_with(&metrics_of_second));
    assert_eq!(shops.ledger(&place), truth);
}

#[test]
fn a_part_of_the_past_is_collected_on_request_and_its_price_refused_beyond_the_budget() {
    let shops = Shops::open();
    let place = Place::new();
    shops.configure(&place, EXTERNAL_ID);
    let text = std::fs::read_to_string(place.path().join("millicent.toml")).expect("a file");
    place.configure(&text.replace("[collect]\n", "[collect]\nbudget_usd_per_day = 0.001\n"));
    let part = ["collect", "--since", "14h", "--until", "8h"];
    place.run(&part).expect(2, &["budget has $0", "--yes"]);
    assert_eq!(place.ask("SELECT count(*) FROM collections"), "0");

    place.configure(&text.replace(", \"cost\"", ""));
    place.run(&part).expect(0, &["windows"]);
    let hours = "SELECT CAST(date_part('epoch', max(window_end) - min(ts)) / 3600 AS BIGINT) FROM collections \
                 WHERE source = 'lambda-metrics'";
    assert_eq!(place.ask(hours), "6");
    let invocations = "SELECT CAST(sum(sum) AS BIGINT) FROM metrics WHERE metric = 'Invocations' AND \
                       ts < (SELECT max(window_end) FROM collections WHERE source = 'lambda-metrics')";
    let hour = shops.hours().1 + TimeDelta::hours(1);
    let (from, to) = (hour - TimeDelta::hours(14), hour - TimeDelta::hours(8));
    let worlds = shops.worlds.iter();
    let functions = worlds.flat_map(|world| world.truth(from, to).functions);
    let true_invocations: u64 = functions.map(|function| function.invocations).sum();
    assert_eq!(place.ask(invocations), true_invocations.to_string());
}
