//! Going away without losing a call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::client::{bare, post};
use crate::harness::{ANN, IS_ANN, Running, Setup, call, eventually, soon};
use crate::server::{Server, Step};

fn answer() -> Step {
    Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec())
}

#[tokio::test]
async fn a_call_in_flight_is_answered_and_then_the_proxy_ends() {
    let next = Arc::new(Notify::new());
    let server = Server::playing(vec![Step::Await(next.clone()), answer()]).await;
    let mut proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&post(&IS_ANN, &call("1", "echo"))).await;
    eventually("the call is in flight", async || !server.seen().is_empty()).await;
    proxy.stop();
    eventually("not ready", async || {
        proxy.admin("/ready").await.status == 503
    })
    .await;
    let late = proxy.ask(&post(&IS_ANN, &call("2", "echo"))).await;
    assert_eq!((late.status, late.reason()), (503, "draining".to_owned()));
    assert_eq!(late.header("connection"), ["close"]);
    next.notify_one();
    let answered = soon(client.ask(b"")).await;
    assert_eq!((answered.status, answered.text()), (200, "{}"));
    assert_eq!(answered.header("connection"), ["close"]);
    proxy.ended().await;
    assert_eq!(proxy.events().len(), 2);
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up_after_the_time_for_it() {
    let never = Arc::new(Notify::new());
    let server = Server::playing(vec![Step::Await(never)]).await;
    let setup = Setup {
        drain: Duration::from_millis(300),
        ..Setup::default()
    };
    let mut proxy = Running::set_up(ANN, &server.url, setup).await;
    let mut client = proxy.client().await;
    client.send(&post(&IS_ANN, &call("1", "echo"))).await;
    eventually("the call is in flight", async || !server.seen().is_empty()).await;
    let stopped = Instant::now();
    proxy.stop();
    proxy.ended().await;
    assert!(stopped.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn streams_that_only_listen_dont_hold_the_end_up() {
    let never = Arc::new(Notify::new());
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n";
    let server = Server::playing(vec![Step::Send(head.to_vec()), Step::Await(never)]).await;
    let setup = Setup {
        drain: Duration::from_secs(600),
        ..Setup::default()
    };
    let mut proxy = Running::set_up(ANN, &server.url, setup).await;
    let mut client = proxy.client().await;
    client.send(&bare("GET", &IS_ANN)).await;
    soon(client.head()).await;
    proxy.stop();
    proxy.ended().await;
}
