//! API Gateway's path templates, and which of two is the more particular one.

/// How particular each part is: a name before a parameter before all that is left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(Vec<u8>);

const NAME: u8 = 0;
const PARAMETER: u8 = 1;
const REST: u8 = 2;

/// A template as the router takes it.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// `/orders/{p2}`, `/files/{*rest}`. Parameters are named by their place, so that `/a/{id}` and
    /// `/a/{key}/b` don't conflict.
    pub(super) pattern: String,
    pub(super) rank: Rank,
    /// It ends in `{name+}`, which takes all that is left.
    pub(super) greedy: bool,
}

impl Template {
    pub(super) fn of(template: &str) -> Self {
        let mut ranks = Vec::new();
        let parts: Vec<String> = template
            .split('/')
            .enumerate()
            .map(|(at, part)| {
                let (rank, part) = match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                    Some(name) if name.ends_with('+') => (REST, "{*rest}".to_owned()),
                    Some(_) => (PARAMETER, format!("{{p{at}}}")),
                    None => (NAME, part.replace('{', "{{").replace('}', "}}")),
                };
                ranks.push(rank);
                part
            })
            .collect();
        Self {
            pattern: parts.join("/"),
            greedy: ranks.last() == Some(&REST),
            rank: Rank(ranks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_particular_template_comes_first() {
        let mut templates = ["/{proxy+}", "/a/{id}/x", "/a/b", "/a/{proxy+}", "/a/{id}"];
        templates.sort_by_key(|template| Template::of(template).rank);
        assert_eq!(
            templates,
            ["/a/b", "/a/{id}", "/a/{id}/x", "/a/{proxy+}", "/{proxy+}"]
        );
    }
}
