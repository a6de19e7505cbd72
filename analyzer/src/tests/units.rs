//! What calls and invocations use, by the services' own metrics: units of tables, bytes of log groups.

use std::collections::BTreeMap;

use millicent_lake::{CostLine, MetricPoint, Outcome, Rows, Span};

use crate::testing::{
    Trace, World, function, function_metric, line, log_bytes, requests, route, table_calls,
    table_units, window,
};

const DAY: (&str, &str) = ("2026-11-10 00:00", "2026-11-11 00:00");
const READS: &str = "ConsumedReadCapacityUnits";
const TABLES: &str = "Amazon DynamoDB";
const LOGS: &str = "AmazonCloudWatch";

/// The five minutes of the day, numbered from 0 to 287.
fn bins() -> impl Iterator<Item = (u32, String)> {
    (0..288).map(|bin| {
        let ts = format!("2026-11-10 {:02}:{:02}", bin / 12, bin % 12 * 5);
        (bin, ts)
    })
}

/// Requests of two routes in five minutes, one not following the other.
fn counts(bin: u32) -> (f64, f64) {
    (f64::from(20 + bin * 7 % 31), f64::from(20 + bin * 11 % 23))
}

/// Two routes whose functions call `Query` on one table once a request, each traced once an hour.
/// `units` gives the table's read units for their requests in five minutes, `calls` its calls.
async fn two_callers(
    requested: impl Fn(u32) -> (f64, f64),
    units: impl Fn(f64, f64) -> f64,
    calls: impl Fn(f64, f64) -> f64,
) -> World {
    let world = World::empty().await;
    let mut metrics = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for (bin, ts) in bins() {
        let (a, b) = requested(bin);
        metrics.push(requests("shop", Some("GET /a"), &ts, a));
        metrics.push(requests("shop", Some("GET /b"), &ts, b));
        metrics.push(table_units("items", READS, &ts, units(a, b)));
        metrics.push(table_calls("items", "Query", &ts, calls(a, b)));
        if bin % 12 == 0 {
            for (id, route) in [(2 * bin + 1, "GET /a"), (2 * bin + 2, "GET /b")] {
                let trace = Trace {
                    id,
                    api: "shop",
                    route,
                    function: "f",
                    ts: &ts,
                    ms: 10.0,
                    init_ms: None,
                    calls: &[("items", "Query")],
                };
                spans.extend(trace.spans());
            }
        }
    }
    world.add(Rows::Metrics(metrics)).await;
    world.add(Rows::Spans(spans)).await;
    world
}

/// Units and the ways in which they are known, by route; `-` is no route's.
async fn units(world: &World) -> BTreeMap<String, (f64, String)> {
    let sql = "select route, sum(units) as units, string_agg(distinct basis, '; ') as basis from table_usage group by route";
    let table = world.analyzer.sql(sql).await.unwrap();
    table
        .rows()
        .map(|row| {
            let text = |name| row.text(name).unwrap_or("-").to_owned();
            (text("route"), (row.f64("units").unwrap(), text("basis")))
        })
        .collect()
}

fn sums() -> (f64, f64) {
    bins().fold((0.0, 0.0), |(a, b), (bin, _)| {
        (a + counts(bin).0, b + counts(bin).1)
    })
}

fn near(found: f64, expected: f64, percent: f64) {
    let off = (found / expected - 1.0) * 100.0;
    assert!(off.abs() <= percent, "{found} for {expected}: {off:+.2}%");
}

#[tokio::test]
async fn routes_that_call_alike_are_told_apart_by_what_the_table_used() {
    let world = two_callers(counts, |a, b| 2.0 * a + 10.0 * b, |a, b| a + b).await;
    let found = units(&world).await;
    let (a, b) = sums();
    near(found["GET /a"].0, 2.0 * a, 2.0);
    near(found["GET /b"].0, 10.0 * b, 1.0);
    near(
        found["GET /a"].0 + found["GET /b"].0,
        2.0 * a + 10.0 * b,
        1e-9,
    );
    assert_eq!(found.len(), 2);
    for (units, basis) in found.values() {
        assert!(basis.contains("learnt"), "{units} {basis}");
    }
}

#[tokio::test]
async fn what_cannot_be_told_apart_is_taken_to_be_alike_and_says_so() {
    // One route follows the other, so nothing tells whose calls are the large ones.
    let together = |bin: u32| (counts(bin).0, 2.0 * counts(bin).0);
    let world = two_callers(together, |a, b| 2.0 * a + 10.0 * b, |a, b| a + b).await;
    let found = units(&world).await;
    let (a, _) = sums();
    near(found["GET /a"].0, 22.0 * a / 3.0, 5.0);
    near(found["GET /b"].0, 22.0 * a * 2.0 / 3.0, 5.0);
    assert!(found["GET /a"].1.contains("assumed"), "{found:?}");
}

#[tokio::test]
async fn calls_that_no_trace_shows_stay_visible() {
    // Somebody else calls the table twice as often as both routes together.
    let world = two_callers(counts, |a, b| 12.0 * (a + b), |a, b| 3.0 * (a + b)).await;
    let found = units(&world).await;
    let (a, b) = sums();
    near(found["GET /a"].0, 4.0 * a, 2.0);
    near(found["GET /b"].0, 4.0 * b, 2.0);
    near(found["-"].0, 8.0 * (a + b), 2.0);
    assert!(found["-"].1.contains("no trace shows"), "{found:?}");
}

#[tokio::test]
async fn an_operation_that_a_day_does_not_trace_goes_to_its_callers_of_other_days() {
    let world = two_callers(counts, |a, b| a + b, |a, b| a + b).await;
    let ts = "2026-11-12 09:00";
    let metrics = vec![
        requests("shop", Some("GET /a"), ts, 30.0),
        requests("shop", Some("GET /b"), ts, 10.0),
        table_units("items", READS, ts, 80.0),
        table_calls("items", "Query", ts, 40.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let sql = "select route, units from table_usage where date = '2026-11-12' order by route";
    let table = world.analyzer.sql(sql).await.unwrap();
    let found: Vec<_> = table
        .rows()
        .map(|row| {
            (
                row.text("route").unwrap().to_owned(),
                row.f64("units").unwrap(),
            )
        })
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    near(found[0].1, 60.0, 1.0);
    near(found[1].1, 20.0, 2.0);
}

#[tokio::test]
async fn units_of_an_index_are_its_tables() {
    let world = World::empty().await;
    let metrics = vec![
        table_units("items", READS, "2026-11-10 08:00", 3.0),
        table_units("items/index/by-name", READS, "2026-11-10 08:00", 4.0),
        table_calls("items", "Query", "2026-11-10 08:00", 2.0),
    ];
    world.add(Rows::Metrics(metrics)).await;
    let found = units(&world).await;
    assert_eq!(found["-"].0, 7.0);
}

/// The bill of the day, read so late that it is final.
async fn settle(world: &World, lines: Vec<CostLine>) {
    world.add(Rows::Costs(lines)).await;
    let read = window("cost", DAY.0, "2026-11-14 00:00", Outcome::Complete);
    world.add(Rows::Collections(vec![read])).await;
}

async fn costs(world: &World, service: &str) -> BTreeMap<String, (f64, String)> {
    let report = world
        .report("cost-by-route-and-service", DAY.0, DAY.1)
        .await;
    let rows = report.table.rows();
    rows.filter(|row| row.text("service") == Some(service))
        .map(|row| {
            let text = |name| row.text(name).unwrap_or("-").to_owned();
            (
                format!("{} {}", text("place"), text("route")),
                (row.f64("cost_usd").unwrap(), text("basis")),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_line_of_units_goes_as_far_as_units_were_counted() {
    let world = two_callers(counts, |a, b| 4.0 * (a + b), |a, b| a + b).await;
    let (a, b) = sums();
    let used = 4.0 * (a + b);
    let billed = (1.25 * used).to_string();
    let unit = line(
        DAY.0.split(' ').next().unwrap(),
        TABLES,
        "EUC1-ReadRequestUnits",
        "1",
        Some(&billed),
    );
    settle(&world, vec![unit]).await;
    let found = costs(&world, TABLES).await;
    near(found["route GET /a"].0, 0.8 * a / (a + b), 1.0);
    near(found["route GET /b"].0, 0.8 * b / (a + b), 1.0);
    near(found["unexplained -"].0, 0.2, 1e-6);
    assert_eq!(found["unexplained -"].1, "more was billed than was seen");
}

/// `own` has one route, `shared` has two with three calls to one, `job` has none.
fn loggers() -> Vec<MetricPoint> {
    let ts = "2026-11-10 08:00";
    let mut metrics = vec![
        requests("shop", Some("GET /own"), ts, 10.0),
        requests("shop", Some("GET /a"), ts, 30.0),
        requests("shop", Some("GET /b"), ts, 10.0),
    ];
    for (function, count) in [("own", 10.0), ("shared", 40.0), ("job", 5.0)] {
        metrics.push(function_metric(function, "Invocations", ts, count));
        metrics.push(function_metric(function, "Duration", ts, count * 10.0));
    }
    metrics
}

async fn logging() -> World {
    let world = World::empty().await;
    let mut spans = Vec::new();
    for (id, route) in [(1, "GET /a"), (2, "GET /b")] {
        let trace = Trace {
            id,
            api: "shop",
            route,
            function: "shared",
            ts: "2026-11-10 08:01",
            ms: 10.0,
            init_ms: None,
            calls: &[],
        };
        spans.extend(trace.spans());
    }
    world.add(Rows::Spans(spans)).await;
    world.add(Rows::Metrics(loggers())).await;
    let found = vec![
        function("own", "2026-11-09 00:00", "128"),
        route("shop", "GET /own", "own"),
        route("shop", "GET /a", "shared"),
        route("shop", "GET /b", "shared"),
    ];
    world.add(Rows::Resources(found)).await;
    let day = DAY.0.split(' ').next().unwrap();
    let logs = line(
        day,
        LOGS,
        "EUC1-DataProcessing-Bytes",
        "1",
        Some("0.000001"),
    );
    settle(&world, vec![logs]).await;
    world
}

#[tokio::test]
async fn log_bytes_are_those_of_each_group() {
    let world = logging().await;
    let groups = [
        ("/aws/lambda/own", 100.0),
        ("/aws/lambda/shared", 800.0),
        ("/aws/lambda/job", 60.0),
        ("/aws/apigateway/welcome", 40.0),
    ];
    let rows = groups.map(|(group, bytes)| log_bytes(group, "2026-11-10 08:00", bytes));
    world.add(Rows::Metrics(rows.to_vec())).await;
    let found = costs(&world, LOGS).await;
    near(found["route GET /own"].0, 0.1, 1e-6);
    near(found["route GET /a"].0, 0.6, 1e-6);
    near(found["route GET /b"].0, 0.2, 1e-6);
    near(found["not split -"].0, 0.1, 1e-6);
    assert!(
        found["not split -"].1.contains("of no function"),
        "{found:?}"
    );
    assert!(
        found["route GET /own"]
            .1
            .starts_with("bytes counted by CloudWatch")
    );
    let groups = "select distinct resource from bill_shares where service = 'AmazonCloudWatch' order by resource";
    let groups = world.analyzer.sql(groups).await.unwrap();
    assert_eq!(groups.num_rows(), 4, "by group");
}

#[tokio::test]
async fn without_metrics_of_logs_invocations_stand_in() {
    let world = logging().await;
    let found = costs(&world, LOGS).await;
    near(found["route GET /own"].0, 10.0 / 55.0, 1e-6);
    near(found["route GET /a"].0, 30.0 / 55.0, 1e-6);
    near(found["not split -"].0, 5.0 / 55.0, 1e-6);
    assert_eq!(
        found["route GET /a"].1,
        "invocations, each taken to log as much"
    );
}
