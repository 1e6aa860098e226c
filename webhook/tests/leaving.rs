//! How a replica goes away: nothing that was sent to it is left without an answer.

use std::convert::Infallible;

use axum::body::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::app::{soon, yaml};
use crate::serving::{NAME, Running, ask, start_with_certificate};

type Body = BoxBody<Bytes, Infallible>;

async fn http2(running: &Running, ca: &str) -> (SendRequest<Body>, JoinHandle<hyper::Result<()>>) {
    let stream = running.connect_over(ca, "h2").await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    (sender, tokio::spawn(connection))
}

fn review(body: Body) -> Request<Body> {
    Request::post(format!("https://{NAME}/inject?timeout=5s"))
        .version(Version::HTTP_2)
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

/// A body that comes bit by bit.
fn in_parts() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, parts) = mpsc::channel(1);
    let frames = stream::unfold(parts, |mut parts| async move {
        let part = parts.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(part)), parts))
    });
    (sender, BodyExt::boxed(StreamBody::new(frames)))
}

fn pod() -> Bytes {
    yaml("reviews/pod.yaml").to_string().into()
}

#[tokio::test]
async fn leaving_each_answer_closes_its_connection_and_new_connections_are_still_taken() {
    let (running, ca) = start_with_certificate().await;
    let mut stream = running.connect(&ca).await.unwrap();
    let answer = ask(&mut stream).await;
    assert!(!answer.contains("connection: close"), "{answer}");

    running.departure.leave.cancel();
    let mut late = running.connect(&ca).await.unwrap();
    for stream in [&mut stream, &mut late] {
        let answer = soon(ask(stream)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        let mut end = Vec::new();
        soon(stream.read_to_end(&mut end)).await.unwrap();
        assert!(end.is_empty());
    }
}

#[tokio::test]
async fn over_http2_an_open_request_is_answered_before_the_connection_goes() {
    let (running, ca) = start_with_certificate().await;
    let (mut sender, connection) = http2(&running, &ca).await;
    let whole = Full::new(pod()).boxed();
    let answer = sender.send_request(review(whole)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let (parts, open) = in_parts();
    let open = tokio::spawn(sender.send_request(review(open)));
    // There is room for one part: the second is taken when the first is on its way.
    parts.send(pod().slice(..100)).await.unwrap();
    parts.send(pod().slice(100..200)).await.unwrap();
    running.departure.leave.cancel();
    running.departure.stop.cancel();
    // Until the client has GOAWAY its requests are answered; then it doesn't send them.
    let refused = soon(async {
        loop {
            let again = review(BodyExt::boxed(Full::new(pod())));
            match sender.send_request(again).await {
                Ok(answer) => assert_eq!(answer.status(), StatusCode::OK),
                Err(error) => break error,
            }
        }
    })
    .await;
    assert!(refused.is_canceled(), "{refused:?}");
    parts.send(pod().slice(200..)).await.unwrap();
    drop(parts);
    let answer = soon(open).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.contains(r#""code":"Injected""#), "{text}");
    soon(connection).await.unwrap().unwrap();
    soon(running.done).await.unwrap();
}
