//! The words of a filter expression.

use std::fmt;

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A keyword or key, with dots and colons.
    Word(String),
    /// Text in double quotes.
    Text(String),
    Number(f64),
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => f.write_str(word),
            Token::Text(text) => write!(f, "{text:?}"),
            Token::Number(number) => write!(f, "{number}"),
            Token::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

/// Longer ones first, as they begin with shorter ones.
const SYMBOLS: [&str; 14] = [
    "!=", "<=", ">=", "=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",",
];

/// Splits an expression into its words.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let used = if first == '"' {
            let (value, used) = quoted(rest)?;
            tokens.push(Token::Text(value));
            used
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            symbol.len()
        } else if first == ':' {
            tokens.push(Token::Symbol(":"));
            1
        } else if first.is_ascii_digit() {
            let used = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let number = rest[..used]
                .parse()
                .map_err(|_| format!("{:?} is not a number", &rest[..used]))?;
            tokens.push(Token::Number(number));
            used
        } else if first.is_ascii_alphabetic() {
            let within_key = tokens.last() == Some(&Token::Symbol("["));
            let used = rest
                .find(|c: char| {
                    !(c.is_ascii_alphanumeric() || "._-".contains(c) || (within_key && c == ':'))
                })
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..used].to_owned()));
            used
        } else {
            return Err(format!("unexpected character {first:?}"));
        };
        rest = rest[used..].trim_start();
    }
    Ok(tokens)
}

/// Text in quotes at the beginning of `rest`, and how many bytes it takes.
fn quoted(rest: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Ok((value, at + 1)),
            _ => value.push(c),
        }
    }
    Err("a quote that does not end".into())
}
