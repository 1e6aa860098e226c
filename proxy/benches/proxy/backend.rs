//! The server behind the targets: reads a request, answers 1 KiB of JSON, keeps the connection.

use mcp_bench::load::body_in;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The body of every answer.
pub(crate) fn answer() -> String {
    let text = "y".repeat(900);
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
    )
}

/// Serves `address` for ever.
pub(crate) async fn run(address: &str) {
    let listener = TcpListener::bind(address).await.unwrap();
    let body = answer();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        tokio::spawn(async move { serve(stream, answer.as_bytes()).await });
    }
}

async fn serve(mut stream: TcpStream, answer: &[u8]) -> Option<()> {
    let mut buffer = Vec::with_capacity(16 << 10);
    loop {
        while let Some(body) = body_in(&buffer) {
            buffer.drain(..body.end);
            stream.write_all(answer).await.ok()?;
        }
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
}
