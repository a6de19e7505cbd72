//! CloudWatch over awsJson 1.0, which is what boto3 speaks: the same handler behind another framing.

use ciborium::Value as Cbor;
use serde_json::Value as Json;

use crate::aws_errors::AwsError;
use crate::cloudwatch::{self, View};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::server::service::Wire;

/// Members that are timestamps: JSON has them as numbers, CBOR with a tag.
const TIMES: [&str; 2] = ["StartTime", "EndTime"];
/// The tag of seconds since the epoch.
const EPOCH: u64 = 1;

/// Answers an operation of CloudWatch over either protocol.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let view = View {
        now: ask.world.now(),
        lag_minutes: ask.lag_minutes,
        page_size: ask.page_size,
    };
    let operation = ask.call.operation.as_str();
    if ask.call.wire == Wire::Cbor {
        return Ok(Answer::cbor(
            200,
            cloudwatch::handle(ask.world, operation, ask.body, &view)?,
        ));
    }
    let unreadable = |why: String| AwsError::bad_request("SerializationException", why);
    let input: Json =
        serde_json::from_slice(ask.body).map_err(|error| unreadable(error.to_string()))?;
    let mut body = Vec::new();
    ciborium::into_writer(&to_cbor(&input, false), &mut body)
        .map_err(|error| unreadable(error.to_string()))?;
    let answer = cloudwatch::handle(ask.world, operation, &body, &view)?;
    let answer: Cbor =
        ciborium::from_reader(answer.as_slice()).map_err(|error| unreadable(error.to_string()))?;
    Ok(ask.json(&to_json(&answer)))
}

pub(crate) fn to_cbor(value: &Json, time: bool) -> Cbor {
    match value {
        Json::Null => Cbor::Null,
        Json::Bool(value) => Cbor::Bool(*value),
        Json::Number(number) => {
            let number = match number.as_i64() {
                Some(whole) => Cbor::Integer(whole.into()),
                None => Cbor::Float(number.as_f64().unwrap_or_default()),
            };
            if time {
                Cbor::Tag(EPOCH, Box::new(number))
            } else {
                number
            }
        }
        Json::String(text) => Cbor::Text(text.clone()),
        Json::Array(items) => Cbor::Array(items.iter().map(|item| to_cbor(item, false)).collect()),
        Json::Object(fields) => Cbor::Map(
            fields
                .iter()
                .map(|(key, value)| {
                    (
                        Cbor::Text(key.clone()),
                        to_cbor(value, TIMES.contains(&key.as_str())),
                    )
                })
                .collect(),
        ),
    }
}

pub(crate) fn to_json(value: &Cbor) -> Json {
    match value {
        Cbor::Bool(value) => Json::from(*value),
        Cbor::Integer(number) => i64::try_from(*number).map_or(Json::Null, Json::from),
        Cbor::Float(number) => Json::from(*number),
        Cbor::Text(text) => Json::from(text.as_str()),
        Cbor::Tag(_, inner) => to_json(inner),
        Cbor::Array(items) => items.iter().map(to_json).collect(),
        Cbor::Map(fields) => Json::Object(
            fields
                .iter()
                .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), to_json(value))))
                .collect(),
        ),
        _ => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_tagged_and_untagged() {
        let input = serde_json::json!({"StartTime": 1_790_000_000, "MaxDatapoints": 5, "MetricDataQueries": [{"Id": "a", "ReturnData": true}]});
        let cbor = to_cbor(&input, false);
        let Cbor::Map(fields) = &cbor else {
            panic!("not a map")
        };
        assert!(
            fields
                .iter()
                .any(|(key, value)| key.as_text() == Some("StartTime") && value.is_tag())
        );
        assert_eq!(to_json(&cbor), input);
    }
}
