//! The webhook's certificate changes and its replicas are replaced, and nobody notices.

use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use mcp_e2e::always::then_always;
use mcp_e2e::platform::{OPERATOR, WEBHOOK};
use mcp_e2e::reviews::Reviews;
use mcp_e2e::{Cluster, Namespace, wait};

/// A second, of MCPServers and governed pods. `make soak` has three times as many: at that rate two
/// cores are so busy that whatever else runs shows, as a `/default` that was late.
const RATE: u32 = 20;
/// At least so many calls, however soon the changes are through.
const CALLS: usize = 400;

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
    reviews.await_calls(CALLS).await?;
    let tally = reviews.end().await?;
    println!("{}", tally.figures("rollouts=1 leaf=2 ca=1"));
    assert_eq!(tally.lost, []);
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_to_cert_manager_and_back_loses_no_call() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "switch").await?;
    let reviews = Reviews::start(&namespace, RATE).await?;
    let switched = async {
        cluster.set_up_tls("cert-manager").await?;
        issuer(&cluster).await
    };
    let theirs = then_always(switched, cluster.set_up_tls("self-signed")).await?;
    reviews.await_calls(CALLS).await?;
    let tally = reviews.end().await?;
    println!("{}", tally.figures("switches=2"));
    assert_eq!(theirs, "cert-manager");
    assert_eq!(issuer(&cluster).await?, "self-signed");
    assert_eq!(tally.lost, []);
    let secrets = cluster.platform::<Secret>();
    let left = secrets.get_opt(crds::names::WEBHOOK_CM_TLS_SECRET).await?;
    assert_eq!(left, None);
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_the_webhook_waits_and_never_restarts() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let secrets = cluster.platform::<Secret>();
    let waits = async {
        secrets
            .delete(crds::names::WEBHOOK_TLS_SECRET, &DeleteParams::default())
            .await?;
        cluster.ask_for_webhooks(2).await?;
        let says = wait::until("a replica that says what it lacks", || async {
            Ok(cluster.webhook_unreadiness().await?.into_iter().next())
        })
        .await?;
        anyhow::Ok((says, cluster.webhook_restarts().await?))
    };
    // The operator is back first: without it the webhook's replicas wait for ever.
    let waits = cluster.without(OPERATOR, waits);
    let (says, restarts) = cluster.without(WEBHOOK, waits).await?;
    assert!(says.contains("certificate: none yet"), "{says}");
    assert_eq!((restarts, cluster.webhook_restarts().await?), (0, 0));
    cluster.serves_everywhere().await
}

/// Who issued what the webhook serves.
async fn issuer(cluster: &Cluster) -> anyhow::Result<String> {
    let secrets = cluster.platform::<Secret>();
    let secret = secrets.get(crds::names::WEBHOOK_TLS_SECRET).await?;
    let annotations = secret.metadata.annotations.unwrap_or_default();
    let from = annotations.get(crds::names::ANNOTATION_CERTIFICATE_FROM);
    Ok(from.cloned().unwrap_or_default())
}
