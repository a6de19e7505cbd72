//! What real segment documents have in common, as a check: every real sample passes it, and so
//! must every document that is made here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Segments may start before or end after what surrounds them by so much: clocks differ.
pub(crate) const SKEW_S: f64 = 0.004;

/// Keys of a segment or subsegment. Anything else has never been seen.
const KEYS: &[&str] = &[
    "id",
    "name",
    "start_time",
    "end_time",
    "trace_id",
    "parent_id",
    "in_progress",
    "inferred",
    "origin",
    "resource_arn",
    "user",
    "service",
    "http",
    "aws",
    "error",
    "fault",
    "throttle",
    "cause",
    "annotations",
    "metadata",
    "links",
    "subsegments",
    "namespace",
    "precursor_ids",
    "type",
    "traced",
];

/// Breaches of the rules in the documents of one trace; none if it could be real.
pub(crate) fn breaches(documents: &[Value]) -> Vec<String> {
    let mut check = Check::default();
    for document in documents {
        check.segment(document);
    }
    for document in documents {
        check.parent(document);
    }
    check.breaches
}

#[derive(Default)]
struct Check<'a> {
    /// Every segment and subsegment by id, and the segment that it is in.
    parts: BTreeMap<&'a str, &'a Value>,
    breaches: Vec<String>,
}

impl<'a> Check<'a> {
    fn say(&mut self, of: &Value, what: &str) {
        self.breaches
            .push(format!("{} {}: {what}", of["name"], of["id"]));
    }

    fn segment(&mut self, segment: &'a Value) {
        self.part(segment, None);
        if segment
            .get("origin")
            .is_none_or(|origin| !origin.as_str().is_some_and(|o| o.starts_with("AWS::")))
        {
            self.say(segment, "no origin AWS::…");
        }
        if !well_formed_trace_id(&segment["trace_id"]) {
            self.say(segment, "trace_id");
        }
        if segment.get("namespace").is_some() {
            self.say(segment, "a segment has no namespace");
        }
        let has = |key: &str| segment.get(key).is_some_and(|value| !value.is_null());
        let needs: &[&str] = match segment["origin"].as_str().unwrap_or_default() {
            "AWS::ApiGateway::Stage" => &[
                "http",
                "aws",
                "annotations",
                "metadata",
                "resource_arn",
                "end_time",
            ],
            // A root where what invoked the function is not traced.
            "AWS::Lambda" if !has("inferred") => &["http", "aws", "resource_arn", "end_time"],
            "AWS::Lambda::Function" => &["aws", "parent_id", "end_time"],
            "AWS::DynamoDB::Table" | "AWS::S3::Bucket" => {
                &["http", "aws", "parent_id", "inferred", "end_time"]
            }
            _ => &["end_time"],
        };
        for key in needs.iter().filter(|key| !has(key)) {
            self.say(segment, &format!("no {key}"));
        }
    }

    fn part(&mut self, part: &'a Value, around: Option<&Value>) {
        let empty = Map::new();
        let fields = part.as_object().unwrap_or(&empty);
        for key in fields.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.say(part, &format!("unknown key {key}"));
        }
        match part["id"].as_str() {
            Some(id) if is_hex(id, 16) => {
                if self.parts.insert(id, part).is_some() {
                    self.say(part, "its id occurs twice");
                }
            }
            _ => self.say(part, "id is not 16 hexadecimal digits"),
        }
        if part["name"].as_str().is_none_or(str::is_empty) {
            self.say(part, "no name");
        }
        match (part["start_time"].as_f64(), part["end_time"].as_f64()) {
            (Some(start), Some(end)) if end + SKEW_S < start => {
                self.say(part, "ends before it starts")
            }
            (Some(_), Some(_)) => {}
            (Some(_), None) if part["in_progress"] == true => {}
            _ => self.say(part, "no times"),
        }
        for flag in ["error", "fault", "throttle", "in_progress", "inferred"] {
            if part.get(flag).is_some_and(|value| !value.is_boolean()) {
                self.say(part, &format!("{flag} is not true or false"));
            }
        }
        if let Some(status) = part.pointer("/http/response/status")
            && !status
                .as_u64()
                .is_some_and(|status| (100..600).contains(&status))
        {
            self.say(part, "status");
        }
        // A direct integration of API Gateway names none.
        if part["namespace"] == "aws"
            && part["name"] != "STEPFUNCTIONS"
            && part["aws"]["operation"].as_str().is_none()
        {
            self.say(part, "a call of AWS without operation");
        }
        if let Some(annotations) = part.get("annotations")
            && !annotations
                .as_object()
                .is_some_and(|map| map.values().all(|v| !v.is_object() && !v.is_array()))
        {
            self.say(part, "annotations are not scalars");
        }
        if let Some(around) = around {
            self.nests(part, around);
        }
        for inner in part["subsegments"].as_array().into_iter().flatten() {
            self.part(inner, Some(part));
        }
    }

    /// A subsegment lies within what holds it, but for those that by nature do not.
    fn nests(&mut self, part: &Value, around: &Value) {
        let name = part["name"].as_str().unwrap_or_default();
        let free = around["in_progress"] == true
            || name.starts_with("Attempt #")
            || matches!(
                name,
                "Dwell Time" | "QueueTime" | "Initialization" | "Init" | "Restore"
            );
        let (start, end) = times(part);
        let (outer_start, outer_end) = times(around);
        if free {
            if (name.starts_with("Init") || name == "Restore") && end > outer_start + SKEW_S {
                self.say(
                    part,
                    "an initialisation ends after its function's segment starts",
                );
            }
        } else if start + SKEW_S < outer_start || end > outer_end + SKEW_S {
            self.say(part, &format!("not within {}", around["name"]));
        }
    }

    fn parent(&mut self, segment: &'a Value) {
        let Some(id) = segment["parent_id"].as_str() else {
            return;
        };
        // A parent that is not there is a lost segment; that happens.
        let Some(parent) = self.parts.get(id).copied() else {
            return;
        };
        let (start, end) = times(segment);
        let (parent_start, parent_end) = times(parent);
        if segment["inferred"] == true {
            let copied = ["start_time", "end_time", "http", "aws"];
            for key in copied.iter().filter(|key| segment[**key] != parent[**key]) {
                self.say(
                    segment,
                    &format!("{key} differs from the call that it is inferred from"),
                );
            }
            return;
        }
        if segment["origin"] == "AWS::Lambda::Function"
            && (start + SKEW_S < parent_start || end > parent_end + SKEW_S)
        {
            self.say(
                segment,
                "a function not within its AWS::Lambda segment or attempt",
            );
        }
        if start + SKEW_S < parent_start {
            self.say(segment, "starts before its parent");
        }
    }
}

fn times(part: &Value) -> (f64, f64) {
    let start = part["start_time"].as_f64().unwrap_or_default();
    (start, part["end_time"].as_f64().unwrap_or(start))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

fn well_formed_trace_id(id: &Value) -> bool {
    let parts: Vec<&str> = id.as_str().unwrap_or_default().split('-').collect();
    matches!(parts.as_slice(), ["1", second, random] if is_hex(second, 8) && is_hex(random, 24))
}

/// What a document has: its paths, without array indexes and with ids left out. Used to compare
/// what is made with what is real.
pub(crate) fn paths(document: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let path = format!("{at}.{key}");
                    found.insert(path.clone());
                    if key == "subsegments" {
                        for inner in value.as_array().into_iter().flatten() {
                            let name = inner["name"].as_str().unwrap_or_default();
                            walk(inner, &format!("{at}/{name}"), found);
                        }
                    } else {
                        walk(value, &path, found);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, at, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(
        document,
        document["origin"].as_str().unwrap_or_default(),
        &mut found,
    );
    found
}
