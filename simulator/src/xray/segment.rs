//! A segment as a tree, and as the JSON text that X-Ray hands out.

use std::fmt::Write as _;

use serde_json::Value;

use crate::model::Micros;

/// A segment, or a subsegment within one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segment {
    pub(crate) id: u64,
    /// The segment or subsegment that caused it; none for a root and for subsegments.
    pub(crate) parent: Option<u64>,
    pub(crate) name: String,
    /// Segments only.
    pub(crate) origin: Option<&'static str>,
    pub(crate) start: Micros,
    /// None while in progress.
    pub(crate) end: Option<Micros>,
    pub(crate) inferred: bool,
    pub(crate) flags: Option<Flags>,
    pub(crate) http: Option<Http>,
    pub(crate) aws: Option<Value>,
    pub(crate) annotations: Option<Value>,
    pub(crate) metadata: Option<Value>,
    pub(crate) resource_arn: Option<String>,
    /// `aws` for a call of the AWS SDK.
    pub(crate) namespace: Option<&'static str>,
    pub(crate) cause: Option<Value>,
    /// Traces that led to this one without being part of it.
    pub(crate) links: Option<Value>,
    pub(crate) subsegments: Vec<Segment>,
}

/// How a segment failed. Real documents spell out all three on some segments and only the true
/// ones on others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// A client error, 4xx.
    pub(crate) error: bool,
    /// A server error, 5xx.
    pub(crate) fault: bool,
    /// 429.
    pub(crate) throttle: bool,
    /// Also write those that are false.
    pub(crate) explicit: bool,
}

impl Flags {
    pub(crate) const FAULT: Flags = Flags {
        error: false,
        fault: true,
        throttle: false,
        explicit: false,
    };
    pub(crate) const ERROR: Flags = Flags {
        error: true,
        fault: false,
        throttle: false,
        explicit: false,
    };

    /// As API Gateway flags a status; none for a success.
    pub(crate) fn of_status(status: u16) -> Option<Flags> {
        match status {
            0..400 => None,
            429 => Some(Flags {
                error: true,
                throttle: true,
                explicit: true,
                fault: false,
            }),
            400..500 => Some(Flags {
                explicit: true,
                ..Flags::ERROR
            }),
            _ => Some(Flags {
                explicit: true,
                ..Flags::FAULT
            }),
        }
    }
}

/// The HTTP side of a segment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Http {
    pub(crate) request: Option<HttpRequest>,
    pub(crate) status: u16,
    pub(crate) content_length: Option<u64>,
}

/// The request that was received or sent.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub(crate) url: String,
    pub(crate) method: &'static str,
    /// User agent and address of the client, where the segment received the request from one.
    pub(crate) client: Option<(&'static str, String)>,
}

impl Segment {
    /// The latest end in it; its subsegments may outlive it.
    pub(crate) fn last_end(&self) -> Micros {
        let own = self.end.unwrap_or(self.start);
        self.subsegments
            .iter()
            .map(Segment::last_end)
            .fold(own, Micros::max)
    }

    /// Itself and everything in it.
    pub(crate) fn visit<'a>(&'a self, seen: &mut impl FnMut(&'a Segment)) {
        seen(self);
        for subsegment in &self.subsegments {
            subsegment.visit(seen);
        }
    }

    /// The document of a segment, as the JSON text that `BatchGetTraces` carries as a string.
    pub(crate) fn document(&self, trace_id: &str) -> String {
        let mut out = String::with_capacity(2_048);
        self.write(&mut out, Some(trace_id));
        out
    }

    fn write(&self, out: &mut String, trace_id: Option<&str>) {
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{:016x}\",\"name\":{}",
            self.id,
            quoted(&self.name)
        );
        out.push_str(",\"start_time\":");
        write_seconds(out, self.start);
        if let Some(trace_id) = trace_id {
            let _ = write!(out, ",\"trace_id\":\"{trace_id}\"");
        }
        match self.end {
            Some(end) => {
                out.push_str(",\"end_time\":");
                write_seconds(out, end);
            }
            None => out.push_str(",\"in_progress\":true"),
        }
        if let Some(parent) = self.parent {
            let _ = write!(out, ",\"parent_id\":\"{parent:016x}\"");
        }
        if self.inferred {
            out.push_str(",\"inferred\":true");
        }
        if let Some(flags) = self.flags {
            for (name, set) in [
                ("fault", flags.fault),
                ("error", flags.error),
                ("throttle", flags.throttle),
            ] {
                if set || flags.explicit {
                    let _ = write!(out, ",\"{name}\":{set}");
                }
            }
        }
        if let Some(http) = &self.http {
            http.write(out);
        }
        for (name, value) in [
            ("aws", &self.aws),
            ("annotations", &self.annotations),
            ("metadata", &self.metadata),
        ] {
            if let Some(value) = value {
                let _ = write!(out, ",\"{name}\":{value}");
            }
        }
        if let Some(origin) = self.origin {
            let _ = write!(out, ",\"origin\":\"{origin}\"");
        }
        if let Some(arn) = &self.resource_arn {
            let _ = write!(out, ",\"resource_arn\":{}", quoted(arn));
        }
        if let Some(namespace) = self.namespace {
            let _ = write!(out, ",\"namespace\":\"{namespace}\"");
        }
        if let Some(cause) = &self.cause {
            let _ = write!(out, ",\"cause\":{cause}");
        }
        if let Some(links) = &self.links {
            let _ = write!(out, ",\"links\":{links}");
        }
        if !self.subsegments.is_empty() {
            out.push_str(",\"subsegments\":[");
            for (index, subsegment) in self.subsegments.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                subsegment.write(out, None);
            }
            out.push(']');
        }
        out.push('}');
    }
}

impl Http {
    fn write(&self, out: &mut String) {
        out.push_str(",\"http\":{");
        if let Some(request) = &self.request {
            let _ = write!(
                out,
                "\"request\":{{\"url\":{},\"method\":\"{}\"",
                quoted(&request.url),
                request.method
            );
            if let Some((agent, address)) = &request.client {
                let _ = write!(
                    out,
                    ",\"user_agent\":{},\"client_ip\":\"{address}\",\"x_forwarded_for\":true",
                    quoted(agent)
                );
            }
            out.push_str("},");
        }
        let _ = write!(out, "\"response\":{{\"status\":{}", self.status);
        if let Some(length) = self.content_length {
            let _ = write!(out, ",\"content_length\":{length}");
        }
        out.push_str("}}");
    }
}

/// Text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Seconds since the epoch as X-Ray writes them, for example `1.606220832037E9`.
fn write_seconds(out: &mut String, at: Micros) {
    let digits = at.to_string();
    let (first, rest) = digits.split_at(1);
    let rest = rest.trim_end_matches('0');
    let _ = write!(
        out,
        "{first}.{}E{}",
        if rest.is_empty() { "0" } else { rest },
        digits.len() - 7
    );
}

/// Seconds since the epoch as answers around documents have them.
pub(crate) fn seconds(at: Micros) -> f64 {
    at as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_in_real_documents() {
        let text = |at| {
            let mut out = String::new();
            write_seconds(&mut out, at);
            out
        };
        assert_eq!(text(1_606_220_832_037_000), "1.606220832037E9");
        assert_eq!(text(1_600_000_000_000_000), "1.6E9");
        assert_eq!(text(1_000_000_000_000_000), "1.0E9");
        assert_eq!(
            text(1_619_798_933_189_911).parse::<f64>().unwrap(),
            1_619_798_933.189_911
        );
    }
}
