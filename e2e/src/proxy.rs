//! What a proxy says on its admin port.

use std::net::SocketAddr;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::pods::ReadyPod;

/// `GET http://POD:9103<path>`: the status and the body as text.
pub async fn admin(pod: &ReadyPod, path: &str) -> anyhow::Result<(u16, String)> {
    let port = u16::try_from(crds::names::PROXY_METRICS_PORT)?;
    get(SocketAddr::new(pod.ip.parse()?, port), path).await
}

/// `GET http://<address><path>`: the status and the body as text.
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::get(path)
        .header("host", address.to_string())
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await?.to_bytes();
    driver.abort();
    Ok((status, String::from_utf8(bytes.to_vec())?))
}

/// `/config/status` of a pod's proxy.
pub async fn config_status(pod: &ReadyPod) -> anyhow::Result<Value> {
    let (_, body) = admin(pod, "/config/status").await?;
    serde_json::from_str(&body).with_context(|| format!("/config/status of {}: {body}", pod.name))
}

/// The revision a pod's proxy enforces.
pub async fn revision(pod: &ReadyPod) -> anyhow::Result<String> {
    let status = config_status(pod).await?;
    Ok(status["revision"].as_str().unwrap_or_default().to_owned())
}
