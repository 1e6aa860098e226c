//! The webhook's certificate changes and its replicas are replaced, and nobody notices.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams};
use mcp_e2e::reviews::Reviews;
use mcp_e2e::{Cluster, Namespace, wait};

/// A second, of MCPServers and governed pods. `make soak` has three times as many: at that rate two
/// cores are so busy that whatever else runs shows, as a `/default` that was late.
const RATE: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_and_new_certificates_lose_no_call() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "rotation").await?;
    let reviews = Reviews::start(&namespace, RATE).await?;
    let rotations = async {
        cluster.rotate("leaf").await?;
        cluster.rotate("ca").await?;
        cluster.rotate("leaf").await
    };
    tokio::try_join!(rotations, cluster.roll_webhook())?;
    let tally = reviews.end().await?;
    println!("{}", tally.figures("rollouts=1 leaf=2 ca=1"));
    assert_eq!(tally.lost, []);
    assert!(tally.answered.len() > 400, "{}", tally.answered.len());
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_to_cert_manager_and_back_loses_no_call() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "switch").await?;
    let reviews = Reviews::start(&namespace, RATE).await?;
    cluster.set_up_tls("cert-manager").await?;
    let theirs = issuer(&cluster).await?;
    let back = cluster.set_up_tls("self-signed").await;
    let tally = reviews.end().await?;
    back?;
    println!("{}", tally.figures("switches=2"));
    assert_eq!(theirs, "cert-manager");
    assert_eq!(issuer(&cluster).await?, "self-signed");
    assert_eq!(tally.lost, []);
    assert_eq!(
        secrets(&cluster)
            .get_opt(crds::names::WEBHOOK_CM_TLS_SECRET)
            .await?,
        None
    );
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_the_webhook_waits_and_never_restarts() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    cluster.scale("mcp-runtime-operator", 0).await?;
    cluster.scale("mcp-runtime-webhook", 0).await?;
    let deleted = secrets(&cluster)
        .delete(crds::names::WEBHOOK_TLS_SECRET, &DeleteParams::default())
        .await;
    cluster.ask_for_webhooks(2).await?;
    let says = wait::until("a replica that says what it lacks", || async {
        Ok(cluster.webhook_unreadiness().await?.into_iter().next())
    })
    .await;
    let restarts = cluster.webhook_restarts().await;
    cluster.scale("mcp-runtime-operator", 2).await?;
    // It scales to what there is: until both are available.
    cluster.scale("mcp-runtime-webhook", 2).await?;
    deleted?;
    assert!(says?.contains("certificate: none yet"));
    assert_eq!((restarts?, cluster.webhook_restarts().await?), (0, 0));
    cluster.serves_everywhere().await
}

fn secrets(cluster: &Cluster) -> Api<Secret> {
    Api::namespaced(cluster.client.clone(), crds::names::PLATFORM_NAMESPACE)
}

/// Who issued what the webhook serves.
async fn issuer(cluster: &Cluster) -> anyhow::Result<String> {
    let secret = secrets(cluster)
        .get(crds::names::WEBHOOK_TLS_SECRET)
        .await?;
    let annotations = secret.metadata.annotations.unwrap_or_default();
    let from = annotations.get(crds::names::ANNOTATION_CERTIFICATE_FROM);
    Ok(from.cloned().unwrap_or_default())
}
