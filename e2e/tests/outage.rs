//! The platform with parts of it stopped. These tests change the whole cluster: they run one at
//! a time, after the others (`--test-threads=1`), and put everything back.

mod certificate;
mod chaos;
mod clauses;
mod document;
mod drain;
mod emergency;
mod images;
mod routes;
mod upgrade;

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use mcp_e2e::objects::refusal;
use mcp_e2e::platform::{OPERATOR, WEBHOOK};
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::{Cluster, Namespace, denied, server, wait};
use serde_json::json;

/// How long pods that the webhook's absence kept away may take once it is back.
const RECOVERY: Duration = Duration::from_secs(30);
const GOVERNED: &str = "{mcpruntime.org/gateway: required, mcpruntime.org/server: weather}";

#[tokio::test(flavor = "multi_thread")]
async fn without_the_webhook_governed_pods_wait_and_revocation_works() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "stopped").await?;
    let pods = namespace.governed_server("weather", 2).await?;
    let other = server::session("other", "weather");
    namespace.create_all(&other).await?;
    namespace.await_enforced("weather").await?;
    let outage = async {
        only_governed_pods_wait(&namespace).await?;
        access_goes(&namespace, &pods).await?;
        // A pod that goes meanwhile isn't made again before the webhook answers, and soon after.
        namespace
            .api::<Pod>()
            .delete(&pods[0].name, &DeleteParams::default().grace_period(1))
            .await?;
        namespace.await_pods("weather", 1).await
    };
    cluster.without(WEBHOOK, outage).await?;
    let again = wait::until_within("the missing pod", RECOVERY, || async {
        let pods = namespace.ready_pods("weather").await?;
        Ok((pods.len() == 2).then_some(pods))
    })
    .await?;
    assert!(!again.contains(&pods[0]), "{again:?}");
    namespace.delete().await
}

/// What the webhook has no part in goes on without it.
async fn only_governed_pods_wait(namespace: &Namespace) -> anyhow::Result<()> {
    let error = namespace
        .dry_run(&server::pod("governed", GOVERNED))
        .await
        .unwrap_err();
    let (status, message) = refusal(&error).unwrap();
    assert_eq!(status, 500, "{message}");
    assert!(
        message.contains("failed calling webhook \"inject.mcpruntime.org\""),
        "{message}"
    );

    namespace
        .create_all(&server::pod("plain", "{app: plain}"))
        .await?;
    wait::until("the unlabelled pod to run", || async {
        let pod = namespace.api::<Pod>().get("plain").await?;
        let phase = pod
            .status
            .and_then(|status| status.phase)
            .unwrap_or_default();
        Ok((phase == "Running").then_some(()))
    })
    .await?;

    // The API server itself refuses what is statically wrong.
    let invalid = server::server("storm", 1).replace("replicas: 1", "replicas: -1");
    let error = namespace.dry_run(&invalid).await.unwrap_err();
    assert_eq!(refusal(&error).unwrap().0, 422, "{error:#}");
    Ok(())
}

/// A grant and a session are taken away: every pod denies, then the status says that all do. A
/// session that isn't there denies before any grant is looked at, so the grant has one of its own.
async fn access_goes(namespace: &Namespace, pods: &[ReadyPod]) -> anyhow::Result<()> {
    namespace.disable("grant").await?;
    denied::everywhere(pods, "other", "tool_not_granted").await?;
    namespace.revoke("session").await?;
    denied::everywhere(pods, "session", "session_revoked").await?;
    namespace.await_policy("weather").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_webhook_configuration_the_policy_refuses() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "unconfigured").await?;
    let removed = cluster
        .remove_webhook::<MutatingWebhookConfiguration>()
        .await?;
    let refused = wait::until("the policy's refusal", || async {
        // Until the API server has noticed, the removed webhook may still answer.
        match namespace.dry_run(&server::pod("governed", GOVERNED)).await {
            Ok(_) => anyhow::bail!("a governed pod without proxy was accepted"),
            Err(error) => {
                let (status, message) = refusal(&error).ok_or(error)?;
                Ok(message
                    .contains("ValidatingAdmissionPolicy")
                    .then_some((status, message)))
            }
        }
    })
    .await;
    cluster.restore_webhook(&removed).await?;
    let (status, message) = refused?;
    assert!(status == 403 || status == 422, "{status}: {message}");
    assert!(message.contains("mcp-proxy"), "{message}");
    // The operator gives the restored configuration its CA again.
    namespace.governed_server("weather", 1).await?;
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_goes_the_other_replica_takes_over() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "leader").await?;
    namespace.governed_server("weather", 1).await?;
    let leases = cluster.platform::<Lease>();
    let holder = async || -> anyhow::Result<String> {
        let lease = leases.get("mcp-runtime-operator.mcpruntime.org").await?;
        Ok(lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default())
    };
    let first = holder().await?;
    assert!(!first.is_empty(), "nobody leads");
    let pods = cluster.platform::<Pod>();
    // The identity begins with the pod's name.
    let pod = first.split('_').next().unwrap_or_default();
    pods.delete(pod, &DeleteParams::default().grace_period(0))
        .await?;
    wait::until("another leader", || async {
        let now = holder().await?;
        Ok((!now.is_empty() && now != first).then_some(()))
    })
    .await?;
    namespace
        .patch::<crds::MCPServer>("weather", json!({"spec": {"replicas": 2}}))
        .await?;
    namespace.await_pods("weather", 2).await?;
    let deployments = cluster.platform::<Deployment>();
    wait::until("both replicas again", || async {
        let status = deployments.get(OPERATOR).await?.status.unwrap_or_default();
        Ok((status.available_replicas == Some(2)).then_some(()))
    })
    .await?;
    namespace.delete().await
}
