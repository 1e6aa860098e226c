//! The load: calls at a fixed rate whose latency counts from when they were to be sent, and
//! calls as fast as they are answered. Every answer's status and body is checked.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Calls that are sent again and again.
pub(crate) struct Load {
    request: Vec<u8>,
    connections: usize,
}

/// What became of a run's calls.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Of each call, sorted.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) errors: usize,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The latency that this share of the calls doesn't exceed, in microseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        if self.latencies.is_empty() {
            return f64::NAN;
        }
        let last = self.latencies.len() - 1;
        let index = (last as f64 * share).round() as usize;
        self.latencies[index].as_secs_f64() * 1e6
    }

    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

impl Load {
    pub(crate) fn new(body: String, connections: usize) -> Self {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n\
             X-MCP-Human-ID: ann\r\nX-MCP-Agent-ID: ops\r\nX-MCP-Agent-Session: s-500\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            request: request.into_bytes(),
            connections,
        }
    }

    /// `rate` calls a second, whether answers come or not.
    pub(crate) async fn at_rate(&self, target: SocketAddr, rate: u32, time: Duration) -> Outcome {
        let gap = Duration::from_secs(1) / rate;
        let each = gap * u32::try_from(self.connections).unwrap();
        let start = Instant::now() + Duration::from_millis(50);
        let plan = move |connection: u32, sent: u32| Some(start + gap * connection + each * sent);
        self.run(target, start + time, plan).await
    }

    /// As many calls as are answered, one at a time on each connection.
    pub(crate) async fn flat_out(&self, target: SocketAddr, time: Duration) -> Outcome {
        self.run(target, Instant::now() + time, |_, _| None).await
    }

    async fn run(
        &self,
        target: SocketAddr,
        end: Instant,
        plan: impl Fn(u32, u32) -> Option<Instant> + Copy + Send + 'static,
    ) -> Outcome {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for connection in 0..u32::try_from(self.connections).unwrap() {
            let request = self.request.clone();
            running.spawn(async move {
                let plan = move |sent| plan(connection, sent);
                one_connection(target, &request, end, plan).await
            });
        }
        let mut outcome = Outcome::default();
        while let Some(done) = running.join_next().await {
            let (latencies, errors) = done.unwrap();
            outcome.latencies.extend(latencies);
            outcome.errors += errors;
        }
        outcome.latencies.sort_unstable();
        outcome.took = start.elapsed();
        outcome
    }
}

async fn one_connection(
    target: SocketAddr,
    request: &[u8],
    end: Instant,
    plan: impl Fn(u32) -> Option<Instant>,
) -> (Vec<Duration>, usize) {
    let expected = crate::backend::answer();
    let mut stream = TcpStream::connect(target).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut latencies, mut errors, mut buffer) = (Vec::new(), 0, Vec::with_capacity(16 << 10));
    for sent in 0.. {
        let due = plan(sent).unwrap_or_else(Instant::now);
        if due >= end {
            break;
        }
        tokio::time::sleep_until(due).await;
        match exchange(&mut stream, request, &mut buffer).await {
            Ok(answer)
                if answer.starts_with(b"HTTP/1.1 200 ")
                    && answer.ends_with(expected.as_bytes()) =>
            {
                latencies.push(due.elapsed());
            }
            Ok(_) => errors += 1,
            Err(_) => {
                errors += 1;
                break;
            }
        }
        buffer.clear();
    }
    (latencies, errors)
}

async fn exchange<'a>(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &'a mut Vec<u8>,
) -> std::io::Result<&'a [u8]> {
    stream.write_all(request).await?;
    while message_length(buffer).is_none_or(|length| buffer.len() < length) {
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer)
}

/// The length of the message that `bytes` begin with, once its head is there.
pub(crate) fn message_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + 4 + length.unwrap_or(0))
}
