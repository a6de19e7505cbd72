//! Posting JSON to a webhook whose address is a secret.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Serialize;
use url::{Host, Url};

use crate::message::Message;
use crate::notify::{DeliveryError, Notifier};

/// From the first byte sent to the last received.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts of one delivery; what fails then is tried again by a later evaluation.
const ATTEMPTS: u32 = 3;
/// Waits up to this long for a `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// An address that is a secret: whoever has it can post.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

/// Why an address is not one to post to. Never holds the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretUrlError {
    /// It cannot be read as a URL.
    #[error("the webhook is not a URL; expected one like https://hooks.slack.com/services/…")]
    NotAUrl,
    /// It would travel in the clear.
    #[error(
        "the webhook must be an https:// URL (http:// is for 127.0.0.1 only): its address is a secret"
    )]
    NotHttps,
}

impl SecretUrl {
    /// Takes an `https://` URL, or an `http://` one on loopback.
    pub fn parse(text: &str) -> Result<SecretUrl, SecretUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| SecretUrlError::NotAUrl)?;
        match url.scheme() {
            "https" if url.has_host() => Ok(SecretUrl(url)),
            "http" if is_loopback(&url) => Ok(SecretUrl(url)),
            _ => Err(SecretUrlError::NotHttps),
        }
    }

    fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().to_owned()
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({}://{}/…)", self.0.scheme(), self.host())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Posts JSON, with a time limit and retries.
#[derive(Debug, Clone)]
pub struct Webhook {
    url: SecretUrl,
    client: Client,
    /// Before the second attempt, doubled before the third.
    first_wait: Duration,
}

impl Webhook {
    /// Posts to this address. Fails where no TLS can be set up.
    pub fn new(url: SecretUrl) -> Result<Webhook, DeliveryError> {
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            // What is meant for one address is not sent to another.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("millicent/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url.0) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| unreachable(&url, error))?;
        Ok(Webhook {
            url,
            client,
            first_wait: Duration::from_secs(1),
        })
    }

    /// Posts once and again where that may help; `Ok` is a 2xx.
    pub async fn post(&self, body: &impl Serialize) -> Result<(), DeliveryError> {
        let mut wait = self.first_wait;
        let mut attempt = 1;
        loop {
            let (error, asked) = match self.client.post(self.url.0.clone()).json(body).send().await
            {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    let again = is_passing(response.status());
                    let asked = retry_after(&response);
                    let error = self.refusal(response).await;
                    if !again {
                        return Err(error);
                    }
                    (error, asked)
                }
                Err(error) => (unreachable(&self.url, error), None),
            };
            let wait_now = asked.unwrap_or(wait);
            if attempt == ATTEMPTS || wait_now > LONGEST_WAIT {
                return Err(error);
            }
            tokio::time::sleep(wait_now).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn refusal(&self, response: Response) -> DeliveryError {
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let answer: String = text.trim().chars().take(200).collect();
        let hint = match answer.as_str() {
            "no_service" | "no_team" | "invalid_token" => {
                " (the webhook is revoked or its address is wrong: create a new one)"
            }
            "channel_is_archived" | "channel_not_found" => {
                " (the channel is gone: point the webhook at another)"
            }
            "action_prohibited" => " (an administrator restricts posting to this channel)",
            _ => "",
        };
        DeliveryError::Refused {
            host: self.url.host(),
            status: status.as_u16(),
            answer,
            hint,
        }
    }
}

/// Whether the same post may succeed a little later.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
        || status.is_server_error()
}

/// `Retry-After` in seconds; Slack sends no dates.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

fn unreachable(url: &SecretUrl, error: reqwest::Error) -> DeliveryError {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    DeliveryError::Unreachable {
        host: url.host(),
        reason,
    }
}

/// Tells any program: the [`Message`] as JSON.
#[derive(Debug)]
pub struct JsonWebhook {
    webhook: Webhook,
}

impl JsonWebhook {
    /// Posts messages to this webhook.
    pub fn new(webhook: Webhook) -> JsonWebhook {
        JsonWebhook { webhook }
    }
}

impl Notifier for JsonWebhook {
    fn name(&self) -> &str {
        "webhook"
    }

    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move { self.webhook.post(message).await })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SECRET: &str = "T00/B00/s3cr3t";

    /// Answers one connection after another with these, then refuses.
    async fn server(answers: Vec<&'static str>) -> (Webhook, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/services/{SECRET}",
            listener.local_addr().unwrap()
        );
        let mut webhook = Webhook::new(SecretUrl::parse(&url).unwrap()).unwrap();
        webhook.first_wait = Duration::from_millis(10);
        let bodies = tokio::spawn(async move {
            let mut bodies = Vec::new();
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    socket.read_buf(&mut request).await.unwrap();
                }
                socket.write_all(answer.as_bytes()).await.unwrap();
                bodies.push(String::from_utf8(request).unwrap());
            }
            bodies
        });
        (webhook, bodies)
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const BROKEN: &str =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const MUCH_LATER: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const REVOKED: &str =
        "HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\nconnection: close\r\n\r\nno_service";

    #[tokio::test]
    async fn what_passes_is_tried_again() {
        let (webhook, bodies) = server(vec![BUSY, BROKEN, OK]).await;
        webhook
            .post(&serde_json::json!({ "text": "hello" }))
            .await
            .unwrap();
        let bodies = bodies.await.unwrap();
        assert_eq!(bodies.len(), 3);
        assert!(bodies[2].ends_with(r#"{"text":"hello"}"#));
    }

    #[tokio::test]
    async fn what_does_not_pass_is_not() {
        for (answer, status) in [(REVOKED, 404), (MUCH_LATER, 429)] {
            let (webhook, bodies) = server(vec![answer]).await;
            let error = webhook.post(&serde_json::json!({})).await.unwrap_err();
            assert!(matches!(error, DeliveryError::Refused { status: s, .. } if s == status));
            assert_eq!(bodies.await.unwrap().len(), 1);
        }
    }

    #[tokio::test]
    async fn no_error_and_no_debug_output_holds_the_address() {
        let (webhook, bodies) = server(vec![REVOKED]).await;
        let body = serde_json::json!({});
        let refused = webhook.post(&body).await.unwrap_err();
        bodies.await.unwrap();
        // The listener is gone: nobody answers.
        let silent = webhook.post(&body).await.unwrap_err();
        assert!(matches!(silent, DeliveryError::Unreachable { .. }));
        for text in [
            format!("{refused} {refused:?}"),
            format!("{silent} {silent:?}"),
            format!("{webhook:?} {:?}", webhook.url),
        ] {
            assert!(!text.contains("s3cr3t"), "{text}");
            assert!(text.contains("127.0.0.1"), "{text}");
        }
    }

    #[test]
    fn an_address_travels_encrypted_or_not_at_all() {
        for good in [
            "https://hooks.slack.com/services/a/b/c\n",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/",
        ] {
            SecretUrl::parse(good).unwrap();
        }
        for bad in [
            "http://hooks.slack.com/services/a",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
        ] {
            assert_eq!(SecretUrl::parse(bad), Err(SecretUrlError::NotHttps));
        }
        assert_eq!(
            SecretUrl::parse("hooks.slack.com/services/a"),
            Err(SecretUrlError::NotAUrl)
        );
    }
}
