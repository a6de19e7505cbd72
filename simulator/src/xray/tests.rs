mod documents;
mod questions;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::trace::Trace;
use crate::aws_errors::AwsError;
use crate::model::Work;
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
        elsewhere: &[],
        caller: &Default::default(),
        range: None,
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

fn traced(world: &World, hours_ago: i64, minutes: i64) -> Vec<Work> {
    let first = (world.now() - TimeDelta::hours(hours_ago)).timestamp() / 60;
    (first..first + minutes)
        .flat_map(|minute| world.started(minute).iter().cloned().collect::<Vec<Work>>())
        .filter(|work| work.sampled)
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
