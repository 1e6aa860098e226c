//! `access explain`, `matrix` and `diff` from files.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{command, run};

const POLICY: &str = r#"{
  "schema_version": "v1",
  "server": {"name": "shop", "namespace": "team-a"},
  "auth": {"mode": "header"},
  "policy": {"policy_version": "v1"},
  "tools": [
    {"name": "list", "side_effect": "read"},
    {"name": "drop", "side_effect": "destructive", "required_trust": "high"}
  ],
  "grants": [{
    "name": "g1", "namespace": "team-a", "human_id": "ann", "max_trust": "high",
    "allowed_side_effects": ["read", "destructive"]
  }],
  "sessions": [
    {"name": "s-1", "namespace": "team-a", "human_id": "ann", "consented_trust": "low"}
  ]
}"#;

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn an_answer_has_the_words_of_the_audit_event() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let ended = run(
        &[
            "access",
            "explain",
            "--policy",
            &policy,
            "--requests",
            "-",
            "--steps",
            "-o",
            "json",
        ],
        r#"{"id":"c1","subject":{"human":"ann"},"session":"s-1","method":"tools/call","name":"drop"}"#,
    );
    let mut answers = ended.json_lines();
    let revision = answers[0]
        .as_object_mut()
        .unwrap()
        .remove("policy_revision")
        .unwrap();
    assert!(revision.as_str().unwrap().starts_with("sha256:"));
    let (grant, session) = ("team-a/g1", "team-a/s-1");
    let step = |line: u8, check: &str, result: &str| json!({"line": line, "check": check, "result": result});
    let of = |line: u8, check: &str, item: &str, result: &str| json!({"line": line, "check": check, "item": item, "result": result});
    assert_eq!(
        answers,
        [json!({
            "id": "c1", "decision": "deny", "enforced": true, "status": 403,
            "reason": "trust_too_low", "line": 12,
            "matched_grant": "g1", "matched_grant_namespace": "team-a",
            "matched_session": "s-1", "matched_session_namespace": "team-a",
            "required_trust": "high", "admin_trust": "high", "consented_trust": "low",
            "effective_trust": "low", "required_side_effect": "destructive",
            "risk_level": "high", "policy_version": "v1",
            "steps": [
                step(1, "policy_loaded", "pass"),
                step(2, "auth_mode_implemented", "pass"),
                step(2, "authenticated", "pass"),
                step(3, "message_readable", "pass"),
                step(4, "session_presented", "pass"),
                of(5, "session_found", session, "pass"),
                of(5, "session_not_revoked", session, "pass"),
                of(5, "session_not_expired", session, "pass"),
                step(6, "method_governed", "pass"),
                of(7, "grant_matches", grant, "pass"),
                of(8, "tool_not_denied", grant, "pass"),
                of(9, "tool_granted", grant, "pass"),
                step(10, "side_effect_declared", "pass"),
                of(11, "side_effect_allowed", grant, "pass"),
                of(12, "trust_suffices", grant, "fail"),
            ],
        })]
    );
}

#[test]
fn each_line_is_answered_as_soon_as_it_is_there() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let args = [
        "access",
        "explain",
        "--policy",
        &policy,
        "--requests",
        "-",
        "-o",
        "json",
    ];
    let mut child = command(&args).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for id in ["first", "second"] {
        writeln!(
            input,
            r#"{{"id":"{id}","subject":{{"human":"ann"}},"method":"ping"}}"#
        )
        .unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&answer).unwrap()["id"],
            json!(id)
        );
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn bad_lines_are_answered_in_their_place_and_end_with_2() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let requests = files.write(
        "requests.jsonl",
        concat!(
            r#"{"id":"c1","subject":{"human":7},"method":"ping"}"#,
            "\n",
            "nonsense\n",
            r#"{"id":"c3","subject":{"human":"ann"},"method":"ping"}"#,
            "\n",
        ),
    );
    let args = [
        "access",
        "explain",
        "--policy",
        &policy,
        "--requests",
        &requests,
    ];
    let ended = run(&[&args[..], &["--exit-code", "-o", "json"]].concat(), "");
    let answers = ended.json_lines();
    assert_eq!(ended.code, 2);
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["id"], "c1");
    assert_eq!(answers[0]["error"]["code"], "bad_request_line");
    assert_eq!(answers[0]["error"]["field"], "subject.human");
    assert_eq!(answers[1]["error"]["code"], "bad_request_line");
    assert_eq!(answers[1].get("id"), None);
    assert_eq!(answers[2]["decision"], "allow");
}

#[test]
fn a_denial_ends_with_1_only_where_the_code_is_asked_for() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let explain = |more: &[&str]| {
        run(
            &[&["access", "explain", "--policy", &policy], more].concat(),
            "",
        )
        .code
    };
    assert_eq!(explain(&["--human", "zoe", "--name", "list"]), 0);
    assert_eq!(
        explain(&["--human", "zoe", "--name", "list", "--exit-code"]),
        1
    );
    assert_eq!(
        explain(&["--human", "ann", "--name", "list", "--exit-code"]),
        0
    );
}

#[test]
fn a_denial_that_is_only_observed_isnt_a_no() {
    let files = Files::new();
    let observing = POLICY.replace(r#""policy": {"#, r#""policy": {"mode": "observe", "#);
    let policy = files.write("policy.json", &observing);
    let args = [
        "access", "explain", "--policy", &policy, "--human", "zoe", "--name", "list",
    ];
    let ended = run(&[&args[..], &["--exit-code"]].concat(), "");
    assert_eq!(ended.code, 0);
    assert!(
        ended
            .stdout
            .starts_with("PASSES, WOULD BE DENIED no_matching_grant"),
        "{ended:?}"
    );
}

#[test]
fn a_policy_that_cant_be_used_says_where_and_ends_with_2() {
    let files = Files::new();
    for (policy, says) in [
        (
            POLICY.replace(r#""low""#, r#""lowish""#),
            "sessions[team-a/s-1].consented_trust",
        ),
        (POLICY.replace(r#""v1","#, r#""v2","#), "schema_version"),
        (
            POLICY.replace(r#""auth""#, r#""quota": 1, "auth""#),
            "unknown_member: quota",
        ),
        ("{".into(), "can't read"),
    ] {
        let policy = files.write("policy.json", &policy);
        let ended = run(
            &["access", "explain", "--policy", &policy, "--human", "ann"],
            "",
        );
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
    let ended = run(
        &[
            "access",
            "explain",
            "--policy",
            "nowhere.json",
            "--human",
            "ann",
        ],
        "",
    );
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn the_time_of_a_line_wins_over_the_time_of_the_command() {
    let files = Files::new();
    let session = r#""consented_trust": "low", "expires_at": "2026-01-02T00:00:00Z""#;
    let policy = files.write(
        "policy.json",
        &POLICY.replace(r#""consented_trust": "low""#, session),
    );
    let line = |now: &str| {
        format!(r#"{{"subject":{{"human":"ann"}},"session":"s-1","method":"ping"{now}}}"#) + "\n"
    };
    let requests = line("") + &line(r#","now":"2026-01-03T00:00:00Z""#);
    let args = [
        "access",
        "explain",
        "--policy",
        &policy,
        "--requests",
        "-",
        "-o",
        "json",
    ];
    let ended = run(
        &[&args[..], &["--now", "2026-01-01T00:00:00Z"]].concat(),
        &requests,
    );
    let reasons: Vec<_> = ended
        .json_lines()
        .iter()
        .map(|answer| answer["reason"].clone())
        .collect();
    assert_eq!(reasons, ["allowed", "session_expired"]);
}

#[test]
fn people_get_the_verdict_why_and_what_would_help() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let args = [
        "access", "explain", "--policy", &policy, "--human", "ann", "--name", "drop",
    ];
    let ended = run(&[&args[..], &["--session", "s-1"]].concat(), "");
    let (text, _revision) = ended.stdout.split_once(" sha256:").unwrap();
    assert_eq!(
        text,
        "DENIED trust_too_low, HTTP 403, line 12
  This call needs trust high, and yours is low: present a session that consents to more.
  caller   human ann
  asks     tools/call drop
  session  team-a/s-1
  grant    team-a/g1 (policy version v1)
  needs    destructive, trust high
  has      trust low (granted high, consented low)
  policy   team-a/shop"
    );
}

#[test]
fn the_matrix_has_every_subject_and_tool() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let args = ["access", "matrix", "--policy", &policy, "-o", "json"];
    let given = ["--subject", "human=ann", "--subject", "agent=bot,team=blue"];
    let cells = |more: &[&str]| -> Vec<String> {
        let ended = run(&[&args[..], more].concat(), "");
        ended
            .json_lines()
            .iter()
            .map(|cell| format!("{} {} {}", cell["subject"], cell["name"], cell["reason"]))
            .collect()
    };
    assert_eq!(
        cells(&given),
        [
            r#"{"human":"ann"} "list" "allowed""#,
            r#"{"human":"ann"} "drop" "allowed""#,
            r#"{"agent":"bot","team":"blue"} "list" "no_matching_grant""#,
            r#"{"agent":"bot","team":"blue"} "drop" "no_matching_grant""#,
        ]
    );
    assert_eq!(cells(&[]).len(), 2);
}

#[test]
fn the_diff_has_what_changes() {
    let files = Files::new();
    let before = files.write("before.json", POLICY);
    let after = files.write(
        "after.json",
        &POLICY.replace(r#"["read", "destructive"]"#, r#"["read"]"#),
    );
    let ended = run(
        &[
            "access", "diff", "--policy", &before, "-f", &after, "-o", "json",
        ],
        "",
    );
    let changes: Vec<_> = ended
        .json_lines()
        .iter()
        .map(|change| {
            json!([
                change["id"],
                change["before"]["reason"],
                change["after"]["reason"]
            ])
        })
        .collect();
    assert_eq!(
        changes,
        [json!([
            "human ann, drop",
            "allowed",
            "side_effect_not_allowed"
        ])]
    );
}

#[test]
fn manifests_are_compiled_as_the_operator_does() {
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manifests");
    let requests = concat!(
        r#"{"id":1,"subject":{"human":"ann"},"method":"tools/call","name":"add"}"#,
        "\n",
        r#"{"id":2,"subject":{"human":"ann","agent":"ops"},"session":"s-1","method":"tools/call","name":"add"}"#,
        "\n",
        r#"{"id":3,"subject":{"human":"zoe"},"method":"tools/call","name":"list"}"#,
        "\n",
    );
    for server in ["shop", "team-a/shop"] {
        let args = ["access", "explain", "-f", manifests, "--server", server];
        let ended = run(
            &[&args[..], &["--requests", "-", "-o", "json"]].concat(),
            requests,
        );
        assert_eq!(ended.code, 0, "{ended:?}");
        let answers: Vec<_> = ended
            .json_lines()
            .iter()
            .map(|answer| json!([answer["id"], answer["reason"], answer["matched_grant"]]))
            .collect();
        assert_eq!(
            answers,
            [
                json!([1, "allowed", "ann-writes"]),
                json!([2, "trust_too_low", "ann-writes"]),
                json!([3, "no_matching_grant", null]),
            ]
        );
    }
}

#[test]
fn manifests_without_the_server_say_so() {
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manifests");
    let args = [
        "access",
        "explain",
        "-f",
        manifests,
        "--server",
        "team-b/shop",
    ];
    let ended = run(&[&args[..], &["--human", "ann"]].concat(), "");
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("the manifests have no MCPServer team-b/shop"),
        "{ended:?}"
    );
}

#[test]
fn without_a_request_there_is_nothing_to_explain() {
    let files = Files::new();
    let policy = files.write("policy.json", POLICY);
    let ended = run(&["access", "explain", "--policy", &policy], "");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--requests"), "{ended:?}");
}

#[test]
fn a_cluster_that_does_not_answer_is_exit_code_3() {
    let files = Files::new();
    let kubeconfig = files.write(
        "kubeconfig",
        "apiVersion: v1
kind: Config
current-context: away
clusters: [{name: away, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: nobody, user: {}}]
contexts: [{name: away, context: {cluster: away, user: nobody}}]
",
    );
    let output = command(&["access", "explain", "--server", "a/shop", "--name", "list"])
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}
