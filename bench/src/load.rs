//! The load: requests at a fixed rate whose latency counts from when they were to be sent, and
//! requests as fast as they are answered. Every answer's status and body is checked.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long an answer may take: a target that hangs is an error and not an endless bench.
const PATIENCE: Duration = Duration::from_secs(10);
/// From a run's start to its first request at a fixed rate: every connection waits by then.
const RUN_UP: Duration = Duration::from_millis(50);

/// How long a run takes: `MCP_BENCH_SECONDS`, or so many seconds.
pub fn time(default: u64) -> Duration {
    let seconds = std::env::var("MCP_BENCH_SECONDS");
    Duration::from_secs(seconds.map_or(default, |text| text.parse().unwrap()))
}

/// A connection that sends what it is given at once.
pub async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A request that is sent again and again.
#[derive(Clone, Debug)]
pub struct Load {
    /// As it stands on the wire.
    pub request: Vec<u8>,
    /// The body that every answer has to have.
    pub expected: Vec<u8>,
    /// tokio's timers are exact to a millisecond: the last of the time until a request is due, so
    /// much of it, is waited for awake. Zero where the generator's core is needed for more than it.
    pub awake: Duration,
}

/// When requests of a fixed rate are due: connections take turns.
#[derive(Clone, Copy, Debug)]
struct Plan {
    start: Instant,
    gap: Duration,
    connections: u32,
}

impl Plan {
    fn due(self, connection: u32, sent: u32) -> Instant {
        self.start + self.gap * (connection + self.connections * sent)
    }
}

impl Load {
    /// `rate` requests a second over all connections, whether answers come or not; a connection that
    /// is still busy when one is due sends it late, and the wait counts.
    pub async fn at_rate<S>(&self, streams: Vec<S>, rate: f64, time: Duration) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        assert!(rate > 0.0, "no rate: nothing was answered before");
        let plan = Plan {
            start: Instant::now() + RUN_UP,
            gap: Duration::from_secs_f64(1.0 / rate),
            connections: u32::try_from(streams.len()).unwrap(),
        };
        self.run(streams, Some(plan), plan.start + time).await
    }

    /// As many requests as are answered, one at a time on each connection.
    pub async fn flat_out<S>(&self, streams: Vec<S>, time: Duration) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.run(streams, None, Instant::now() + time).await
    }

    async fn run<S>(&self, streams: Vec<S>, plan: Option<Plan>, end: Instant) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let load = Arc::new(self.clone());
        let start = Instant::now();
        let mut running = JoinSet::new();
        for (connection, stream) in (0_u32..).zip(streams) {
            let load = Arc::clone(&load);
            running.spawn(async move { load.on_one(stream, connection, plan, end).await });
        }
        let mut outcome = Outcome::default();
        while let Some(done) = running.join_next().await {
            let Outcome {
                latencies, errors, ..
            } = done.unwrap();
            outcome.latencies.extend(latencies);
            outcome.errors += errors;
        }
        outcome.latencies.sort_unstable();
        outcome.took = start.elapsed();
        outcome
    }

    /// One connection's share: one request at a time, until the next would be due after the end.
    async fn on_one<S>(
        &self,
        mut stream: S,
        connection: u32,
        plan: Option<Plan>,
        end: Instant,
    ) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut outcome = Outcome::default();
        let mut buffer = Vec::with_capacity(64 << 10);
        for sent in 0_u32.. {
            let due = plan.map_or_else(Instant::now, |plan| plan.due(connection, sent));
            if due >= end {
                break;
            }
            self.wait(due).await;
            match ask(&mut stream, &self.request, &mut buffer).await {
                Ok(answer) if answer.ok && answer.body == self.expected => {
                    outcome.latencies.push(due.elapsed());
                }
                Ok(_) => outcome.errors += 1,
                // What would come next on this connection could be anything.
                Err(_) => {
                    outcome.errors += 1;
                    break;
                }
            }
        }
        outcome
    }

    async fn wait(&self, due: Instant) {
        let asleep = due.checked_sub(self.awake);
        if let Some(asleep) = asleep.filter(|asleep| *asleep > Instant::now()) {
            tokio::time::sleep_until(asleep.into()).await;
        }
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
    }
}

/// What became of a run's requests.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Of each right answer, sorted.
    pub latencies: Vec<Duration>,
    /// Answers that were wrong or didn't come.
    pub errors: usize,
    /// From the start to the last answer.
    pub took: Duration,
}

impl Outcome {
    /// The latency that this share of the answers doesn't exceed, in microseconds; not a number
    /// where there is none.
    pub fn percentile(&self, share: f64) -> f64 {
        let Some(last) = self.latencies.len().checked_sub(1) else {
            return f64::NAN;
        };
        let index = (last as f64 * share).round() as usize;
        self.latencies[index].as_secs_f64() * 1e6
    }

    /// Right answers a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// An answer read to its end.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status is 200, and nothing came after it that nobody asked for.
    pub ok: bool,
    /// Its body.
    pub body: &'a [u8],
}

/// Sends a request and reads its answer into `buffer`, whose content goes.
///
/// # Errors
/// What the connection says; that it ended; that no answer came in ten seconds.
pub async fn ask<'a, S>(
    stream: &mut S,
    request: &[u8],
    buffer: &'a mut Vec<u8>,
) -> io::Result<Answer<'a>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tokio::time::timeout(PATIENCE, exchange(stream, request, buffer)).await?
}

async fn exchange<'a, S>(
    stream: &mut S,
    request: &[u8],
    buffer: &'a mut Vec<u8>,
) -> io::Result<Answer<'a>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    buffer.clear();
    stream.write_all(request).await?;
    stream.flush().await?;
    let body = loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(body) = body_in(buffer) {
            break body;
        }
    };
    Ok(Answer {
        ok: buffer.starts_with(b"HTTP/1.1 200 ") && buffer.len() == body.end,
        body: &buffer[body],
    })
}

/// Where the body is of the HTTP/1.1 message that `bytes` begin with, once all of it is there. It
/// ends where the message does.
pub fn body_in(bytes: &[u8]) -> Option<Range<usize>> {
    let head = 4 + bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let body = head..head + length.unwrap_or(0);
    (body.end <= bytes.len()).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let outcome = Outcome {
            latencies: (1..=101).map(Duration::from_micros).collect(),
            errors: 0,
            took: Duration::from_secs(2),
        };
        let found = [0.0, 0.5, 0.99, 1.0].map(|share| outcome.percentile(share).round() as u64);
        assert_eq!(found, [1, 51, 100, 101]);
        assert_eq!(outcome.rate().round() as u64, 51);
        assert!(Outcome::default().percentile(0.5).is_nan());
    }

    #[test]
    fn connections_take_turns() {
        let plan = Plan {
            start: Instant::now(),
            gap: Duration::from_millis(2),
            connections: 3,
        };
        let after = |connection, sent| plan.due(connection, sent) - plan.start;
        let found = [(0, 0), (1, 0), (2, 0), (0, 1)].map(|(one, sent)| after(one, sent));
        assert_eq!(found, [0, 2, 4, 6].map(Duration::from_millis));
    }

    #[test]
    fn a_message_is_whole_when_its_body_is() {
        let message = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}POST";
        assert_eq!(body_in(&message[..39]), None);
        assert_eq!(
            body_in(message).map(|body| &message[body]),
            Some(&b"{}"[..])
        );
        assert_eq!(body_in(b"GET / HTTP/1.1\r\n\r\n"), Some(18..18));
    }

    /// Answers what comes with these bytes, a request of twelve bytes at a time.
    async fn answering(mut stream: tokio::io::DuplexStream, answer: &[u8]) {
        let mut request = [0; 12];
        while stream.read_exact(&mut request).await.is_ok() {
            stream.write_all(answer).await.unwrap();
        }
    }

    /// What becomes of load whose answers are to be `{}`.
    async fn load(answer: &'static [u8]) -> Outcome {
        let load = Load {
            request: b"GET / please".to_vec(),
            expected: b"{}".to_vec(),
            awake: Duration::ZERO,
        };
        // A pipe of seven bytes: everything comes in pieces.
        let (client, server) = tokio::io::duplex(7);
        tokio::spawn(answering(server, answer));
        load.at_rate(vec![client], 1000.0, Duration::from_millis(5))
            .await
    }

    #[tokio::test]
    async fn every_answer_is_checked() {
        let right = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let outcome = load(right).await;
        assert_eq!((outcome.latencies.len(), outcome.errors), (5, 0));
        for wrong in [
            &b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        ] {
            let outcome = load(wrong).await;
            assert_eq!((outcome.latencies.len(), outcome.errors), (0, 5));
        }
    }
}
