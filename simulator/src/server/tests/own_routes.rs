//! The simulator's own routes, and how it starts and stops.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{REGION, Sent, serve, world};
use crate::server::{ServeError, start};

#[tokio::test]
async fn the_simulators_own_routes() {
    let (handle, _cancel) = serve().await;
    let about = Sent::new("GET", "/_simulator").to(&handle).await.json();
    assert_eq!(
        (&about["region"], &about["account_id"]),
        (&json!(REGION), &json!("123456789012"))
    );

    let rules = json!([{ "service": "xray", "kind": "lag", "minutes": 30 }, { "kind": "throttle", "rate": 0.25 }]);
    assert_eq!(
        Sent::new("POST", "/_simulator/faults")
            .json(rules)
            .to(&handle)
            .await
            .status,
        200
    );
    let listed = Sent::new("GET", "/_simulator/faults")
        .to(&handle)
        .await
        .json();
    assert_eq!(
        (&listed[0]["minutes"], &listed[1]["rate"]),
        (&json!(30), &json!(0.25))
    );
    let wrong = Sent::new("POST", "/_simulator/faults")
        .json(json!([{ "kind": "explode" }]))
        .to(&handle)
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(
        Sent::new("GET", "/_simulator/faults")
            .to(&handle)
            .await
            .json(),
        listed,
        "a wrong list changes nothing"
    );

    let slack = |body: Value| Sent::new("POST", "/_simulator/slack/T0/B0/x").json(body);
    let got = slack(json!({ "text": "hello" })).to(&handle).await;
    assert_eq!((got.status, got.text().trim()), (200, "ok"));
    let got = slack(json!({ "blocks": [{ "type": "headline" }] }))
        .to(&handle)
        .await;
    assert_eq!((got.status, got.text().trim()), (400, "invalid_blocks"));
    let inbox = Sent::new("GET", "/_simulator/slack")
        .to(&handle)
        .await
        .json();
    assert_eq!(inbox.as_array().unwrap().len(), 1);
    assert_eq!(
        (&inbox[0]["webhook"], &inbox[0]["payload"]["text"]),
        (&json!("/slack/T0/B0/x"), &json!("hello"))
    );

    let truth = Sent::new(
        "GET",
        "/_simulator/truth?from=2026-03-11T00:00:00Z&to=2026-03-12T00:00:00Z",
    )
    .to(&handle)
    .await
    .json();
    assert!(
        truth["bill_usd"]
            .as_str()
            .is_some_and(|amount| amount != "0"),
        "{truth}"
    );
    assert_eq!(
        Sent::new("GET", "/_simulator/truth?from=2026-03-11")
            .to(&handle)
            .await
            .status,
        400
    );
    let help = Sent::new("GET", "/_simulator/nothing").to(&handle).await;
    assert!(help.status == 404 && help.text().contains("/_simulator/faults"));
    assert_eq!(
        Sent::new("DELETE", "/elsewhere").to(&handle).await.status,
        404
    );
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = start(world(), listener, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ServeError::NotLoopback(_)), "{error}");
}

#[tokio::test]
async fn clients_that_keep_their_connections_do_not_hold_it_up() {
    let (handle, cancel) = serve().await;
    let address = handle.url().replace("http://", "");
    let silent = TcpStream::connect(&address).await.unwrap();
    let mut kept = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /_simulator HTTP/1.1\r\nhost: {address}\r\n\r\n");
    kept.write_all(request.as_bytes()).await.unwrap();
    assert!(kept.read(&mut [0; 4_096]).await.unwrap() > 0);
    cancel.cancel();
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(5), handle.stopped()).await;
    assert!(stopped.is_ok(), "it waits for connections without requests");
    drop((silent, kept));
}

#[tokio::test]
async fn it_stops_when_cancelled() {
    let (handle, cancel) = serve().await;
    let address = handle.url().replace("http://", "");
    cancel.cancel();
    handle.stopped().await;
    assert!(TcpStream::connect(address).await.is_err());
}
