//! Filter expressions of `GetTraceSummaries`, as far as they are commonly written.
//!
//! ```text
//! fault · error = false · ok · throttle · partial · responsetime > 1 · duration >= 2.5
//! http.status = 500 · http.method = "GET" · http.url CONTAINS "/orders"
//! annotation[aws:api_stage] = "prod" · service("shop/prod") · service(id(name: "shop/prod", type: "AWS::ApiGateway::Stage")) { fault }
//! AND · OR · NOT · ( )
//! ```

mod parser;

use serde_json::Value;

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
        parser::parse(text)
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
