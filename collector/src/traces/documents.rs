//! `BatchGetTraces`: five traces at a time, all pages, what was left unprocessed again.

use std::collections::HashMap;
use std::time::Duration;

use millicent_lake::{Outcome, Span};

use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::routes::RouteTable;
use crate::segments::{TraceHead, parse_trace};
use crate::trouble::{Operation, Trouble};

const BATCH_GET_TRACES: Operation = Operation("xray:BatchGetTraces");

/// Times that what X-Ray left unprocessed is asked for.
const ROUNDS: u32 = 5;
/// More pages than five traces can have.
const MAX_PAGES: usize = 1_000;

/// What a batch gave.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) spans: Vec<Span>,
    pub(super) lost: Lost,
}

/// What is missing of traces.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Lost {
    /// Traces over X-Ray's size limit, whose rest X-Ray threw away.
    too_large: usize,
    /// Traces that X-Ray lists but does not give.
    not_given: usize,
    /// Segment documents that can't be read, and what the first one's error was.
    unreadable: usize,
    first_unreadable: Option<String>,
}

impl Lost {
    pub(super) fn add(&mut self, other: Lost) {
        self.too_large += other.too_large;
        self.not_given += other.not_given;
        self.unreadable += other.unreadable;
        if self.first_unreadable.is_none() {
            self.first_unreadable = other.first_unreadable;
        }
    }

    /// For `collections`; `None` when nothing is missing.
    pub(super) fn message(&self, of: usize) -> Option<String> {
        let mut parts = Vec::new();
        if self.too_large > 0 {
            parts.push(format!(
                "{} of {of} traces are over X-Ray's size limit and incomplete",
                self.too_large
            ));
        }
        if self.not_given > 0 {
            parts.push(format!(
                "{} of {of} traces are listed but not given by xray:BatchGetTraces",
                self.not_given
            ));
        }
        if self.unreadable > 0 {
            let first = self.first_unreadable.as_deref().unwrap_or_default();
            parts.push(format!(
                "{} segment documents can't be read ({first})",
                self.unreadable
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

pub(super) async fn fetch(
    inner: &Inner,
    meter: &Meter,
    routes: &RouteTable,
    heads: Vec<TraceHead>,
) -> Result<Batch, Trouble> {
    let mut open: HashMap<&str, &TraceHead> = heads
        .iter()
        .map(|head| (head.trace_id.as_str(), head))
        .collect();
    let mut documents: HashMap<&str, Vec<String>> = HashMap::new();
    let mut lost = Lost::default();

    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(Duration::from_millis(200) * 2u32.pow(round)).await;
        }
        let ids: Vec<String> = open.keys().map(|id| (*id).to_owned()).collect();
        let mut unprocessed: Vec<String> = Vec::new();
        let mut token = None;
        for page_number in 0.. {
            if page_number == MAX_PAGES {
                return Err(Trouble::failed(format!(
                    "{} never comes to an end of its pages. It is tried again",
                    BATCH_GET_TRACES.0
                )));
            }
            meter.afford(Billed::Trace, ids.len() as i64)?;
            let page = inner
                .aws
                .xray
                .batch_get_traces()
                .set_trace_ids(Some(ids.clone()))
                .set_next_token(token)
                .customize()
                .interceptor(meter.attempts())
                .send()
                .await
                .map_err(|error| BATCH_GET_TRACES.trouble(error))?;
            for trace in page.traces.unwrap_or_default() {
                let Some((id, _)) = trace.id.as_deref().and_then(|id| open.get_key_value(id))
                else {
                    continue;
                };
                if !documents.contains_key(id) {
                    meter.spend(Billed::Trace, 1);
                }
                lost.too_large += usize::from(trace.limit_exceeded.unwrap_or(false));
                let segments = trace.segments.unwrap_or_default();
                documents
                    .entry(id)
                    .or_default()
                    .extend(segments.into_iter().filter_map(|segment| segment.document));
            }
            unprocessed.extend(page.unprocessed_trace_ids.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        open.retain(|id, _| unprocessed.iter().any(|other| other == id));
        if open.is_empty() {
            break;
        }
    }
    if !open.is_empty() {
        return Err(Trouble {
            outcome: Outcome::Throttled,
            message: format!(
                "{} left {} traces unprocessed {ROUNDS} times. The window is tried again later",
                BATCH_GET_TRACES.0,
                open.len()
            ),
        });
    }

    let mut spans = Vec::new();
    for head in &heads {
        let Some(documents) = documents.get(head.trace_id.as_str()) else {
            lost.not_given += 1;
            continue;
        };
        let (mut parsed, errors) = parse_trace(head, documents.iter().map(String::as_str));
        lost.unreadable += errors.len();
        if let (None, Some(error)) = (&lost.first_unreadable, errors.first()) {
            lost.first_unreadable = Some(crate::trouble::chain(error));
        }
        routes.assign(&mut parsed);
        spans.extend(parsed);
    }
    Ok(Batch { spans, lost })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_in_numbers() {
        let mut lost = Lost::default();
        assert_eq!(lost.message(10), None);
        lost.add(Lost {
            too_large: 2,
            ..Lost::default()
        });
        lost.add(Lost {
            unreadable: 1,
            first_unreadable: Some("expected value".into()),
            ..Lost::default()
        });
        let message = lost.message(10).unwrap();
        assert!(message.contains("2 of 10 traces are over"), "{message}");
        assert!(
            message.contains("1 segment documents can't be read (expected value)"),
            "{message}"
        );
    }
}
