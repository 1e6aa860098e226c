//! MCP over HTTP, one request at a time, as bytes: what tests need to see is the wire itself.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Time for one call, connection included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Who calls, as header mode has it; empty fields aren't sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// `X-MCP-Human-ID`.
    pub human: &'a str,
    /// `X-MCP-Agent-ID`.
    pub agent: &'a str,
    /// `X-MCP-Team-ID`.
    pub team: &'a str,
    /// `X-MCP-Agent-Session`.
    pub session: &'a str,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The JSON of the body, or of the event that answers.
    pub body: Value,
}

impl Answer {
    /// `error.data.reason` of a denial.
    pub fn reason(&self) -> Option<&str> {
        self.body.pointer("/error/data/reason")?.as_str()
    }

    /// `error.data.decisionId` of a denial.
    pub fn decision_id(&self) -> Option<&str> {
        self.body.pointer("/error/data/decisionId")?.as_str()
    }
}

/// Calls a tool statelessly on a proxy or server at `address`, path `/`.
pub async fn call_tool(
    address: SocketAddr,
    caller: Caller<'_>,
    tool: &str,
    arguments: Value,
) -> anyhow::Result<Answer> {
    request(
        address,
        caller,
        "tools/call",
        json!({"name": tool, "arguments": arguments}),
    )
    .await
}

/// Sends one JSON-RPC request.
pub async fn request(
    address: SocketAddr,
    caller: Caller<'_>,
    method: &str,
    params: Value,
) -> anyhow::Result<Answer> {
    let call = async {
        Connection::open(address)
            .await?
            .request(caller, method, params)
            .await
    };
    tokio::time::timeout(TIMEOUT, call)
        .await
        .with_context(|| format!("{method} at {address}: no answer within {TIMEOUT:?}"))?
}

/// One kept connection to a proxy or server.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    path: String,
    once: bool,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        Self::open_at(address, "/mcp").await
    }

    /// Connects; requests are for `path`.
    pub async fn open_at(address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends when the sender is dropped.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            path: path.to_owned(),
            once: false,
        })
    }

    /// The same, for one request, which says so (`Connection: close`).
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Whether the other side has kept it.
    pub async fn is_kept(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends one JSON-RPC request and reads the whole answer.
    pub async fn request(
        &mut self,
        caller: Caller<'_>,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Answer> {
        let exchange = Exchange {
            caller,
            traceparent: String::new(),
            method: Some(method),
            params,
        };
        self.exchange(&exchange).await
    }

    /// One exchange: a POST with a JSON-RPC request, or a GET where there is no method.
    ///
    /// Of a GET that is answered with a stream only the head is read.
    pub async fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .uri(&self.path)
            // The proxy keeps Host, and the Go SDK's server refuses requests over loopback with any
            // Host but a loopback one (its guard against DNS rebinding).
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if self.once {
            request = request.header("connection", "close");
        }
        let caller = exchange.caller;
        for (name, value) in [
            ("x-mcp-human-id", caller.human),
            ("x-mcp-agent-id", caller.agent),
            ("x-mcp-team-id", caller.team),
            ("x-mcp-agent-session", caller.session),
            ("traceparent", exchange.traceparent.as_str()),
        ] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let body = match exchange.method {
            Some(method) => {
                request = request.method("POST");
                json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": exchange.params})
                    .to_string()
            }
            None => String::new(),
        };
        self.sender.ready().await?;
        let response = self
            .sender
            .send_request(request.body(Full::new(Bytes::from(body)))?)
            .await?;
        let status = response.status().as_u16();
        if exchange.method.is_none() && status == 200 {
            return Ok(Answer {
                status,
                body: Value::Null,
            });
        }
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok(Answer {
            status,
            body: parse(&bytes),
        })
    }
}

/// One exchange, whole.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// Who calls.
    pub caller: Caller<'a>,
    /// W3C `traceparent`; not sent where empty.
    pub traceparent: String,
    /// The JSON-RPC method; `None` is a GET.
    pub method: Option<&'a str>,
    /// Its parameters.
    pub params: Value,
}

/// A JSON body, or of a stream's events the one that answers, after any notifications.
fn parse(bytes: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return value;
    }
    String::from_utf8_lossy(bytes)
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok())
        .find(|event| event["method"].is_null())
        .unwrap_or(Value::Null)
}
