//! What is wrong with a file, for who wrote it: the line, the key, and what is allowed.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file was named and cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of the file is not right.
    #[error("{0}")]
    Mistake(Box<Mistake>),
    /// A secret that the file points to is not there.
    #[error("the webhook's address cannot be read from {place}: {reason}")]
    Secret {
        /// Where it should be.
        place: String,
        /// Why it is not, without the secret.
        reason: String,
    },
}

/// What is wrong with a line.
#[derive(Debug)]
pub(crate) struct Mistake {
    file: String,
    /// From 1.
    line: usize,
    /// With the key in it.
    what: String,
    /// The line as it is.
    text: String,
    /// What to write instead.
    allowed: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake {
            file,
            line,
            what,
            text,
            ..
        } = self;
        write!(f, "{file}, line {line}: {what}\n  {text}")?;
        match &self.allowed {
            Some(allowed) => write!(f, "\n  allowed: {allowed}"),
            None => Ok(()),
        }
    }
}

/// The text that errors point into.
#[derive(Debug)]
pub(super) struct Place<'a> {
    text: &'a str,
    path: &'a Path,
}

impl<'a> Place<'a> {
    pub(super) fn new(text: &'a str, path: &'a Path) -> Place<'a> {
        Place { text, path }
    }

    /// No file: defaults.
    pub(super) fn nowhere() -> Place<'static> {
        Place {
            text: "",
            path: Path::new(""),
        }
    }

    /// A path of the file, which starts beside the file unless it is absolute or a URL.
    pub(super) fn beside(&self, path: &str) -> String {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() && !path.contains("://") => {
                parent.join(path).to_string_lossy().into_owned()
            }
            _ => path.to_owned(),
        }
    }

    /// A value that is right in kind and still not allowed.
    pub(super) fn refuse(
        &self,
        key: &str,
        at: Range<usize>,
        reason: &str,
        allowed: &str,
    ) -> ConfigError {
        let (line, text) = self.line(at.start);
        self.mistake(
            line,
            text,
            format!("`{key}`: {reason}"),
            Some(allowed.to_owned()),
        )
    }

    /// The same for a value that may be a secret: its line is not shown.
    pub(super) fn refuse_unseen(
        &self,
        key: &str,
        at: Range<usize>,
        reason: &str,
        allowed: &str,
    ) -> ConfigError {
        let (line, _) = self.line(at.start);
        let text = format!("{} = …", key.rsplit('.').next().unwrap_or(key));
        self.mistake(
            line,
            text,
            format!("`{key}`: {reason}"),
            Some(allowed.to_owned()),
        )
    }

    /// What the parser found, in our words.
    pub(super) fn explain(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().unwrap_or_default().start;
        let (line, text) = self.line(at);
        let message = error.message();
        let Ok(table) = DeTable::parse(self.text) else {
            return self.mistake(line, text, format!("this is not TOML: {message}"), None);
        };
        let path = key_at(table.get_ref(), at);
        if let Some((key, allowed)) = unknown_field(message) {
            let section = path.strip_suffix(&key).unwrap_or(&path);
            let mut what = format!("there is no key `{section}{key}`");
            if let Some(meant) = closest(&key, &allowed) {
                what.push_str(&format!("; did you mean `{meant}`?"));
            }
            return self.mistake(line, text, what, Some(allowed.join(", ")));
        }
        let (reason, expected) = match message.rsplit_once(", expected ") {
            Some((reason, expected)) => (reason, expected),
            None => (message, "see millicent.example.toml"),
        };
        let allowed = match expected {
            "a string" => "text in quotes".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "a sequence" => "a list like [\"traces\", \"cost\"]".to_owned(),
            other if other.starts_with("struct ") => format!("a section like [{path}]"),
            other => other.to_owned(),
        };
        self.mistake(line, text, format!("`{path}`: {reason}"), Some(allowed))
    }

    fn mistake(
        &self,
        line: usize,
        text: String,
        what: String,
        allowed: Option<String>,
    ) -> ConfigError {
        let file = self.path.display().to_string();
        ConfigError::Mistake(Box::new(Mistake {
            file,
            line,
            what,
            text,
            allowed,
        }))
    }

    /// Number and text of the line that holds this byte.
    fn line(&self, at: usize) -> (usize, String) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let number = before.matches('\n').count() + 1;
        let text = self.text.lines().nth(number - 1).unwrap_or_default();
        (number, text.trim().to_owned())
    }
}

/// `web.listen` for a byte of its key or value.
fn key_at(table: &DeTable<'_>, at: usize) -> String {
    let mut path = Vec::new();
    let mut table = table;
    loop {
        let found = table.iter().find(|(key, value)| {
            key.span().contains(&at)
                || value.span().contains(&at)
                || value.span().start == at
                || within(value.get_ref(), at).is_some()
        });
        let Some((key, value)) = found else { break };
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            other => match within(other, at) {
                Some(inner) => table = inner,
                None => break,
            },
        }
    }
    path.join(".")
}

/// The table of a value, or of a list of tables, one of whose keys is there.
fn within<'t, 'a>(value: &'t DeValue<'a>, at: usize) -> Option<&'t DeTable<'a>> {
    match value {
        DeValue::Table(table) => Some(table).filter(|table| !key_at(table, at).is_empty()),
        DeValue::Array(values) => values.iter().find_map(|value| within(value.get_ref(), at)),
        _ => None,
    }
}

/// The key and its alternatives, of serde's "unknown field `a`, expected one of `b`, `c`".
fn unknown_field(message: &str) -> Option<(String, Vec<String>)> {
    let mut names = message
        .strip_prefix("unknown field ")?
        .split('`')
        .skip(1)
        .step_by(2);
    Some((names.next()?.to_owned(), names.map(str::to_owned).collect()))
}

/// The name that differs least, where that is little.
fn closest<'n>(name: &str, names: &'n [String]) -> Option<&'n String> {
    names
        .iter()
        .map(|other| (edits(name, other), other))
        .filter(|(edits, other)| *edits <= other.len().max(name.len()) / 3)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, other)| other)
}

/// Optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
