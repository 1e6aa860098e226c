//! A client that writes bytes and reads them: nothing between the test and the wire.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to the proxy.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Values of a header, by lower-case name.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// `error.data.reason` of a denial.
    pub(crate) fn reason(&self) -> String {
        self.json()["error"]["data"]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A POST to /mcp with these headers, each `Name: value`.
pub(crate) fn post(headers: &[&str], body: &str) -> Vec<u8> {
    let mut request = "POST /mcp HTTP/1.1\r\nHost: demo.example\r\n".to_owned();
    if !headers
        .iter()
        .any(|header| header.to_ascii_lowercase().starts_with("content-type:"))
    {
        request.push_str("Content-Type: application/json\r\n");
    }
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    request.into_bytes()
}

/// Another request to /mcp without a body.
pub(crate) fn bare(method: &str, headers: &[&str]) -> Vec<u8> {
    let mut request = format!("{method} /mcp HTTP/1.1\r\nHost: demo.example\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request).await;
        let head = self.head().await;
        let body = self.body(&head).await;
        Answer {
            status: status(&head),
            head,
            body,
        }
    }

    /// The head of the next answer.
    pub(crate) async fn head(&mut self) -> String {
        let head = self.until(b"\r\n\r\n").await.expect("an answer");
        String::from_utf8(head).unwrap()
    }

    async fn body(&mut self, head: &str) -> Vec<u8> {
        let lower = head.to_ascii_lowercase();
        if lower.contains("transfer-encoding: chunked") {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
            return body;
        }
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            assert!(
                self.stream.read_buf(&mut self.buffer).await.unwrap() > 0,
                "{head}"
            );
        }
        self.buffer.drain(..length).collect()
    }

    /// The next chunk of a chunked body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.until(b"\r\n").await.expect("a chunk")).unwrap();
        let size = usize::from_str_radix(&size, 16).unwrap();
        while self.buffer.len() < size + 2 {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0);
        }
        let chunk = self.buffer.drain(..size).collect();
        self.buffer.drain(..2);
        (size > 0).then_some(chunk)
    }

    /// Whether the other side has closed the connection, with nothing left to read.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0
    }

    async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self
                .buffer
                .windows(end.len())
                .position(|window| window == end)
            {
                let found = self.buffer.drain(..at).collect();
                self.buffer.drain(..end.len());
                return Some(found);
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }
}

/// The status of an answer's head.
pub(crate) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}
