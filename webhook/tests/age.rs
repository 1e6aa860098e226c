//! A connection that has had its time ends so that no request is lost. The runtime's clock is set
//! forward: nobody waits for minutes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::app::soon;
use crate::serving::{NAME, answer, start_with_certificate};

/// No connection gets older.
const OLDEST: Duration = Duration::from_secs(600);

/// Between two requests; an idle connection is kept for 120 seconds.
const STEP: Duration = Duration::from_secs(100);

/// What a client of HTTP/2 says first: the preface and empty settings (RFC 9113, section 3.4).
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
/// The flag of an answer to settings and to a ping.
const ACK: u8 = 1;

/// Sets the clock of timers forward. It is let go of at once: while it stands, it goes on to the
/// next timer by itself whenever bytes are under way and nothing else is to be done.
async fn set_forward(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
struct Frame {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

/// The next one; `None` once the connection is closed.
async fn next_frame(stream: &mut TlsStream<TcpStream>) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let [one, two, three, kind, flags, ..] = head;
    let length = u32::from_be_bytes([0, one, two, three]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    Some(Frame {
        kind,
        flags,
        payload,
    })
}

#[tokio::test]
async fn over_http2_what_is_sent_until_the_client_knows_still_counts() {
    let (running, ca) = start_with_certificate().await;
    let mut stream = running.connect_over(&ca, "h2").await.unwrap();
    stream.write_all(HELLO).await.unwrap();
    // The server is past the handshake when it has taken our settings.
    while let Some(frame) = soon(next_frame(&mut stream)).await {
        if (frame.kind, frame.flags) == (SETTINGS, ACK) {
            break;
        }
    }
    set_forward(OLDEST).await;
    let mut goaways = Vec::new();
    while let Some(frame) = soon(next_frame(&mut stream)).await {
        match (frame.kind, frame.flags) {
            (GOAWAY, _) => goaways.push(frame.payload),
            (PING, 0) => {
                let pong = [&[0, 0, 8, PING, ACK, 0, 0, 0, 0][..], &frame.payload].concat();
                stream.write_all(&pong).await.ok();
            }
            _ => (),
        }
    }
    // Stream and error: first "all that you send until you read this", without an error; after a
    // round trip what was served, which is nothing here. Then the connection is closed.
    let all: [u8; 8] = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert_eq!(goaways, [all, [0; 8]]);
}

#[tokio::test]
async fn over_http1_the_last_answer_says_that_it_is_the_last() {
    let (running, ca) = start_with_certificate().await;
    let mut stream = running.connect(&ca).await.unwrap();
    // Nothing is there, so it takes no time: a review's would be over after a step.
    let request = format!("GET /nowhere HTTP/1.1\r\nhost: {NAME}\r\n\r\n");
    let mut age = Duration::ZERO;
    while age <= OLDEST {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = soon(answer(&mut stream)).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        if answer.contains("connection: close\r\n") {
            break;
        }
        set_forward(STEP).await;
        age += STEP;
    }
    assert!((OLDEST / 2..=OLDEST).contains(&age), "{age:?}");
    let mut end = Vec::new();
    soon(stream.read_to_end(&mut end)).await.unwrap();
    assert!(end.is_empty());
}
