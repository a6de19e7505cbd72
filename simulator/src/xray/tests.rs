use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::conformance::{self, breaches};
use super::filter::Filter;
use super::ids;
use super::trace::Trace;
use crate::aws_errors::AwsError;
use crate::model::Request;
use crate::server::ask::Ask;
use crate::server::service::{Call, Service, Wire};
use crate::{SimConfig, World};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn world() -> Arc<World> {
    let anchor = at("2026-03-12T12:00:00Z");
    World::new(SimConfig::new(11, anchor - TimeDelta::days(5), anchor))
}

/// Answers an operation at a time, with pages of a size.
fn ask(
    world: &World,
    operation: &str,
    body: &Value,
    lag_minutes: i64,
    page_size: Option<u32>,
) -> Result<Value, AwsError> {
    let call = Call {
        service: Service::XRay,
        operation: operation.to_owned(),
        wire: Wire::RestJson,
    };
    let body = body.to_string();
    let answer = super::handle(&Ask {
        world,
        call: &call,
        now: world.now() - TimeDelta::minutes(lag_minutes),
        lag_minutes: lag_minutes as u32,
        page_size,
        path: "",
        query: "",
        body: body.as_bytes(),
        request_id: "",
    })?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn window(hours_ago: i64, minutes: i64, more: Value) -> Value {
    let start = world().now() - TimeDelta::hours(hours_ago);
    let mut body = json!({
        "StartTime": start.timestamp(),
        "EndTime": (start + TimeDelta::minutes(minutes)).timestamp(),
        "TimeRangeType": "TraceId",
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// Every summary of a question, and the number of pages and of empty pages it took.
fn all_summaries(
    world: &World,
    body: &Value,
    page_size: Option<u32>,
) -> (Vec<Value>, usize, usize) {
    let (mut body, mut found, mut pages, mut empty) = (body.clone(), Vec::new(), 0, 0);
    loop {
        let page = ask(world, "GetTraceSummaries", &body, 0, page_size).unwrap();
        let items = page["TraceSummaries"].as_array().unwrap();
        pages += 1;
        empty += usize::from(items.is_empty());
        found.extend(items.iter().cloned());
        match page.get("NextToken") {
            Some(token) => body["NextToken"] = token.clone(),
            None => return (found, pages, empty),
        }
    }
}

fn traced(world: &World, hours_ago: i64, minutes: i64) -> Vec<Request> {
    let first = (world.now() - TimeDelta::hours(hours_ago)).timestamp() / 60;
    (first..first + minutes)
        .flat_map(|minute| world.minute(minute).requests.clone())
        .filter(|request| request.sampled)
        .collect()
}

fn documents(trace: &Trace) -> Vec<Value> {
    trace
        .segments
        .iter()
        .map(|s| serde_json::from_str(&s.document(&trace.id)).unwrap())
        .collect()
}

/// The documents of every real trace, by file.
fn real_traces() -> BTreeMap<String, Vec<Vec<Value>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/xray");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            let traces = values
                .flat_map(|value| traces_in(&value.unwrap()))
                .collect();
            found.insert(
                path.file_name().unwrap().to_string_lossy().into_owned(),
                traces,
            );
        }
    }
    found
}

/// A file holds traces as `BatchGetTraces` answers them, or single documents.
fn traces_in(value: &Value) -> Vec<Vec<Value>> {
    let document = |segment: &Value| match &segment["Document"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        Value::Null => segment.clone(),
        other => other.clone(),
    };
    match value {
        Value::Array(items) => items.iter().map(|item| vec![item.clone()]).collect(),
        trace => vec![
            trace["Segments"]
                .as_array()
                .unwrap()
                .iter()
                .map(document)
                .collect(),
        ],
    }
}

#[test]
fn every_real_sample_conforms() {
    let real = real_traces();
    assert_eq!(
        real.values().flatten().flatten().count(),
        131,
        "documents in the samples"
    );
    for (file, traces) in &real {
        // The authors of these changed ids and times by hand.
        if file == "iatk_trace_test_segments.json" {
            continue;
        }
        for trace in traces {
            assert_eq!(breaches(trace), Vec::<String>::new(), "{file}");
        }
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let world = world();
    let request = traced(&world, 2, 5)
        .into_iter()
        .find(|r| !r.invocation.calls.is_empty() && r.status < 300)
        .unwrap();
    let good = documents(&Trace::of(&request, world.estate()));
    assert_eq!(breaches(&good), Vec::<String>::new());
    let broken = |edit: &dyn Fn(&mut Vec<Value>)| {
        let mut documents = good.clone();
        edit(&mut documents);
        breaches(&documents)
    };
    assert_ne!(broken(&|d| d[0]["id"] = "x".into()), Vec::<String>::new());
    assert_ne!(
        broken(&|d| d[0]["colour"] = "red".into()),
        Vec::<String>::new()
    );
    assert_ne!(
        broken(&|d| d[2]["end_time"] = 1.0.into()),
        Vec::<String>::new()
    );
    assert_ne!(
        broken(&|d| d[2]["id"] = d[0]["id"].clone()),
        Vec::<String>::new()
    );
    let inferred = good.iter().position(|d| d["inferred"] == true).unwrap();
    assert_ne!(
        broken(&|d| d[inferred]["http"]["response"]["status"] = 500.into()),
        Vec::<String>::new()
    );
    assert_ne!(
        broken(&|d| drop(d[0].as_object_mut().unwrap().remove("annotations"))),
        Vec::<String>::new()
    );
}

#[test]
fn every_generated_trace_conforms() {
    let world = world();
    // Around the deploy, in the burst and in the runaway loop, beside quiet hours.
    let mut seen = BTreeSet::new();
    let mut requests = traced(&world, 2, 60);
    requests.extend(traced(&world, 48, 30));
    requests.extend(traced(&world, 74, 60));
    assert!(requests.len() > 2_000, "{}", requests.len());
    for request in &requests {
        let trace = Trace::of(request, world.estate());
        let documents = documents(&trace);
        assert_eq!(breaches(&documents), Vec::<String>::new(), "{}", trace.id);
        for document in &documents {
            seen.extend(conformance::paths(document));
        }
    }
    for path in [
        "AWS::ApiGateway::Stage.aws.api_gateway.rest_api_id",
        "AWS::Lambda::Function/Initialization.aws.function_arn",
        "AWS::Lambda::Function/Init.start_time",
        "AWS::Lambda::Function/Invocation/DynamoDB.aws.table_name",
        "AWS::Lambda::Function/DynamoDB.aws.table_name",
        "AWS::Lambda::Function.annotations.aws:responseLatency",
        "AWS::Lambda::Function/Invocation/DynamoDB.cause.exceptions.message",
        "AWS::Lambda/Attempt #1.http.response.status",
        "AWS::Lambda/Dwell Time.in_progress",
        "AWS::Lambda.throttle",
        "AWS::S3::Bucket.aws.bucket_name",
    ] {
        assert!(seen.contains(path), "no document has {path}");
    }
}

#[test]
fn what_is_made_has_the_fields_that_real_documents_have() {
    let world = world();
    let mut made = BTreeSet::new();
    for request in traced(&world, 2, 60) {
        for document in documents(&Trace::of(&request, world.estate())) {
            made.extend(conformance::paths(&document));
        }
    }
    let origins = [
        "AWS::ApiGateway::Stage",
        "AWS::Lambda.",
        "AWS::Lambda::Function.",
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
    ];
    let mut common: Option<BTreeMap<String, BTreeSet<String>>> = None;
    for document in real_traces()
        .into_iter()
        .filter(|(file, _)| file.starts_with("servibench"))
        .flat_map(|(_, t)| t)
        .flatten()
    {
        let origin = document["origin"].as_str().unwrap().to_owned();
        let paths: BTreeSet<String> = conformance::paths(&document)
            .into_iter()
            .filter(|path| !path.contains('/'))
            .collect();
        let common = common.get_or_insert_default();
        let known = common.entry(origin).or_insert_with(|| paths.clone());
        *known = known.intersection(&paths).cloned().collect();
    }
    for path in common.unwrap().into_values().flatten() {
        if origins.iter().any(|origin| path.starts_with(origin)) {
            assert!(
                made.contains(&path),
                "every real document of its kind has {path}"
            );
        }
    }
}

#[test]
fn times_are_those_of_the_request() {
    let world = world();
    for request in traced(&world, 3, 30) {
        let trace = Trace::of(&request, world.estate());
        let invocation = &request.invocation;
        let root = &trace.segments[0];
        assert!(
            (root.start - request.start).abs() <= 500
                && (root.end.unwrap() - root.start - request.latency_us).abs() <= 1_000
        );
        let Some(function) = trace
            .segments
            .iter()
            .find(|s| s.origin == Some("AWS::Lambda::Function"))
        else {
            continue;
        };
        assert_eq!(function.start, invocation.handler_start());
        let init = function
            .subsegments
            .iter()
            .find(|s| s.name.starts_with("Init"));
        let lambda = &trace.segments[1];
        let overlaps = init.is_some_and(|init| init.end.unwrap() > lambda.start);
        assert_eq!(
            overlaps,
            invocation.init_us.is_some(),
            "a cold start is an initialisation within AWS::Lambda"
        );
        if let (Some(init), Some(length)) = (init, invocation.init_us) {
            assert_eq!(init.end.unwrap() - init.start, length);
        }
    }
}

#[test]
fn pages_cover_every_sampled_request_once_newest_first() {
    let world = world();
    let expected: Vec<String> = traced(&world, 4, 120)
        .iter()
        .rev()
        .map(ids::trace_id)
        .collect();
    for page_size in [None, Some(7)] {
        let (found, pages, empty) = all_summaries(&world, &window(4, 120, json!({})), page_size);
        let found: Vec<&str> = found
            .iter()
            .map(|summary| summary["Id"].as_str().unwrap())
            .collect();
        assert_eq!(found, expected);
        assert!(
            pages > 10 && empty > 0,
            "{pages} pages, {empty} of them empty"
        );
    }
}

#[test]
fn a_fixed_rate_takes_its_share() {
    let world = world();
    let all = traced(&world, 8, 360).len() as f64;
    let sampled = window(
        8,
        360,
        json!({ "Sampling": true, "SamplingStrategy": { "Name": "FixedRate", "Value": 0.1 } }),
    );
    let (found, ..) = all_summaries(&world, &sampled, None);
    let share = found.len() as f64 / all;
    assert!((share - 0.1).abs() < 0.015, "{share} of {all}");
}

#[test]
fn filters_choose() {
    let world = world();
    let (all, ..) = all_summaries(&world, &window(2, 60, json!({})), None);
    let count = |filter: &str| {
        let (found, ..) = all_summaries(
            &world,
            &window(2, 60, json!({ "FilterExpression": filter })),
            None,
        );
        found.len()
    };
    let of = |test: &dyn Fn(&Value) -> bool| all.iter().filter(|summary| test(summary)).count();
    let faults = of(&|s| s["HasFault"] == true);
    assert!(faults > 0);
    assert_eq!(count("fault"), faults);
    assert_eq!(count("NOT fault = false"), faults);
    assert_eq!(
        count("responsetime > 0.5"),
        of(&|s| s["ResponseTime"].as_f64() > Some(0.5))
    );
    let orders = of(&|s| s["Http"]["HttpURL"].as_str().unwrap().contains("/orders"));
    assert!(orders > 0);
    assert_eq!(count(r#"http.url CONTAINS "/orders""#), orders);
    let backoffice = of(&|s| s["EntryPoint"]["Name"] == "backoffice/prod");
    assert_eq!(count(r#"service("backoffice/prod")"#), backoffice);
    assert_eq!(
        count(
            r#"service(id(name: "backoffice/prod", type: "AWS::ApiGateway::Stage")) { ok OR fault OR error }"#
        ),
        backoffice
    );
    assert_eq!(
        count(r#"annotation[aws:api_id] = "d4e5f6back""#),
        backoffice
    );
    assert_eq!(
        count(r#"http.status = 201 AND !(http.method = "GET")"#),
        of(&|s| s["Http"]["HttpStatus"] == 201)
    );
    for bad in [
        "",
        "fault fault",
        "speed > 3",
        "http.url CONTAINS",
        "service(\"a\"",
        "(fault",
    ] {
        assert!(Filter::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn bad_questions_are_refused() {
    let world = world();
    let code =
        |operation: &str, body: Value| ask(&world, operation, &body, 0, None).unwrap_err().code;
    for body in [
        json!({}),
        window(10, 361, json!({})),
        window(10, 0, json!({})),
        window(10, 10, json!({ "NextToken": "abc" })),
        window(10, 10, json!({ "FilterExpression": "speed > 3" })),
        window(
            10,
            10,
            json!({ "Sampling": true, "SamplingStrategy": { "Name": "FixedRate", "Value": 2 } }),
        ),
    ] {
        assert_eq!(
            code("GetTraceSummaries", body.clone()),
            "InvalidRequestException",
            "{body}"
        );
    }
    let page = ask(
        &world,
        "GetTraceSummaries",
        &window(10, 300, json!({})),
        0,
        None,
    )
    .unwrap();
    let other = window(10, 299, json!({ "NextToken": page["NextToken"] }));
    assert_eq!(code("GetTraceSummaries", other), "InvalidRequestException");

    let id = ids::trace_id(&traced(&world, 5, 1)[0]);
    for ids in [
        json!([]),
        json!([id, id]),
        json!(["1-2-3"]),
        json!(vec!["1-5fbcfc1f-4d2e9bed6dc0c41c39dfdb2f"; 6]),
    ] {
        assert_eq!(
            code("BatchGetTraces", json!({ "TraceIds": ids })),
            "InvalidRequestException"
        );
    }
}

#[test]
fn traces_are_found_by_their_ids() {
    let world = world();
    let ids: Vec<String> = traced(&world, 5, 3)
        .iter()
        .map(ids::trace_id)
        .take(4)
        .collect();
    let missing = "1-5fbcfc1f-4d2e9bed6dc0c41c39dfdb2f".to_owned();
    let wanted: Vec<&String> = ids.iter().chain([&missing]).collect();
    let answer = ask(
        &world,
        "BatchGetTraces",
        &json!({ "TraceIds": wanted }),
        0,
        None,
    )
    .unwrap();
    let found: Vec<&str> = answer["Traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["Id"].as_str().unwrap())
        .collect();
    assert_eq!(found, ids);
    assert_eq!(answer["UnprocessedTraceIds"], json!([missing]));
    let traces = traces_in(&answer["Traces"][0]);
    assert_eq!(breaches(&traces[0]), Vec::<String>::new());

    let mut body = json!({ "TraceIds": wanted });
    let mut paged = Vec::new();
    loop {
        let page = ask(&world, "BatchGetTraces", &body, 0, Some(2)).unwrap();
        paged.extend(page["Traces"].as_array().unwrap().clone());
        let Some(token) = page.get("NextToken") else {
            break;
        };
        body["NextToken"] = token.clone();
    }
    assert_eq!(Value::from(paged), answer["Traces"]);
}

#[test]
fn a_trace_is_there_once_it_has_ended_and_for_thirty_days() {
    let world = world();
    let request = traced(&world, 1, 10)
        .into_iter()
        .find(|r| r.invocation.calls.len() > 2)
        .unwrap();
    let end = super::trace::last_end(&request);
    assert!(end >= request.start + request.latency_us);
    assert!(super::readable(&request, end));
    assert!(!super::readable(&request, end - 1));
    assert!(!super::readable(
        &request,
        request.start + super::RETENTION_US
    ));
    let trace = Trace::of(&request, world.estate());
    assert!(trace.duration_us() - (end - request.start) < 2_000);
    // Data that come late are not there yet.
    let late = ask(
        &world,
        "GetTraceSummaries",
        &window(1, 30, json!({})),
        60,
        None,
    )
    .unwrap();
    assert_eq!(late["TraceSummaries"], json!([]));
}
