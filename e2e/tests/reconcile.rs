//! What a server becomes, and that nothing is written when nothing changed.

use std::collections::BTreeMap;

use crds::MCPServer;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::ResourceExt as _;
use mcp_e2e::{Cluster, Namespace, conditions, routes, server, wait};
use serde_json::json;

async fn versions(
    namespace: &Namespace,
    name: &str,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let policy = crds::names::policy_config_map(name);
    Ok(BTreeMap::from([
        (
            "Service",
            namespace
                .api::<Service>()
                .get(name)
                .await?
                .resource_version()
                .unwrap_or_default(),
        ),
        (
            "Ingress",
            namespace
                .api::<Ingress>()
                .get(name)
                .await?
                .resource_version()
                .unwrap_or_default(),
        ),
        (
            "ConfigMap",
            namespace
                .api::<ConfigMap>()
                .get(&policy)
                .await?
                .resource_version()
                .unwrap_or_default(),
        ),
        // The Deployment's status moves with its pods: its generation is what we write.
        (
            "Deployment",
            namespace
                .api::<Deployment>()
                .get(name)
                .await?
                .metadata
                .generation
                .unwrap_or_default()
                .to_string(),
        ),
    ]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_becomes_ready_with_all_its_parts() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "reconcile").await?;
    namespace.governed_server("weather", 1).await?;
    let status = namespace.await_enforced("weather").await?;
    for part in [
        "deploymentReady",
        "serviceReady",
        "ingressReady",
        "gatewayReady",
        "policyReady",
    ] {
        assert_eq!(status[part], true, "{part} in {status}");
    }
    let service = namespace
        .api::<Service>()
        .get("weather")
        .await?
        .spec
        .unwrap();
    assert_eq!(
        service.selector.unwrap(),
        BTreeMap::from([
            ("mcpruntime.org/gateway".into(), "required".into()),
            ("mcpruntime.org/server".into(), "weather".into()),
        ])
    );
    let ingress = serde_json::to_value(namespace.api::<Ingress>().get("weather").await?.spec)?;
    assert_eq!(
        ingress["rules"][0]["http"]["paths"][0]["path"],
        format!("/{}/mcp", routes::prefix(&namespace.name, "weather"))
    );
    assert_eq!(ingress["ingressClassName"], "traefik");
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_when_nothing_changed() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "idle").await?;
    namespace.governed_server("weather", 1).await?;
    let before = versions(&namespace, "weather").await?;
    // A change that nothing is rendered from: the operator looks, and writes no part.
    namespace
        .patch::<MCPServer>(
            "weather",
            json!({"spec": {"description": "tells the weather"}}),
        )
        .await?;
    namespace.await_enforced("weather").await?;
    assert_eq!(versions(&namespace, "weather").await?, before);
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_the_gateway_off_takes_its_parts_away() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "gatewayoff").await?;
    namespace.governed_server("weather", 1).await?;
    namespace
        .patch::<MCPServer>("weather", json!({"spec": {"gateway": {"enabled": false}}}))
        .await?;
    let policy = crds::names::policy_config_map("weather");
    wait::until("the policy ConfigMap to be gone", || async {
        let found = namespace.api::<ConfigMap>().get_opt(&policy).await?;
        Ok(found.is_none().then_some(()))
    })
    .await?;
    wait::until("the NetworkPolicy to be gone", || async {
        let found = namespace.api::<NetworkPolicy>().get_opt("weather").await?;
        Ok(found.is_none().then_some(()))
    })
    .await?;
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_service_is_put_right() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "repair").await?;
    namespace.governed_server("weather", 1).await?;
    namespace
        .patch::<Service>(
            "weather",
            json!({"spec": {"selector": {"mcpruntime.org/server": "other"}}}),
        )
        .await?;
    wait::until("the selector to be back", || async {
        let service = namespace.api::<Service>().get("weather").await?;
        let selector = service
            .spec
            .and_then(|spec| spec.selector)
            .unwrap_or_default();
        Ok(
            (selector.get("mcpruntime.org/server").map(String::as_str) == Some("weather"))
                .then_some(()),
        )
    })
    .await?;
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_without_its_server_says_so() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "orphan").await?;
    namespace
        .create_all(&server::grant("orphan", "nowhere"))
        .await?;
    wait::until_is(
        "Ready False/ServerNotFound",
        || async {
            let grant = namespace
                .api::<crds::MCPAccessGrant>()
                .get("orphan")
                .await?;
            Ok(serde_json::to_value(grant.status)?)
        },
        |status| conditions::of(status, "Ready")["reason"] == "ServerNotFound",
    )
    .await?;
    namespace.delete().await
}
