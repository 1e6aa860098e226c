//! Questions to pods over plain HTTP; above all `GET http://POD:9103/config/status`: which policy
//! a proxy runs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// The answer is a few hundred bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The part of the answer that matters here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Running {
    /// Empty while the proxy has no policy.
    #[serde(default)]
    pub(crate) revision: String,
    /// Why the newest file isn't in force.
    #[serde(default)]
    pub(crate) last_reload_error: Option<String>,
}

/// A pod that didn't answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("connecting")]
    Connect(#[source] std::io::Error),
    #[error("asking")]
    Http(#[source] hyper::Error),
    #[error("it answered {0}")]
    Status(u16),
    #[error("reading its answer")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("its answer isn't what was asked for")]
    Json(#[source] serde_json::Error),
    #[error("no answer in {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// Asks the proxy of the pod with address `ip`.
///
/// # Errors
/// [`AskError`], within `limit`.
pub(crate) async fn ask(ip: IpAddr, port: u16, limit: Duration) -> Result<Running, AskError> {
    get(SocketAddr::new(ip, port), "/config/status", limit).await
}

/// The JSON at `path`.
///
/// # Errors
/// [`AskError`], within `limit`.
pub(crate) async fn get<T: DeserializeOwned>(
    address: SocketAddr,
    path: &str,
    limit: Duration,
) -> Result<T, AskError> {
    match tokio::time::timeout(limit, exchange(address, path)).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::Timeout(limit)),
    }
}

async fn exchange<T: DeserializeOwned>(address: SocketAddr, path: &str) -> Result<T, AskError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(AskError::Connect)?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(AskError::Http)?;
    let request = Request::get(path)
        .header("host", address.to_string())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| AskError::Body(error.into()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(AskError::Http)?;
        let status = response.status();
        if !status.is_success() {
            return Err(AskError::Status(status.as_u16()));
        }
        let body = Limited::new(response.into_body(), LONGEST_ANSWER)
            .collect()
            .await;
        let body = body.map_err(AskError::Body)?.to_bytes();
        serde_json::from_slice(&body).map_err(AskError::Json)
    };
    // The connection is driven here rather than on a task, so that nothing outlives the question.
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    async fn answered_with(answer: &'static str) -> Result<Running, AskError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /config/status HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let answer = ask(address.ip(), address.port(), Duration::from_secs(5)).await;
        proxy.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_proxy_says_which_revision_it_runs() {
        let running = answered_with(concat!(
            "HTTP/1.1 200 OK\r\ncontent-length: 71\r\n\r\n",
            r#"{"ready":true,"revision":"sha256:ab","grants":1,"last_reload_error":""}"#,
        ))
        .await;
        assert_eq!(
            running.unwrap(),
            Running {
                revision: "sha256:ab".into(),
                last_reload_error: Some(String::new())
            }
        );
    }

    #[tokio::test]
    async fn another_server_on_that_port_is_no_proxy() {
        let answer = answered_with("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert!(matches!(answer, Err(AskError::Status(404))), "{answer:?}");
        let answer = answered_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        assert!(matches!(answer, Err(AskError::Json(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn a_pod_that_is_silent_costs_no_more_than_the_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Duration::from_millis(50);
        let answer = ask(address.ip(), address.port(), limit).await;
        assert!(matches!(answer, Err(AskError::Timeout(_))), "{answer:?}");
    }
}
