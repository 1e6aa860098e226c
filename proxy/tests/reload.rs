//! A policy that changes while the proxy runs.

use std::time::Instant;

use crate::client::post;
use crate::harness::{ANN, ANN_WITH_SESSION, Running, call, eventually, soon};
use crate::server::Server;

fn revoked() -> String {
    ANN.replace(
        r#""consented_trust": "low""#,
        r#""consented_trust": "low", "revoked": true"#,
    )
}

#[tokio::test]
async fn a_session_revoked_in_the_file_is_denied_at_once() {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let request = post(&ANN_WITH_SESSION, &call("1", "echo"));
    assert_eq!(proxy.ask(&request).await.status, 200);
    let before = proxy.config_status().await["revision"].clone();
    let edited = Instant::now();
    proxy.replace_policy(&revoked());
    eventually("the denial", async || {
        proxy.ask(&request).await.status == 401
    })
    .await;
    println!("denied {} µs after the edit", edited.elapsed().as_micros());
    assert_eq!(proxy.ask(&request).await.reason(), "session_revoked");
    assert_ne!(proxy.config_status().await["revision"], before);
}

#[tokio::test]
async fn a_folder_renewed_by_a_link_as_the_kubelet_does_is_noticed() {
    let server = Server::answering("{}").await;
    let proxy = Running::start("", &server.url).await;
    let folder = proxy.policy_file().parent().unwrap().to_owned();
    let put = |version: &str, document: &str| {
        std::fs::create_dir(folder.join(version)).unwrap();
        std::fs::write(folder.join(version).join("policy.json"), document).unwrap();
        std::os::unix::fs::symlink(version, folder.join("..data_tmp")).unwrap();
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    put("..1", ANN);
    std::os::unix::fs::symlink("..data/policy.json", proxy.policy_file()).unwrap();
    eventually("ready", async || proxy.admin("/ready").await.status == 200).await;
    let request = post(&ANN_WITH_SESSION, &call("1", "echo"));
    assert_eq!(proxy.ask(&request).await.status, 200);
    put("..2", &revoked());
    eventually("the denial", async || {
        proxy.ask(&request).await.status == 401
    })
    .await;
}

#[tokio::test]
async fn every_answer_is_by_one_document_or_the_other_while_they_are_swapped() {
    // Under the first only echo is allowed, under the second only wipe.
    let first = ANN.replace(r#""destructive"]"#, r#""read"]"#);
    let second = ANN.replace(r#"["read", "destructive"]"#, r#"["destructive"]"#);
    let server = Server::answering("[]").await;
    let proxy = Running::start(&first, &server.url).await;
    let both = format!("[{},{}]", call("1", "echo"), call("2", "wipe"));
    let request = post(&["X-MCP-Human-ID: ann", "X-MCP-Team-ID: a"], &both);
    let mut client = proxy.client().await;
    let mut seen = std::collections::BTreeSet::new();
    // At least so many, and on until an answer by each was among them.
    soon(async {
        let mut round = 0;
        while round < 200 || seen.len() < 2 {
            if round % 10 == 0 {
                proxy.replace_policy(if round % 20 == 0 { &second } else { &first });
            }
            let answer = client.ask(&request).await;
            let denied: Vec<i64> = answer
                .json()
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_i64().unwrap())
                .collect();
            assert_eq!(denied.len(), 1, "{round}: {denied:?}");
            seen.insert(denied);
            round += 1;
        }
    })
    .await;
}

#[tokio::test]
async fn a_broken_document_changes_nothing_but_what_is_reported() {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let revision = proxy.config_status().await["revision"].clone();
    proxy.replace_policy(&ANN.replace("\"low\"", "\"lowest\""));
    let failing = async || !proxy.config_status().await["last_reload_error"].is_null();
    eventually("the error is reported", failing).await;
    let status = proxy.config_status().await;
    assert_eq!(
        (&status["ready"], &status["revision"]),
        (&true.into(), &revision)
    );
    let error = status["last_reload_error"].as_str().unwrap();
    assert!(
        error.contains("lowest") && error.contains("consented_trust"),
        "{error}"
    );
    let ready = proxy.admin("/ready").await;
    assert_eq!(
        (ready.status, ready.json()["last_reload_error"].as_str()),
        (200, Some(error))
    );
    let metrics = proxy.admin("/metrics").await;
    let labels = r#"namespace="team-a",server="demo",cluster="here",team_id="a""#;
    for line in [
        format!(r#"mcp_gateway_policy_reloads_total{{{labels},result="error"}} 1"#),
        format!(r#"mcp_proxy_policy_reload_failing{{{labels}}} 1"#),
    ] {
        assert!(metrics.text().contains(&line), "{line}\n{}", metrics.text());
    }
    let request = post(&ANN_WITH_SESSION, &call("1", "echo"));
    assert_eq!(proxy.ask(&request).await.status, 200);
    proxy.replace_policy(ANN);
    eventually("it is good again", async || {
        proxy.config_status().await["last_reload_error"].is_null()
    })
    .await;
}

#[tokio::test]
async fn of_a_document_from_a_newer_version_the_denials_hold() {
    let server = Server::answering("{}").await;
    let proxy = Running::start(ANN, &server.url).await;
    let request = post(&ANN_WITH_SESSION, &call("1", "echo"));
    let revision = proxy.config_status().await["revision"].clone();
    proxy.replace_policy(&revoked().replacen('{', r#"{"quorum": 2,"#, 1));
    eventually("the denial", async || {
        proxy.ask(&request).await.reason() == "session_revoked"
    })
    .await;
    let status = proxy.config_status().await;
    assert_eq!(status["revision"], revision);
    let error = status["last_reload_error"].as_str().unwrap();
    assert!(
        error.contains("unknown_member") && error.contains("quorum"),
        "{error}"
    );
}

#[tokio::test]
async fn a_newer_document_alone_is_never_put_in_force() {
    let server = Server::answering("{}").await;
    let newer = ANN.replacen('{', r#"{"quorum": 2,"#, 1);
    let proxy = Running::start(&newer, &server.url).await;
    let answer = proxy
        .ask(&post(&ANN_WITH_SESSION, &call("1", "echo")))
        .await;
    assert_eq!(
        (answer.status, answer.reason()),
        (503, "policy_unavailable".to_owned())
    );
    assert_eq!(proxy.admin("/ready").await.status, 503);
}

#[tokio::test]
async fn a_file_that_comes_late_makes_the_proxy_ready() {
    let server = Server::answering("{}").await;
    let proxy = Running::start("", &server.url).await;
    let ready = proxy.admin("/ready").await.json();
    assert!(
        ready["reasons"][0]
            .as_str()
            .unwrap()
            .starts_with("policy: reading "),
        "{ready}"
    );
    proxy.replace_policy(ANN);
    eventually("ready", async || proxy.admin("/ready").await.status == 200).await;
    assert_eq!(proxy.admin("/live").await.status, 200);
}
