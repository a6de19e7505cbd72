//! What is wrong with a file, for who wrote it: the line, the key, and what is allowed.

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
    /// The file is not TOML.
    #[error("{file}, line {line}: this is not TOML: {reason}\n  {text}")]
    Syntax {
        /// Which file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
        /// The line.
        text: String,
    },
    /// A key that there is not.
    #[error(
        "{file}, line {line}: there is no key `{key}`{meant}\n  {text}\n  allowed here: {allowed}"
    )]
    UnknownKey {
        /// Which file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key with its section.
        key: String,
        /// `; did you mean …?`, or nothing.
        meant: String,
        /// The line.
        text: String,
        /// Every key of the section.
        allowed: String,
    },
    /// A value that is not allowed.
    #[error("{file}, line {line}: `{key}`: {reason}\n  {text}\n  allowed: {allowed}")]
    Value {
        /// Which file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key with its section.
        key: String,
        /// What is wrong.
        reason: String,
        /// The line.
        text: String,
        /// What is right.
        allowed: String,
    },
    /// A secret that the file points to is not there.
    #[error("the webhook's address cannot be read from {place}: {reason}")]
    Secret {
        /// Where it should be.
        place: String,
        /// Why it is not, without the secret.
        reason: String,
    },
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
        ConfigError::Value {
            file: self.file(),
            line,
            key: key.to_owned(),
            reason: reason.to_owned(),
            text,
            allowed: allowed.to_owned(),
        }
    }

    /// The same for a value that may be a secret: its line is not shown.
    pub(super) fn refuse_unseen(
        &self,
        key: &str,
        at: Range<usize>,
        reason: &str,
        allowed: &str,
    ) -> ConfigError {
        let mut error = self.refuse(key, at, reason, allowed);
        if let ConfigError::Value { text, .. } = &mut error {
            *text = format!("{} = …", key.rsplit('.').next().unwrap_or(key));
        }
        error
    }

    /// What the parser found, in our words.
    pub(super) fn explain(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().unwrap_or_default().start;
        let (line, text) = self.line(at);
        let file = self.file();
        let message = error.message();
        let Ok(table) = DeTable::parse(self.text) else {
            return ConfigError::Syntax {
                file,
                line,
                reason: message.to_owned(),
                text,
            };
        };
        let path = key_at(table.get_ref(), at);
        if let Some((key, allowed)) = unknown_field(message) {
            let section = path.strip_suffix(&key).unwrap_or(&path);
            return ConfigError::UnknownKey {
                file,
                line,
                meant: closest(&key, &allowed)
                    .map(|meant| format!("; did you mean `{meant}`?"))
                    .unwrap_or_default(),
                key: format!("{section}{key}"),
                text,
                allowed: allowed.join(", "),
            };
        }
        let (reason, allowed) = match message.rsplit_once(", expected ") {
            Some((reason, allowed)) => (reason, allowed),
            None => (message, "see millicent.example.toml"),
        };
        let allowed = match allowed {
            "a string" => "text in quotes",
            "a boolean" => "true or false",
            other if other.starts_with("struct ") => {
                return ConfigError::Value {
                    file,
                    line,
                    reason: reason.to_owned(),
                    text,
                    allowed: format!("a section like [{path}]"),
                    key: path,
                };
            }
            "a sequence" => "a list like [\"traces\", \"cost\"]",
            other => other,
        };
        ConfigError::Value {
            file,
            line,
            key: path,
            reason: reason.to_owned(),
            text,
            allowed: allowed.to_owned(),
        }
    }

    fn file(&self) -> String {
        self.path.display().to_string()
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
                || matches!(value.get_ref(), DeValue::Table(inner) if !key_at(inner, at).is_empty())
        });
        let Some((key, value)) = found else { break };
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    path.join(".")
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
