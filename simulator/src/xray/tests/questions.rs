//! Questions and their answers: paging, sampling, filters, refusals, what is there when.

use serde_json::{Value, json};

use super::{all_summaries, ask, traced, traces_in, window, world};
use crate::xray::conformance::breaches;
use crate::xray::filter::Filter;
use crate::xray::ids;
use crate::xray::trace::{self, Trace};

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
    let url = |s: &Value| s["Http"]["HttpURL"].as_str().unwrap_or_default().to_owned();
    let orders = of(&|s| url(s).contains("/orders"));
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
    let work = traced(&world, 1, 10)
        .into_iter()
        .find(|work| work.request().is_some_and(|r| r.invocation.calls.len() > 2))
        .unwrap();
    let end = trace::last_end(&work);
    assert!(end >= work.start + work.request().unwrap().latency_us);
    assert!(crate::xray::readable(&work, end));
    assert!(!crate::xray::readable(&work, end - 1));
    assert!(!crate::xray::readable(
        &work,
        work.start + crate::xray::RETENTION_US
    ));
    let whole = Trace::of(&work, world.estate());
    assert!(whole.duration_us() - (end - work.start) < 2_000);
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
