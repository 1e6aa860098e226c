//! `GET /injects` beside health: by which version and settings this replica injects, so that the
//! operator brings a new proxy to pods only once every replica would put it there.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use crds::Settings;
use serde_json::{Value, json};

/// `{"platform": "<version>@<hash of the settings>"}`, as of now.
pub(crate) fn injects_router(settings: Arc<ArcSwap<Settings>>) -> Router {
    Router::new()
        .route("/injects", get(injects))
        .with_state(settings)
}

async fn injects(State(settings): State<Arc<ArcSwap<Settings>>>) -> Json<Value> {
    Json(json!({ "platform": crds::platform_inputs(&settings.load()) }))
}
