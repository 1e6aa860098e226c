//! Why there is no AdmissionReview in the answer: the API server then goes by failurePolicy, and
//! its user reads the text.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};

use crate::load::Refused;
use crate::outcome::Outcome;
use crate::review::ReviewError;

/// Twice the largest object an API server takes (etcd's 1.5 MiB, JSON up to 3 MB), old and new in one review.
pub(crate) const MOST_BYTES: usize = 7 << 20;

/// An HTTP error.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
}

impl Failure {
    fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            outcome,
            message: message.into(),
        }
    }

    pub(crate) fn media_type(found: &str) -> Self {
        let message = format!("{found:?} isn't application/json");
        Self::new(Outcome::UnsupportedMediaType, message)
    }

    pub(crate) fn too_large() -> Self {
        let message = format!("the review has more than {MOST_BYTES} bytes");
        Self::new(Outcome::TooLarge, message)
    }

    pub(crate) fn body(error: &dyn std::error::Error) -> Self {
        let message = format!("reading the body: {}", chain(error));
        Self::new(Outcome::Unreadable, message)
    }

    pub(crate) fn slow_body(patience: Duration) -> Self {
        let message = format!("the body didn't come within {patience:?}");
        Self::new(Outcome::SlowBody, message)
    }

    pub(crate) fn unreadable(error: &ReviewError) -> Self {
        Self::new(Outcome::Unreadable, error.to_string())
    }

    /// There is no time left in which an answer would be of use.
    pub(crate) fn late() -> Self {
        let message = "there was no time left to answer in";
        Self::new(Outcome::Late, message)
    }

    pub(crate) fn fault(error: &dyn std::error::Error) -> Self {
        Self::new(Outcome::Fault, chain(error))
    }

    pub(crate) fn into_response(self, version: Version) -> Response {
        let status = StatusCode::from_u16(self.outcome.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.message).into_response();
        if self.outcome == Outcome::Busy {
            let headers = response.headers_mut();
            // An API server's client then tries again by itself, within the webhook's timeout; on a
            // new connection, which may lead to another replica.
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            if version < Version::HTTP_2 {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        response
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy => Self::new(
                Outcome::Busy,
                "too many reviews are under way; try again in a second",
            ),
            Refused::Huge => Self::new(
                Outcome::TooLarge,
                "the review has too many JSON values to be read",
            ),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message.push_str(": ");
        message.push_str(&error.to_string());
        source = error.source();
    }
    message
}
