//! Logs Insights: queries that are started, asked for, and answered after a while.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer as Found, answer, names};
use super::invalid;
use super::language::Query;
use crate::aws_errors::AwsError;
use crate::listings::{created, index_of, page_of, token};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::xray::ids::{mix, uuid};

/// Log groups of a query.
const MOST_GROUPS: usize = 50;
/// Rows of a query, where no number is given and at most.
const ROWS: usize = 10_000;
const MOST_ROWS: usize = 100_000;
/// Queries that are remembered; the oldest go first.
const REMEMBERED: usize = 1_000;

/// The queries of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Queries(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    started: u64,
    by_id: HashMap<String, Running>,
    order: VecDeque<String>,
}

#[derive(Debug, Clone)]
struct Running {
    /// Account and Region.
    owner: (String, String),
    query: Query,
    groups: Vec<String>,
    /// Seconds, both inclusive.
    time: (i64, i64),
    limit: usize,
    /// Nothing later was there when it started.
    until: i64,
    looked: u32,
    cancelled: bool,
    found: Option<Arc<Found>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct StartInput {
    log_group_name: Option<String>,
    log_group_names: Option<Vec<String>>,
    log_group_identifiers: Option<Vec<String>>,
    query_language: Option<String>,
    query_string: String,
    start_time: i64,
    end_time: i64,
    limit: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ResultsInput {
    query_id: String,
    next_token: Option<String>,
    max_items: Option<usize>,
}

fn malformed(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("MalformedQueryException", message)
}

/// `StartQuery`.
pub(super) fn start(ask: &Ask<'_>, queries: &Queries) -> Result<Answer, AwsError> {
    let input: StartInput = ask.input()?;
    let named = [
        input.log_group_name.map(|name| vec![name]),
        input.log_group_names,
        input.log_group_identifiers,
    ];
    let mut named = named.into_iter().flatten();
    let (Some(groups), None) = (named.next(), named.next()) else {
        return Err(invalid(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given.",
        ));
    };
    if groups.is_empty() || groups.len() > MOST_GROUPS {
        return Err(invalid(format!(
            "A query is of 1 to {MOST_GROUPS} log groups, not of {}.",
            groups.len()
        )));
    }
    if input
        .query_language
        .is_some_and(|language| language != "CWLI")
    {
        return Err(malformed("only the query language CWLI is simulated"));
    }
    let limit = input.limit.unwrap_or(ROWS);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(invalid(format!(
            "limit {limit} is not between 1 and {MOST_ROWS}"
        )));
    }
    let groups = names(ask.world, &groups).map_err(|missing| {
        let account_id = &ask.world.estate().account_id;
        AwsError::bad_request(
            "ResourceNotFoundException",
            format!("Log group '{missing}' does not exist for account ID '{account_id}'"),
        )
    })?;
    // Seconds of years to come are milliseconds, which is a common mistake.
    let latest = ask.now.timestamp() + 366 * 86_400;
    let (start, end) = (input.start_time, input.end_time);
    if start < 0 || start > end || start > latest || end > latest {
        return Err(invalid(format!(
            "startTime {start} and endTime {end} must be seconds since the epoch, the start not after the end"
        )));
    }
    if end < created(ask).timestamp() {
        return Err(malformed(
            "Query's end date and time is either before the log groups creation time or exceeds the \
             log groups log retention settings",
        ));
    }
    let query = Query::parse(&input.query_string).map_err(malformed)?;
    let id = queries.add(Running {
        owner: owner(ask),
        query,
        groups,
        time: (start, end),
        limit,
        until: ask.now_us(),
        looked: 0,
        cancelled: false,
        found: None,
    });
    Ok(ask.json(&json!({ "queryId": id })))
}

/// `GetQueryResults`: running at the first look, complete from then on.
pub(super) fn results(ask: &Ask<'_>, queries: &Queries) -> Result<Answer, AwsError> {
    let input: ResultsInput = ask.input()?;
    let running = queries.look(&input.query_id, &owner(ask))?;
    if running.cancelled || running.looked == 1 {
        let status = if running.cancelled {
            "Cancelled"
        } else {
            "Running"
        };
        let nothing = statistics(&Found::default(), 0);
        return Ok(ask.json(&json!({
            "queryLanguage": "CWLI", "results": [], "statistics": nothing, "status": status,
        })));
    }
    let found = running.found.unwrap_or_else(|| {
        let found = answer(
            ask.world,
            &running.query,
            &running.groups,
            running.time,
            running.until,
        );
        queries.finish(&input.query_id, Arc::new(found))
    });
    let rows = &found.rows[..found.rows.len().min(running.limit)];
    let from = match &input.next_token {
        None => 0,
        Some(text) => index_of("results:", text)
            .ok_or_else(|| invalid("The specified nextToken is invalid."))?,
    };
    let size = input.max_items.unwrap_or(ROWS);
    if !(1..=ROWS).contains(&size) {
        return Err(invalid(format!(
            "maxItems {size} is not between 1 and {ROWS}"
        )));
    }
    let (page, next) = page_of(rows, from, size);
    let page: Vec<Vec<Value>> = page
        .iter()
        .map(|row| {
            row.iter()
                .map(|(field, value)| json!({ "field": field, "value": value }))
                .collect()
        })
        .collect();
    let mut body = json!({
        "queryLanguage": "CWLI",
        "results": page,
        "statistics": statistics(&found, rows.len()),
        "status": "Complete",
    });
    if let Some(next) = next {
        body["nextToken"] = token("results:", next).into();
    }
    Ok(ask.json(&body))
}

/// `StopQuery`.
pub(super) fn stop(ask: &Ask<'_>, queries: &Queries) -> Result<Answer, AwsError> {
    let input: ResultsInput = ask.input()?;
    queries.cancel(&input.query_id, &owner(ask))?;
    Ok(ask.json(&json!({ "success": true })))
}

fn statistics(found: &Found, rows: usize) -> Value {
    json!({
        "recordsMatched": found.matched as f64,
        "recordsScanned": found.scanned as f64,
        "estimatedRecordsSkipped": 0.0,
        "bytesScanned": found.bytes as f64,
        "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": found.groups as f64,
        "resultCount": rows as f64,
    })
}

fn owner(ask: &Ask<'_>) -> (String, String) {
    let estate = ask.world.estate();
    (estate.account_id.clone(), estate.region.clone())
}

impl Queries {
    fn add(&self, running: Running) -> String {
        let mut state = self.lock();
        state.started += 1;
        let id = uuid(mix(state.started ^ 0x1092), mix(state.started));
        state.by_id.insert(id.clone(), running);
        state.order.push_back(id.clone());
        if state.order.len() > REMEMBERED
            && let Some(oldest) = state.order.pop_front()
        {
            state.by_id.remove(&oldest);
        }
        id
    }

    /// The query as it is, after one more look at it.
    fn look(&self, id: &str, owner: &(String, String)) -> Result<Running, AwsError> {
        let mut state = self.lock();
        let running = own(&mut state, id, owner)?;
        running.looked += 1;
        Ok(running.clone())
    }

    fn finish(&self, id: &str, found: Arc<Found>) -> Arc<Found> {
        if let Some(running) = self.lock().by_id.get_mut(id) {
            running.found = Some(Arc::clone(&found));
        }
        found
    }

    fn cancel(&self, id: &str, owner: &(String, String)) -> Result<(), AwsError> {
        let mut state = self.lock();
        let running = own(&mut state, id, owner)?;
        if running.cancelled || running.looked > 1 {
            return Err(invalid(format!("Query {id} is not running")));
        }
        running.cancelled = true;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn own<'a>(
    state: &'a mut State,
    id: &str,
    owner: &(String, String),
) -> Result<&'a mut Running, AwsError> {
    state
        .by_id
        .get_mut(id)
        .filter(|running| running.owner == *owner)
        .ok_or_else(|| {
            AwsError::bad_request(
                "ResourceNotFoundException",
                format!("Query {id} does not exist"),
            )
        })
}
