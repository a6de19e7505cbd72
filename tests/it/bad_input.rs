//! Bad input: a clear message, the right exit code, and nothing lost.

use std::process::Command;

use chrono::TimeDelta;
use millicent_simulator::faults::{Fault, Rule};
use millicent_simulator::server::service::Service;
use millicent_simulator::{SimConfig, World};

use crate::account::Account;
use crate::binary::Place;

/// An account that lives now, a day old and small.
fn small_account() -> Account {
    let now = chrono::Utc::now();
    let mut config = SimConfig::new(5, now - TimeDelta::days(1), now);
    config.scale = 0.1;
    config.bill_lag_hours = 0;
    Account::serve(World::new(config))
}

/// The outcomes of a source's windows, distinct and in order.
fn outcomes(place: &Place, source: &str) -> String {
    place.ask(&format!(
        "SELECT string_agg(outcome, ' ' ORDER BY outcome) FROM (SELECT DISTINCT outcome FROM collections WHERE source = '{source}')"
    ))
}

#[test]
fn an_unknown_key_names_the_line_and_what_is_allowed() {
    let place = Place::new();
    place.configure("[aws]\nregion = \"eu-central-1\"\n\n[collect]\nfreshnes = \"5m\"\n");
    place.run(&["collect", "--once"]).expect(
        2,
        &[
            "millicent.toml",
            "line 5",
            "freshnes",
            "freshness",
            "history",
            "budget_usd_per_day",
        ],
    );
}

#[test]
fn a_wrong_type_names_the_key_and_what_is_allowed() {
    let place = Place::new();
    place.configure("[collect]\nhistory = 14\n");
    place
        .run(&["collect", "--once"])
        .expect(2, &["line 2", "history", "14d"]);
    place.configure("[web]\nlisten = \"0.0.0.0:8080\"\n");
    place
        .run(&["serve"])
        .expect(2, &["line 2", "listen", "allow_remote"]);
}

#[test]
fn without_credentials_it_says_how_to_give_them() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    let mut command = place.command(&["collect", "--once"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    let run: crate::binary::Run = command.output().expect("it runs").into();
    run.expect(1, &["credentials", "AWS_ACCESS_KEY_ID", "profile"]);
}

#[test]
fn an_endpoint_that_refuses_is_named() {
    let place = Place::new();
    place.configure_endpoint("http://127.0.0.1:1", "1d");
    place
        .run(&["collect", "--once"])
        .expect(1, &["http://127.0.0.1:1"]);
}

#[test]
fn throttling_costs_its_own_windows_only_and_is_made_up_for() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    account
        .handle
        .set_faults(vec![Rule::always(Service::CloudWatch, Fault::Throttle)]);
    place
        .run(&["collect", "--once"])
        .expect(1, &["metrics", "throttled"]);
    assert_eq!(outcomes(&place, "lambda-metrics"), "throttled");
    assert_eq!(outcomes(&place, "traces"), "complete");
    assert_eq!(outcomes(&place, "cost"), "complete");
    assert_eq!(
        place.ask("SELECT count(*) FROM metrics"),
        "0",
        "missing is not zero"
    );
    let pages = place.run(&["report", "coverage", "--last", "1d", "--format", "csv"]);
    pages.expect(0, &["throttled"]);

    account.handle.set_faults(Vec::new());
    place.run(&["collect", "--once"]).expect(0, &[]);
    assert_ne!(place.ask("SELECT count(*) FROM metrics"), "0");
}

#[test]
fn a_denied_api_names_the_permission_and_the_others_go_on() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    account
        .handle
        .set_faults(vec![Rule::always(Service::CostExplorer, Fault::Deny)]);
    place
        .run(&["collect", "--once"])
        .expect(1, &["cost", "denied", "ce:GetCostAndUsage"]);
    assert_eq!(outcomes(&place, "cost"), "denied");
    assert_eq!(outcomes(&place, "apigateway-metrics"), "complete");
    assert_eq!(place.ask("SELECT count(*) FROM costs"), "0");
}

#[test]
fn a_truncated_body_is_never_half_a_window() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    account
        .handle
        .set_faults(vec![Rule::always(Service::XRay, Fault::Truncate)]);
    place.run(&["collect", "--once"]).expect(1, &["traces"]);
    assert_ne!(outcomes(&place, "traces"), "complete");
    assert_eq!(outcomes(&place, "lambda-metrics"), "complete");
}

#[test]
fn a_full_disk_says_so_and_the_lake_stays_readable() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    std::fs::create_dir(place.lake()).expect("a folder");
    // A file system of 400 KiB in a mount namespace of its own; the lake is read within it too.
    let script = format!(
        "mount -t tmpfs -o size=400k tmpfs '{lake}' && '{bin}' collect --once; echo \"exit $?\"; \
         '{bin}' sql --format csv 'SELECT count(*) >= 0 FROM collections'",
        lake = place.lake().display(),
        bin = env!("CARGO_BIN_EXE_millicent"),
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    place.prepare(&mut command);
    let run: crate::binary::Run = command.output().expect("unshare of util-linux").into();
    run.expect(0, &["exit 1", "no space is left", "true"]);
}

#[test]
fn a_lake_of_a_newer_schema_is_left_alone() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    place.run(&["collect", "--once"]).expect(0, &[]);
    let log = place
        .lake()
        .join("metrics/_delta_log/00000000000000000000.json");
    let text = std::fs::read_to_string(&log).expect("the first commit");
    let newer = text.replace(
        "\"millicent.schemaVersion\":\"1\"",
        "\"millicent.schemaVersion\":\"99\"",
    );
    assert_ne!(text, newer, "the version is a property of the table");
    std::fs::write(&log, &newer).expect("a newer lake");
    for arguments in [&["collect", "--once"][..], &["sql", "SELECT 1"]] {
        place
            .run(arguments)
            .expect(1, &["99", "newer", "Millicent"]);
    }
}

#[test]
fn sql_neither_writes_nor_reads_files() {
    let account = small_account();
    let place = Place::new();
    place.configure_endpoint(&account.handle.url(), "1d");
    place.run(&["collect", "--once"]).expect(0, &[]);
    let before = place.ask("SELECT count(*) FROM metrics");
    for sql in [
        "DELETE FROM metrics",
        "DROP TABLE metrics",
        "INSERT INTO costs SELECT * FROM costs",
        "CREATE TABLE t AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY metrics TO 'metrics.parquet'",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let run = place.run(&["sql", sql]);
        assert_ne!(run.code, Some(0), "{sql}: {run:#?}");
        run.expect(run.code.unwrap_or_default(), &["read"]);
    }
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
    ] {
        let run = place.run(&["sql", sql]);
        assert_ne!(run.code, Some(0), "{sql}: {run:#?}");
        assert!(!run.stdout.contains("root:"), "{run:#?}");
    }
    assert_eq!(place.ask("SELECT count(*) FROM metrics"), before);
}
