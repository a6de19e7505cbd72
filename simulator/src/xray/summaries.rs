//! `GetTraceSummaries`: what happened in a window, newest first.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws_errors::AwsError;
use crate::model::Micros;
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::xray::filter::{Filter, service_name, throttled};
use crate::xray::segment::{Segment, seconds};
use crate::xray::trace::Trace;
use crate::xray::{ids, invalid, readable};

/// Summaries of a page, and minutes that one call looks through at most: a page may well be empty
/// while there is a next one.
const PAGE: usize = 100;
const MINUTES: i64 = 30;
/// The longest window.
const WINDOW_US: Micros = 6 * 3_600 * 1_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    start_time: Option<f64>,
    end_time: Option<f64>,
    time_range_type: Option<String>,
    sampling: Option<bool>,
    sampling_strategy: Option<Strategy>,
    filter_expression: Option<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Strategy {
    name: Option<String>,
    value: Option<f64>,
}

struct Wanted {
    from: Micros,
    to: Micros,
    rate: f64,
    filter: Option<Filter>,
    /// Identifies the question, so that a token is not used for another.
    key: u64,
}

/// Where the next page begins: before this piece of work of this minute.
struct Cursor {
    minute: i64,
    before: usize,
    /// The page was announced by an empty one.
    announced: bool,
}

pub(super) fn get_trace_summaries(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let input: Input =
        serde_json::from_slice(ask.body).map_err(|error| invalid(error.to_string()))?;
    let token = input.next_token.clone();
    let wanted = Wanted::new(input)?;
    let now = ask.now_us();
    let cursor = match token {
        None => Cursor {
            minute: minute_of(wanted.to.min(now)),
            before: usize::MAX,
            announced: true,
        },
        Some(token) => {
            Cursor::parse(&token, wanted.key).ok_or_else(|| invalid("Invalid NextToken"))?
        }
    };
    if !cursor.announced
        && ids::mix(wanted.key ^ cursor.minute as u64 ^ ((cursor.before as u64) << 40))
            .is_multiple_of(8)
    {
        let token = Cursor {
            announced: true,
            ..cursor
        }
        .token(wanted.key);
        return Ok(page(ask, Vec::new(), 0, cursor.minute, Some(token)));
    }
    let (summaries, processed, next) = scan(ask, &wanted, &cursor, now);
    let reached = next
        .as_ref()
        .map_or(minute_of(wanted.from), |cursor| cursor.minute);
    Ok(page(
        ask,
        summaries,
        processed,
        reached,
        next.map(|cursor| cursor.token(wanted.key)),
    ))
}

fn page(
    ask: &Ask<'_>,
    summaries: Vec<Value>,
    processed: u64,
    minute: i64,
    token: Option<String>,
) -> Answer {
    let mut answer = json!({
        "TraceSummaries": summaries,
        "ApproximateTime": minute * 60,
        "TracesProcessedCount": processed,
    });
    if let Some(token) = token {
        answer["NextToken"] = token.into();
    }
    ask.json(&answer)
}

/// Walks back from the cursor until the page is full or has taken long enough.
fn scan(
    ask: &Ask<'_>,
    wanted: &Wanted,
    cursor: &Cursor,
    now: Micros,
) -> (Vec<Value>, u64, Option<Cursor>) {
    let a_page = ask.page(PAGE);
    let first = minute_of(wanted.from);
    let stop = first.max(cursor.minute - MINUTES + 1);
    let mut summaries = Vec::new();
    let mut processed = 0;
    let mut before = cursor.before;
    for number in (stop..=cursor.minute).rev() {
        let started = ask.world.started(number);
        let all = started.iter().enumerate().rev();
        for (index, work) in all.skip(started.len().saturating_sub(before)) {
            if !(wanted.from..wanted.to).contains(&work.start) || !readable(work, now) {
                continue;
            }
            processed += 1;
            if ids::draw(work, SAMPLING) >= wanted.rate {
                continue;
            }
            let trace = Trace::of(work, ask.world.estate());
            if wanted
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.matches(&trace))
            {
                continue;
            }
            summaries.push(summary(&trace, ask));
            if summaries.len() == a_page {
                let next = if index > 0 {
                    Some(Cursor {
                        minute: number,
                        before: index,
                        announced: false,
                    })
                } else {
                    (number > first).then_some(Cursor {
                        minute: number - 1,
                        before: usize::MAX,
                        announced: false,
                    })
                };
                return (summaries, processed, next);
            }
        }
        before = usize::MAX;
    }
    let next = (stop > first).then_some(Cursor {
        minute: stop - 1,
        before: usize::MAX,
        announced: false,
    });
    (summaries, processed, next)
}

/// What the fixed-rate sampling of summaries is drawn for; it has nothing to do with which work
/// was traced.
const SAMPLING: u64 = 6;

impl Wanted {
    fn new(input: Input) -> Result<Wanted, AwsError> {
        let time = |value: Option<f64>, name: &str| {
            value
                .map(|s| (s * 1e6).round() as Micros)
                .ok_or_else(|| invalid(format!("{name} is required")))
        };
        let (from, to) = (
            time(input.start_time, "StartTime")?,
            time(input.end_time, "EndTime")?,
        );
        if from >= to {
            return Err(invalid("StartTime must be before EndTime"));
        }
        if to.saturating_sub(from) > WINDOW_US {
            return Err(invalid("Time range cannot be longer than 6 hours"));
        }
        match input.time_range_type.as_deref() {
            None | Some("TraceId") => {}
            Some(other @ ("Event" | "Service")) => {
                return Err(invalid(format!(
                    "TimeRangeType {other} is not simulated; use TraceId"
                )));
            }
            Some(other) => return Err(invalid(format!("Unknown TimeRangeType {other:?}"))),
        }
        let rate = match (input.sampling, input.sampling_strategy) {
            (Some(true), Some(strategy)) => {
                if !matches!(strategy.name.as_deref(), Some("FixedRate" | "PartialScan")) {
                    return Err(invalid(
                        "SamplingStrategy Name must be PartialScan or FixedRate",
                    ));
                }
                strategy
                    .value
                    .filter(|rate| (0.0..=1.0).contains(rate))
                    .ok_or_else(|| invalid("SamplingStrategy Value must be between 0 and 1"))?
            }
            (None | Some(false), Some(_)) => {
                return Err(invalid("SamplingStrategy needs Sampling to be true"));
            }
            (_, None) => 1.0,
        };
        let expression = input.filter_expression.unwrap_or_default();
        let filter = match expression.trim() {
            "" => None,
            text => {
                let parsed = Filter::parse(text);
                Some(parsed.map_err(|why| invalid(format!("Invalid filter expression: {why}")))?)
            }
        };
        let key = expression.bytes().fold(
            ids::mix(from as u64 ^ ids::mix(to as u64 ^ rate.to_bits())),
            |key, byte| ids::mix(key ^ u64::from(byte)),
        );
        Ok(Wanted {
            from,
            to,
            rate,
            filter,
            key,
        })
    }
}

impl Cursor {
    fn token(&self, key: u64) -> String {
        let before = self.before.min(0xff_ffff);
        format!(
            "{key:016x}{:08x}{before:06x}{}",
            self.minute,
            u8::from(self.announced)
        )
    }

    fn parse(token: &str, key: u64) -> Option<Cursor> {
        if token.len() != 31 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        if u64::from_str_radix(&token[..16], 16).ok()? != key {
            return None;
        }
        Some(Cursor {
            minute: i64::from_str_radix(&token[16..24], 16).ok()?,
            before: usize::from_str_radix(&token[24..30], 16).ok()?,
            announced: &token[30..] == "1",
        })
    }
}

fn minute_of(at: Micros) -> i64 {
    at.div_euclid(60_000_000)
}

fn summary(trace: &Trace, ask: &Ask<'_>) -> Value {
    let estate = ask.world.estate();
    let root = &trace.segments[0];
    let flags = root.flags.unwrap_or_default();
    let entry = service_id(root, &estate.account_id);
    let mut service_ids: Vec<Value> = Vec::new();
    let mut arns: Vec<Value> = Vec::new();
    let mut annotations = serde_json::Map::new();
    for segment in &trace.segments {
        let id = service_id(segment, &estate.account_id);
        for (key, value) in segment
            .annotations
            .iter()
            .flat_map(|map| map.as_object().into_iter().flatten())
        {
            let value = match value {
                Value::String(text) => json!({ "StringValue": text }),
                other => json!({ "NumberValue": other }),
            };
            annotations.entry(key.clone()).or_insert_with(
                || json!([{ "AnnotationValue": value, "ServiceIds": [id.clone()] }]),
            );
        }
        if let Some(arn) = &segment.resource_arn {
            let arn = json!({ "ARN": arn });
            if !arns.contains(&arn) {
                arns.push(arn);
            }
        }
        if !service_ids.contains(&id) {
            service_ids.push(id);
        }
    }
    let root_cause = |failed: bool| {
        if failed {
            json!([{ "Services": [cause_service(&entry, root)], "ClientImpacting": true }])
        } else {
            json!([])
        }
    };
    let duration = trace.duration_us();
    let response = root.end.unwrap_or(root.start) - root.start;
    let to_ms = |us: i64| (us as f64 / 1e3).round() / 1e3;
    json!({
        "Id": trace.id,
        "StartTime": seconds(root.start),
        "Duration": to_ms(duration),
        "ResponseTime": to_ms(response),
        "HasFault": flags.fault,
        "HasError": flags.error,
        "HasThrottle": throttled(trace),
        "IsPartial": trace.partial,
        "Http": http(root),
        "Annotations": annotations,
        "Users": [],
        "ServiceIds": service_ids,
        "ResourceARNs": arns,
        "InstanceIds": [],
        "AvailabilityZones": [],
        "EntryPoint": entry,
        "FaultRootCauses": root_cause(flags.fault),
        "ErrorRootCauses": root_cause(flags.error),
        "ResponseTimeRootCauses": [],
        "Revision": trace.segments.len(),
        "MatchedEventTime": seconds(root.start),
    })
}

/// What the root knows of its client: without a client only the status, if that.
fn http(root: &Segment) -> Value {
    let mut told = json!({});
    let Some(http) = &root.http else { return told };
    told["HttpStatus"] = json!(http.status);
    if let Some(request) = &http.request {
        told["HttpURL"] = json!(request.url);
        told["HttpMethod"] = json!(request.method);
        if let Some((agent, address)) = &request.client {
            told["UserAgent"] = json!(agent);
            told["ClientIp"] = json!(address);
        }
    }
    told
}

fn service_id(segment: &Segment, account_id: &str) -> Value {
    let name = service_name(segment);
    json!({ "Name": name, "Names": [name], "AccountId": account_id, "Type": segment.origin })
}

fn cause_service(entry: &Value, root: &Segment) -> Value {
    let mut service = entry.clone();
    service["EntityPath"] = json!([{ "Name": root.name, "Exceptions": [], "Remote": false }]);
    service["Inferred"] = json!(false);
    service
}
