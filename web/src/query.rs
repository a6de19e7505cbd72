//! The query part of a URL, read once and strictly.

/// Names and values in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after `?`.
    pub(crate) fn parse(text: &str) -> Query {
        Query(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The last value of a name. A value that is empty counts as left out: forms send those.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self
            .0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// All pairs that have a value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// A path with its query, escaped.
pub(crate) fn href<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in pairs {
        query.append_pair(key, value);
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let pairs = [
            ("route", "GET /orders/{id}"),
            ("q", "a&b=c \"<é>\""),
            ("stage", "$default"),
        ];
        let url = href("/route", pairs);
        let query = Query::parse(url.split_once('?').unwrap().1);
        for (key, value) in pairs {
            assert_eq!(query.get(key), Some(value));
        }
        assert!(!url.contains(['<', '"', ' ']));
    }

    #[test]
    fn empty_counts_as_left_out() {
        let query = Query::parse("from=&q=x");
        assert_eq!(query.get("from"), None);
        assert_eq!(query.pairs().collect::<Vec<_>>(), [("q", "x")]);
    }
}
