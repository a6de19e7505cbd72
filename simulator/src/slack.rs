//! A Slack incoming webhook that reads what it gets as Slack does, and keeps it.
//!
//! Limits are those of Slack's Block Kit reference: 50 blocks a message, a header of 150
//! characters, a section's text of 3,000, 10 fields of 2,000, 10 context elements, 25 action
//! elements, URLs and buttons' values as said there.

mod blocks;

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
        any |= blocks::check_blocks(blocks).map_err(Refused::InvalidBlocks)?;
    }
    if let Some(attachments) = fields.get("attachments") {
        let list = attachments
            .as_array()
            .ok_or_else(|| Refused::InvalidPayload("attachments is not a list".into()))?;
        for attachment in list {
            any = true;
            if let Some(blocks) = attachment.get("blocks") {
                blocks::check_blocks(blocks).map_err(Refused::InvalidBlocks)?;
            }
        }
    }
    if any { Ok(()) } else { Err(Refused::NoText) }
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
