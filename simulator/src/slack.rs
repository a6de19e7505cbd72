//! A Slack incoming webhook that reads what it gets as Slack does, and keeps it.
//!
//! Limits are those of Slack's Block Kit reference: 50 blocks a message, a header of 150
//! characters, a section's text of 3,000, 10 fields of 2,000, 10 context elements, 25 action
//! elements, URLs and buttons' values as said there.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

/// Messages that are kept; older ones go.
pub const KEPT: usize = 1_000;

/// Why Slack refuses a message: the text of its answer, status 400, and for people the reason.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// Not a JSON object.
    #[error("invalid_payload")]
    InvalidPayload(String),
    /// Neither text nor blocks.
    #[error("no_text")]
    NoText,
    /// A block that breaks a rule.
    #[error("invalid_blocks")]
    InvalidBlocks(String),
}

impl Refused {
    /// Which rule it broke; Slack itself does not say.
    pub fn reason(&self) -> &str {
        match self {
            Refused::InvalidPayload(reason) | Refused::InvalidBlocks(reason) => reason,
            Refused::NoText => "neither text, blocks nor attachments",
        }
    }
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// When, in the account's time.
    pub time: DateTime<Utc>,
    /// The webhook's path, by which it was sent.
    pub webhook: String,
    /// The message as it came.
    pub payload: Value,
}

/// The messages that webhooks got.
#[derive(Debug, Default)]
pub struct Inbox {
    messages: Mutex<VecDeque<Message>>,
}

impl Inbox {
    /// Checks a message and keeps it.
    pub fn post(&self, webhook: &str, body: &[u8], time: DateTime<Utc>) -> Result<(), Refused> {
        let payload: Value = serde_json::from_slice(body)
            .map_err(|error| Refused::InvalidPayload(error.to_string()))?;
        validate(&payload)?;
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == KEPT {
            messages.pop_front();
        }
        messages.push_back(Message {
            time,
            webhook: webhook.to_owned(),
            payload,
        });
        Ok(())
    }

    /// What was kept, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

fn validate(payload: &Value) -> Result<(), Refused> {
    let Value::Object(fields) = payload else {
        return Err(Refused::InvalidPayload("not an object".into()));
    };
    let text = fields
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if text.chars().count() > 40_000 {
        return Err(Refused::InvalidPayload(
            "text is longer than 40,000 characters".into(),
        ));
    }
    let mut any = !text.is_empty();
    if let Some(blocks) = fields.get("blocks") {
        any |= check_blocks(blocks).map_err(Refused::InvalidBlocks)?;
    }
    if let Some(attachments) = fields.get("attachments") {
        let list = attachments
            .as_array()
            .ok_or_else(|| Refused::InvalidPayload("attachments is not a list".into()))?;
        for attachment in list {
            any = true;
            if let Some(blocks) = attachment.get("blocks") {
                check_blocks(blocks).map_err(Refused::InvalidBlocks)?;
            }
        }
    }
    if any { Ok(()) } else { Err(Refused::NoText) }
}

/// Whether there are any.
fn check_blocks(blocks: &Value) -> Result<bool, String> {
    let blocks = blocks.as_array().ok_or("blocks is not a list")?;
    if blocks.len() > 50 {
        return Err(format!("{} blocks: at most 50", blocks.len()));
    }
    for (index, block) in blocks.iter().enumerate() {
        check_block(block).map_err(|why| format!("block {index}: {why}"))?;
    }
    Ok(!blocks.is_empty())
}

fn check_block(block: &Value) -> Result<(), String> {
    let kind = text_of(block, "type")?;
    if let Some(id) = block.get("block_id") {
        within(id.as_str().ok_or("block_id is not text")?, "block_id", 255)?;
    }
    match kind {
        "header" => {
            known(block, &["type", "text", "block_id"])?;
            check_text(
                block.get("text").ok_or("header without text")?,
                150,
                &["plain_text"],
            )
        }
        "section" => {
            known(
                block,
                &["type", "text", "fields", "accessory", "block_id", "expand"],
            )?;
            if let Some(text) = block.get("text") {
                check_text(text, 3_000, &["plain_text", "mrkdwn"])?;
            }
            if let Some(fields) = block.get("fields") {
                for field in bounded(fields, "fields", 10)? {
                    check_text(field, 2_000, &["plain_text", "mrkdwn"])?;
                }
            } else if block.get("text").is_none() {
                return Err("section with neither text nor fields".into());
            }
            block.get("accessory").map_or(Ok(()), check_element)
        }
        "context" => {
            known(block, &["type", "elements", "block_id"])?;
            for element in bounded(
                block.get("elements").ok_or("context without elements")?,
                "elements",
                10,
            )? {
                match text_of(element, "type")? {
                    "image" => check_image(element)?,
                    _ => check_text(element, 3_000, &["plain_text", "mrkdwn"])?,
                }
            }
            Ok(())
        }
        "actions" => {
            known(block, &["type", "elements", "block_id"])?;
            bounded(
                block.get("elements").ok_or("actions without elements")?,
                "elements",
                25,
            )?
            .iter()
            .try_for_each(check_element)
        }
        "divider" => known(block, &["type", "block_id"]),
        "image" => {
            known(
                block,
                &[
                    "type",
                    "image_url",
                    "slack_file",
                    "alt_text",
                    "title",
                    "block_id",
                ],
            )?;
            if let Some(title) = block.get("title") {
                check_text(title, 2_000, &["plain_text"])?;
            }
            check_image(block)
        }
        other => Err(format!("unsupported type {other:?}")),
    }
}

fn check_element(element: &Value) -> Result<(), String> {
    match text_of(element, "type")? {
        "button" => {
            known(
                element,
                &[
                    "type",
                    "text",
                    "action_id",
                    "url",
                    "value",
                    "style",
                    "confirm",
                    "accessibility_label",
                ],
            )?;
            check_text(
                element.get("text").ok_or("button without text")?,
                75,
                &["plain_text"],
            )?;
            if let Some(url) = element.get("url") {
                check_url(url.as_str().ok_or("url is not text")?)?;
            }
            if let Some(value) = element.get("value") {
                within(value.as_str().ok_or("value is not text")?, "value", 2_000)?;
            }
            match element.get("style").map(Value::as_str) {
                None | Some(Some("primary" | "danger")) => Ok(()),
                Some(_) => Err("style is neither primary nor danger".into()),
            }
        }
        "image" => check_image(element),
        other => Err(format!("unsupported element {other:?}")),
    }
}

fn check_image(image: &Value) -> Result<(), String> {
    within(text_of(image, "alt_text")?, "alt_text", 2_000)?;
    check_url(text_of(image, "image_url")?)
}

fn check_url(text: &str) -> Result<(), String> {
    within(text, "url", 3_000)?;
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https" | "mailto" | "slack") => Ok(()),
        _ => Err(format!("{text:?} is not a URL")),
    }
}

fn check_text(object: &Value, most: usize, kinds: &[&str]) -> Result<(), String> {
    let kind = text_of(object, "type")?;
    if !kinds.contains(&kind) {
        return Err(format!(
            "text of type {kind:?}: one of {}",
            kinds.join(", ")
        ));
    }
    known(object, &["type", "text", "emoji", "verbatim"])?;
    if kind == "mrkdwn" && object.get("emoji").is_some() {
        return Err("emoji is for plain_text only".into());
    }
    within(text_of(object, "text")?, "text", most)
}

fn within(text: &str, what: &str, most: usize) -> Result<(), String> {
    match text.chars().count() {
        0 => Err(format!("{what} is empty")),
        length if length > most => Err(format!("{what} has {length} characters: at most {most}")),
        _ => Ok(()),
    }
}

fn bounded<'a>(list: &'a Value, what: &str, most: usize) -> Result<&'a [Value], String> {
    match list.as_array() {
        Some(items) if (1..=most).contains(&items.len()) => Ok(items),
        Some(items) => Err(format!("{} {what}: 1 to {most}", items.len())),
        None => Err(format!("{what} is not a list")),
    }
}

fn text_of<'a>(object: &'a Value, key: &str) -> Result<&'a str, String> {
    object
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("no {key}"))
}

fn known(object: &Value, keys: &[&str]) -> Result<(), String> {
    let fields = object.as_object().ok_or("not an object")?;
    match fields.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown field {key:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn post(payload: &Value) -> Result<(), Refused> {
        Inbox::default().post(
            "T/B/x",
            payload.to_string().as_bytes(),
            DateTime::UNIX_EPOCH,
        )
    }

    fn block(block: Value) -> Result<(), Refused> {
        post(&json!({ "blocks": [block] }))
    }

    #[test]
    fn a_message_of_every_block_is_kept() {
        let inbox = Inbox::default();
        let payload = json!({
            "text": "POST /orders costs 2.4 times its usual",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "POST /orders", "emoji": true}},
                {"type": "section", "text": {"type": "mrkdwn", "text": "*$1.20* per 1,000"},
                 "fields": [{"type": "mrkdwn", "text": "*Since*\n08:00"}]},
                {"type": "divider"},
                {"type": "image", "image_url": "http://127.0.0.1:8080/a.png", "alt_text": "cost"},
                {"type": "actions", "elements": [
                    {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "http://127.0.0.1:8080/route"}]},
                {"type": "context", "elements": [{"type": "mrkdwn", "text": "Millicent"}]},
            ],
        });
        inbox
            .post(
                "T/B/x",
                payload.to_string().as_bytes(),
                DateTime::UNIX_EPOCH,
            )
            .unwrap();
        assert_eq!(inbox.messages()[0].payload, payload);
    }

    #[test]
    fn limits_hold_to_the_character() {
        let header = |n: usize| {
            block(json!({"type": "header", "text": {"type": "plain_text", "text": "x".repeat(n)}}))
        };
        assert_eq!(header(150), Ok(()));
        assert!(matches!(header(151), Err(Refused::InvalidBlocks(_))));
        let section = |n: usize| {
            block(json!({"type": "section", "text": {"type": "mrkdwn", "text": "é".repeat(n)}}))
        };
        assert_eq!(section(3_000), Ok(()));
        assert!(matches!(section(3_001), Err(Refused::InvalidBlocks(_))));
        let fields = |n: usize| {
            block(
                json!({"type": "section", "fields": vec![json!({"type": "mrkdwn", "text": "x"}); n]}),
            )
        };
        assert_eq!(fields(10), Ok(()));
        assert!(matches!(fields(11), Err(Refused::InvalidBlocks(_))));
        let blocks = |n: usize| post(&json!({"blocks": vec![json!({"type": "divider"}); n]}));
        assert_eq!(blocks(50), Ok(()));
        assert!(matches!(blocks(51), Err(Refused::InvalidBlocks(_))));
    }

    #[test]
    fn what_slack_refuses_is_refused() {
        assert_eq!(post(&json!({})), Err(Refused::NoText));
        assert_eq!(post(&json!({"text": ""})), Err(Refused::NoText));
        assert!(matches!(
            Inbox::default().post("x", b"payload", DateTime::UNIX_EPOCH),
            Err(Refused::InvalidPayload(_))
        ));
        for bad in [
            json!({"type": "headline", "text": {"type": "plain_text", "text": "x"}}),
            json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}),
            json!({"type": "section"}),
            json!({"type": "section", "text": {"type": "mrkdwn", "text": ""}}),
            json!({"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "colour": "red"}),
            json!({"type": "context", "elements": []}),
            json!({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "url": "route"}]}),
        ] {
            assert!(
                matches!(block(bad.clone()), Err(Refused::InvalidBlocks(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_the_last_messages_are_kept() {
        let inbox = Inbox::default();
        for number in 0..KEPT + 5 {
            let body = json!({ "text": number.to_string() }).to_string();
            inbox
                .post("x", body.as_bytes(), DateTime::UNIX_EPOCH)
                .unwrap();
        }
        let messages = inbox.messages();
        assert_eq!(messages.len(), KEPT);
        assert_eq!(messages[0].payload["text"], "5");
    }
}
