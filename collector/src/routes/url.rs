//! The parts of a URL that a route depends on.

/// Host and path of a URL as it was recorded: whole, or the path alone.
#[derive(Debug)]
pub(super) struct Location<'a> {
    /// In lower case, without its port; empty if the URL has none.
    pub(super) host: String,
    /// Without the query.
    pub(super) path: &'a str,
}

impl<'a> Location<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let (host, rest) = match url.split_once("://") {
            Some((_, rest)) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                rest.split_at(end)
            }
            None => ("", url.find('/').map_or("/", |at| &url[at..])),
        };
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or(host);
        Self {
            host: host.split(':').next().unwrap_or(host).to_lowercase(),
            path: if path.is_empty() { "/" } else { path },
        }
    }

    /// The API that an `execute-api` host belongs to; before it a VPC endpoint may stand.
    pub(super) fn api_id(&self) -> Option<&str> {
        let (first, _) = self.host.split_once(".execute-api.")?;
        let id = first.split('.').next()?;
        Some(id.split_once("-vpce").map_or(id, |(id, _)| id))
    }
}

/// `caf%C3%A9` → `café`; `None` if nothing is encoded, or not as UTF-8.
pub(super) fn decoded(path: &str) -> Option<String> {
    if !path.contains('%') {
        return None;
    }
    let bytes = path.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            // An encoded slash is a part of a name, and no border between two.
            Some(b'/') | None => {
                plain.push(bytes[at]);
                at += 1;
            }
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
        }
    }
    String::from_utf8(plain).ok()
}
