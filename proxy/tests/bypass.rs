//! Messages that someone could read differently: `bypass/*.jsonl`. Ann may call `echo`, not
//! `wipe`; each line is a request of hers and says what becomes of it. What is refused never
//! reaches the server, and nothing that does is a call of `wipe`.

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use crate::client::post;
use crate::harness::{ANN, ANN_WITH_SESSION, Running};
use crate::server::Server;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    name: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
    #[serde(default)]
    protocol_version: Option<String>,
    #[serde(default)]
    headers: Vec<String>,
    expect: Expect,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    reason: Option<String>,
}

impl Attempt {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64) {
            (Some(body), None) => body.clone().into_bytes(),
            (None, Some(body)) => base64::engine::general_purpose::STANDARD
                .decode(body)
                .unwrap(),
            _ => panic!("{}: one body", self.name),
        }
    }

    fn request(&self) -> Vec<u8> {
        let version = self
            .protocol_version
            .iter()
            .map(|version| format!("MCP-Protocol-Version: {version}"));
        let headers: Vec<String> = version.chain(self.headers.clone()).collect();
        let headers: Vec<&str> = ANN_WITH_SESSION
            .into_iter()
            .chain(headers.iter().map(String::as_str))
            .collect();
        let body = self.body();
        let head = String::from_utf8(post(&headers, "")).unwrap();
        let head = head.replace(
            "Content-Length: 0",
            &format!("Content-Length: {}", body.len()),
        );
        [head.into_bytes(), body].concat()
    }
}

async fn run(attempts: &str) {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut passed = 0;
    for line in attempts.lines() {
        let attempt: Attempt =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let answer = proxy.ask(&attempt.request()).await;
        let found = match answer.status {
            200 => Expect {
                status: 200,
                code: None,
                id: Value::Null,
                reason: None,
            },
            status => {
                let error = answer.json();
                Expect {
                    status,
                    code: error["error"]["code"].as_i64(),
                    id: error["id"].clone(),
                    reason: Some(answer.reason()),
                }
            }
        };
        assert_eq!(found, attempt.expect, "{}", attempt.name);
        passed += usize::from(answer.status == 200);
        let seen = server.seen();
        assert_eq!(seen.len(), passed, "{}", attempt.name);
        if answer.status == 200 {
            assert_eq!(seen[passed - 1].body, attempt.body(), "{}", attempt.name);
        }
    }
    proxy.events_when(attempts.lines().count()).await;
}

#[tokio::test]
async fn keys_that_someone_could_take_for_others() {
    run(include_str!("bypass/keys.jsonl")).await;
}

#[tokio::test]
async fn bytes_that_someone_could_read_as_json() {
    run(include_str!("bypass/bytes.jsonl")).await;
}

#[tokio::test]
async fn messages_that_someone_could_take_for_others() {
    run(include_str!("bypass/messages.jsonl")).await;
}

#[tokio::test]
async fn batches_that_someone_could_take_for_messages() {
    run(include_str!("bypass/batches.jsonl")).await;
}

#[tokio::test]
async fn heads_that_disagree_with_their_bodies() {
    run(include_str!("bypass/heads.jsonl")).await;
}
