//! The account's door: one port on loopback, every service behind it.
//!
//! A request is recognised by the marks of its protocol ([`service`]), must be signed for that
//! service and Region (`signature`), meets the fault rules ([`crate::faults`]) and is answered by
//! the service. `/_simulator/…` (`control`) is the simulator's own.

pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod cloudwatch_json;
mod control;
pub(crate) mod recognise;
pub mod service;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use chrono::TimeDelta;
use futures::StreamExt;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::aws_errors::{self, AwsError, Refusal};
use crate::exports::Exports;
use crate::faults::{Calls, Effects, Fault, Faults, Rule};
use crate::logs::Queries;
use crate::organisation::Organisation;
use crate::slack::{Inbox, Message};
use crate::world::World;
use crate::xray::ids;
pub use signature::{EXPIRED_KEY_PREFIX, UNKNOWN_KEY_PREFIX};

use answer::Answer;
use ask::Ask;
use service::{Call, Service};
use signature::Signed;

/// The largest request that is read.
const MOST_BYTES: usize = 8 << 20;

/// Why the account cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It would be open to others.
    #[error("the simulated account listens on loopback only, not on {0}: bind 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The listener is of no use.
    #[error("the listener has no address")]
    Listener(#[from] std::io::Error),
}

/// A running account.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    account: Arc<Account>,
    task: JoinHandle<()>,
}

/// What the server shares between its requests.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) organisation: Organisation,
    pub(crate) faults: Faults,
    pub(crate) inbox: Inbox,
    exports: Exports,
    queries: Queries,
    served: AtomicU64,
}

/// Serves the accounts, or the one, until `cancel` is cancelled; requests under way are finished.
pub async fn start(
    accounts: impl Into<Organisation>,
    listener: TcpListener,
    cancel: CancellationToken,
) -> Result<Handle, ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let organisation = accounts.into();
    let seed = organisation.home().config().seed;
    let account = Arc::new(Account {
        faults: Faults::new(seed),
        organisation,
        inbox: Inbox::default(),
        exports: Exports::default(),
        queries: Queries::default(),
        served: AtomicU64::new(0),
    });
    let router = Router::new()
        .fallback(serve)
        .with_state(Arc::clone(&account));
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(cancel.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the simulated account stopped serving");
        }
    });
    Ok(Handle {
        address,
        account,
        task,
    })
}

impl Handle {
    /// The endpoint URL of every service.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts these fault rules, which hit every account, in the place of all others.
    pub fn set_faults(&self, rules: Vec<Rule>) {
        let everywhere = rules.into_iter().map(|rule| (None, rule));
        self.account.faults.replace(everywhere.collect());
    }

    /// Puts these fault rules, which hit one account, in the place of all others.
    pub fn set_faults_of(&self, account_id: &str, rules: Vec<Rule>) {
        let there = rules
            .into_iter()
            .map(|rule| (Some(account_id.to_owned()), rule));
        self.account.faults.replace(there.collect());
    }

    /// Signed calls so far, by service and operation.
    pub fn calls(&self) -> BTreeMap<(Service, String), Calls> {
        self.account.faults.calls()
    }

    /// What the Slack webhooks got, oldest first.
    pub fn slack_messages(&self) -> Vec<Message> {
        self.account.inbox.messages()
    }

    /// Waits until it has stopped, after its token was cancelled.
    pub async fn stopped(self) {
        // A panic of the server was reported by the runtime already.
        let _ = self.task.await;
    }
}

async fn serve(State(account): State<Arc<Account>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, MOST_BYTES).await {
        Ok(body) => body,
        Err(_) => return plain(413, "the request is too large"),
    };
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    if let Some(own) = path.strip_prefix("/_simulator") {
        return control::answer(&account, &head.method, own, query, &body).await;
    }
    let request_id = account.request_id();
    let Some(call) = recognise::recognise(&head.method, path, query, &head.headers, &body) else {
        return plain(404, "not an operation of a simulated AWS service");
    };
    let now = account.organisation.home().now();
    let signed = match signature::check(&head.headers, &call, now) {
        Ok(signed) => signed,
        Err(refusal) => return refused(&refusal, &call, &request_id),
    };
    let Some(member) = account
        .organisation
        .account(signed.caller.account_id.as_deref())
    else {
        return refused(&Refusal::UnknownKey, &call, &request_id);
    };
    let account_id = member.account_id().to_owned();
    let effects = account.faults.effects(&account_id, &call);
    if let Some(fault) = effects.refuse {
        let refusal = match fault {
            Fault::Throttle => Refusal::Throttled,
            Fault::Deny => Refusal::Denied {
                caller: signed.caller.arn(&account_id),
            },
            _ => Refusal::Internal,
        };
        return refused(&refusal, &call, &request_id);
    }
    let (path, query) = (path.to_owned(), query.to_owned());
    let range = head.headers.get("range");
    let range = range
        .and_then(|range| range.to_str().ok())
        .map(str::to_owned);
    let id = request_id.clone();
    let work = {
        let call = call.clone();
        move || {
            account.answer(&Asked {
                call: &call,
                signed: &signed,
                account_id: &account_id,
                effects,
                path: &path,
                query: &query,
                range: range.as_deref(),
                body: &body,
                request_id: &id,
            })
        }
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(answer)) => respond(answer, &call, &request_id, effects.truncate),
        Ok(Err(error)) => respond(
            aws_errors::answer(&error, &call, &request_id),
            &call,
            &request_id,
            false,
        ),
        Err(panic) => {
            tracing::error!(service = call.service.name(), operation = call.operation, %panic, "a handler panicked");
            refused(&Refusal::Internal, &call, &request_id)
        }
    }
}

/// A call that is to be answered.
struct Asked<'a> {
    call: &'a Call,
    signed: &'a Signed,
    account_id: &'a str,
    effects: Effects,
    path: &'a str,
    query: &'a str,
    range: Option<&'a str>,
    body: &'a Bytes,
    request_id: &'a str,
}

impl Account {
    fn answer(&self, asked: &Asked<'_>) -> Result<Answer, AwsError> {
        let call = asked.call;
        let member = self.organisation.account(Some(asked.account_id));
        let member = member.ok_or_else(|| Refusal::UnknownKey.shaped(call))?;
        let world = match call.service {
            Service::CostExplorer | Service::Sts => Arc::clone(member.home()),
            _ => self.organisation.world(member, &asked.signed.region),
        };
        let others = member.worlds().iter();
        let elsewhere: Vec<Arc<World>> = others
            .filter(|other| other.config().region != world.config().region)
            .cloned()
            .collect();
        let lag_minutes = asked.effects.lag_minutes;
        let ask = Ask {
            world: &world,
            elsewhere: &elsewhere,
            caller: &asked.signed.caller,
            call,
            now: world.now() - TimeDelta::minutes(i64::from(lag_minutes)),
            lag_minutes,
            page_size: asked.effects.page_size,
            path: asked.path,
            query: asked.query,
            range: asked.range,
            body: asked.body,
            request_id: asked.request_id,
        };
        match call.service {
            Service::CloudWatch => cloudwatch_json::handle(&ask),
            Service::XRay => crate::xray::handle(&ask),
            Service::CostExplorer => crate::cost_explorer::handle(&ask),
            Service::Lambda => crate::listings::lambda::handle(&ask),
            Service::ApiGateway => crate::listings::apigateway::handle(&ask),
            Service::DynamoDb => crate::listings::dynamodb::handle(&ask),
            Service::S3 => crate::listings::s3::handle(&ask, &self.exports),
            Service::Sts => crate::sts::handle(&ask, &self.organisation, asked.signed.at),
            Service::ApiGatewayV2 => crate::listings::apigateway_v2::handle(&ask),
            Service::StepFunctions => crate::listings::states::handle(&ask),
            Service::Logs => crate::logs::handle(&ask, &self.queries),
            Service::Tagging => crate::listings::tagging::handle(&ask),
        }
    }

    fn request_id(&self) -> String {
        let number = self.served.fetch_add(1, Ordering::Relaxed);
        let seed = self.organisation.home().config().seed;
        ids::uuid(
            ids::mix(seed ^ ids::mix(number)),
            ids::mix(number ^ ids::mix(seed)),
        )
    }
}

fn refused(refusal: &Refusal, call: &Call, request_id: &str) -> Response {
    let error = refusal.shaped(call);
    respond(
        aws_errors::answer(&error, call, request_id),
        call,
        request_id,
        false,
    )
}

fn respond(answer: Answer, call: &Call, request_id: &str, truncate: bool) -> Response {
    let mut response = Response::builder().status(answer.status);
    response = match call.service {
        Service::S3 => response
            .header("x-amz-request-id", request_id)
            .header("x-amz-id-2", request_id),
        _ => response.header("x-amzn-requestid", request_id),
    };
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if truncate && answer.body.len() > 1 {
        response = response.header("content-length", answer.body.len());
        cut(answer.body)
    } else {
        Body::from(answer.body)
    };
    // Every part is of ours; were a header not one, the client would see a failure of the server.
    response
        .body(body)
        .unwrap_or_else(|error| plain(500, &error.to_string()))
}

/// The first half of a body; then the connection breaks, short of the length that was announced.
fn cut(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let half = futures::stream::iter([Ok(body)]);
    let end = futures::stream::once(async {
        // Time for the half to leave; otherwise the connection breaks before the answer begins.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Err(std::io::Error::other("cut by a fault rule"))
    });
    Body::from_stream(half.chain(end))
}

fn plain(status: u16, text: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    if let Ok(status) = axum::http::StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    response
}
