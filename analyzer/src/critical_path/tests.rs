//! Paths worked out by hand, and what holds for any trace.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::DateTime;
use millicent_lake::{Rows, Span};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::testing::{World, span};

/// The trace of a file, as its documents: what `BatchGetTraces` returned.
fn documents(file: &str) -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/xray");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let trace: Value = serde_json::from_str(&text).unwrap();
    let segments = trace["Segments"].as_array().unwrap().iter();
    segments
        .map(|segment| serde_json::from_str(segment["Document"].as_str().unwrap()).unwrap())
        .collect()
}

/// A reading of its own: only what a path needs.
fn read(document: &Value, enclosing: Option<&str>, spans: &mut Vec<Span>) {
    let text = |name: &str| document[name].as_str().map(str::to_owned);
    let time = |name: &str| document[name].as_f64();
    let start = time("start_time").unwrap();
    let id = text("id").unwrap();
    let kind = if enclosing.is_some() {
        "subsegment"
    } else {
        "segment"
    };
    spans.push(Span {
        span_id: id.clone(),
        parent_id: enclosing.map(str::to_owned).or(text("parent_id")),
        name: text("name").unwrap(),
        origin: text("origin"),
        namespace: text("namespace"),
        operation: document["aws"]["operation"].as_str().map(str::to_owned),
        ts: DateTime::from_timestamp_micros((start * 1e6).round() as i64).unwrap(),
        duration_ms: time("end_time").map(|end| (end - start) * 1e3),
        inferred: document["inferred"].as_bool().unwrap_or(false),
        ..span(1, 1, kind, DateTime::UNIX_EPOCH)
    });
    for child in document["subsegments"].as_array().into_iter().flatten() {
        read(child, Some(&id), spans);
    }
}

type Times = BTreeMap<(String, String), i64>;

/// Microseconds of each trace's paths and kinds; of a call, by what is called.
async fn times(spans: Vec<Span>) -> BTreeMap<String, Times> {
    let world = World::empty().await;
    world.add(Rows::Spans(spans)).await;
    let sql = "select trace_id, path, case when kind = 'call' then split_part(part, ' ', 1) else kind end as what, \
               sum(own_us) as us from critical_paths group by 1, 2, 3";
    let table = world.analyzer.sql(sql).await.unwrap();
    let mut times: BTreeMap<String, Times> = BTreeMap::new();
    for row in table.rows() {
        let text = |name| row.text(name).unwrap().to_owned();
        let of_trace = times.entry(text("trace_id")).or_default();
        of_trace.insert((text("path"), text("what")), row.i64("us").unwrap());
    }
    times
}

/// For each trace every span's own time was taken from the documents with a pencil. Times below are
/// microseconds since the first segment began, listed as `start–end` of what has no child there.
/// Abbreviations: g is the API's segment with its subsegment `Lambda`, l the segment of `AWS::Lambda` (or
/// the `Attempt`), f the function's segment with `Invocation`.
#[tokio::test]
async fn recorded_traces_go_where_they_were_worked_out_to_go() {
    type Expected = &'static [(&'static str, &'static str, i64)];
    let cases: &[(&str, Expected)] = &[
        // g 0–7000 and 46000–47000. l 7000–12625, then f, then 43589–46000. f 12625–13000, the call of SNS
        // 13000–42000, f 42000–43139, Overhead 43139–43555, f 43555–43589.
        // SNS delivers at 53000 to what waits until 85000; l 85000–95589, f 95589–96000, SQS 96000–121000,
        // f 121000–121984, Overhead 121984–122653, f –122691, l –125000.
        (
            "servibench_event_processing_app_traces.json",
            &[
                ("root", "gateway", 8_000),
                ("root", "placement", 5_625),
                ("root", "handler", 1_548),
                ("root", "SNS", 29_000),
                ("root", "overhead", 2_827),
                ("tail", "waiting", 32_000),
                ("tail", "placement", 10_589),
                ("tail", "handler", 1_432),
                ("tail", "SQS", 25_000),
                ("tail", "overhead", 2_979),
            ],
        ),
        // g 0–8000 and 168000–169000; l 8000–13981 and 166152–168000; DynamoDB 16000–31000, S3
        // 32000–126000, stepfunctions 127000–163000; Overhead 165451–166111; the rest of 13981–166152 is f.
        (
            "servibench_hello_retail_app_error_traces.json",
            &[
                ("root", "gateway", 9_000),
                ("root", "placement", 5_981),
                ("root", "handler", 6_511),
                ("root", "DynamoDB", 15_000),
                ("root", "S3", 94_000),
                ("root", "stepfunctions", 36_000),
                ("root", "overhead", 2_508),
            ],
        ),
        // The function's segment ends 452 µs after the one of AWS::Lambda (9030000): it is cut off there, and
        // its Overhead of 9030224–9030422 with it.
        (
            "servibench_model_training_app_traces.json",
            &[
                ("root", "gateway", 12_000),
                ("root", "placement", 5_983),
                ("root", "handler", 8_817_775),
                ("root", "S3", 196_242),
            ],
        ),
        // The subsegment Lambda ends at 50000, a millisecond after its segment.
        (
            "servibench_realworld_app_margin_traces.json",
            &[
                ("root", "gateway", 6_000),
                ("root", "placement", 5_998),
                ("root", "handler", 4_613),
                ("root", "DynamoDB", 31_000),
                ("root", "overhead", 1_389),
            ],
        ),
        // Cold. l 19000–442838, Initialization 442838–983558, l –985406, f 985406–1151910 with four calls
        // (74000, 27000, 28000, 24000), Overhead from 1151910, cut off at 1153000, where l ends.
        (
            "servibench_realworld_app_missing_coldstart_traces.json",
            &[
                ("root", "gateway", 20_000),
                ("root", "placement", 425_686),
                ("root", "init", 540_720),
                ("root", "handler", 13_504),
                ("root", "DynamoDB", 153_000),
                ("root", "overhead", 1_090),
            ],
        ),
        // Cold, and so is the function that S3 notifies 1.1 s after the object was put: Initialization
        // 471000–3427000 between l 37000 and f 3429000; there 7172000–8358000 between l 6835000 and
        // f 8361000.
        (
            "servibench_thumbnail_app_traces.json",
            &[
                ("root", "gateway", 39_000),
                ("root", "placement", 436_000),
                ("root", "init", 2_956_000),
                ("root", "handler", 512_000),
                ("root", "S3", 1_821_000),
                ("root", "overhead", 2_000),
                ("tail", "waiting", 59_000),
                ("tail", "placement", 340_000),
                ("tail", "init", 1_186_000),
                ("tail", "handler", 5_074_000),
                ("tail", "S3", 1_484_000),
                ("tail", "overhead", 44_000),
            ],
        ),
        // The subsegments of the call, marshal, attempt and unmarshal, are the call (21048–29469).
        // AWS::Lambda ends at 32000, a millisecond after who called it.
        (
            "servibench_todo_app_traces.json",
            &[
                ("root", "gateway", 17_000),
                ("root", "placement", 13_000),
                ("root", "handler", 1_579),
                ("root", "DynamoDB", 8_421),
                ("root", "overhead", 1_000),
            ],
        ),
        // The API only starts the state machine, which goes on for 12 s. Of five branches (4951000 on) the
        // third ends last, and only its function is on the path, of nine functions five.
        (
            "servibench_matrix_app_traces.json",
            &[
                ("root", "gateway", 123_000),
                ("tail", "state machine", 151_000),
                ("tail", "Lambda", 105_000),
                ("tail", "placement", 2_410_000),
                ("tail", "init", 1_243_000),
                ("tail", "handler", 8_066_000),
                ("tail", "overhead", 24_000),
            ],
        ),
        // The API's segment never arrived.
        (
            "servibench_thumbnail_app_missing_root_traces.json",
            &[
                ("orphan", "placement", 8_000),
                ("orphan", "handler", 4_000),
                ("orphan", "S3", 72_000),
                ("orphan", "overhead", 1_000),
                ("tail", "waiting", 49_000),
                ("tail", "placement", 7_000),
                ("tail", "handler", 120_000),
                ("tail", "S3", 64_000),
                ("tail", "overhead", 2_000),
            ],
        ),
        // Dwell Time began at 1240000 and never ended; the attempt began at 1318000.
        (
            "servibench_thumbnail_app_in_progress_traces.json",
            &[
                ("root", "gateway", 12_000),
                ("root", "placement", 5_000),
                ("root", "handler", 3_000),
                ("root", "S3", 32_000),
                ("root", "overhead", 1_000),
                ("tail", "waiting", 78_000),
                ("tail", "placement", 8_000),
                ("tail", "handler", 62_000),
                ("tail", "S3", 53_000),
                ("tail", "overhead", 27_000),
            ],
        ),
    ];
    let mut all = Vec::new();
    for (file, _) in cases {
        let mut spans = Vec::new();
        for document in documents(file) {
            read(&document, None, &mut spans);
        }
        // Read twice, a trace goes nowhere else.
        for (trace_id, times) in [(format!("{file} once"), 1), (format!("{file} twice"), 2)] {
            let of_trace = spans.iter().map(|span| Span {
                trace_id: trace_id.clone(),
                ..span.clone()
            });
            let of_trace: Vec<Span> = of_trace.collect();
            all.extend(std::iter::repeat_n(of_trace, times).flatten());
        }
    }
    let mut found = times(all).await;
    for (file, expected) in cases {
        let expected: Times = expected
            .iter()
            .map(|(path, kind, us)| (((*path).to_owned(), (*kind).to_owned()), *us))
            .collect();
        for read in ["once", "twice"] {
            let found = found.remove(&format!("{file} {read}"));
            assert_close(&found.unwrap(), &expected, &format!("{file} {read}"));
        }
    }
}

/// The documents have tenths of a microsecond and the table has none: an edge between two kinds may lie
/// one to the side, but a path stays as long as it is.
fn assert_close(found: &Times, expected: &Times, what: &str) {
    let length = |times: &Times| {
        let mut lengths: BTreeMap<String, i64> = BTreeMap::new();
        for ((path, _), us) in times {
            *lengths.entry(path.clone()).or_default() += us;
        }
        lengths
    };
    assert_eq!(length(found), length(expected), "{what}");
    assert!(found.keys().eq(expected.keys()), "{what}: {found:?}");
    for (kind, us) in expected {
        let off = (found[kind] - us).abs();
        assert!(
            off <= 2,
            "{what}: {kind:?} is {} and not {us} µs",
            found[kind]
        );
    }
}

fn step(id: &str, parent: Option<&str>, start_us: i64, end_us: Option<i64>) -> Step {
    Step {
        id: id.to_owned(),
        parent: parent.map(str::to_owned),
        name: id.to_owned(),
        label: id.to_owned(),
        namespace: parent.map(|_| "aws".to_owned()),
        start_us,
        end_us,
        ..Step::default()
    }
}

fn own(steps: &[Step]) -> BTreeMap<String, i64> {
    let mut own = BTreeMap::new();
    for part in paths(steps) {
        *own.entry(part.span).or_default() += part.own_us;
    }
    own
}

fn expect(steps: &[Step], expected: &[(&str, i64)]) {
    let expected = expected.iter().map(|(id, us)| ((*id).to_owned(), *us));
    assert_eq!(own(steps), expected.collect());
}

#[test]
fn of_what_runs_at_once_the_last_to_end_is_waited_for() {
    let root = step("root", None, 0, Some(100));
    // Two at a time: c begins when a has ended.
    let a = step("a", Some("root"), 10, Some(40));
    let b = step("b", Some("root"), 10, Some(60));
    let c = step("c", Some("root"), 40, Some(90));
    expect(&[root, a, b, c], &[("root", 20), ("a", 30), ("c", 50)]);
}

#[test]
fn a_child_is_cut_off_where_its_parent_begins_and_ends() {
    let root = step("root", None, 100, Some(200));
    let early = step("early", Some("root"), 90, Some(120));
    let late = step("late", Some("root"), 190, Some(230));
    let beyond = step("beyond", Some("root"), 300, Some(400));
    let open = step("open", Some("early"), 95, None);
    expect(
        &[root, early, late, beyond, open],
        &[("root", 70), ("late", 10), ("open", 20)],
    );
}

#[test]
fn spans_that_are_each_others_parents_are_on_no_path() {
    let root = step("root", None, 0, Some(10));
    let a = step("a", Some("b"), 1, Some(9));
    let b = step("b", Some("a"), 1, Some(9));
    let itself = step("itself", Some("itself"), 1, Some(9));
    expect(&[root, a, b, itself], &[("root", 10)]);
}

#[test]
fn an_initialisation_long_before_the_request_is_not_waited_for() {
    let segment = |id: &str, parent, origin: &str, start, end| Step {
        segment: true,
        namespace: None,
        origin: Some(origin.to_owned()),
        ..step(id, parent, start, Some(end))
    };
    let lambda = segment("lambda", None, "AWS::Lambda", 0, 50);
    let function = segment("function", Some("lambda"), "AWS::Lambda::Function", 10, 45);
    let init = Step {
        name: "Init".to_owned(),
        namespace: None,
        ..step("init", Some("function"), -900, Some(-500))
    };
    expect(
        &[lambda, function, init],
        &[("lambda", 15), ("function", 35)],
    );
}

proptest! {
    /// Whatever the parents and the times: each path is as long as what it begins with, and nothing on it
    /// is less than a microsecond.
    #[test]
    fn the_parts_of_a_path_add_up(
        spans in prop::collection::vec(
            (0usize..12, 0usize..16, 0i64..100, prop::option::of(0i64..60), 0u8..10), 1..14,
        ),
    ) {
        let steps: Vec<Step> = spans
            .iter()
            .map(|&(id, parent, start, length, shape)| Step {
                // Of 12 ids some stand twice; of 16 parents some are not there; 0 has none.
                parent: (parent > 0).then(|| parent.to_string()),
                segment: shape < 6,
                inferred: shape == 0,
                name: match shape {
                    6 => "Dwell Time",
                    7 => "Attempt #1",
                    8 => "Initialization",
                    _ => "call",
                }
                .to_owned(),
                origin: match shape {
                    1 => Some("AWS::ApiGateway::Stage".to_owned()),
                    2 => Some("AWS::Lambda".to_owned()),
                    3 => Some("AWS::Lambda::Function".to_owned()),
                    _ => None,
                },
                ..step(&id.to_string(), None, start, length.map(|length| start + length))
            })
            .collect();
        let tree = Tree::of(&steps);
        let mut lengths = BTreeMap::new();
        for (root, _) in tree.roots() {
            let (from, to) = tree.extent(root);
            lengths.insert(steps[root].id.clone(), to - from);
        }
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for part in paths(&steps) {
            prop_assert!(part.own_us > 0);
            *sums.entry(part.root).or_default() += part.own_us;
        }
        lengths.retain(|_, us| *us > 0);
        prop_assert_eq!(sums, lengths);
    }
}
