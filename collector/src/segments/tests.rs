//! Against every real trace that is kept in `tests/data/xray` (origins in its `sources.tsv`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::*;

/// Every segment document of a file, as JSON text, by trace. The files hold what
/// `BatchGetTraces` returned (one trace a line, or one), or bare segments.
fn documents(file: &str) -> BTreeMap<String, Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/data/xray")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut traces: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let value = value.unwrap();
        let items = match value {
            Value::Array(items) => items,
            one => vec![one],
        };
        for item in items {
            match item.get("Segments").and_then(Value::as_array) {
                Some(segments) => {
                    let id = item["Id"].as_str().unwrap().to_owned();
                    let texts = segments.iter().map(|segment| match &segment["Document"] {
                        Value::String(document) => document.clone(),
                        _ => segment.to_string(),
                    });
                    traces.entry(id).or_default().extend(texts);
                }
                None => {
                    let id = item["trace_id"].as_str().unwrap().to_owned();
                    traces.entry(id).or_default().push(item.to_string());
                }
            }
        }
    }
    traces
}

fn files() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/xray");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    files.sort();
    files
}

fn head(trace_id: &str) -> TraceHead {
    TraceHead {
        account_id: "123456789012".into(),
        region: "eu-west-1".into(),
        trace_id: trace_id.into(),
        trace_ts: DateTime::UNIX_EPOCH,
    }
}

fn spans(file: &str) -> Vec<Span> {
    let mut all = Vec::new();
    for (id, documents) in documents(file) {
        let (spans, errors) = parse_trace(&head(&id), documents.iter().map(String::as_str));
        assert!(errors.is_empty(), "{file}: {errors:?}");
        all.extend(spans);
    }
    all
}

/// An independent reading: (id, parent, number of what is below) straight from the JSON.
fn walk(value: &Value, enclosing: Option<&str>, out: &mut Vec<(String, Option<String>)>) {
    let id = value["id"].as_str().unwrap();
    let parent = enclosing.or_else(|| value["parent_id"].as_str());
    out.push((id.to_owned(), parent.map(str::to_owned)));
    for child in value["subsegments"].as_array().into_iter().flatten() {
        walk(child, Some(id), out);
    }
}

#[test]
fn every_real_trace_is_read_without_loss() {
    let mut total = 0;
    for file in files() {
        let mut expected = Vec::new();
        for document in documents(&file).values().flatten() {
            walk(
                &serde_json::from_str(document).unwrap(),
                None,
                &mut expected,
            );
        }
        let mut found: Vec<_> = spans(&file)
            .into_iter()
            .map(|span| (span.span_id, span.parent_id))
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{file}");
        total += found.len();
    }
    // Counted with `grep -o` on ids by hand, so that no file goes missing unnoticed.
    assert_eq!(total, 1_003);
}

#[test]
fn spans_keep_their_document_and_their_kind() {
    for file in files() {
        let spans = spans(&file);
        for span in &spans {
            match span.kind.as_str() {
                "segment" => assert_eq!(span.segment_id, span.span_id, "{file}"),
                _ => assert!(
                    spans
                        .iter()
                        .any(|s| s.kind == "segment" && s.segment_id == span.segment_id),
                    "{file}: {}",
                    span.span_id
                ),
            }
            assert!(span.in_progress == span.duration_ms.is_none());
            assert!(
                span.http_url
                    .as_deref()
                    .is_none_or(|url| !url.contains('?'))
            );
        }
    }
}

/// Worked out by hand: for each function segment, find `Initialization` among its subsegments, and
/// hold its `start_time`..`end_time` against `start_time`..`end_time` of the segment or Attempt
/// that `parent_id` names. Times are given to the second's fraction within the trace.
#[test]
fn cold_starts_are_those_worked_out_by_hand() {
    type Marks = [(&'static str, bool, Option<f64>)];
    let cases: &[(&str, &Marks)] = &[
        // Lambda 32.037–37.764, Initialization 32.471–35.427: within, 2,956 ms. The asynchronous
        // one: Attempt #1 38.835–46.963, Initialization 39.172–40.358: within, 1,186 ms.
        (
            "servibench_thumbnail_app_traces.json",
            &[
                ("6fc3c3c212df370e", true, Some(2_956.0)),
                ("25b1475b605b5ae7", true, Some(1_186.0)),
            ],
        ),
        // The API's function has no Initialization; the asynchronous one: Attempt #1
        // 20.259–27.436, Initialization 20.604–21.633: within, 1,029 ms.
        (
            "servibench_thumbnail_app_warm_traces.json",
            &[
                ("2f4bd32319f701b8", false, None),
                ("1a20bdf3143c893f", true, Some(1_029.0)),
            ],
        ),
        // Lambda 75.968–77.102, Initialization 76.3918383–76.9325583: within, 540.7 ms.
        (
            "servibench_realworld_app_missing_coldstart_traces.json",
            &[("35883a90700b03ff", true, Some(540.7))],
        ),
        // Nine functions of a state machine, each with an Initialization of 229 to 268 ms that
        // starts 270 to 650 ms after its Lambda segment does.
        (
            "servibench_matrix_app_traces.json",
            &[
                ("3abd81603a052c60", true, Some(259.0)),
                ("07b9760f4ecd9259", true, Some(243.0)),
                ("6686354a13aa5c74", true, Some(247.0)),
                ("6f5841792a535189", true, Some(243.0)),
                ("63f346a278cd844e", true, Some(245.0)),
                ("6bf4f990701badfe", true, Some(268.0)),
                ("6f83bb5e28389a57", true, Some(229.0)),
                ("73968d2c60da6ef1", true, Some(250.0)),
                ("332056a005741d2b", true, Some(244.0)),
            ],
        ),
        // No Initialization anywhere: warm.
        (
            "servibench_realworld_app_traces.json",
            &[("2aeb492d4d85131d", false, None)],
        ),
        (
            "servibench_todo_app_traces.json",
            &[("5382ac7a0b5c0ca3", false, None)],
        ),
        (
            "servibench_event_processing_app_traces.json",
            &[
                ("4c57c76218613840", false, None),
                ("206c8bde4844d1da", false, None),
            ],
        ),
        (
            "servibench_thumbnail_app_missing_root_traces.json",
            &[
                ("4b4784220cf089ef", false, None),
                ("00a53cb86187ae04", false, None),
            ],
        ),
    ];
    for (file, expected) in cases {
        let mut found: Vec<_> = spans(file)
            .into_iter()
            .filter(|span| span.cold_start.is_some())
            .map(|span| (span.span_id, span.cold_start.unwrap(), span.init_ms))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let mut expected = expected.to_vec();
        expected.sort_by(|a, b| a.0.cmp(b.0));
        assert_eq!(found.len(), expected.len(), "{file}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(
                (found.0.as_str(), found.1),
                (expected.0, expected.1),
                "{file}"
            );
            match (found.2, expected.2) {
                (Some(found), Some(ms)) => {
                    assert!((found - ms).abs() < 0.1, "{file}: {found} {ms}")
                }
                (found, expected) => assert_eq!(found, expected, "{file}"),
            }
        }
    }
}

/// The real cold start of `thumbnail_app`, with its times moved as provisioned concurrency and
/// SnapStart would.
fn moved(init_name: &str, earlier_s: f64) -> Span {
    let file = "servibench_thumbnail_app_traces.json";
    let (id, documents) = documents(file).pop_first().unwrap();
    let documents: Vec<String> = documents
        .iter()
        .map(|document| {
            let mut value: Value = serde_json::from_str(document).unwrap();
            for child in value["subsegments"].as_array_mut().into_iter().flatten() {
                if child["name"] == "Initialization" {
                    child["name"] = init_name.into();
                    for key in ["start_time", "end_time"] {
                        child[key] = (child[key].as_f64().unwrap() - earlier_s).into();
                    }
                }
            }
            value.to_string()
        })
        .collect();
    let (spans, _) = parse_trace(&head(&id), documents.iter().map(String::as_str));
    spans
        .into_iter()
        .find(|span| span.span_id == "6fc3c3c212df370e")
        .unwrap()
}

#[test]
fn an_initialisation_ahead_of_the_request_is_not_a_cold_start() {
    for name in ["Initialization", "Init", "Restore"] {
        assert_eq!(moved(name, 0.0).cold_start, Some(true), "{name}");
        let ahead = moved(name, 40.0);
        assert_eq!(ahead.cold_start, Some(false), "{name}");
        assert!((ahead.init_ms.unwrap() - 2_956.0).abs() < 0.1);
    }
}

#[test]
fn a_subsegment_that_never_ended_is_in_progress() {
    let spans = spans("servibench_thumbnail_app_in_progress_traces.json");
    let open: Vec<_> = spans.iter().filter(|span| span.in_progress).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].name.as_str(), open[0].duration_ms),
        ("Dwell Time", None)
    );
}

#[test]
fn columns_are_filled_from_where_x_ray_has_them() {
    let spans = spans("servibench_todo_app_traces.json");
    let of = |origin: &str| {
        spans
            .iter()
            .find(|s| s.origin.as_deref() == Some(origin))
            .unwrap()
    };

    let gateway = of("AWS::ApiGateway::Stage");
    assert_eq!(gateway.resource.as_deref(), Some("dev-aws"));
    assert_eq!(gateway.stage.as_deref(), Some("dev"));
    assert_eq!(gateway.http_method.as_deref(), Some("GET"));
    assert_eq!(
        gateway.http_url.as_deref(),
        Some("https://bm0q7xberc.execute-api.eu-west-1.amazonaws.com/dev/lst")
    );
    assert_eq!(gateway.http_status, Some(200));
    assert!(gateway.parent_id.is_none() && !gateway.error && !gateway.fault);
    assert!((gateway.duration_ms.unwrap() - 41.0).abs() < 0.001);
    assert_eq!(gateway.annotations["aws:api_id"], "bm0q7xberc");

    let function = of("AWS::Lambda::Function");
    assert_eq!(function.resource.as_deref(), Some("aws-dev-lst"));
    assert!(of("AWS::Lambda").request_id.is_some());

    let call = spans
        .iter()
        .find(|s| s.name == "DynamoDB" && s.kind == "subsegment")
        .unwrap();
    assert_eq!(call.resource.as_deref(), Some("aws-dev"));
    assert_eq!(call.operation.as_deref(), Some("Scan"));
    assert_eq!(call.namespace.as_deref(), Some("aws"));
    let table = of("AWS::DynamoDB::Table");
    assert!(table.inferred);
    assert_eq!(table.parent_id.as_ref(), Some(&call.span_id));
}

#[test]
fn errors_and_faults_are_told_apart() {
    let spans = spans("servibench_hello_retail_app_error_traces.json");
    let gateway = spans
        .iter()
        .find(|span| span.origin.as_deref() == Some("AWS::ApiGateway::Stage"))
        .unwrap();
    assert_eq!(
        (gateway.error, gateway.fault, gateway.throttle),
        (false, true, false)
    );
}

#[test]
fn a_document_that_can_not_be_read_costs_itself_only() {
    let good = r#"{"id":"a","name":"x","start_time":1.681339658203E9,"end_time":1.681339658303E9}"#;
    let (spans, errors) = parse_trace(&head("1-x-y"), [good, r#"{"id":"b","na"#]);
    assert_eq!((spans.len(), errors.len()), (1, 1));
    assert_eq!(spans[0].ts.timestamp_micros(), 1_681_339_658_203_000);
    assert!(errors[0].to_string().contains("1-x-y"));
}

#[test]
fn a_start_that_is_no_time_is_an_error() {
    let json = r#"{"id": "0123456789abcdef", "name": "shop/prod", "start_time": 1e300}"#;
    assert!(parse_document(&head("1-6435a4fa-000000000000000000000000"), json).is_err());
}

#[test]
fn a_consumer_s_trace_names_the_traces_of_its_messages() {
    let json = r#"{"id": "0123456789abcdef", "name": "shop-emails", "start_time": 1.7E9, "end_time": 1.7E9,
        "origin": "AWS::Lambda::Function", "subsegments": [{
            "id": "1123456789abcdef", "name": "Invocation", "start_time": 1.7E9, "end_time": 1.7E9,
            "links": [
                {"trace_id": "1-b", "id": "2", "attributes": {"aws.xray.reserved.x": "y"}},
                {"trace_id": "1-a", "id": "1"}, {"trace_id": "1-b", "id": "3"}, {}
            ]}]}"#;
    let spans = parse_document(&head("1-x-y"), json).unwrap();
    assert_eq!(spans[1].annotations["link_trace_id"], "1-a,1-b");
    assert!(spans[0].annotations.is_empty());
}

#[test]
fn an_execution_s_segment_is_about_its_state_machine() {
    for arn in [
        "arn:aws:states:eu-central-1:123456789012:stateMachine:fulfil",
        "arn:aws:states:eu-central-1:123456789012:execution:fulfil:0a1b",
        "arn:aws:states:eu-central-1:123456789012:express:fulfil:0a1b:2c3d",
    ] {
        let json = format!(
            r#"{{"id": "0123456789abcdef", "name": "a run", "start_time": 1.7E9, "end_time": 1.7E9,
                "origin": "AWS::StepFunctions::StateMachine", "resource_arn": "{arn}", "cause": {{}}}}"#
        );
        let spans = parse_document(&head("1-x-y"), &json).unwrap();
        assert_eq!(spans[0].resource.as_deref(), Some("fulfil"), "{arn}");
    }
}
