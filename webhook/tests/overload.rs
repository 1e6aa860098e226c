//! More than can be answered: refused at once, in words that an API server acts on.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::stream;
use tower::ServiceExt as _;

use crate::app::{ask, post, routes, soon, yaml};

const MOST: usize = 7 << 20;

/// A review whose body was announced and doesn't come.
fn announced(length: usize, query: &str) -> Request<Body> {
    Request::post(format!("/validate{query}"))
        .header("content-type", "application/json")
        .header("content-length", length)
        .body(Body::from_stream(stream::pending::<
            Result<&'static str, std::io::Error>,
        >()))
        .unwrap()
}

#[tokio::test]
async fn a_review_without_time_to_be_answered_is_refused_unread() {
    let pod = yaml("reviews/pod.yaml").to_string();
    let (status, text) = ask(routes(), post("/inject?timeout=0s", pod.clone())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "there was no time left to answer in");
    let (status, _) = ask(routes(), post("/inject?timeout=5s", pod)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_not_waited_for() {
    let (status, text) = ask(routes(), announced(MOST + 1, "")).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(text, "the review has more than 7340032 bytes");
}

#[tokio::test]
async fn with_no_room_left_a_review_is_told_to_come_again_elsewhere() {
    let router = routes();
    let open: Vec<_> = (0..18)
        .map(|_| tokio::spawn(router.clone().oneshot(announced(MOST, ""))))
        .collect();
    let refused = soon(async {
        loop {
            let response = router.clone().oneshot(announced(MOST, "?timeout=1s"));
            let response = response.await.unwrap();
            // Until all of those above have begun there may be room.
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                break response;
            }
        }
    })
    .await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["connection"], "close");
    for one in open {
        one.abort();
    }
    let server = yaml("reviews/server.yaml").to_string();
    let (status, _) = ask(router, post("/validate", server)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn json_of_very_many_values_is_refused_and_takes_no_memory() {
    let dense = format!(
        r#"{{"request":{{"object":[{}0]}}}}"#,
        "0,".repeat(MOST / 2 - 100)
    );
    let (status, text) = ask(routes(), post("/default", dense)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(text, "the review has too many JSON values to be read");
}
