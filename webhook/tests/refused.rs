//! What is no review: the API server goes by failurePolicy, a person reads why.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use mcp_webhook::router;
use prometheus_client::registry::Registry;
use serde_json::json;

use crate::app::{app, ask, post, routes, yaml};

const ENDPOINTS: [&str; 3] = ["/default", "/validate", "/inject"];

#[tokio::test]
async fn a_body_that_is_no_review_is_a_bad_request() {
    let pod = yaml("reviews/pod.yaml");
    let mut other_version = pod.clone();
    other_version["apiVersion"] = "admission.k8s.io/v1beta1".into();
    let mut no_uid = pod.clone();
    no_uid["request"]["uid"] = "".into();
    let bodies = [
        String::new(),
        "x".into(),
        "[]".into(),
        "{}".into(),
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}).to_string(),
        json!({"apiVersion": "v1", "kind": "Pod"}).to_string(),
        other_version.to_string(),
        no_uid.to_string(),
    ];
    for endpoint in ENDPOINTS {
        for body in &bodies {
            let (status, text) = ask(routes(), post(endpoint, body.clone())).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{endpoint} {body}");
            assert!(!text.is_empty());
        }
    }
}

#[tokio::test]
async fn a_kind_that_an_endpoint_is_not_for_is_a_bad_request() {
    let server = yaml("reviews/server.yaml").to_string();
    let (status, text) = ask(routes(), post("/inject", server)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(text, r#"/inject isn't for "mcpruntime.org" "MCPServer""#);
    let pod = yaml("reviews/pod.yaml").to_string();
    let (status, text) = ask(routes(), post("/validate", pod)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(text, r#"/validate isn't for "" "Pod""#);
}

#[tokio::test]
async fn other_paths_and_methods_do_not_exist() {
    let (status, _) = ask(routes(), post("/mutate", "{}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for endpoint in ENDPOINTS {
        let get = Request::get(endpoint).body(Body::empty()).unwrap();
        assert_eq!(ask(routes(), get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn other_content_types_are_refused() {
    for content_type in [None, Some("text/plain"), Some("application/yaml")] {
        let mut request = Request::post("/inject");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Body::from("{}")).unwrap();
        let (status, _) = ask(routes(), request).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

#[tokio::test]
async fn the_largest_object_an_api_server_takes_is_read_and_no_more() {
    let mut pod = yaml("reviews/pod.yaml");
    pod["request"]["object"]["metadata"]["annotations"] = json!({"big": "x".repeat(6 << 20)});
    let (status, _) = ask(routes(), post("/inject", pod.to_string())).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = ask(routes(), post("/inject", "x".repeat((7 << 20) + 1))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_fault_of_our_own_is_no_denial() {
    let app = app(&mut Registry::default());
    app.settings.store(crds::Settings::default().into());
    let pod = yaml("reviews/pod.yaml").to_string();
    let (status, text) = ask(router(app), post("/inject", pod)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        text,
        "injecting into pod demo/everything-6d5f9c7b8-: the platform's settings name no proxy image \
         (proxyImages in ConfigMap mcp-runtime-settings)"
    );
}

#[tokio::test]
async fn each_outcome_is_counted_under_its_endpoint() {
    let mut registry = Registry::default();
    let router = router(app(&mut registry));
    let pod = yaml("reviews/pod.yaml").to_string();
    ask(router.clone(), post("/inject", pod)).await;
    ask(router, post("/inject", "x")).await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        r#"mcp_webhook_requests_total{endpoint="/inject",code="Injected"} 1"#,
        r#"mcp_webhook_requests_total{endpoint="/inject",code="Unreadable"} 1"#,
        r#"mcp_webhook_duration_seconds_count{endpoint="/inject"} 2"#,
        // Answers take less than what other webhooks call fast.
        r#"mcp_webhook_duration_seconds_bucket{le="0.0001","#,
    ] {
        assert!(text.contains(line), "{line} isn't in\n{text}");
    }
}
