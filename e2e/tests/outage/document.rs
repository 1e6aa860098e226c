//! A document that can't be read, while nobody repairs it.

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, Patch, PatchParams};
use mcp_e2e::platform::OPERATOR;
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::{Cluster, Namespace, proxy, server, wait};
use serde_json::{Value, json};

/// The error of the proxy's last reload; empty where it was well.
fn reload_error(status: &Value) -> &str {
    status["last_reload_error"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_document_leaves_the_last_good_in_force_and_shows() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "broken").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    // Running, the operator would put the document right before a kubelet sees it.
    let seen = broken(&namespace, &pods[0]);
    cluster.without(OPERATOR, seen).await?;
    wait::until_is(
        "the operator's document",
        || proxy::config_status(&pods[0]),
        |status| reload_error(status).is_empty(),
    )
    .await?;
    namespace.delete().await
}

/// Breaks the document as the operator's account, which alone may, and looks at the proxy.
async fn broken(namespace: &Namespace, pod: &ReadyPod) -> anyhow::Result<()> {
    let revision = proxy::revision(pod).await?;
    let groups = ["system:serviceaccounts:mcp-runtime", "system:authenticated"];
    let operator = namespace
        .cluster
        .as_user(&crds::names::operator_username(), &groups)
        .await?;
    let maps: Api<ConfigMap> = Api::namespaced(operator.client.clone(), &namespace.name);
    let broken = json!({"data": {"policy.json": "{\"schema_version\": "}});
    let document = crds::names::policy_config_map("weather");
    maps.patch(&document, &PatchParams::default(), &Patch::Merge(&broken))
        .await?;
    let touch = json!({"metadata": {"annotations": {"mcpruntime.org/policy-touch": "broken.1"}}});
    let touched: Api<Pod> = Api::namespaced(operator.client.clone(), &namespace.name);
    touched
        .patch(&pod.name, &PatchParams::default(), &Patch::Merge(&touch))
        .await?;

    let status = wait::until_is(
        "the reload's error",
        || proxy::config_status(pod),
        |status| !reload_error(status).is_empty(),
    )
    .await?;
    assert_eq!(status["revision"], revision.as_str());
    let (code, ready) = proxy::admin(pod, "/ready").await?;
    assert_eq!(code, 200);
    let ready: Value = serde_json::from_str(&ready)?;
    assert!(!reload_error(&ready).is_empty(), "{ready}");
    let (_, metrics) = proxy::admin(pod, "/metrics").await?;
    assert!(
        metrics.contains("mcp_proxy_policy_reload_failing 1"),
        "{metrics}"
    );
    let answer = server::call(pod, server::caller("session")).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Ok(())
}
