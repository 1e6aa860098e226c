//! HTTP around the three answers: what isn't a review never reaches them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request as HttpRequest, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use crds::Settings;
use http_body_util::LengthLimitError;
use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::deadline::Arrived;
use crate::events::{Events, Notice};
use crate::failure::{Failure, MOST_BYTES};
use crate::inject::Memory;
use crate::load::{Load, Room};
use crate::metrics::Metrics;
use crate::review::{Answer, Request};
use crate::{default, inject, validate};

/// For a body whose head is there; API servers send both at once.
const BODY: Duration = Duration::from_secs(5);
/// What an answer takes at least, and its way back.
const LEAST: Duration = Duration::from_millis(5);

/// What the answers are made of. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Where servers and owners are looked up.
    pub cluster: Cluster,
    /// The platform's settings of the moment.
    pub settings: Arc<ArcSwap<Settings>>,
    /// Counted here.
    pub metrics: Metrics,
    /// Where refused pods' owners are told; `None` without a cluster.
    pub events: Option<Events>,
}

/// An [`App`] with what its reviews share.
#[derive(Clone, Debug)]
struct Desk {
    app: App,
    load: Load,
    memory: Memory,
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

/// `POST /default`, `/validate` and `/inject`; 404 and 405 for the rest.
pub fn router(app: App) -> Router {
    let endpoint = |endpoint: Endpoint| {
        post(
            move |State(desk): State<Desk>, request: HttpRequest<Body>| async move {
                serve(desk, endpoint, request).await
            },
        )
    };
    let desk = Desk {
        app,
        load: Load::default(),
        memory: Memory::default(),
    };
    [Endpoint::Default, Endpoint::Validate, Endpoint::Inject]
        .into_iter()
        .fold(Router::new(), |router, one| {
            router.route(one.path(), endpoint(one))
        })
        .with_state(desk)
}

async fn serve(desk: Desk, endpoint: Endpoint, request: HttpRequest<Body>) -> Response {
    let (head, body) = request.into_parts();
    let arrived = head.extensions.get::<Arrived>().copied();
    let arrived = arrived.unwrap_or_else(Arrived::now);
    let deadline = arrived.deadline(head.uri.query().unwrap_or_default());
    let mut started = Instant::now();
    let answered = async {
        let (body, _room) = read(&desk.load, &head, body, deadline).await?;
        started = Instant::now();
        if started + LEAST > deadline {
            return Err(Failure::late());
        }
        let request = Request::from_body(&body).map_err(|error| Failure::unreadable(&error))?;
        answer(&desk, endpoint, request).await
    };
    // Nobody waits for what comes later, a look-up that hangs least of all.
    let answered = tokio::time::timeout_at(deadline.into(), answered).await;
    let answered = answered.unwrap_or_else(|_| Err(Failure::late()));
    let code = match &answered {
        Ok((code, _)) => code,
        Err(failure) => failure.outcome.as_str(),
    };
    let metrics = &desk.app.metrics;
    metrics.answered(endpoint.path(), code, started.elapsed());
    match answered {
        Ok((_, body)) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(failure) => {
            tracing::warn!(
                endpoint = endpoint.path(),
                code,
                message = failure.message,
                "not answered"
            );
            failure.into_response(head.version)
        }
    }
}

/// The body, once there is room for it and for what it becomes.
async fn read(
    load: &Load,
    head: &Parts,
    body: Body,
    deadline: Instant,
) -> Result<(Bytes, Room), Failure> {
    let media_type = text(&head.headers, header::CONTENT_TYPE);
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Failure::media_type(media_type));
    }
    let length = text(&head.headers, header::CONTENT_LENGTH);
    let length = length.parse().unwrap_or(MOST_BYTES);
    if length > MOST_BYTES {
        return Err(Failure::too_large());
    }
    let mut room = load.body(length, deadline).await?;
    let body = tokio::time::timeout(BODY, to_bytes(body, MOST_BYTES)).await;
    let body = body.map_err(|_| Failure::slow_body(BODY))?;
    let body = body.map_err(|error| {
        let error = error.into_inner();
        if error.is::<LengthLimitError>() {
            Failure::too_large()
        } else {
            Failure::body(error.as_ref())
        }
    })?;
    load.object(&mut room, &body)?;
    Ok((body, room))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    let value = headers.get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

async fn answer(
    desk: &Desk,
    endpoint: Endpoint,
    mut request: Request,
) -> Result<(&'static str, Vec<u8>), Failure> {
    let Desk { app, memory, .. } = desk;
    let settings = app.settings.load_full();
    let answer = match endpoint {
        Endpoint::Default => Ok(default::answer(&mut request, &settings)),
        Endpoint::Validate => {
            validate::answer(&mut request, &app.cluster, &settings, Timestamp::now())
                .await
                .map_err(inject::InjectError::Review)
        }
        Endpoint::Inject => inject::answer(&request, &app.cluster, memory, &settings).await,
    };
    let answer = answer.map_err(|error| match error {
        inject::InjectError::Review(error) => Failure::unreadable(&error),
        error => Failure::fault(&error),
    })?;
    log(endpoint, &request, &answer);
    if let (Endpoint::Inject, Some(events)) = (endpoint, &app.events)
        && let Some(notice) = Notice::of(&request, &answer)
    {
        events.tell(notice);
    }
    let code = answer.code;
    let body = answer
        .into_body(&request)
        .map_err(|error| Failure::fault(&error))?;
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
