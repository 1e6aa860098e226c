//! The listener that isn't for traffic: liveness, readiness, metrics.
//!
//! Liveness says that the process can answer; restarting it wouldn't bring a missing
//! certificate or an API server back, so nothing of that kind is asked there.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;

use crate::Readiness;
use crate::connections::{self, Limits};

/// The admin listener can't be had.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address}")]
pub struct AdminError {
    address: String,
    #[source]
    source: std::io::Error,
}

/// What `/ready` answers from.
pub type Health = Readiness;
/// What `/metrics` is encoded from.
pub type Metrics = Arc<Registry>;

/// `/live` and `/ready`, also under the names `/healthz` and `/readyz`.
///
/// `/ready` answers 200 or 503 with `{"ready": bool, "reasons": [text]}`.
pub fn health_router(health: Health) -> Router {
    Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .with_state(health)
}

/// `/metrics` in the OpenMetrics text format.
pub fn metrics_router(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(metrics_text))
        .with_state(metrics)
}

/// Serves `router` on `address` (`host:port`) until the process ends.
///
/// # Errors
/// [`AdminError`] when the address can't be had.
pub async fn serve(address: &str, router: Router) -> Result<(), AdminError> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| AdminError {
            address: address.to_owned(),
            source,
        })?;
    serve_on(listener, router).await;
    Ok(())
}

/// Serves `router` on a listener that is there already, until the process ends.
pub async fn serve_on(listener: TcpListener, router: Router) {
    connections::serve(listener, router, Limits::default()).await;
}

async fn ready(State(health): State<Health>) -> Response {
    let reasons = health.reasons();
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "ready": reasons.is_empty(), "reasons": reasons });
    (status, axum::Json(body)).into_response()
}

async fn metrics_text(State(metrics): State<Metrics>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &metrics) {
        Ok(()) => (
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn get(router: Router, path: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve_on(listener, router));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
            )
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        server.abort();
        answer
    }

    #[tokio::test]
    async fn not_ready_says_what_it_waits_for() {
        let readiness = Readiness::default();
        readiness.gate("certificate", "none yet");
        let answer = get(health_router(readiness), "/ready").await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(
            answer.ends_with(r#"{"ready":false,"reasons":["certificate: none yet"]}"#),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_process_that_waits_is_still_alive() {
        let readiness = Readiness::default();
        readiness.gate("certificate", "none yet");
        let answer = get(health_router(readiness), "/live").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_text() {
        let answer = get(metrics_router(Arc::new(Registry::default())), "/metrics").await;
        assert!(answer.contains("application/openmetrics-text"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
    }
}
