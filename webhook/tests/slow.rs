//! Clients that hold a connection and don't get on with it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::soon;
use crate::serving::{ask, head, start_with_certificate};

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let (running, _) = start_with_certificate().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let mut end = Vec::new();
    soon(stream.read_to_end(&mut end)).await.unwrap();
    assert!(end.is_empty());
}

#[tokio::test]
async fn who_dawdles_with_a_head_is_let_go_and_who_is_idle_is_not() {
    let (running, ca) = start_with_certificate().await;
    let mut idle = running.connect(&ca).await.unwrap();
    assert!(ask(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut slow = running.connect(&ca).await.unwrap();
    assert!(ask(&mut slow).await.starts_with("HTTP/1.1 200"));
    slow.write_all(&head(10).as_bytes()[..30]).await.unwrap();
    let mut end = Vec::new();
    // Without a TLS goodbye: nothing more is said to this client.
    assert!(soon(slow.read_to_end(&mut end)).await.is_err() || end.is_empty());
    assert!(ask(&mut idle).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (running, ca) = start_with_certificate().await;
    let mut slow = running.connect(&ca).await.unwrap();
    slow.write_all(head(10).as_bytes()).await.unwrap();
    let mut text = String::new();
    soon(slow.read_to_string(&mut text)).await.ok();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(text.ends_with("the body didn't come within 5s"), "{text}");
}
