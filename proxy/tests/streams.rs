//! Event streams pass as they come, and show life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::client::{bare, post, status};
use crate::harness::{ANN, IS_ANN, Running, call, soon};
use crate::server::{Server, Step};

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> Step {
    Step::Send(bytes_of_chunk(text))
}

fn bytes_of_chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// The head with the first chunk, in one piece: on a busy machine the proxy might take time
/// between two for a server's silence.
fn begin(text: &str) -> Step {
    Step::Send([HEAD, &bytes_of_chunk(text)].concat())
}

fn end() -> Step {
    Step::Send(b"0\r\n\r\n".to_vec())
}

#[tokio::test]
async fn each_event_passes_when_it_comes_and_as_it_is() {
    let next = Arc::new(Notify::new());
    let priming = "id: 1\r\ndata:\r\n\r\n";
    let half = "event: message\ndata: {\"half\"";
    let rest = ":1}\n\n";
    let server = Server::playing(vec![
        begin(priming),
        Step::Await(next.clone()),
        chunk(half),
        Step::Await(next.clone()),
        chunk(rest),
        end(),
    ])
    .await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&post(&IS_ANN, &call("1", "echo"))).await;
    let head = soon(client.head()).await;
    assert_eq!(status(&head), 200);
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: text/event-stream"),
        "{head}"
    );
    assert_eq!(soon(client.chunk()).await.unwrap(), priming.as_bytes());
    next.notify_one();
    assert_eq!(soon(client.chunk()).await.unwrap(), half.as_bytes());
    next.notify_one();
    assert_eq!(soon(client.chunk()).await.unwrap(), rest.as_bytes());
    assert_eq!(soon(client.chunk()).await, None);
    let payload = proxy.events_when(1).await.remove(0).payload;
    let bytes = priming.len() + half.len() + rest.len();
    assert_eq!(
        (payload.status, payload.bytes_out),
        (200, u64::try_from(bytes).unwrap())
    );
}

#[tokio::test]
async fn a_stream_whose_server_is_silent_shows_life_after_100_ms() {
    let next = Arc::new(Notify::new());
    let event = "data: 1\n\n";
    let server = Server::playing(vec![
        Step::Send(HEAD.to_vec()),
        Step::Await(next.clone()),
        chunk(event),
        end(),
    ])
    .await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    let asked = Instant::now();
    client.send(&bare("GET", &IS_ANN)).await;
    soon(client.head()).await;
    assert_eq!(soon(client.chunk()).await.unwrap(), b":\n\n");
    assert!(asked.elapsed() >= Duration::from_millis(100));
    next.notify_one();
    assert_eq!(soon(client.chunk()).await.unwrap(), event.as_bytes());
    assert_eq!(soon(client.chunk()).await, None);
}

#[tokio::test]
async fn nothing_is_put_into_an_event_that_began() {
    let next = Arc::new(Notify::new());
    let server = Server::playing(vec![
        begin("data: "),
        Step::Await(next.clone()),
        chunk("1\n\n"),
        end(),
    ])
    .await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&bare("GET", &IS_ANN)).await;
    soon(client.head()).await;
    assert_eq!(soon(client.chunk()).await.unwrap(), b"data: ");
    let silence = tokio::time::timeout(Duration::from_millis(300), client.chunk()).await;
    assert!(silence.is_err(), "{silence:?}");
    next.notify_one();
    assert_eq!(soon(client.chunk()).await.unwrap(), b"1\n\n");
}

#[tokio::test]
async fn an_answer_in_json_is_left_alone_however_slow_it_is() {
    let next = Arc::new(Notify::new());
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let server = Server::playing(vec![
        Step::Send(head.to_vec()),
        Step::Await(next.clone()),
        chunk("{}"),
        end(),
    ])
    .await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&post(&IS_ANN, &call("1", "echo"))).await;
    soon(client.head()).await;
    let silence = tokio::time::timeout(Duration::from_millis(300), client.chunk()).await;
    assert!(silence.is_err(), "{silence:?}");
    next.notify_one();
    assert_eq!(soon(client.chunk()).await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_stream_open_for_5_s_is_told_of_and_ends_with_its_caller() {
    let never = Arc::new(Notify::new());
    let server = Server::playing(vec![Step::Send(HEAD.to_vec()), Step::Await(never)]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&bare("GET", &IS_ANN)).await;
    soon(client.head()).await;
    let opened = proxy.events_when(1).await.remove(0);
    assert_eq!(&*opened.event_type, "mcp.stream.opened");
    assert!(opened.payload.latency_ms >= 5000, "{opened:?}");
    drop(client);
    soon(server.abandoned()).await;
    let ended = proxy.events_when(2).await.remove(1);
    assert_eq!(&*ended.event_type, "mcp.request");
    assert_ne!(ended.event_id, opened.event_id);
}

#[tokio::test]
async fn a_server_that_breaks_off_breaks_the_callers_stream_off_too() {
    let server = Server::playing(vec![begin("data: 1\n\n"), Step::Close]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&bare("GET", &IS_ANN)).await;
    soon(client.head()).await;
    assert_eq!(soon(client.chunk()).await.unwrap(), b"data: 1\n\n");
    assert!(
        soon(client.is_closed()).await,
        "without the end that a whole stream has"
    );
}
