//! The grammar of filter expressions.

use serde_json::Value;

use super::{Comparison, Filter, Flag, Quantity, Text};
use crate::xray::lexer::{self, Token};

/// Reads an expression; the error is for the user.
pub(super) fn parse(text: &str) -> Result<Filter, String> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
    };
    let filter = parser.any()?;
    match parser.peek() {
        None => Ok(filter),
        Some(token) => Err(format!("unexpected {token}")),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self
            .peek()
            .cloned()
            .ok_or("the expression ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        match self.next()? {
            Token::Symbol(found) if found == symbol => Ok(()),
            other => Err(format!("expected {symbol:?}, found {other}")),
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut left = self.all()?;
        while self.word("OR") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        while self.word("AND") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.word("NOT") || self.take(&Token::Symbol("!")) {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.take(&Token::Symbol("(")) {
            let inner = self.any()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let Token::Word(word) = self.next()? else {
            return Err("expected a keyword".into());
        };
        match word.to_ascii_lowercase().as_str() {
            "ok" => self.flag(Flag::Ok),
            "error" => self.flag(Flag::Error),
            "fault" => self.flag(Flag::Fault),
            "throttle" => self.flag(Flag::Throttle),
            "partial" => self.flag(Flag::Partial),
            "responsetime" => self.number(Quantity::ResponseTime),
            "duration" => self.number(Quantity::Duration),
            "http.status" => self.number(Quantity::Status),
            "http.url" => self.text(Text::Url),
            "http.method" => self.text(Text::Method),
            "http.useragent" => self.text(Text::UserAgent),
            "http.clientip" => self.text(Text::ClientIp),
            "annotation" => self.annotation(),
            "service" => self.service(),
            _ => Err(format!("unknown keyword {word}")),
        }
    }

    fn flag(&mut self, flag: Flag) -> Result<Filter, String> {
        let filter = Filter::Flag(flag);
        let negated = match self.peek() {
            Some(Token::Symbol("=")) => false,
            Some(Token::Symbol("!=")) => true,
            _ => return Ok(filter),
        };
        self.at += 1;
        let wanted = if self.word("true") {
            true
        } else if self.word("false") {
            false
        } else {
            return Err("expected true or false".into());
        };
        Ok(if wanted == negated {
            Filter::Not(Box::new(filter))
        } else {
            filter
        })
    }

    fn number(&mut self, quantity: Quantity) -> Result<Filter, String> {
        let comparison = self.comparison()?;
        match self.next()? {
            Token::Number(value) => Ok(Filter::Number(quantity, comparison, value)),
            other => Err(format!("expected a number, found {other}")),
        }
    }

    fn text(&mut self, text: Text) -> Result<Filter, String> {
        let comparison = self.comparison()?;
        Ok(Filter::Text(text, comparison, self.string()?))
    }

    fn string(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Text(value) => Ok(value),
            other => Err(format!("expected text in quotes, found {other}")),
        }
    }

    fn annotation(&mut self) -> Result<Filter, String> {
        self.expect("[")?;
        let key = match self.next()? {
            Token::Word(key) | Token::Text(key) => key,
            other => return Err(format!("expected a key, found {other}")),
        };
        self.expect("]")?;
        let comparison = self.comparison()?;
        let value = match self.next()? {
            Token::Text(value) => Value::from(value),
            Token::Number(value) => Value::from(value),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Value::from(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Value::from(false),
            other => return Err(format!("expected a value, found {other}")),
        };
        Ok(Filter::Annotation(key, comparison, value))
    }

    fn service(&mut self) -> Result<Filter, String> {
        self.expect("(")?;
        let (mut name, mut kind) = (None, None);
        if self.word("id") {
            self.expect("(")?;
            loop {
                let field = self.next()?;
                self.expect(":")?;
                let value = self.string()?;
                match field {
                    Token::Word(word) if word == "name" => name = Some(value),
                    Token::Word(word) if word == "type" => kind = Some(value),
                    other => return Err(format!("expected name or type, found {other}")),
                }
                if !self.take(&Token::Symbol(",")) {
                    break;
                }
            }
            self.expect(")")?;
        } else if self.peek() != Some(&Token::Symbol(")")) {
            name = Some(self.string()?);
        }
        self.expect(")")?;
        let inner = if self.take(&Token::Symbol("{")) {
            let inner = self.any()?;
            self.expect("}")?;
            Some(Box::new(inner))
        } else {
            None
        };
        Ok(Filter::Service { name, kind, inner })
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let token = self.next()?;
        Ok(match &token {
            Token::Symbol("=") => Comparison::Equal,
            Token::Symbol("!=") => Comparison::NotEqual,
            Token::Symbol("<") => Comparison::Less,
            Token::Symbol("<=") => Comparison::LessOrEqual,
            Token::Symbol(">") => Comparison::Greater,
            Token::Symbol(">=") => Comparison::GreaterOrEqual,
            Token::Word(word) if word.eq_ignore_ascii_case("contains") => Comparison::Contains,
            Token::Word(word) if word.eq_ignore_ascii_case("beginswith") => Comparison::BeginsWith,
            Token::Word(word) if word.eq_ignore_ascii_case("endswith") => Comparison::EndsWith,
            other => return Err(format!("expected a comparison, found {other}")),
        })
    }
}
