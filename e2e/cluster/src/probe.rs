//! The smallest HTTP client: one GET over a fresh connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Status and body of `GET path` at `address`.
///
/// HTTP/1.0, so that the server closes when it is done and never sends chunks (RFC 1945).
///
/// # Errors
/// No connection, or no HTTP answer within 2 seconds.
pub fn get(address: &str, path: &str) -> Result<(u16, String)> {
    let patience = Duration::from_secs(2);
    let to: SocketAddr = address
        .parse()
        .with_context(|| format!("address {address}"))?;
    let mut stream = TcpStream::connect_timeout(&to, patience)
        .with_context(|| format!("connect to {address}"))?;
    stream
        .set_read_timeout(Some(patience))
        .context("set the read timeout")?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")
        .with_context(|| format!("write to {address}"))?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .with_context(|| format!("read from {address}"))?;
    parse(&String::from_utf8_lossy(&answer))
        .with_context(|| format!("{address}{path} didn't answer in HTTP"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_taken_apart() {
        assert_eq!(
            parse("HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"),
            Some((200, "hello".to_owned()))
        );
        assert_eq!(parse("SSH-2.0-x\r\n"), None);
    }
}
