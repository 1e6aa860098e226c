//! HTTP around the three answers: what isn't a review never reaches them.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use crds::Settings;
use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::metrics::Metrics;
use crate::review::{Answer, Request, ReviewError};
use crate::{default, inject, validate};

/// Twice the largest object an API server takes (etcd's 1.5 MiB, JSON up to 3 MB), old and new in one review.
const MOST_BYTES: usize = 7 << 20;

/// What the answers are made of. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Where servers and owners are looked up.
    pub cluster: Cluster,
    /// The platform's settings of the moment.
    pub settings: Arc<ArcSwap<Settings>>,
    /// Counted here.
    pub metrics: Metrics,
}

#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Default,
    Validate,
    Inject,
}

impl Endpoint {
    const fn path(self) -> &'static str {
        match self {
            Self::Default => "/default",
            Self::Validate => "/validate",
            Self::Inject => "/inject",
        }
    }
}

/// Why there is no AdmissionReview in the answer; the API server then goes by failurePolicy.
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// `POST /default`, `/validate` and `/inject`; 404 and 405 for the rest.
pub fn router(app: App) -> Router {
    let endpoint = |endpoint: Endpoint| {
        post(
            move |State(app): State<App>, headers: HeaderMap, body: Body| async move {
                serve(app, endpoint, headers, body).await
            },
        )
    };
    [Endpoint::Default, Endpoint::Validate, Endpoint::Inject]
        .into_iter()
        .fold(Router::new(), |router, one| {
            router.route(one.path(), endpoint(one))
        })
        .with_state(app)
}

async fn serve(app: App, endpoint: Endpoint, headers: HeaderMap, body: Body) -> Response {
    let body = match read(&headers, body).await {
        Ok(body) => body,
        Err(failure) => return fail(&app, endpoint, Instant::now(), failure),
    };
    let started = Instant::now();
    let answered = match Request::from_body(&body) {
        Ok(request) => answer(&app, endpoint, request).await,
        Err(error) => Err(unreadable(&error)),
    };
    match answered {
        Ok((code, body)) => {
            let path = endpoint.path();
            app.metrics.answered(path, code, started.elapsed());
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(failure) => fail(&app, endpoint, started, failure),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let media_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Failure {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "UnsupportedMediaType",
            message: format!("{media_type:?} isn't application/json"),
        });
    }
    to_bytes(body, MOST_BYTES).await.map_err(|error| Failure {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "TooLarge",
        message: format!("reading the body, {MOST_BYTES} bytes at most: {error}"),
    })
}

async fn answer(
    app: &App,
    endpoint: Endpoint,
    request: Request,
) -> Result<(&'static str, Vec<u8>), Failure> {
    let settings = app.settings.load_full();
    let answer = match endpoint {
        Endpoint::Default => Ok(default::answer(&request, &settings)),
        Endpoint::Validate => validate::answer(&request, &settings, Timestamp::now())
            .map_err(inject::InjectError::Review),
        Endpoint::Inject => inject::answer(&request, &app.cluster, &settings).await,
    };
    let answer = answer.map_err(|error| match error {
        inject::InjectError::Review(error) => unreadable(&error),
        error => fault(&error),
    })?;
    log(endpoint, &request, &answer);
    let code = answer.code;
    let body = answer.into_body(&request).map_err(|error| fault(&error))?;
    Ok((code, body))
}

/// One event for each decision; never the object, which may hold secrets.
fn log(endpoint: Endpoint, request: &Request, answer: &Answer) {
    tracing::info!(
        endpoint = endpoint.path(),
        uid = request.uid,
        kind = request.kind.kind,
        namespace = request.namespace,
        name = request.object_name(),
        code = answer.code,
        denied = answer.denial.as_ref().map(|denial| denial.message.as_str()),
        "answered"
    );
}

fn unreadable(error: &ReviewError) -> Failure {
    Failure {
        status: StatusCode::BAD_REQUEST,
        code: "Unreadable",
        message: error.to_string(),
    }
}

fn fault(error: &dyn std::error::Error) -> Failure {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message.push_str(": ");
        message.push_str(&error.to_string());
        source = error.source();
    }
    Failure {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "Fault",
        message,
    }
}

fn fail(app: &App, endpoint: Endpoint, started: Instant, failure: Failure) -> Response {
    let path = endpoint.path();
    app.metrics.answered(path, failure.code, started.elapsed());
    tracing::warn!(
        endpoint = path,
        code = failure.code,
        message = failure.message,
        "not answered"
    );
    (failure.status, failure.message).into_response()
}
