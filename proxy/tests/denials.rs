//! What doesn't pass, and what its caller is told.

use serde_json::json;

use crate::client::{Answer, bare, post};
use crate::harness::{ANN, ANN_WITH_SESSION, IS_ANN, Running, call};
use crate::server::Server;

async fn in_front_of_nothing(document: &str) -> (Server, Running) {
    let server = Server::answering("{}").await;
    let proxy = Running::start(document, &server.url).await;
    (server, proxy)
}

fn told(answer: &Answer) -> (u16, String, String) {
    let json = answer.json();
    (
        answer.status,
        json["error"]["code"].to_string(),
        answer.reason(),
    )
}

#[tokio::test]
async fn a_denial_is_a_json_rpc_error_with_the_id_as_it_was_written() {
    let (server, proxy) = in_front_of_nothing(ANN).await;
    for id in [
        "1",
        "1.0",
        "1e3",
        "123456789012345678901234567890",
        "\"\\u0061\"",
        "\"\\ud800\"",
    ] {
        let answer = proxy.ask(&post(&ANN_WITH_SESSION, &call(id, "wipe"))).await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.header("content-type"), ["application/json"]);
        let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":403,"#);
        assert!(answer.text().starts_with(&start), "{}", answer.text());
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_denial_says_what_it_rests_on_and_which_event_tells_more() {
    let (_server, proxy) = in_front_of_nothing(ANN).await;
    let answer = proxy
        .ask(&post(&ANN_WITH_SESSION, &call("1", "wipe")))
        .await;
    let event = proxy.events_when(1).await.remove(0);
    assert_eq!(
        answer.json()["error"]["data"],
        json!({
            "reason": "trust_too_low", "requiredTrust": "high", "effectiveTrust": "low",
            "requiredSideEffect": "destructive", "policyVersion": "v7", "decisionId": event.event_id,
        })
    );
    let payload = event.payload;
    assert_eq!(
        (payload.status, payload.reason.as_str()),
        (403, "trust_too_low")
    );
    assert_eq!(payload.tool_name.as_deref(), Some("wipe"));
}

#[tokio::test]
async fn whoever_isnt_known_gets_no_further_whatever_he_asks() {
    let (server, proxy) = in_front_of_nothing(ANN).await;
    let initialize = r#"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{}}"#;
    let answer = proxy.ask(&post(&[], initialize)).await;
    assert_eq!(
        told(&answer),
        (401, "401".into(), "missing_identity".into())
    );
    assert_eq!(answer.json()["id"], "i");
    for method in ["GET", "DELETE", "PUT"] {
        let answer = proxy.ask(&bare(method, &[])).await;
        assert_eq!(
            told(&answer),
            (401, "401".into(), "missing_identity".into()),
            "{method}"
        );
        assert_eq!(answer.json()["id"], json!(null));
    }
    let twice = [
        "X-MCP-Human-ID: ann",
        "X-MCP-Human-ID: ann",
        "X-MCP-Team-ID: a",
    ];
    let answer = proxy.ask(&post(&twice, initialize)).await;
    assert_eq!(
        told(&answer),
        (401, "401".into(), "missing_identity".into())
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn of_a_stranger_no_large_body_is_read() {
    let (_server, proxy) = in_front_of_nothing(ANN).await;
    let mut client = proxy.client().await;
    let head = "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
    // Answered although nothing of the body was sent.
    let answer = crate::harness::soon(client.ask(head.as_bytes())).await;
    assert_eq!(
        told(&answer),
        (401, "401".into(), "missing_identity".into())
    );
}

#[tokio::test]
async fn what_the_head_alone_shows_is_refused() {
    let (server, proxy) = in_front_of_nothing(ANN).await;
    let with = |header: &'static str| [&IS_ANN[..], &[header]].concat();
    for (request, expected) in [
        (
            post(&with("Content-Type: text/plain"), "{}"),
            (415, "415", "unsupported_media_type"),
        ),
        (
            post(&with("Content-Encoding: gzip"), "{}"),
            (415, "415", "unsupported_media_type"),
        ),
        (bare("PUT", &IS_ANN), (405, "405", "method_not_allowed")),
        (bare("OPTIONS", &IS_ANN), (405, "405", "method_not_allowed")),
        (
            post(&with("Mcp-Method: tools/list"), &call("7", "echo")),
            (400, "-32020", "header_mismatch"),
        ),
    ] {
        let answer = proxy.ask(&request).await;
        let expected = (expected.0, expected.1.to_owned(), expected.2.to_owned());
        assert_eq!(
            told(&answer),
            expected,
            "{}",
            String::from_utf8_lossy(&request)
        );
        if answer.status == 405 {
            assert_eq!(answer.header("allow"), ["GET, POST, DELETE"]);
        }
    }
    let with_body = [&bare("GET", &with("Content-Length: 2"))[..], b"{}"].concat();
    assert_eq!(
        told(&proxy.ask(&with_body).await),
        (400, "-32600".into(), "rpc_inspection_failed".into())
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    let limited = ANN.replacen('{', r#"{"limits": {"max_request_bytes": 100},"#, 1);
    let (server, proxy) = in_front_of_nothing(&limited).await;
    let body = format!("{}{}", call("1", "echo"), " ".repeat(100));
    let declared = post(&IS_ANN, &body);
    let chunked = String::from_utf8(post(&IS_ANN, "")).unwrap();
    let chunked = chunked.replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let chunked = format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for request in [&declared[..], chunked.as_bytes()] {
        let answer = proxy.ask(request).await;
        assert_eq!(
            told(&answer),
            (413, "413".into(), "request_too_large".into())
        );
    }
    assert_eq!(
        proxy.ask(&post(&IS_ANN, &call("1", "echo"))).await.status,
        200
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn before_a_policy_is_there_nothing_passes() {
    let (server, proxy) = in_front_of_nothing("").await;
    let answer = proxy.ask(&post(&IS_ANN, &call("1", "echo"))).await;
    assert_eq!(
        told(&answer),
        (503, "503".into(), "policy_unavailable".into())
    );
    assert_eq!(answer.json()["id"], 1);
    assert!(server.seen().is_empty());
    let ready = proxy.admin("/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["policy_revision"], json!(null));
    let payload = proxy.events_when(1).await.remove(0).payload;
    assert_eq!(
        (&*payload.server, &*payload.namespace, &*payload.cluster),
        ("unnamed", "nowhere", "elsewhere")
    );
}

#[tokio::test]
async fn a_mode_that_this_proxy_lacks_denies_everything() {
    for mode in ["oauth", "mtls", "kubernetes", "passkey"] {
        let document = ANN.replace(
            r#""mode": "header""#,
            &format!(r#""mode": "{mode}", "issuer_url": "https://i.example", "audience": "a", "trust_domain": "t""#),
        );
        let (server, proxy) = in_front_of_nothing(&document).await;
        for request in [
            post(&IS_ANN, &call("1", "echo")),
            bare("GET", &IS_ANN),
            bare("DELETE", &IS_ANN),
        ] {
            let answer = proxy.ask(&request).await;
            assert_eq!(
                told(&answer),
                (503, "503".into(), "auth_mode_unsupported".into()),
                "{mode}"
            );
        }
        assert!(server.seen().is_empty());
        assert_eq!(proxy.admin("/ready").await.status, 200);
    }
}

#[tokio::test]
async fn oauth_metadata_and_other_origins_are_answered_without_a_caller() {
    let (server, proxy) = in_front_of_nothing(ANN).await;
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/demo/mcp",
    ] {
        let request = String::from_utf8(bare("GET", &[]))
            .unwrap()
            .replace("/mcp", path);
        let answer = proxy.ask(request.as_bytes()).await;
        assert_eq!(
            told(&answer),
            (404, "404".into(), "oauth_not_enabled".into())
        );
    }
    let preflight = [
        "Origin: https://evil.example",
        "Access-Control-Request-Method: POST",
    ];
    let answer = proxy.ask(&bare("OPTIONS", &preflight)).await;
    assert_eq!(told(&answer), (403, "403".into(), "origin_denied".into()));
    assert!(server.seen().is_empty());
    let reasons: Vec<String> = proxy
        .events_when(3)
        .await
        .into_iter()
        .map(|e| e.payload.reason.to_string())
        .collect();
    assert_eq!(
        reasons,
        ["oauth_not_enabled", "oauth_not_enabled", "origin_denied"]
    );
}

#[tokio::test]
async fn observing_lets_pass_what_it_says_would_be_denied() {
    let document = ANN.replace(r#""policy": {"#, r#""policy": {"mode": "observe", "#);
    let (server, proxy) = in_front_of_nothing(&document).await;
    assert_eq!(
        proxy
            .ask(&post(&ANN_WITH_SESSION, &call("1", "wipe")))
            .await
            .status,
        200
    );
    assert_eq!(server.seen().len(), 1);
    let payload = proxy.events_when(1).await.remove(0).payload;
    assert_eq!(
        (
            payload.decision.as_str(),
            payload.enforced,
            payload.reason.as_str(),
            payload.status
        ),
        ("deny", false, "trust_too_low", 200)
    );
}

#[tokio::test]
async fn a_session_idle_for_too_long_is_over() {
    let limited = ANN.replacen(
        '{',
        r#"{"session": {"idle_timeout": "1m", "enforce_limits": true},"#,
        1,
    );
    let server = Server::answering("{}").await;
    let start = jiff::Timestamp::now();
    let seconds = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let told = seconds.clone();
    let setup = crate::harness::Setup {
        clock: std::sync::Arc::new(move || {
            let passed = told.load(std::sync::atomic::Ordering::Relaxed);
            start + jiff::SignedDuration::from_secs(passed)
        }),
        ..Default::default()
    };
    let proxy = Running::set_up(&limited, &server.url, setup).await;
    let request = post(&ANN_WITH_SESSION, &call("1", "echo"));
    for (at, status) in [(0, 200), (60, 200), (120, 200), (181, 401), (182, 401)] {
        seconds.store(at, std::sync::atomic::Ordering::Relaxed);
        let answer = proxy.ask(&request).await;
        assert_eq!(answer.status, status, "{at}");
    }
}
