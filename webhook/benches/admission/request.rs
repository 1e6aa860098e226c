//! A review as an API server sends it, and whether it is answered as its scenario wants.

use std::time::Duration;

use base64::Engine as _;
use mcp_bench::load::{Load, ask};
use mcp_bench::target::Target;
use serde_json::Value;

use crate::reviews::Review;
use crate::target::{Certificate, NAME};

/// The generator has its core to itself.
const AWAKE: Duration = Duration::from_micros(1500);

/// Asks once, and takes the answer's body for what all others have to be, if it is right.
pub(crate) async fn load(target: &Target, review: &Review, certificate: &Certificate) -> Load {
    let request = format!(
        "POST {}?timeout=5s HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: kube-apiserver-admission\r\n\
         Content-Length: {}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\r\n{}",
        review.path,
        review.body.len(),
        review.body
    );
    let request = request.into_bytes();
    let mut stream = certificate.connect(target.address, 1).await.remove(0);
    let mut buffer = Vec::new();
    let answer = ask(&mut stream, &request, &mut buffer).await.unwrap();
    assert!(answer.ok, "{}", String::from_utf8_lossy(answer.body));
    check(target.name, review, answer.body);
    let expected = answer.body.to_vec();
    Load {
        request,
        expected,
        awake: AWAKE,
    }
}

/// The floor only allows; the webhook does what the scenario is about.
fn check(target: &str, review: &Review, body: &[u8]) {
    let answer: Value = serde_json::from_slice(body).unwrap();
    let response = &answer["response"];
    assert_eq!(response["allowed"], true, "{answer}");
    if target == "floor" {
        return;
    }
    assert_eq!(
        response["auditAnnotations"]["code"], review.code,
        "{answer}"
    );
    let patch = response["patch"].as_str().unwrap_or_default();
    let patch = base64::engine::general_purpose::STANDARD
        .decode(patch)
        .unwrap();
    assert_eq!(patch.is_empty(), review.code == "Valid", "{answer}");
}
