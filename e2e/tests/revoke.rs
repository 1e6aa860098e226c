//! What is taken away is gone on every pod at once.

use mcp_e2e::{Cluster, Namespace, denied, server, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_is_denied_on_every_pod() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "revoke").await?;
    let pods = namespace.governed_server("weather", 2).await?;
    for pod in &pods {
        let answer = server::call(pod, server::caller("session")).await?;
        assert_eq!(
            (answer.status, answer.reason()),
            (200, None),
            "{}",
            answer.body
        );
        assert!(answer.body["result"].is_object(), "{}", answer.body);
    }
    namespace.revoke("session").await?;
    denied::everywhere(&pods, "session", "session_revoked").await?;
    // Only then does the status say so.
    namespace.await_enforced("weather").await?;
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_grant_gives_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "disable").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    namespace.disable("grant").await?;
    denied::everywhere(&pods, "session", "tool_not_granted").await?;
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_leaves_an_audit_event() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "audit").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    let allowed = server::call(&pods[0], server::caller("session")).await?;
    assert_eq!(allowed.status, 200);
    let denied = server::call(&pods[0], server::caller("nobody")).await?;
    assert_eq!(denied.reason(), Some("session_not_found"));
    let id = denied.decision_id().unwrap().to_owned();
    let events = wait::until_is(
        "the events of both calls",
        || namespace.audit_events(&pods[0].name),
        |events| events.iter().any(|event| event["event_id"] == id.as_str()),
    )
    .await?;
    let denial = events
        .iter()
        .find(|event| event["event_id"] == id.as_str())
        .unwrap();
    assert_eq!(denial["payload"]["decision"], "deny");
    assert_eq!(denial["payload"]["reason"], "session_not_found");
    assert_eq!(denial["payload"]["human_id"], server::HUMAN);
    let allow = events
        .iter()
        .find(|event| {
            event["payload"]["decision"] == "allow" && event["payload"]["tool_name"] == server::TOOL
        })
        .unwrap();
    assert_eq!(allow["payload"]["matched_grant"], "grant");
    assert_eq!(allow["payload"]["matched_session"], "session");
    assert_eq!(allow["payload"]["namespace"], namespace.name.as_str());
    namespace.delete().await
}
