//! What passes, passes as it came.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::client::{bare, post};
use crate::harness::{ANN, ANN_WITH_SESSION, IS_ANN, Running, Setup, call, eventually, soon};
use crate::server::{Server, Step};

#[tokio::test]
async fn the_servers_bytes_and_the_callers_are_the_same_on_both_sides() {
    let answer = " {\"jsonrpc\" : \"2.0\",\"id\":1.0,\"result\":{ } }\r\n";
    let server = Server::answering(answer).await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = "\t{\"params\":{\"arguments\":{\"a\":1,\"a\":2,\"\\ud800\":0},\"name\":\"\\u0065cho\"},\r\n \"method\":\"tools/call\",\"id\":1.0,\"jsonrpc\":\"2.0\"} ";
    let headers = [
        &IS_ANN[..],
        &[
            "Accept: application/json, text/event-stream",
            "Mcp-Session-Id: abc",
            "Last-Event-ID: 7",
            "X-Own: a",
            "X-Own: b",
        ],
    ]
    .concat();
    let answered = proxy.ask(&post(&headers, body)).await;
    assert_eq!((answered.status, answered.text()), (200, answer));
    let seen = server.seen();
    assert_eq!(seen[0].body, body.as_bytes());
    assert_eq!(seen[0].target(), "/mcp");
    for (name, values) in [
        ("host", &["demo.example"][..]),
        ("content-type", &["application/json"]),
        ("content-length", &[&*body.len().to_string()]),
        ("accept", &["application/json, text/event-stream"]),
        ("mcp-session-id", &["abc"]),
        ("last-event-id", &["7"]),
        ("x-own", &["a", "b"]),
        ("x-mcp-human-id", &["ann"]),
        ("x-mcp-team-id", &["a"]),
        ("x-mcp-agent-session", &[]),
        ("x-forwarded-for", &["127.0.0.1"]),
        ("x-forwarded-host", &["demo.example"]),
        ("transfer-encoding", &[]),
    ] {
        assert_eq!(seen[0].header(name), values, "{name}");
    }
}

#[tokio::test]
async fn a_body_in_chunks_goes_up_whole() {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = call("1", "echo");
    let (first, second) = body.split_at(20);
    let mut client = proxy.client().await;
    let head = String::from_utf8(post(&ANN_WITH_SESSION, "")).unwrap();
    let head = head.replace("Content-Length: 0", "Transfer-Encoding: chunked");
    client.send(head.as_bytes()).await;
    client
        .send(format!("{:x}\r\n{first}\r\n", first.len()).as_bytes())
        .await;
    let rest = format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
    let answer = soon(client.ask(rest.as_bytes())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.seen()[0].body, body.as_bytes());
    assert_eq!(
        server.seen()[0].header("content-length"),
        [body.len().to_string()]
    );
}

#[tokio::test]
async fn the_servers_own_errors_pass_untouched() {
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}"#;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nX-Own: 1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::playing(vec![Step::Send(answer.into())]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let answered = proxy.ask(&post(&IS_ANN, &call("1", "echo"))).await;
    assert_eq!((answered.status, answered.text()), (400, body));
    assert_eq!(answered.header("x-own"), ["1"]);
    let payload = proxy.events_when(1).await.remove(0).payload;
    assert_eq!((payload.status, payload.reason.as_str()), (400, "allowed"));
}

#[tokio::test]
async fn a_202_without_a_body_and_a_delete_pass() {
    let accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let server = Server::playing(vec![Step::Send(accepted.to_vec())]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answered = proxy.ask(&post(&IS_ANN, note)).await;
    assert_eq!((answered.status, answered.body.len()), (202, 0));
    let answered = proxy.ask(&bare("DELETE", &IS_ANN)).await;
    assert_eq!(answered.status, 202);
    assert!(server.seen()[1].head.starts_with("DELETE /mcp HTTP/1.1"));
}

#[tokio::test]
async fn connections_are_used_again_on_both_sides() {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    for number in 0..3 {
        let answer = soon(client.ask(&post(&IS_ANN, &call("1", "echo")))).await;
        assert_eq!(answer.status, 200, "{number}");
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_prefix_is_stripped_and_trusted_hops_are_believed() {
    let server = Server::answering("{}").await;
    let setup = Setup {
        strip_prefix: "/demo",
        trusted_hops: 1,
        ..Setup::default()
    };
    let proxy = Running::set_up(ANN, &server.url, setup).await;
    let headers = [
        &IS_ANN[..],
        &[
            "X-Forwarded-For: 6.6.6.6, 9.9.9.9",
            "X-Forwarded-Proto: https",
        ],
    ]
    .concat();
    let request = String::from_utf8(post(&headers, &call("1", "echo"))).unwrap();
    proxy
        .ask(request.replace("/mcp", "/demo/mcp?x=1").as_bytes())
        .await;
    let seen = server.seen();
    assert_eq!(seen[0].target(), "/mcp?x=1");
    assert_eq!(seen[0].header("x-forwarded-for"), ["9.9.9.9, 127.0.0.1"]);
    assert_eq!(seen[0].header("x-forwarded-proto"), ["https"]);
}

#[tokio::test]
async fn callers_may_speak_http_2_without_tls() {
    let server = Server::answering(r#"{"ok":true}"#).await;
    let proxy = Running::start(ANN, &server.url).await;
    let stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://demo.example/mcp")
        .header("content-type", "application/json")
        .header("x-mcp-human-id", "ann")
        .header("x-mcp-team-id", "a")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Full::new(bytes::Bytes::from(call("1", "echo"))))
        .unwrap();
    let answer = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = soon(answer.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(&body[..], br#"{"ok":true}"#);
    let seen = server.seen();
    assert_eq!(seen[0].header("host"), ["demo.example"]);
    assert_eq!(seen[0].header("cookie"), ["a=1; b=2"]);
}

#[tokio::test]
async fn a_server_that_isnt_there_is_a_502_and_one_that_hangs_up_too() {
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let rude = Server::playing(vec![Step::Close]).await;
    for upstream in [&gone, &rude.url] {
        let proxy = Running::start(ANN, upstream).await;
        let answer = proxy.ask(&post(&IS_ANN, &call("\"x\"", "echo"))).await;
        assert_eq!(answer.status, 502);
        assert_eq!(answer.json()["id"], "x");
        assert_eq!(
            (answer.json()["error"]["code"].clone(), answer.reason()),
            (502.into(), "upstream_unavailable".to_owned())
        );
        let payload = proxy.events_when(1).await.remove(0).payload;
        assert_eq!(
            (
                payload.status,
                payload.reason.as_str(),
                payload.decision.as_str()
            ),
            (502, "upstream_unavailable", "allow")
        );
    }
}

#[tokio::test]
async fn a_server_slower_than_the_policy_allows_is_a_504() {
    let never = std::sync::Arc::new(tokio::sync::Notify::new());
    let server = Server::playing(vec![Step::Await(never)]).await;
    let document = ANN.replacen('{', r#"{"limits": {"request_timeout": "20ms"},"#, 1);
    let proxy = Running::start(&document, &server.url).await;
    let answer = proxy.ask(&post(&IS_ANN, &call("1", "echo"))).await;
    assert_eq!(
        (answer.status, answer.reason()),
        (504, "upstream_timeout".to_owned())
    );
    soon(server.abandoned()).await;
}

#[tokio::test]
async fn an_upgrade_isnt_passed_on_and_never_accepted() {
    let switching =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let server = Server::playing(vec![Step::Send(switching.to_vec())]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let headers = [&IS_ANN[..], &["Connection: Upgrade", "Upgrade: websocket"]].concat();
    let answer = proxy.ask(&bare("GET", &headers)).await;
    assert_eq!(answer.status, 502);
    assert_eq!(server.seen()[0].header("upgrade"), Vec::<&str>::new());
    assert_eq!(server.seen()[0].header("connection"), Vec::<&str>::new());
}

#[tokio::test]
async fn what_the_server_says_early_isnt_taken_for_its_answer() {
    let early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let server = Server::playing(vec![Step::Send(early.to_vec())]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let answer = proxy.ask(&post(&IS_ANN, &call("1", "echo"))).await;
    assert_eq!((answer.status, answer.text()), (200, "{}"));
}

#[tokio::test]
async fn a_caller_that_expects_100_continue_is_told_so() {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let body = call("1", "echo");
    let headers = [&IS_ANN[..], &["Expect: 100-continue"]].concat();
    let request = String::from_utf8(post(&headers, &body)).unwrap();
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let mut client = proxy.client().await;
    client.send(format!("{head}\r\n\r\n").as_bytes()).await;
    assert!(
        soon(client.head())
            .await
            .starts_with("HTTP/1.1 100 Continue")
    );
    let answer = soon(client.ask(body.as_bytes())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.seen()[0].header("expect"), Vec::<&str>::new());
}

#[tokio::test]
async fn an_event_tells_who_did_what_on_what_grounds() {
    let server = Server::answering("{\"x\":1}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [&ANN_WITH_SESSION[..], &[trace]].concat();
    let body = call("1", "echo");
    let request = String::from_utf8(post(&headers, &body)).unwrap();
    proxy
        .ask(request.replace("/mcp", "/mcp?secret=1").as_bytes())
        .await;
    let event = proxy.events_when(1).await.remove(0);
    let mut found = serde_json::to_value(&event).unwrap();
    let payload = found["payload"].as_object_mut().unwrap();
    assert!(payload.remove("latency_ms").unwrap().as_u64().unwrap() < 20_000);
    let revision = payload.remove("policy_revision").unwrap();
    assert_eq!(revision, proxy.config_status().await["revision"]);
    let id = found["event_id"].take();
    assert_eq!(
        uuid::Uuid::parse_str(id.as_str().unwrap())
            .unwrap()
            .get_version_num(),
        7
    );
    let age = jiff::Timestamp::now().duration_since(event.timestamp);
    assert!(age < Duration::from_secs(20).try_into().unwrap());
    found["timestamp"].take();
    assert_eq!(
        found,
        serde_json::json!({
            "event_id": null, "timestamp": null,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "source": "mcp-gateway", "event_type": "mcp.request",
            "payload": {
                "method": "POST", "path": "/mcp", "status": 200,
                "bytes_in": body.len(), "bytes_out": 7,
                "server": "demo", "namespace": "team-a", "team_id": "a", "cluster": "here",
                "human_id": "ann", "agent_id": "", "subject_team_id": "a", "session_id": "s-1",
                "decision": "allow", "enforced": true, "reason": "allowed", "policy_version": "v7",
                "rpc_method": "tools/call", "tool_name": "echo",
                "matched_grant": "ann", "matched_grant_namespace": "team-a",
                "matched_session": "s-1", "matched_session_namespace": "team-a",
                "required_trust": "low", "required_side_effect": "read", "risk_level": "low",
                "admin_trust": "high", "consented_trust": "low", "effective_trust": "low",
            },
        })
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_the_servers_request_with_it() {
    let never = std::sync::Arc::new(tokio::sync::Notify::new());
    let server = Server::playing(vec![Step::Await(never)]).await;
    let proxy = Running::start(ANN, &server.url).await;
    let mut client = proxy.client().await;
    client.send(&post(&IS_ANN, &call("1", "echo"))).await;
    eventually("the request arrives", async || !server.seen().is_empty()).await;
    drop(client);
    soon(server.abandoned()).await;
    let payload = proxy.events_when(1).await.remove(0).payload;
    assert_eq!((payload.status, payload.decision.as_str()), (499, "allow"));
}
