//! Which pods get the sidecar, which are refused, and which are left alone.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use mcp_e2e::{Cluster, Namespace, server};

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_puts_the_proxy_and_the_deployment_has_none() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "inject").await?;
    let pods = namespace.governed_server("weather", 1).await?;

    let template = namespace.api::<Deployment>().get("weather").await?;
    let template = serde_json::to_value(template.spec.unwrap().template)?;
    assert!(
        !template.to_string().contains("mcp-proxy\""),
        "a proxy in the template: {template}"
    );
    assert_eq!(template["spec"]["initContainers"], serde_json::Value::Null);

    let pod = serde_json::to_value(namespace.api::<Pod>().get(&pods[0].name).await?)?;
    let proxy = &pod["spec"]["initContainers"][0];
    assert_eq!(proxy["name"], "mcp-proxy");
    assert_eq!(proxy["restartPolicy"], "Always");
    assert_eq!(proxy["securityContext"]["runAsUser"], 65533);
    assert_eq!(pod["spec"]["containers"].as_array().unwrap().len(), 1);
    assert!(pod["metadata"]["annotations"]["mcpruntime.org/injected"].is_string());
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlabelled_pod_is_left_alone() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "unlabelled").await?;
    let created = namespace
        .dry_run(&server::pod("plain", "{app: plain}"))
        .await?;
    assert_eq!(
        created.data["spec"]["initContainers"],
        serde_json::Value::Null
    );
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_governed_pod_without_its_server_is_refused() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "noserver").await?;
    for (labels, told) in [
        (
            "{mcpruntime.org/gateway: required}",
            "missing, while mcpruntime.org/gateway is required".to_owned(),
        ),
        (
            "{mcpruntime.org/gateway: required, mcpruntime.org/server: nowhere}",
            format!(
                "\"nowhere\": there is no MCPServer of this name in namespace {}",
                namespace.name
            ),
        ),
    ] {
        let (status, message) = namespace.refused(&server::pod("stray", labels)).await?;
        assert_eq!(status, 403, "{message}");
        let told = format!("ServerNotFound: metadata.labels[mcpruntime.org/server]: {told}");
        assert!(message.contains("inject.mcpruntime.org"), "{message}");
        assert!(message.contains(&told), "{message}");
    }
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_pod_behind_a_managed_server_is_refused() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "foreign").await?;
    namespace.governed_server("weather", 1).await?;
    let labels = "{mcpruntime.org/gateway: required, mcpruntime.org/server: weather}";
    let (status, message) = namespace.refused(&server::pod("impostor", labels)).await?;
    assert_eq!(status, 403, "{message}");
    assert!(
        message.contains("NotThisServersPod: metadata.labels[mcpruntime.org/server]"),
        "{message}"
    );
    namespace.delete().await
}
