//! The least that an admission server can do on the same libraries: take a connection over TLS,
//! read a review, parse it as JSON, allow.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use certs::{LiveCertificate, server_config};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Allows everything that comes to `address`, for ever.
pub(crate) async fn run(address: &str, chain: &str, key: &str) {
    let live = Arc::new(LiveCertificate::default());
    let (chain, key) = (std::fs::read(chain).unwrap(), std::fs::read(key).unwrap());
    live.load(&chain, &key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(live).unwrap()));
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let served = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(allow))
                .await;
            if let Err(error) = served {
                eprintln!("floor: {error}");
            }
        });
    }
}

async fn allow(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let answer = json!({
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {"uid": review["request"]["uid"], "allowed": true},
    });
    let mut response = Response::new(Full::from(answer.to_string()));
    let json = "application/json".parse().unwrap();
    response.headers_mut().insert("content-type", json);
    Ok(response)
}
