//! Filter expressions of `GetTraceSummaries`, as far as they are commonly written.
//!
//! ```text
//! fault · error = false · ok · throttle · partial · responsetime > 1 · duration >= 2.5
//! http.status = 500 · http.method = "GET" · http.url CONTAINS "/orders"
//! annotation[aws:api_stage] = "prod" · service("shop/prod") · service(id(name: "shop/prod", type: "AWS::ApiGateway::Stage")) { fault }
//! AND · OR · NOT · ( )
//! ```

use serde_json::Value;

use crate::xray::lexer::{self, Token};
use crate::xray::segment::Segment;
use crate::xray::trace::Trace;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Flag(Flag),
    Number(Quantity, Comparison, f64),
    Text(Text, Comparison, String),
    Annotation(String, Comparison, Value),
    Service {
        name: Option<String>,
        kind: Option<String>,
        inner: Option<Box<Filter>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Ok,
    Error,
    Fault,
    Throttle,
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    ResponseTime,
    Duration,
    Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    Url,
    Method,
    UserAgent,
    ClientIp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    BeginsWith,
    EndsWith,
}

impl Comparison {
    fn numbers(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
            Comparison::Contains | Comparison::BeginsWith | Comparison::EndsWith => false,
        }
    }

    fn texts(self, left: &str, right: &str) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Contains => left.contains(right),
            Comparison::BeginsWith => left.starts_with(right),
            Comparison::EndsWith => left.ends_with(right),
            _ => false,
        }
    }
}

/// What an expression is true of: a trace as its root shows it, or one service's segment in it.
struct Subject<'a> {
    segment: &'a Segment,
    trace: &'a Trace,
    whole: bool,
}

impl Filter {
    /// Reads an expression; the error is for the user.
    pub(crate) fn parse(text: &str) -> Result<Filter, String> {
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

    /// Whether a trace is meant.
    pub(crate) fn matches(&self, trace: &Trace) -> bool {
        trace.segments.first().is_some_and(|segment| {
            self.holds(&Subject {
                segment,
                trace,
                whole: true,
            })
        })
    }

    fn holds(&self, of: &Subject<'_>) -> bool {
        match self {
            Filter::And(left, right) => left.holds(of) && right.holds(of),
            Filter::Or(left, right) => left.holds(of) || right.holds(of),
            Filter::Not(inner) => !inner.holds(of),
            Filter::Flag(flag) => of.flag(*flag),
            Filter::Number(quantity, comparison, value) => of
                .quantity(*quantity)
                .is_some_and(|own| comparison.numbers(own, *value)),
            Filter::Text(text, comparison, value) => of
                .text(*text)
                .is_some_and(|own| comparison.texts(&own, value)),
            Filter::Annotation(key, comparison, value) => {
                of.annotation(key).any(|own| match (own, value) {
                    (Value::String(own), Value::String(value)) => comparison.texts(own, value),
                    (own, value) => match (own.as_f64(), value.as_f64()) {
                        (Some(own), Some(value)) => comparison.numbers(own, value),
                        _ => comparison == &Comparison::Equal && own == value,
                    },
                })
            }
            Filter::Service { name, kind, inner } => of.trace.segments.iter().any(|segment| {
                name.as_ref()
                    .is_none_or(|name| service_name(segment) == *name)
                    && kind
                        .as_ref()
                        .is_none_or(|kind| segment.origin == Some(kind.as_str()))
                    && inner.as_ref().is_none_or(|inner| {
                        inner.holds(&Subject {
                            segment,
                            trace: of.trace,
                            whole: false,
                        })
                    })
            }),
        }
    }
}

/// A segment's service, by the name that the service map shows.
pub(crate) fn service_name(segment: &Segment) -> &str {
    let resource = segment
        .aws
        .as_ref()
        .filter(|_| segment.inferred)
        .and_then(|aws| aws["resource_names"][0].as_str());
    resource.unwrap_or(&segment.name)
}

impl Subject<'_> {
    fn flag(&self, flag: Flag) -> bool {
        let flags = self.segment.flags.unwrap_or_default();
        match flag {
            Flag::Ok => !flags.error && !flags.fault,
            Flag::Error => flags.error,
            Flag::Fault => flags.fault,
            Flag::Throttle if self.whole => throttled(self.trace),
            Flag::Throttle => flags.throttle,
            Flag::Partial => self.trace.partial,
        }
    }

    fn quantity(&self, quantity: Quantity) -> Option<f64> {
        let own = self
            .segment
            .end
            .map(|end| (end - self.segment.start) as f64 / 1e6);
        match quantity {
            Quantity::ResponseTime => own,
            Quantity::Duration if self.whole => Some(self.trace.duration_us() as f64 / 1e6),
            Quantity::Duration => own,
            Quantity::Status => self
                .segment
                .http
                .as_ref()
                .map(|http| f64::from(http.status)),
        }
    }

    fn text(&self, text: Text) -> Option<String> {
        let request = self.segment.http.as_ref()?.request.as_ref()?;
        match text {
            Text::Url => Some(request.url.clone()),
            Text::Method => Some(request.method.to_owned()),
            Text::UserAgent => request
                .client
                .as_ref()
                .map(|(agent, _)| (*agent).to_owned()),
            Text::ClientIp => request.client.as_ref().map(|(_, address)| address.clone()),
        }
    }

    fn annotation<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Value> {
        let of_trace = self.trace.segments.iter().filter(|_| self.whole);
        let of_segment = std::iter::once(self.segment).filter(|_| !self.whole);
        of_trace
            .chain(of_segment)
            .filter_map(move |segment| segment.annotations.as_ref()?.get(key))
    }
}

/// Whether any part of a trace was throttled.
pub(crate) fn throttled(trace: &Trace) -> bool {
    let mut any = false;
    for segment in &trace.segments {
        segment.visit(&mut |part| any |= part.flags.is_some_and(|flags| flags.throttle));
    }
    any
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
