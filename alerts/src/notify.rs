//! Whom an alert is told to.

use futures::future::BoxFuture;

use crate::message::Message;

/// Somebody to tell.
pub trait Notifier: Send + Sync {
    /// Its name in `alert_events`; no two notifiers of one process share one.
    fn name(&self) -> &str;

    /// Tells it of a change. `Ok` means that the other side has taken it.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), DeliveryError>>;
}

/// Why nobody was told. The text never holds the address, which is a secret.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeliveryError {
    /// No answer: connection, TLS or time.
    #[error("no answer from {host}: {reason}")]
    Unreachable {
        /// Host of the webhook.
        host: String,
        /// What went wrong, without the address.
        reason: String,
    },
    /// The other side said no.
    #[error("{host} answered {status}: {answer}{hint}")]
    Refused {
        /// Host of the webhook.
        host: String,
        /// HTTP status.
        status: u16,
        /// The answer's beginning.
        answer: String,
        /// What to do about it, where that is known.
        hint: &'static str,
    },
}
