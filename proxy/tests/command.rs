//! `mcp-proxy` as a program: its commands, its exit codes, its signals.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::client::{Client, post};
use crate::harness::{ANN, IS_ANN, call, eventually, soon};
use crate::server::Server;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-proxy"));
    command.env_clear();
    command
}

fn output(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn check(folder: &Path, document: &str) -> Output {
    let file = folder.join("policy.json");
    std::fs::write(&file, document).unwrap();
    output(program().arg("--check").arg("--policy").arg(file), "")
}

#[test]
fn check_says_what_a_policy_is_and_by_its_exit_code_whether_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let good = check(folder.path(), ANN);
    assert_eq!(good.status.code(), Some(0));
    let mut report = lines(&good).remove(0);
    assert!(
        report["revision"]
            .take()
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    assert_eq!(
        report,
        json!({"revision": null, "schema_version": "v1", "server": "demo", "namespace": "team-a",
               "auth_mode": "header", "tools": 2, "grants": 1, "sessions": 1})
    );
    let bad = check(folder.path(), &ANN.replace("\"high\"", "\"highest\""));
    assert_eq!((bad.status.code(), bad.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("highest"));
    let absent = output(program().args(["--check", "--policy", "/nonexistent"]), "");
    assert_eq!(absent.status.code(), Some(2));
}

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &[][..],
        &["--upstream", "https://x"],
        &["--upstream", "http://x", "--listen", "x"],
        &["--no-such-flag"],
    ] {
        assert_eq!(
            output(program().args(arguments), "").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn inspect_reports_on_each_line_in_order() {
    use base64::Engine as _;
    let base64 = |body: &str| base64::engine::general_purpose::STANDARD.encode(body);
    let requests = [
        json!({"id": "call", "body_base64": base64(&call("1.0", "echo")), "content_type": "application/json", "http_method": "POST"}),
        json!({"id": "twice", "body_base64": base64(r#"{"id":7,"method":"a","method":"b"}"#)}),
        json!({"id": "type", "body_base64": base64("{}"), "content_type": "text/plain"}),
        json!({"id": "no type", "body_base64": base64("{}"), "content_type": null}),
        json!({"id": "batch", "body_base64": base64(&format!("[{}]", call("2", "wipe")))}),
        json!({"id": "get", "body_base64": "", "http_method": "GET"}),
        json!({"id": "bad", "body_base64": "?"}),
    ];
    let input: String = requests.iter().map(|line| format!("{line}\n")).collect();
    let reported = output(
        program().args([
            "inspect",
            "--requests",
            "-",
            "--protocol-version",
            "2025-03-26",
        ]),
        &input,
    );
    assert_eq!(reported.status.code(), Some(2), "one line can't be read");
    let mut found = lines(&reported);
    for report in &mut found {
        report.as_object_mut().unwrap().remove("message");
    }
    let error = found[6]["error"].take();
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("bad_request_line"), &json!("body_base64"))
    );
    assert_eq!(
        found,
        [
            json!({"id": "call", "verdict": "ok", "kind": "request", "method": "tools/call", "name": "echo", "jsonrpc_id": "1.0"}),
            json!({"id": "twice", "verdict": "refused", "jsonrpc_id": "7", "reason": "rpc_inspection_failed", "status": 400, "code": -32600}),
            json!({"id": "type", "verdict": "refused", "reason": "unsupported_media_type", "status": 415, "code": 415}),
            json!({"id": "no type", "verdict": "refused", "reason": "unsupported_media_type", "status": 415, "code": 415}),
            json!({"id": "batch", "verdict": "ok", "kind": "batch", "elements": [{"kind": "request", "method": "tools/call", "name": "wipe", "jsonrpc_id": "2"}]}),
            json!({"id": "get", "verdict": "ok"}),
            json!({"id": "bad", "error": null}),
        ]
    );
}

/// A running program, which is gone with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Two ports on which nobody listens: neither is given back before both are known.
fn free_ports() -> [u16; 2] {
    let held = [(); 2].map(|()| std::net::TcpListener::bind("[::]:0").unwrap());
    held.each_ref()
        .map(|listener| listener.local_addr().unwrap().port())
}

#[tokio::test]
async fn a_pod_s_container_runs_by_its_environment_and_drains_by_its_hook() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.json");
    std::fs::write(&policy, ANN).unwrap();
    let server = Server::answering("{}").await;
    let [port, metrics_port] = free_ports();
    let environment = [
        ("PORT", port.to_string()),
        ("METRICS_PORT", metrics_port.to_string()),
        ("UPSTREAM_URL", server.url.clone()),
        ("POLICY_FILE", policy.display().to_string()),
        ("MCP_SERVER_NAME", "demo".to_owned()),
        ("MCP_SERVER_NAMESPACE", "team-a".to_owned()),
        ("POLICY_MODE", "observe".to_owned()),
    ];
    let mut running = Program(
        program()
            .envs(environment.clone())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let listens = |port: u16| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    eventually("it listens", async || {
        listens(port) && listens(metrics_port)
    })
    .await;
    let address = ([127, 0, 0, 1], port).into();
    let ask = async |tool: &str| {
        let request = post(
            &[&IS_ANN[..], &["X-MCP-Agent-Session: s-1"]].concat(),
            &call("1", tool),
        );
        soon(async { Client::connect(address).await.ask(&request).await }).await
    };
    assert_eq!(ask("echo").await.status, 200);
    assert_eq!(
        ask("wipe").await.status,
        403,
        "in a cluster the environment loosens nothing"
    );
    let drained = output(program().envs(environment).arg("drain"), "");
    assert_eq!(drained.status.code(), Some(0), "{drained:?}");
    let answer = ask("echo").await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, vec!["close"]),
        "late calls are still served"
    );
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::task::spawn_blocking(move || {
        (
            running.0.wait().unwrap(),
            running.0.stdout.take().unwrap(),
            running,
        )
    });
    let (status, stdout, _running) = soon(status).await.unwrap();
    assert_eq!(status.code(), Some(0));
    let events: Vec<Value> = BufReader::new(stdout)
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    let reasons: Vec<&str> = events
        .iter()
        .map(|event| event["payload"]["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        ["allowed", "trust_too_low", "allowed"],
        "stdout has the events and nothing else"
    );
}

#[test]
fn drain_without_a_proxy_says_so() {
    let alone = output(program().args(["drain", "--listen", "1"]), "");
    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("port 1"));
}
