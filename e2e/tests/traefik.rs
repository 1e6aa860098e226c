//! The official SDK, from outside of the cluster, through the ingress controller.

use mcp_e2e::{Cluster, Namespace, sdk, server, wait};
use serde_json::Value;

/// How many times a client connects; MCP through a Go reverse proxy hangs now and then unless
/// the proxy behind it flushes event streams that have nothing to say yet.
const CONNECTS: &str = "200";

fn everything(name: &str) -> String {
    format!(
        "apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata:
  name: {name}
spec:
  image: mcp-server-everything:dev
  publicPathPrefix: {name}
  gateway:
    enabled: true
    stripPrefix: /{name}
  session:
    required: true
  tools:
    - {{name: echo, sideEffect: read, requiredTrust: low}}
    - {{name: get-sum, sideEffect: read, requiredTrust: high}}
---
{}---
{}",
        server::grant("grant", name),
        server::session("session", name),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_works_through_the_ingress_and_never_hangs() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "traefik").await?;
    // Hostless routes are the whole cluster's: the prefix is as unique as the namespace.
    let name = format!("everything{}", std::process::id());
    namespace.create_all(&everything(&name)).await?;
    namespace.await_pods(&name, 1).await?;
    namespace.await_enforced(&name).await?;
    let url = format!("{}/{name}/mcp", cluster.url);
    let caller = server::caller("session");

    let tools = ["tools", url.as_str()];
    let listed = wait::until_is(
        "the route at the ingress controller",
        || sdk::client(caller, &tools),
        |answer: &Value| answer["tools"].is_array(),
    )
    .await?;
    assert!(
        listed["tools"].as_array().unwrap().contains(&"echo".into()),
        "{listed}"
    );

    let called = sdk::client(caller, &["call", &url, "echo", r#"{"message": "hello"}"#]).await?;
    assert_eq!(called["text"], "Echo: hello", "{called}");

    let denied = sdk::client(caller, &["call", &url, "get-sum", r#"{"a": 1, "b": 2}"#]).await?;
    assert_eq!(
        denied["error"]["data"]["reason"], "trust_too_low",
        "{denied}"
    );

    let connects = sdk::client(caller, &["connects", &url, CONNECTS]).await?;
    println!("connects through Traefik: {connects}");
    assert_eq!(
        (&connects["hangs"], &connects["errors"]),
        (&0.into(), &0.into()),
        "{connects}"
    );
    namespace.delete().await
}
