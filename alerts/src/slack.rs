//! Slack incoming webhooks: a message as Block Kit.
//!
//! Limits and escaping: <https://docs.slack.dev/reference/block-kit/blocks> and
//! <https://docs.slack.dev/messaging/formatting-message-text#escaping>.

use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::message::{Message, show_time};
use crate::notify::{DeliveryError, Notifier};
use crate::rule::Severity;
use crate::webhook::Webhook;

/// Longest text of a header block.
const HEADER_CHARS: usize = 150;
/// Longest text of a section's field.
const FIELD_CHARS: usize = 2_000;
/// Longest text of a section.
const SECTION_CHARS: usize = 3_000;
/// Longest `text` beside blocks; Slack cuts it far later, readers far earlier.
const FALLBACK_CHARS: usize = 1_000;

/// Tells a Slack channel.
#[derive(Debug)]
pub struct Slack {
    webhook: Webhook,
}

impl Slack {
    /// Posts to this incoming webhook.
    pub fn new(webhook: Webhook) -> Slack {
        Slack { webhook }
    }
}

impl Notifier for Slack {
    fn name(&self) -> &str {
        "slack"
    }

    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move { self.webhook.post(&payload(message)).await })
    }
}

/// The body of the post.
pub(crate) fn payload(message: &Message) -> Value {
    let mark = match (message.is_firing(), message.severity) {
        (false, _) => "✅ Resolved: ",
        (true, Severity::Critical) => "🔴 ",
        (true, Severity::Warning) => "🟡 ",
    };
    let mut blocks = vec![json!({
        "type": "header",
        "text": {
            "type": "plain_text",
            "text": cut(&format!("{mark}{}", one_line(&message.title)), HEADER_CHARS),
            "emoji": true,
        },
    })];

    let subject = message.subject();
    if !subject.is_empty() {
        blocks.push(json!({ "type": "section", "text": mrkdwn(&bold(&subject, SECTION_CHARS)) }));
    }

    let unit = message.unit;
    let figures = [
        ("Actual", message.value.map(|value| unit.show(value))),
        (
            "Limit",
            message.threshold.map(|threshold| unit.show(threshold)),
        ),
        ("Over by", message.delta()),
        ("Since", message.since.map(show_time)),
        (
            "Resolved",
            (!message.is_firing()).then(|| show_time(message.at)),
        ),
    ];
    let fields: Vec<Value> = figures
        .into_iter()
        .filter_map(|(name, value)| {
            Some(mrkdwn(&format!(
                "*{name}*\n{}",
                escape(&value?, FIELD_CHARS - 50)
            )))
        })
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({ "type": "section", "fields": fields }));
    }

    let mut details = String::new();
    for (name, value) in &message.details {
        let line = format!("*{}:* {}\n", escape(name, 100), escape(value, 500));
        if details.chars().count() + line.chars().count() > SECTION_CHARS {
            break;
        }
        details.push_str(&line);
    }
    if !details.is_empty() {
        blocks.push(json!({ "type": "section", "text": mrkdwn(details.trim_end()) }));
    }

    // Links, not buttons: a button needs an app that answers its click.
    let rule = format!("Rule `{}`", escape(&message.rule, 200).replace('`', "'"));
    let source = match message.link.as_deref().map(escape_link) {
        Some(link) if link.chars().count() < SECTION_CHARS - 300 => {
            format!("<{link}|Open in Millicent> · {rule}")
        }
        _ => rule,
    };
    blocks.push(json!({ "type": "context", "elements": [mrkdwn(&source)] }));

    json!({ "text": escape(&format!("{}{}", mark, message.line()), FALLBACK_CHARS), "blocks": blocks })
}

fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text })
}

/// A name as bold text; what would end the bold early is replaced by its look-alike.
fn bold(name: &str, limit: usize) -> String {
    format!("*{}*", escape(&name.replace('*', "∗"), limit - 2))
}

/// Text that Slack shows as it is, at most `limit` characters of it once escaped.
fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for character in one_line(text).chars() {
        let shown = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        let added = shown.len().max(1);
        if length + added >= limit {
            escaped.push('…');
            break;
        }
        length += added;
        if shown.is_empty() {
            escaped.push(character);
        } else {
            escaped.push_str(shown);
        }
    }
    escaped
}

/// A URL for `<URL|text>`: `|` and `>` would end it, `&` is a control character there too.
fn escape_link(link: &str) -> String {
    link.replace('|', "%7C")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('&', "&amp;")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::tests::message;
    use crate::state::Change;

    /// The rules of Block Kit for the blocks that are used here.
    fn check(payload: &Value) -> Result<(), String> {
        let text_of = |object: &Value, kind: &str, limit: usize| -> Result<(), String> {
            let text = object["text"].as_str().ok_or("text is missing")?;
            let length = text.chars().count();
            if object["type"] != kind || length == 0 || length > limit {
                return Err(format!("{kind} of {length} characters: {object}"));
            }
            if kind == "mrkdwn" {
                let links = text.matches('<').count();
                if links > 1 || links != text.matches('>').count() {
                    return Err(format!("a control sequence that is not ours: {text}"));
                }
            }
            Ok(())
        };
        let fallback = payload["text"].as_str().ok_or("no fallback")?;
        if fallback.is_empty() || fallback.contains(['<', '>']) {
            return Err(format!("fallback: {fallback}"));
        }
        let blocks = payload["blocks"].as_array().ok_or("no blocks")?;
        if blocks.len() > 50 {
            return Err(format!("{} blocks", blocks.len()));
        }
        for block in blocks {
            match block["type"].as_str() {
                Some("header") => text_of(&block["text"], "plain_text", HEADER_CHARS)?,
                Some("section") if block["fields"].is_array() => {
                    let fields = block["fields"].as_array().ok_or("fields")?;
                    if fields.is_empty() || fields.len() > 10 {
                        return Err(format!("{} fields", fields.len()));
                    }
                    for field in fields {
                        text_of(field, "mrkdwn", FIELD_CHARS)?;
                    }
                }
                Some("section") => text_of(&block["text"], "mrkdwn", SECTION_CHARS)?,
                Some("context") => text_of(&block["elements"][0], "mrkdwn", SECTION_CHARS)?,
                other => return Err(format!("block of type {other:?}")),
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn names_of_any_kind_stay_within_the_rules_of_block_kit(
            api in "\\PC{0,300}",
            route in any::<String>(),
            hostile in "[<>&|*_~`@! \n]{0,3000}",
            lines in 0..60_usize,
            about_route in any::<bool>(),
        ) {
            let route_labels = [("api", api.as_str()), ("stage", "prod"), ("route", &route)];
            let other_labels = [("day", hostile.as_str())];
            let labels = if about_route { &route_labels[..] } else { &other_labels[..] };
            let details = format!("Driver: {hostile}\n").repeat(lines);
            let message = message(labels, &details, Change::Firing);
            prop_assert_eq!(check(&payload(&message)), Ok(()));
        }
    }

    #[test]
    fn a_firing_says_what_how_much_since_when_why_and_where() {
        let labels = [
            ("api", "shop"),
            ("stage", "prod"),
            ("route", "POST /orders"),
        ];
        let payload = payload(&message(&labels, "Driver: <!channel> & co", Change::Firing));
        assert_eq!(check(&payload), Ok(()));
        assert_eq!(
            payload["blocks"][0]["text"]["text"],
            "🟡 Cost per 1,000 requests"
        );
        assert_eq!(
            payload["blocks"][1]["text"]["text"],
            "*POST /orders of shop/prod*"
        );
        let fields: Vec<_> = (0..4)
            .map(|index| {
                payload["blocks"][2]["fields"][index]["text"]
                    .as_str()
                    .unwrap()
            })
            .collect();
        assert_eq!(
            fields,
            [
                "*Actual*\n$1.25",
                "*Limit*\n$0.50",
                "*Over by*\n+$0.75 (+150%)",
                "*Since*\n2027-01-15 05:13 UTC"
            ]
        );
        assert_eq!(
            payload["blocks"][3]["text"]["text"],
            "*Driver:* &lt;!channel&gt; &amp; co"
        );
        assert_eq!(
            payload["blocks"][4]["elements"][0]["text"],
            "<http://127.0.0.1:8080/route?api=shop&amp;stage=prod&amp;route=POST+%2Forders&amp;range=7d\
             |Open in Millicent> · Rule `alerts/cost-per-request`"
        );
    }

    #[test]
    fn a_resolution_says_when_it_ended() {
        let payload = payload(&message(&[], "", Change::Resolved));
        assert_eq!(check(&payload), Ok(()));
        assert_eq!(
            payload["blocks"][0]["text"]["text"],
            "✅ Resolved: Cost per 1,000 requests"
        );
        assert_eq!(
            payload["blocks"][1]["fields"][4]["text"],
            "*Resolved*\n2027-01-15 08:00 UTC"
        );
    }
}
