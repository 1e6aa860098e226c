//! `mcp-runtime access explain` about a server of the cluster.

use mcp_e2e::{Cluster, Namespace, server};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn explain_answers_as_the_proxy_does() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "explain").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    let named = format!("{}/weather", namespace.name);
    for session in ["session", "nobodys"] {
        let answer = server::call(&pods[0], server::caller(session)).await?;
        let ended = cluster
            .mcp_runtime(&[
                "access",
                "explain",
                "--server",
                &named,
                "--human",
                server::HUMAN,
                "--agent",
                server::AGENT,
                "--session",
                session,
                "--name",
                server::TOOL,
                "-o",
                "json",
            ])
            .await?;
        assert!(ended.ok, "{}", ended.stderr);
        let told: Value = serde_json::from_str(&ended.stdout)?;
        let decided = (&told["reason"], told["status"].as_u64().unwrap_or(200));
        let enforced = answer.reason().unwrap_or("allowed");
        assert_eq!(decided, (&json!(enforced), u64::from(answer.status)));
        let revision = &namespace.status("weather").await?["enforcedPolicyRevision"];
        assert_eq!(&told["policy_revision"], revision);
    }
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_so_when_there_is_no_such_server() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "unexplained").await?;
    let named = format!("{}/nothing", namespace.name);
    let ended = cluster
        .mcp_runtime(&["access", "explain", "--server", &named, "--name", "add"])
        .await?;
    assert!(!ended.ok, "{}", ended.stdout);
    assert!(ended.stderr.contains("no such server"), "{}", ended.stderr);
    namespace.delete().await
}
