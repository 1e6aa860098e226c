//! The load: reviews at a fixed rate whose latency counts from when they were to be sent, and
//! reviews as fast as they are answered. Every answer's status and body is checked.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::reviews::Review;
use crate::target::{Certificate, NAME, Target};

/// tokio's timers are exact to a millisecond: the rest is waited for awake, on a core of our own.
const AWAKE: Duration = Duration::from_micros(1500);

/// A review that is sent again and again.
pub(crate) struct Load {
    request: Rc<Vec<u8>>,
    expected: Rc<Vec<u8>>,
    address: std::net::SocketAddr,
    tls: Arc<ClientConfig>,
}

/// What became of a run's reviews.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Of each review, sorted.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) errors: usize,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The latency that this share of the reviews doesn't exceed, in microseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        if self.latencies.is_empty() {
            return f64::NAN;
        }
        let last = self.latencies.len() - 1;
        let index = (last as f64 * share).round() as usize;
        self.latencies[index].as_secs_f64() * 1e6
    }

    /// Reviews a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

impl Load {
    /// Asks once, and takes the answer's body for what all others have to be, if it is right.
    pub(crate) async fn new(target: &Target, review: &Review, certificate: &Certificate) -> Self {
        let request = format!(
            "POST {}?timeout=5s HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: kube-apiserver-admission\r\n\
             Content-Length: {}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\r\n{}",
            review.path,
            review.body.len(),
            review.body
        );
        let mut load = Self {
            request: Rc::new(request.into_bytes()),
            expected: Rc::default(),
            address: target.address,
            tls: certificate.client(),
        };
        let mut stream = load.connect().await;
        let mut buffer = Vec::new();
        let length = exchange(&mut stream, &load.request, &mut buffer).await;
        let answer = buffer[..length.unwrap()].to_vec();
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let body = answer[head.unwrap() + 4..].to_vec();
        check(target.name, review, &body);
        load.expected = Rc::new(body);
        load
    }

    /// `rate` reviews a second, whether answers come or not.
    pub(crate) async fn at_rate(&self, rate: f64, time: Duration) -> Outcome {
        let gap = Duration::from_secs_f64(1.0 / rate);
        let start = Instant::now() + Duration::from_millis(50);
        let each = gap * u32::try_from(crate::CONNECTIONS).unwrap();
        self.run(start + time, move |connection, sent| {
            Some(start + gap * connection + each * sent)
        })
        .await
    }

    /// As many reviews as are answered, one at a time on each connection.
    pub(crate) async fn flat_out(&self, time: Duration) -> Outcome {
        self.run(Instant::now() + time, |_, _| None).await
    }

    async fn run(
        &self,
        end: Instant,
        plan: impl Fn(u32, u32) -> Option<Instant> + Copy + 'static,
    ) -> Outcome {
        let outcome = Rc::new(RefCell::new(Outcome::default()));
        let local = LocalSet::new();
        for connection in 0..u32::try_from(crate::CONNECTIONS).unwrap() {
            let (request, expected) = (Rc::clone(&self.request), Rc::clone(&self.expected));
            let (stream, outcome) = (self.connect().await, Rc::clone(&outcome));
            local.spawn_local(async move {
                let plan = move |sent| plan(connection, sent);
                one_connection(stream, &request, &expected, end, plan, &outcome).await;
            });
        }
        let start = Instant::now();
        local.await;
        let mut outcome = outcome.take();
        outcome.latencies.sort_unstable();
        outcome.took = start.elapsed();
        outcome
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector
            .connect(NAME.try_into().unwrap(), stream)
            .await
            .unwrap()
    }
}

/// The floor only allows; the webhook does what the scenario is about.
fn check(target: &str, review: &Review, body: &[u8]) {
    let answer: Value = serde_json::from_slice(body).unwrap();
    let response = &answer["response"];
    assert_eq!(response["allowed"], true, "{answer}");
    if target == "floor" {
        return;
    }
    assert_eq!(
        response["auditAnnotations"]["code"], review.code,
        "{answer}"
    );
    let patch = response["patch"].as_str().unwrap_or_default();
    let patch = base64::engine::general_purpose::STANDARD
        .decode(patch)
        .unwrap();
    assert_eq!(patch.is_empty(), review.code == "Valid", "{answer}");
}

async fn one_connection(
    mut stream: TlsStream<TcpStream>,
    request: &[u8],
    expected: &[u8],
    end: Instant,
    plan: impl Fn(u32) -> Option<Instant>,
    outcome: &RefCell<Outcome>,
) {
    let mut buffer = Vec::with_capacity(32 << 10);
    for sent in 0.. {
        let due = plan(sent).unwrap_or_else(Instant::now);
        if due >= end {
            break;
        }
        if let Some(early) = due
            .checked_sub(AWAKE)
            .filter(|early| *early > Instant::now())
        {
            tokio::time::sleep_until(early.into()).await;
        }
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        buffer.clear();
        let answered = exchange(&mut stream, request, &mut buffer).await;
        let mut outcome = outcome.borrow_mut();
        match answered {
            Ok(length)
                if buffer.starts_with(b"HTTP/1.1 200 ") && buffer[..length].ends_with(expected) =>
            {
                outcome.latencies.push(due.elapsed());
            }
            Ok(_) => outcome.errors += 1,
            Err(_) => {
                outcome.errors += 1;
                break;
            }
        }
    }
}

async fn exchange(
    stream: &mut TlsStream<TcpStream>,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> std::io::Result<usize> {
    stream.write_all(request).await?;
    stream.flush().await?;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match message_length(buffer) {
            Some(length) if buffer.len() >= length => return Ok(length),
            _ => (),
        }
    }
}

/// The length of the message that `bytes` begin with, once its head is there.
fn message_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + 4 + length?)
}
