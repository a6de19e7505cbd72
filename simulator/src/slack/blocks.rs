//! Block Kit: which blocks a message may have, and how long their parts may be.

use serde_json::Value;

/// Whether there are any.
pub(super) fn check_blocks(blocks: &Value) -> Result<bool, String> {
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
