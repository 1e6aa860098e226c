//! The listener for the kubelet, the operator and Prometheus: no traffic goes there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;

use crate::Proxy;
use crate::drain::Phase;
use crate::metrics::Moment;

/// What `/ready` answers.
#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    reasons: Vec<String>,
    policy_revision: Option<Arc<str>>,
    last_reload_error: Option<String>,
}

/// What `/config/status` answers.
#[derive(Debug, Serialize)]
struct ConfigStatus {
    ready: bool,
    schema_version: Option<&'static str>,
    revision: Option<Arc<str>>,
    loaded_at: Option<Timestamp>,
    age_seconds: Option<i64>,
    grants: usize,
    sessions: usize,
    last_reload_error: Option<String>,
}

/// `/live`, `/ready`, `/config/status`, `/metrics`.
pub(crate) fn router(proxy: Arc<Proxy>) -> Router {
    Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/config/status", get(config_status))
        .route("/metrics", get(metrics))
        .with_state(proxy)
}

/// Ready once a valid policy was loaded, until the proxy drains. A bad reload doesn't change
/// that: the last good policy is in force.
async fn ready(State(proxy): State<Arc<Proxy>>) -> Response {
    let rules = proxy.policy.rules();
    let last_reload_error = proxy.policy.status().last_error;
    let mut reasons = Vec::new();
    if rules.is_none() {
        let error = last_reload_error.as_deref().unwrap_or("not loaded yet");
        reasons.push(format!("policy: {error}"));
    }
    if proxy.drain.phase() > Phase::Serving {
        reasons.push("draining".to_owned());
    }
    let body = Ready {
        ready: reasons.is_empty(),
        reasons,
        policy_revision: rules.map(|rules| rules.policy.revision().clone()),
        last_reload_error,
    };
    let status = match body.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(body)).into_response()
}

async fn config_status(State(proxy): State<Arc<Proxy>>) -> Json<ConfigStatus> {
    let rules = proxy.policy.rules();
    let policy = rules.as_ref().map(|rules| &rules.policy);
    let status = proxy.policy.status();
    let age = status
        .loaded_at
        .map(|loaded| proxy.now().duration_since(loaded));
    Json(ConfigStatus {
        ready: policy.is_some() && proxy.drain.phase() == Phase::Serving,
        schema_version: policy.map(policy::Policy::schema_version),
        revision: policy.map(|policy| policy.revision().clone()),
        loaded_at: status.loaded_at,
        age_seconds: age.map(|age| age.as_secs()),
        grants: policy.map_or(0, policy::Policy::grant_count),
        sessions: policy.map_or(0, policy::Policy::session_count),
        last_reload_error: status.last_error,
    })
}

async fn metrics(State(proxy): State<Arc<Proxy>>) -> Response {
    let rules = proxy.policy.rules();
    let origin = &proxy.origin;
    let (namespace, server, cluster, team) = match &rules {
        Some(rules) => {
            let names = &rules.server;
            let cluster = match names.cluster.is_empty() {
                true => &origin.cluster,
                false => &names.cluster,
            };
            (&*names.namespace, &*names.name, &**cluster, &*names.team)
        }
        None => (&*origin.namespace, &*origin.server, &*origin.cluster, ""),
    };
    let moment = Moment {
        labels: vec![
            ("namespace", namespace.to_owned()),
            ("server", server.to_owned()),
            ("cluster", cluster.to_owned()),
            ("team_id", team.to_owned()),
        ],
        revision: rules
            .as_ref()
            .map(|rules| rules.policy.revision().to_string()),
        audit: proxy.audit.counts().clone(),
        draining: proxy.drain.phase() > Phase::Serving,
    };
    match proxy.metrics.encode(&moment) {
        Ok(text) => {
            let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, form)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
