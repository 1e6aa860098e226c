//! The corpus of decisions, asked over HTTP and read from the audit events.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use policy::Reason;
use policy::corpus::{Case, Driver, Expect, Tally, cases};

use crate::client::{bare, post};
use crate::harness::{Running, Setup};
use crate::server::Server;

/// The request's bytes, or why there is none.
fn request(case: &Case) -> Result<Vec<u8>, String> {
    let when = &case.when;
    let auth = &case.given.policy["auth"];
    let name = |member: &str, default: &str| auth[member].as_str().unwrap_or(default).to_owned();
    let who = when.subject.clone().unwrap_or_default();
    let session_header = case.given.policy["session"]["header_name"]
        .as_str()
        .map(str::to_owned);
    let headers: Vec<String> = [
        (
            name("human_id_header", "X-MCP-Human-ID"),
            who.human.as_str(),
        ),
        (name("agent_id_header", "X-MCP-Agent-ID"), &who.agent),
        (name("team_id_header", "X-MCP-Team-ID"), &who.team),
        (
            session_header.unwrap_or_else(|| name("session_id_header", "X-MCP-Agent-Session")),
            when.session.as_deref().unwrap_or_default(),
        ),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| format!("{name}: {value}"))
    .collect();
    let mut headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    match (when.inspection_failure, when.method.as_deref()) {
        (Some(Reason::RpcInspectionFailed), _) => Ok(post(&headers, "{")),
        (Some(Reason::UnsupportedMediaType), _) => {
            headers.push("Content-Type: text/plain");
            Ok(post(&headers, ping))
        }
        (Some(Reason::RequestTooLarge), _) => {
            let head = String::from_utf8(post(&headers, "")).unwrap();
            Ok(head
                .replace("Content-Length: 0", "Content-Length: 99999999")
                .into_bytes())
        }
        (Some(Reason::HeaderMismatch), _) => {
            headers.push("Mcp-Method: tools/list");
            Ok(post(&headers, ping))
        }
        (Some(Reason::MethodNotAllowed), _) => Ok(bare("PUT", &headers)),
        (Some(other), _) => Err(format!("no request fails inspection with {other}")),
        (None, None) => Ok(bare("GET", &headers)),
        (None, Some(method)) => Ok(post(&headers, &message(method, when.name.as_deref()))),
    }
}

/// A request of this method that names this.
fn message(method: &str, name: Option<&str>) -> String {
    let params = match (method, name) {
        (_, None) => serde_json::json!({}),
        ("resources/read" | "resources/subscribe" | "resources/unsubscribe", Some(uri)) => {
            serde_json::json!({ "uri": uri })
        }
        ("completion/complete", Some(name)) if name.contains("://") => {
            serde_json::json!({ "ref": { "type": "ref/resource", "uri": name } })
        }
        ("completion/complete", Some(name)) => {
            serde_json::json!({ "ref": { "type": "ref/prompt", "name": name } })
        }
        (method, Some(id)) if method.starts_with("tasks/") => serde_json::json!({ "taskId": id }),
        (_, Some(name)) => serde_json::json!({ "name": name }),
    };
    serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

async fn run(case: &Case) -> Result<Expect, String> {
    let request = request(case)?;
    let document = match &case.given.policy {
        serde_json::Value::Null => String::new(),
        policy => policy.to_string(),
    };
    let now = case.given.now.unwrap_or_else(Timestamp::now);
    let idle = case
        .when
        .session_idle_s
        .map(|seconds| i64::try_from(seconds).unwrap());
    let passed = Arc::new(std::sync::atomic::AtomicI64::new(-idle.unwrap_or(0)));
    let offset = passed.clone();
    let setup = Setup {
        clock: Arc::new(move || {
            now + SignedDuration::from_secs(offset.load(std::sync::atomic::Ordering::Relaxed))
        }),
        ..Setup::default()
    };
    let server = Server::answering("{}").await;
    let proxy = Running::set_up(&document, &server.url, setup).await;
    let mut asked = 1;
    if idle.is_some() {
        // Served once, so long ago.
        proxy.ask(&request).await;
        passed.store(0, std::sync::atomic::Ordering::Relaxed);
        asked += 1;
    }
    proxy.ask(&request).await;
    let payload = proxy.events_when(asked).await.remove(asked - 1).payload;
    let reached = !server.seen().is_empty();
    let found = Expect::of_event(&payload, case.namespace());
    let should_reach = found.status.is_none() || idle.is_some();
    if reached != should_reach {
        return Err(format!("reached the server: {reached}; {found:?}"));
    }
    Ok(found)
}

#[tokio::test]
async fn the_corpus_ends_over_http_as_it_says() {
    let mut tally = Tally::new(Driver::Proxy);
    for case in cases().unwrap() {
        if !tally.takes(&case) {
            continue;
        }
        match run(&case).await {
            Ok(found) => tally.record(&case, &case.expect.as_event(), &found),
            Err(why) => tally.fail(&case, &why),
        }
    }
    println!("{tally}");
    assert_eq!(tally.failures, Vec::<String>::new());
}
