//! Amazon S3's objects, which only the bucket of Data Exports has.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::aws_errors::{AwsError, escape};
use crate::estate::EXPORTS_BUCKET;
use crate::exports::{Exports, Object};
use crate::listings::{index_of, page_of, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::world::World;

/// Keys on a page.
const PAGE: usize = 1_000;

/// Every object of a bucket of this Region.
pub(super) struct Objects(Vec<Arc<Vec<Object>>>);

impl Objects {
    pub(super) fn of(ask: &Ask<'_>, bucket: &str, exports: &Exports) -> Objects {
        let home = ask.world.config().home;
        if !home || !bucket.starts_with(EXPORTS_BUCKET) {
            return Objects(Vec::new());
        }
        let worlds: Vec<&World> = ask.everywhere().collect();
        Objects(exports.objects(&worlds, ask.now))
    }

    fn all(&self) -> impl Iterator<Item = &Object> {
        self.0.iter().flat_map(|month| month.iter())
    }
}

/// `ListObjectsV2`.
pub(super) fn list(ask: &Ask<'_>, bucket: &str, objects: &Objects) -> Result<Answer, AwsError> {
    let invalid = |what: &str| AwsError::bad_request("InvalidArgument", what);
    let prefix = ask.param("prefix").unwrap_or_default();
    let delimiter = ask.param("delimiter").filter(|text| !text.is_empty());
    let after = ask.param("start-after").unwrap_or_default();
    let most = match ask.param("max-keys") {
        None => PAGE,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| invalid("Provided max-keys not an integer or within integer range"))?
            .min(PAGE),
    };
    let from = match ask.param("continuation-token") {
        None => 0,
        Some(text) => index_of("objects:", &text)
            .ok_or_else(|| invalid("The continuation token provided is incorrect"))?,
    };
    let mut found: Vec<Entry<'_>> = objects
        .all()
        .filter(|object| object.key.starts_with(&prefix) && object.key > after)
        .map(|object| Entry::of(object, &prefix, delimiter.as_deref()))
        .collect();
    found.sort_unstable_by(|a, b| a.key().cmp(b.key()));
    found.dedup_by(|a, b| a.key() == b.key());
    let (page, next) = page_of(&found, from, ask.page(most));

    let url_encoded = ask.param("encoding-type").as_deref() == Some("url");
    let text = |text: &str| {
        if url_encoded {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
        } else {
            escape(text)
        }
    };
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"{}\"><Name>{}</Name>\
         <Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{most}</MaxKeys><IsTruncated>{}</IsTruncated>",
        super::s3::XMLNS,
        escape(bucket),
        text(&prefix),
        page.len(),
        next.is_some(),
    );
    if url_encoded {
        body.push_str("<EncodingType>url</EncodingType>");
    }
    if let Some(delimiter) = &delimiter {
        // Writing to a string cannot fail.
        let _ = write!(body, "<Delimiter>{}</Delimiter>", text(delimiter));
    }
    if let Some(next) = next {
        let next = token("objects:", next);
        let _ = write!(
            body,
            "<NextContinuationToken>{next}</NextContinuationToken>"
        );
    }
    for entry in page {
        let _ = match entry {
            Entry::Key(object) => write!(
                body,
                "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag>\
                 <Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                text(&object.key),
                object.written.format("%Y-%m-%dT%H:%M:%S.000Z"),
                object.etag(),
                object.body.len(),
            ),
            Entry::Folder(folder) => {
                write!(
                    body,
                    "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
                    text(folder)
                )
            }
        };
    }
    body.push_str("</ListBucketResult>");
    Ok(Answer::xml(200, "application/xml", body))
}

/// A key, or what keys have in common up to the delimiter.
enum Entry<'a> {
    Key(&'a Object),
    Folder(&'a str),
}

impl<'a> Entry<'a> {
    fn of(object: &'a Object, prefix: &str, delimiter: Option<&str>) -> Entry<'a> {
        let end = delimiter.and_then(|delimiter| {
            let at = object.key[prefix.len()..].find(delimiter)?;
            Some(prefix.len() + at + delimiter.len())
        });
        end.map_or(Entry::Key(object), |end| Entry::Folder(&object.key[..end]))
    }

    fn key(&self) -> &str {
        match self {
            Entry::Key(object) => &object.key,
            Entry::Folder(folder) => folder,
        }
    }
}

/// `GetObject`, whole or a range of it, and `HeadObject`.
pub(super) fn get(ask: &Ask<'_>, objects: &Objects) -> Result<Answer, AwsError> {
    let key = ask.segments().split_off(1).join("/");
    let head = ask.call.operation == "HeadObject";
    let Some(object) = objects.all().find(|object| object.key == key) else {
        return if head {
            // An answer without a body has no code.
            Ok(Answer::xml(404, "application/xml", String::new()))
        } else {
            Err(AwsError::new(
                404,
                "NoSuchKey",
                "The specified key does not exist.",
            ))
        };
    };
    let size = object.body.len();
    let content_type = if key.ends_with(".json") {
        "application/json"
    } else {
        "application/x-gzip"
    };
    let answer = |status: u16, body: &[u8]| Answer {
        status,
        headers: vec![
            ("content-type", content_type.to_owned()),
            ("etag", format!("\"{}\"", object.etag())),
            ("last-modified", http_date(object.written)),
            ("accept-ranges", "bytes".to_owned()),
        ],
        body: body.to_vec(),
    };
    if head {
        return Ok(answer(200, b"").with("content-length", size.to_string()));
    }
    let Some(wanted) = ask.range else {
        return Ok(answer(200, &object.body));
    };
    match range(wanted, size) {
        // What is no range of bytes is ignored.
        None => Ok(answer(200, &object.body)),
        Some(Some(part)) => {
            let told = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            Ok(answer(206, &object.body[part]).with("content-range", told))
        }
        Some(None) => Err(AwsError::new(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
        )),
    }
}

/// The bytes of `bytes=0-99`, `bytes=100-` or `bytes=-100`; the inner option is none if there are
/// no such bytes.
fn range(header: &str, size: usize) -> Option<Option<std::ops::Range<usize>>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<usize>().ok();
    let (start, end) = match (first, last) {
        ("", last) => (size.saturating_sub(number(last)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => (number(first)?, number(last)?.saturating_add(1).min(size)),
    };
    Some((start < end).then_some(start..end))
}

fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_are_those_of_http() {
        assert_eq!(range("bytes=0-9", 100), Some(Some(0..10)));
        assert_eq!(range("bytes=90-", 100), Some(Some(90..100)));
        assert_eq!(range("bytes=-4", 100), Some(Some(96..100)));
        assert_eq!(range("bytes=-400", 100), Some(Some(0..100)));
        assert_eq!(range("bytes=90-400", 100), Some(Some(90..100)));
        assert_eq!(range("bytes=100-", 100), Some(None));
        assert_eq!(range("items=0-9", 100), None);
    }
}
