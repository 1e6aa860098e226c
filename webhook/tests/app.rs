//! The router over fixtures, without TLS and without a cluster.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use crds::Settings;
use http_body_util::BodyExt as _;
use mcp_webhook::{App, Cluster, Files, Metrics, router};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tower::ServiceExt as _;

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a future, but not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("nothing came within {PATIENCE:?}"))
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(crate) fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(&path(name))).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn settings() -> Settings {
    serde_saphyr::from_str(&read(&path("settings.yaml"))).unwrap()
}

pub(crate) fn app(registry: &mut Registry) -> App {
    App {
        cluster: Cluster::Files(Arc::new(Files::read(&path("objects")).unwrap())),
        settings: Arc::new(ArcSwap::from_pointee(settings())),
        metrics: Metrics::register(registry),
        events: None,
    }
}

pub(crate) fn routes() -> Router {
    router(app(&mut Registry::default()))
}

pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

pub(crate) async fn ask(router: Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The answer to a review, its patch readable.
pub(crate) async fn review(path: &str, review: &Value) -> Value {
    let (status, body) = ask(routes(), post(path, review.to_string())).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let mut answer: Value = serde_json::from_str(&body).unwrap();
    read_patch(&mut answer);
    answer
}

/// Makes an answer's patch readable.
pub(crate) fn read_patch(answer: &mut Value) {
    if let Some(patch) = answer["response"].get_mut("patch") {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(patch.as_str().unwrap())
            .unwrap();
        *patch = serde_json::from_slice(&bytes).unwrap();
    }
}
