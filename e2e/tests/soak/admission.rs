//! Thousands of calls through the API server while the webhook's replicas and certificates change,
//! and the same without the care that is taken: then calls fail, so these tests would see it.

use certs::{Issued, issue_ca, issue_leaf, service_names};
use crds::names;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams};
use mcp_e2e::always::then_always;
use mcp_e2e::platform::OPERATOR;
use mcp_e2e::reviews::{Reviews, Tally};
use mcp_e2e::{Cluster, Namespace, wait};
use serde_json::json;

/// A second.
const RATE: u32 = 60;
/// What the promise speaks of: so many calls, and so many a second at least.
const CALLS: usize = 10_000;
const REACHED: f64 = 50.0;

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_rotations_and_switches_lose_none_of_ten_thousand_calls() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "soak").await?;
    let reviews = Reviews::start(&namespace, RATE).await?;
    let changes = async {
        let rotations = async {
            for _ in 0..5 {
                for _ in 0..4 {
                    cluster.rotate("leaf").await?;
                }
                cluster.rotate("ca").await?;
            }
            anyhow::Ok(())
        };
        let rollouts = async {
            for _ in 0..3 {
                cluster.roll_webhook().await?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(rotations, rollouts)?;
        let theirs = cluster.set_up_tls("cert-manager");
        then_always(theirs, cluster.set_up_tls("self-signed")).await
    };
    let changed = changes.await;
    let asked = reviews.await_calls(CALLS).await;
    let tally = reviews.end().await?;
    // The switches roll the webhook too.
    println!("{}", tally.figures("rollouts=5 leaf=20 ca=5 switches=2"));
    changed?;
    asked?;
    assert_eq!(tally.lost, []);
    let rate = tally.per_second();
    assert!(rate >= REACHED, "{rate} calls a second");
    assert_eq!(cluster.webhook_restarts().await?, 0);
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_drain_rollouts_lose_calls() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "undrained").await?;
    let rollouts = async {
        cluster
            .change_webhook(args(&["--shutdown-delay=0"]))
            .await?;
        let reviews = Reviews::start(&namespace, RATE).await?;
        for _ in 0..3 {
            cluster.roll_webhook().await?;
        }
        reviews.end().await
    };
    let tally = then_always(rollouts, cluster.change_webhook(args(&[]))).await?;
    fails(&tally, "control=no_drain rollouts=3");
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_and_its_leaf_written_at_once_lose_calls() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "at-once").await?;
    let written = async {
        let reviews = Reviews::start(&namespace, RATE).await?;
        for _ in 0..10 {
            write_at_once(&cluster).await?;
            cluster.serves_everywhere().await?;
        }
        reviews.end().await
    };
    // Nobody is to mend it meanwhile.
    let tally = cluster.without(OPERATOR, written).await?;
    fails(&tally, "control=at_once ca=10");
    // The operator finds a leaf under a CA that isn't its own, and replaces both in two phases.
    let secrets = cluster.platform::<Secret>();
    wait::until("a leaf under the operator's own CA", || async {
        let value = async |secret, key: &str| -> anyhow::Result<_> {
            let secret = secrets.get(secret).await?;
            Ok(secret.data.unwrap_or_default().get(key).cloned())
        };
        let own = value(names::CA_SECRET, "tls.crt").await?;
        Ok((value(names::WEBHOOK_TLS_SECRET, "ca.crt").await? == own).then_some(()))
    })
    .await?;
    cluster.serves_everywhere().await?;
    namespace.delete().await
}

fn fails(tally: &Tally, what: &str) {
    println!("{}", tally.figures(what));
    println!("the first: {:?}", tally.lost.first());
    assert!(
        !tally.lost.is_empty(),
        "it can't tell careful from careless"
    );
}

/// The webhook's Deployment with these arguments besides.
fn args(more: &[&str]) -> serde_json::Value {
    let args = [&["--log-format=json"], more].concat();
    json!({"spec": {"template": {"spec": {"containers": [{"name": "webhook", "args": args}]}}}})
}

/// A new CA into every caBundle and a leaf under it into the Secret, one right after the other.
async fn write_at_once(cluster: &Cluster) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let authority = issue_ca(now)?;
    let names = service_names(names::WEBHOOK_SERVICE, names::PLATFORM_NAMESPACE);
    let leaf = issue_leaf(&authority, &names, now)?;
    bundles(cluster, &authority.certificate).await?;
    let Issued { certificate, key } = leaf;
    let data = json!({"stringData": {
        "tls.crt": certificate, "tls.key": key, "ca.crt": authority.certificate,
    }});
    let (secrets, merge) = (cluster.platform::<Secret>(), PatchParams::default());
    secrets
        .patch(names::WEBHOOK_TLS_SECRET, &merge, &Patch::Merge(&data))
        .await?;
    Ok(())
}

async fn bundles(cluster: &Cluster, authority: &str) -> anyhow::Result<()> {
    let bundle = k8s_openapi::ByteString(authority.as_bytes().to_vec());
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let mut found = mutating.get(names::WEBHOOK_CONFIGURATION).await?;
    for webhook in found.webhooks.iter_mut().flatten() {
        webhook.client_config.ca_bundle = Some(bundle.clone());
    }
    let replace = kube::api::PostParams::default();
    mutating
        .replace(names::WEBHOOK_CONFIGURATION, &replace, &found)
        .await?;
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let mut found = validating.get(names::WEBHOOK_CONFIGURATION).await?;
    for webhook in found.webhooks.iter_mut().flatten() {
        webhook.client_config.ca_bundle = Some(bundle.clone());
    }
    validating
        .replace(names::WEBHOOK_CONFIGURATION, &replace, &found)
        .await?;
    Ok(())
}
