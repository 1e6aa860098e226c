//! A fake MCP server: keeps each request as it came, byte for byte, and plays a script.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// What a connection does with one request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Waits until the test says so.
    Await(Arc<Notify>),
    /// Closes the connection.
    Close,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// Values of a header, by lower-case name.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }
}

/// The running server.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Connections that were closed by the other side while a script was running.
    abandoned: watch::Receiver<usize>,
}

impl Server {
    /// Plays `script` for every request.
    pub(crate) async fn playing(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (gone, abandoned) = watch::channel(0);
        let gone = Arc::new(gone);
        let kept = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Steps are to arrive when they are taken.
                stream.set_nodelay(true).unwrap();
                let (script, kept, gone) = (script.clone(), kept.clone(), gone.clone());
                tokio::spawn(async move { serve(stream, script, kept, gone).await });
            }
        });
        Self {
            url,
            seen,
            abandoned,
        }
    }

    /// Answers every request with this JSON.
    pub(crate) async fn answering(json: &str) -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let answer = format!("{head}Content-Length: {}\r\n\r\n{json}", json.len());
        Self::playing(vec![Step::Send(answer.into())]).await
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Ends when the proxy has closed a connection whose script wasn't over.
    pub(crate) async fn abandoned(&self) {
        let mut abandoned = self.abandoned.clone();
        abandoned.wait_for(|count| *count > 0).await.unwrap();
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Vec<Step>,
    seen: Arc<Mutex<Vec<Seen>>>,
    gone: Arc<watch::Sender<usize>>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        seen.lock().unwrap().push(request);
        for step in &script {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(bytes).await.is_err() {
                        gone.send_modify(|count| *count += 1);
                        return;
                    }
                }
                Step::Await(notify) => {
                    let mut byte = [0];
                    tokio::select! {
                        () = notify.notified() => (),
                        _ = stream.read(&mut byte) => {
                            gone.send_modify(|count| *count += 1);
                            return;
                        }
                    }
                }
                Step::Close => return,
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .filter_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .next()
                .unwrap_or(0);
            while buffer.len() < end + 4 + length {
                if stream.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            }
            let body = buffer[end + 4..end + 4 + length].to_vec();
            buffer.drain(..end + 4 + length);
            return Some(Seen { head, body });
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
