//! What is filled in at apply.

use crds::MCPServer;
use mcp_e2e::{Cluster, Namespace};

const SMALLEST: &str = "apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata:
  name: weather
spec:
  image: registry.example/weather
  gateway:
    enabled: true
  tools:
    - name: forecast
      sideEffect: read
";

#[tokio::test(flavor = "multi_thread")]
async fn defaults_of_schema_and_webhook_are_filled_in() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "default").await?;
    let object = namespace.dry_run(SMALLEST).await?;
    let spec = &object.data["spec"];
    let filled = |path: &str| spec.pointer(path).cloned().unwrap_or_default();
    assert_eq!(filled("/replicas"), 1);
    assert_eq!(filled("/port"), 8088);
    assert_eq!(filled("/servicePort"), 80);
    assert_eq!(filled("/gateway/port"), 8091);
    assert_eq!(filled("/auth/mode"), "header");
    assert_eq!(filled("/policy/mode"), "allow-list");
    assert_eq!(filled("/policy/defaultDecision"), "deny");
    assert_eq!(filled("/tools/0/requiredTrust"), "low");
    // Only the webhook knows the name.
    assert_eq!(filled("/publicPathPrefix"), "weather");
    assert_eq!(filled("/imageTag"), "latest");
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_twice_nothing_changes() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "twice").await?;
    let spec = async || -> anyhow::Result<_> {
        let ended = cluster.apply(&namespace.name, SMALLEST).await?;
        assert!(ended.ok, "{}", ended.stderr);
        let object = namespace.api::<MCPServer>().get("weather").await?;
        Ok((
            object.metadata.generation,
            serde_json::to_value(object.spec)?,
        ))
    };
    let first = spec().await?;
    assert_eq!(spec().await?, first);
    namespace.delete().await
}
