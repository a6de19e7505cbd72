use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Queries, handle};
use crate::aws_errors::AwsError;
use crate::metrics::events::{Event, visit};
use crate::server::ask::Ask;
use crate::server::service::{Call, Service, Wire};
use crate::{SimConfig, World};

const TEXT: &str = "filter @type = \"REPORT\" | parse @message /Restore Duration: (?<restored>[0-9.]+) ms/ \
    | stats count(*) as reports, sum(@billedDuration) as billed_ms, count(@initDuration) as inits, \
    count(restored) as restores, max(@initDuration) as longest, pct(@duration, 50) as half by @log, bin(5m)";
const JSON: &str = "filter type = \"platform.report\" | stats count(*) as reports, \
    sum(record.metrics.billedDurationMs) as billed_ms, count(record.metrics.initDurationMs) as inits, \
    count(record.metrics.restoreDurationMs) as restores by @log, bin(5m)";

fn world() -> Arc<World> {
    let anchor: DateTime<Utc> = "2026-03-12T12:00:00Z".parse().unwrap();
    World::new(SimConfig::new(11, anchor - TimeDelta::days(2), anchor))
}

fn ask(world: &World, queries: &Queries, operation: &str, body: Value) -> Result<Value, AwsError> {
    let call = Call {
        service: Service::Logs,
        operation: operation.to_owned(),
        wire: Wire::Json11,
    };
    let body = body.to_string();
    let answer = handle(
        &Ask {
            world,
            elsewhere: &[],
            caller: &Default::default(),
            range: None,
            call: &call,
            now: world.now(),
            lag_minutes: 0,
            page_size: None,
            path: "/",
            query: "",
            body: body.as_bytes(),
            request_id: "",
        },
        queries,
    )?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

/// The complete answer of a query over all groups.
fn complete(world: &World, text: &str, start: i64, end: i64) -> Value {
    let queries = Queries::default();
    let groups: Vec<String> = world
        .estate()
        .log_groups()
        .into_iter()
        .map(|g| g.name)
        .collect();
    let input =
        json!({ "logGroupNames": groups, "startTime": start, "endTime": end, "queryString": text });
    let id = ask(world, &queries, "StartQuery", input).unwrap()["queryId"].clone();
    let look = || ask(world, &queries, "GetQueryResults", json!({ "queryId": id })).unwrap();
    let first = look();
    assert_eq!(
        (&first["status"], &first["results"]),
        (&json!("Running"), &json!([]))
    );
    let second = look();
    assert_eq!(second["status"], "Complete");
    assert_eq!(second, look(), "an answer stays");
    second
}

fn rows(answer: &Value) -> Vec<BTreeMap<String, String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = answer["results"].as_array().unwrap().iter();
    rows.map(|row| {
        let fields = row.as_array().unwrap().iter();
        fields
            .map(|field| (text(&field["field"]), text(&field["value"])))
            .collect()
    })
    .collect()
}

/// Reports, billed milliseconds, initialisations and restorations, by group and five minutes.
type Counted = BTreeMap<(String, String), [u64; 4]>;

#[test]
fn reports_are_those_of_the_invocations_that_ended_in_the_time() {
    let world = world();
    let end = world.now().timestamp() - 3_600;
    let start = end - 1_800;
    let mut expected = Counted::new();
    let (mut bytes, mut longest) = (0, BTreeMap::<String, f64>::new());
    for minute in start / 60 - 10..=end / 60 {
        for work in world.minute(minute).all() {
            visit(work, &mut |_, event| {
                let Event::Invocation(invocation) = event else {
                    return;
                };
                let ended = invocation.end() / 1_000_000;
                // The end is in the time, but not the rest of its second.
                let (first, last) = (start * 1_000, end * 1_000);
                let milliseconds = invocation.end() / 1_000;
                if invocation.throttled || milliseconds < first || milliseconds > last {
                    return;
                }
                bytes += invocation.log_bytes;
                let group = world.estate().function(invocation.function).log_group();
                let bin = DateTime::from_timestamp(ended / 300 * 300, 0).unwrap();
                let bin = bin.format("%Y-%m-%d %H:%M:%S.000").to_string();
                let counted = expected.entry((group.clone(), bin)).or_default();
                let restored = world.estate().function(invocation.function).snap_start;
                counted[0] += 1;
                counted[1] += invocation.billed_ms();
                if invocation.init_us.is_some() {
                    counted[2 + usize::from(restored)] += 1;
                }
                if let Some(init) = invocation.init_us.filter(|_| !restored) {
                    let most = longest.entry(group).or_default();
                    *most = most.max(init as f64 / 1_000.0);
                }
            });
        }
    }
    let (text, json) = (
        complete(&world, TEXT, start, end),
        complete(&world, JSON, start, end),
    );
    let mut told = Counted::new();
    let mut told_longest = BTreeMap::<String, f64>::new();
    for row in rows(&text).into_iter().chain(rows(&json)) {
        let number = |name: &str| row[name].parse::<u64>().unwrap();
        let group = row["@log"]
            .strip_prefix("123456789012:")
            .unwrap()
            .to_owned();
        if let Some(most) = row.get("longest") {
            let entry = told_longest.entry(group.clone()).or_default();
            *entry = entry.max(most.parse().unwrap());
        }
        let counted = ["reports", "billed_ms", "inits", "restores"].map(number);
        told.insert((group, row["bin(5m)"].clone()), counted);
    }
    assert_eq!(told, expected);
    let restores: u64 = expected.values().map(|counted| counted[3]).sum();
    assert!(restores > 0, "a snapshot was restored");
    longest.retain(|group, _| !group.contains("storefront") && !group.contains("price"));
    assert_eq!(told_longest, longest);
    for answer in [&text, &json] {
        assert_eq!(
            answer["statistics"]["bytesScanned"], bytes as f64,
            "a filter saves nothing"
        );
    }
    let matched = |answer: &Value| answer["statistics"]["recordsMatched"].as_f64().unwrap();
    let reports: u64 = expected.values().map(|counted| counted[0]).sum();
    assert_eq!(matched(&text) + matched(&json), reports as f64);
    assert!(matched(&json) > 0.0, "some functions log in JSON");
}

#[test]
fn what_has_not_ended_yet_is_not_there() {
    let world = world();
    let now = world.now().timestamp();
    let counted = |answer: &Value| answer["statistics"]["recordsMatched"].clone();
    let until_now = complete(&world, TEXT, now - 600, now);
    let and_later = complete(&world, TEXT, now - 600, now + 600);
    assert_eq!(counted(&until_now), counted(&and_later));
}

#[test]
fn wrong_queries_are_refused_with_their_own_errors() {
    let world = world();
    let now = world.now().timestamp();
    let group = "/aws/lambda/shop-cart";
    let code = |more: Value| {
        let mut input = json!({ "logGroupName": group, "startTime": now - 60, "endTime": now, "queryString": TEXT });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        ask(&world, &Queries::default(), "StartQuery", input)
            .map_or_else(|e| e.code, |_| String::new())
    };
    assert_eq!(code(json!({})), "");
    assert_eq!(
        code(json!({ "queryString": "fields @message" })),
        "MalformedQueryException"
    );
    assert_eq!(
        code(json!({ "logGroupName": "/nothing" })),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(json!({ "logGroupNames": [group] })),
        "InvalidParameterException"
    );
    let many: Vec<&str> = vec![group; 51];
    assert_eq!(
        code(json!({ "logGroupName": null, "logGroupNames": many })),
        "InvalidParameterException"
    );
    assert_eq!(
        code(json!({ "startTime": now * 1_000, "endTime": now * 1_000 })),
        "InvalidParameterException"
    );
    assert_eq!(
        code(json!({ "startTime": 0, "endTime": 1_000_000_000 })),
        "MalformedQueryException"
    );
    let queries = Queries::default();
    let unknown = ask(
        &world,
        &queries,
        "GetQueryResults",
        json!({ "queryId": "x" }),
    )
    .unwrap_err();
    assert_eq!(unknown.code, "ResourceNotFoundException");
    let input = json!({ "logGroupIdentifiers": [format!("arn:aws:logs:eu-central-1:123456789012:log-group:{group}")],
        "startTime": now - 60, "endTime": now, "queryString": TEXT });
    let id = ask(&world, &queries, "StartQuery", input).unwrap();
    assert_eq!(
        ask(&world, &queries, "StopQuery", id.clone()).unwrap(),
        json!({ "success": true })
    );
    assert_eq!(
        ask(&world, &queries, "GetQueryResults", id).unwrap()["status"],
        "Cancelled"
    );
}
