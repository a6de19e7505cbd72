//! Documents against real ones, and against the requests that they tell of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{documents, real_traces, traced, world};
use crate::xray::conformance::{self, breaches};
use crate::xray::trace::Trace;

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
    let work = traced(&world, 2, 5)
        .into_iter()
        .find(|work| {
            work.request()
                .is_some_and(|r| !r.invocation.calls.is_empty() && r.status < 300)
        })
        .unwrap();
    let good = documents(&Trace::of(&work, world.estate()));
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
    let mut all = traced(&world, 2, 60);
    all.extend(traced(&world, 48, 30));
    all.extend(traced(&world, 74, 60));
    assert!(all.len() > 2_000, "{}", all.len());
    let (mut lost, mut early) = (0, 0);
    for work in &all {
        let trace = Trace::of(work, world.estate());
        lost += usize::from(trace.partial);
        early += usize::from(starts_early(&trace));
        let documents = documents(&trace);
        assert_eq!(breaches(&documents), Vec::<String>::new(), "{}", trace.id);
        for document in &documents {
            seen.extend(conformance::paths(document));
        }
    }
    // Lost functions and environments that were ready before are few, and there.
    for odd in [lost, early] {
        assert!(odd > 0 && odd < all.len() / 50, "{odd}");
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
        "AWS::SQS::Queue.aws.queue_url",
        "AWS::StepFunctions::StateMachine.aws.resource_arn",
        "AWS::StepFunctions::StateMachine/Pick/Lambda.aws.function_name",
        "AWS::StepFunctions::StateMachine/Done.cause",
        "AWS::StepFunctions::StateMachine.fault",
        "AWS::Lambda::Function/Invocation.links.attributes",
    ] {
        assert!(seen.contains(path), "no document has {path}");
    }
}

#[test]
fn what_is_made_has_the_fields_that_real_documents_have() {
    let world = world();
    let mut made = BTreeSet::new();
    for work in traced(&world, 2, 60) {
        for document in documents(&Trace::of(&work, world.estate())) {
            made.extend(conformance::paths(&document));
        }
    }
    let origins = [
        "AWS::ApiGateway::Stage",
        "AWS::Lambda.",
        "AWS::Lambda::Function.",
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
        "AWS::StepFunctions::StateMachine",
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
        // The real ones were started by a traced API; here an execution is the root.
        if path == "AWS::StepFunctions::StateMachine.parent_id" {
            continue;
        }
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
    let mut http = 0;
    for work in traced(&world, 3, 30) {
        let Some(request) = work.request() else {
            continue;
        };
        let trace = Trace::of(&work, world.estate());
        let invocation = &request.invocation;
        let root = &trace.segments[0];
        let traced = world.estate().api_of(request.route).tracing;
        if !traced {
            // An HTTP API emits no segment.
            assert_eq!((root.origin, root.parent), (Some("AWS::Lambda"), None));
            assert!((root.start - invocation.start).abs() <= 500);
            http += 1;
        }
        assert!(
            !traced
                || (root.start - work.start).abs() <= 500
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
            .find(|s| s.name.starts_with("Init") || s.name == "Restore");
        let lambda = &trace.segments[usize::from(traced)];
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
    assert!(http > 50, "{http}");
}

/// Whether a function was initialised before its trace began.
fn starts_early(trace: &Trace) -> bool {
    let start = trace.segments[0].start;
    let functions = trace
        .segments
        .iter()
        .flat_map(|segment| &segment.subsegments);
    functions
        .filter(|part| part.name.starts_with("Init") || part.name == "Restore")
        .any(|init| init.end.is_some_and(|end| end < start))
}

/// A batch is a trace of its own, which names the calls that sent its messages.
#[test]
fn a_batch_is_linked_to_the_traces_that_sent_it() {
    let world = world();
    let all = traced(&world, 3, 60);
    let traces: BTreeMap<String, Vec<Value>> = all
        .iter()
        .map(|work| Trace::of(work, world.estate()))
        .map(|trace| (trace.id.clone(), documents(&trace)))
        .collect();
    let (mut linked, mut found) = (0, 0);
    for documents in traces.values() {
        let parts = documents
            .iter()
            .flat_map(|document| document["subsegments"].as_array().into_iter().flatten());
        for link in parts.filter_map(|part| part["links"].as_array()).flatten() {
            linked += 1;
            // The sender may have been at work before the hour that is looked at.
            let Some(sender) = traces.get(link["trace_id"].as_str().unwrap()) else {
                continue;
            };
            let queue = sender
                .iter()
                .find(|document| document["parent_id"] == link["id"]);
            match queue {
                Some(queue) => {
                    assert_eq!(queue["origin"], "AWS::SQS::Queue");
                    found += 1;
                }
                // The sender's function was lost.
                None => assert!(
                    !sender
                        .iter()
                        .any(|d| d["origin"] == "AWS::Lambda::Function")
                ),
            }
        }
        let roots = documents
            .iter()
            .filter(|document| document.get("parent_id").is_none())
            .count();
        assert_eq!(roots, 1);
    }
    assert!(linked > 30 && found + 5 > linked, "{found} of {linked}");
}
