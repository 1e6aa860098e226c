//! Arrays of messages: each decided on its own.

use serde_json::{Value, json};

use crate::client::post;
use crate::harness::{ANN, ANN_WITH_SESSION, IS_ANN, Running, call};
use crate::server::{Server, Step};

fn ids_and_codes(answer: &Value) -> Vec<(Value, Value)> {
    let all = answer.as_array().unwrap().iter();
    all.map(|one| (one["id"].clone(), one["error"]["code"].clone()))
        .collect()
}

#[tokio::test]
async fn denied_messages_get_their_errors_and_the_others_go_up() {
    let server = Server::answering(r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#).await;
    let proxy = Running::start(ANN, &server.url).await;
    let (echo, wipe, note) = (
        call("1", "echo"),
        call("2", "wipe"),
        r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
    );
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [&ANN_WITH_SESSION[..], &[trace, "Accept-Encoding: gzip"]].concat();
    let answer = proxy
        .ask(&post(&headers, &format!("[{echo}, {wipe} ,{note}]")))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        ids_and_codes(&answer.json()),
        [(json!(1), json!(null)), (json!(2), json!(403))]
    );
    let seen = server.seen();
    assert_eq!(
        String::from_utf8_lossy(&seen[0].body),
        format!("[{echo},{note}]")
    );
    assert_eq!(seen[0].header("accept-encoding"), Vec::<&str>::new());
    let events = proxy.events_when(3).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.payload.decision.as_str(),
                event.payload.rpc_method.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("allow", "tools/call"),
            ("deny", "tools/call"),
            ("allow", "notifications/x")
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.trace_id == events[0].trace_id && event.trace_id.is_some())
    );
    assert_eq!(
        answer.json()[1]["error"]["data"]["decisionId"],
        events[1].event_id.as_str()
    );
}

#[tokio::test]
async fn a_batch_that_is_allowed_goes_up_as_it_came() {
    let server = Server::answering("[]").await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = format!(" [ {} ,\n{}]", call("1", "echo"), call("2", "echo"));
    let headers = [&IS_ANN[..], &["MCP-Protocol-Version: 2025-03-26"]].concat();
    let answer = proxy.ask(&post(&headers, &body)).await;
    assert_eq!((answer.status, answer.text()), (200, "[]"));
    assert_eq!(server.seen()[0].body, body.as_bytes());
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_allowed_doesnt_go_up() {
    let server = Server::answering("[]").await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = format!("[{},{}]", call("\"a\"", "wipe"), call("\"b\"", "nobodys"));
    let answer = proxy.ask(&post(&ANN_WITH_SESSION, &body)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        ids_and_codes(&answer.json()),
        [(json!("a"), json!(403)), (json!("b"), json!(403))]
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn denied_notifications_alone_are_accepted_and_go_nowhere() {
    let server = Server::answering("[]").await;
    let proxy = Running::start(ANN, &server.url).await;
    let note = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"wipe"}}"#;
    let answer = proxy
        .ask(&post(&ANN_WITH_SESSION, &format!("[{note}]")))
        .await;
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    assert!(server.seen().is_empty());
    assert_eq!(
        proxy.events_when(1).await[0].payload.decision.as_str(),
        "deny"
    );
}

#[tokio::test]
async fn who_may_not_call_at_all_gets_one_answer_for_the_batch() {
    let server = Server::answering("[]").await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = format!("[{},{}]", call("1", "echo"), call("2", "echo"));
    let wrong_session = [&IS_ANN[..], &["X-MCP-Agent-Session: other"]].concat();
    for (headers, reason) in [
        (&[][..], "missing_identity"),
        (&wrong_session[..], "session_not_found"),
    ] {
        let answer = proxy.ask(&post(headers, &body)).await;
        assert_eq!((answer.status, answer.reason()), (401, reason.to_owned()));
        assert_eq!(answer.json()["id"], json!(null));
    }
    assert!(server.seen().is_empty());
    proxy.events_when(2).await;
}

#[tokio::test]
async fn errors_come_first_on_an_event_stream() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: 1\n\n";
    let server = Server::playing(vec![Step::Send(head.to_vec())]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = format!("[{},{}]", call("1", "echo"), call("2", "wipe"));
    let answer = proxy.ask(&post(&ANN_WITH_SESSION, &body)).await;
    assert_eq!(answer.status, 200);
    let (first, rest) = answer.text().split_once("\n\n").unwrap();
    let error: Value =
        serde_json::from_str(first.strip_prefix("event: message\ndata: ").unwrap()).unwrap();
    assert_eq!(
        (error["id"].clone(), error["error"]["code"].clone()),
        (json!(2), json!(403))
    );
    assert_eq!(rest, "data: 1\n\n");
}

#[tokio::test]
async fn later_revisions_have_no_batches() {
    let server = Server::answering("[]").await;
    let proxy = Running::start(ANN, &server.url).await;
    for version in ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"] {
        let header = format!("MCP-Protocol-Version: {version}");
        let headers = [&IS_ANN[..], &[&header]].concat();
        let answer = proxy
            .ask(&post(&headers, &format!("[{}]", call("1", "echo"))))
            .await;
        assert_eq!(
            (answer.status, answer.reason()),
            (400, "rpc_inspection_failed".to_owned())
        );
        assert_eq!(answer.json()["error"]["code"], -32600);
    }
}
