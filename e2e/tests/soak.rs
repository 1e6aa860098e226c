//! The same promises for longer and with more: what takes minutes, run by `make soak`, one at a
//! time, because the platform is stopped and disturbed.

mod admission;

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use mcp_e2e::platform::WEBHOOK;
use mcp_e2e::{Cluster, Namespace, judge, server, wait};

use crate::chaos::{Disturbance, Plan};
use crate::{chaos, drain, sample};

/// How long the webhook is away.
const OUTAGE: Duration = Duration::from_secs(120);
/// How long pods may take once it is back.
const RECOVERY: Duration = Duration::from_secs(30);
const SERVERS: [&str; 3] = ["hail", "rain", "snow"];
const REPLICAS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pods_while_the_webhook_is_disturbed() -> anyhow::Result<()> {
    chaos::run(&Plan {
        word: "soak",
        waves: &[
            Disturbance::Away,
            Disturbance::Kill,
            Disturbance::Restart,
            Disturbance::RotateLeaf,
            Disturbance::RotateAuthority,
        ],
        servers: 8,
        replicas: 5,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_minutes_without_the_webhook_all_pods_run_within_half_a_minute()
-> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "recovery").await?;
    for name in SERVERS {
        namespace
            .create_all(&server::server(name, REPLICAS))
            .await?;
    }
    for name in SERVERS {
        namespace.await_pods(name, REPLICAS as usize).await?;
    }
    let image = cluster.proxy_image().await?;
    let begun = Instant::now();
    cluster.without(WEBHOOK, outage(&namespace, begun)).await?;
    let (away, back) = (begun.elapsed(), Instant::now());
    let wanted = SERVERS.len() * REPLICAS as usize;
    let recovered = wait::until("every pod to be ready", || async {
        let mut ready = 0;
        for name in SERVERS {
            ready += namespace.ready_pods(name).await?.len();
        }
        Ok((ready == wanted).then(|| back.elapsed()))
    })
    .await?;
    println!(
        "after {:.0} s without the webhook {wanted} pods were ready {:.1} s after its return",
        away.as_secs_f64(),
        recovered.as_secs_f64()
    );
    for pod in namespace.pods_as_json().await? {
        assert_eq!(judge::flaws(&pod, &image), Vec::<String>::new(), "{pod}");
    }
    assert!(recovered <= RECOVERY, "{recovered:?}");
    namespace.delete().await
}

/// Every pod goes, and none comes, for as long as the outage lasts.
async fn outage(namespace: &Namespace, begun: Instant) -> anyhow::Result<()> {
    let pods = namespace.api::<Pod>();
    let all = ListParams::default();
    pods.delete_collection(&DeleteParams::default().grace_period(1), &all)
        .await?;
    wait::until("every pod to be gone", || async {
        Ok(pods.list(&all).await?.items.is_empty().then_some(()))
    })
    .await?;
    let until = OUTAGE + Duration::from_secs(30);
    wait::until_within("the end of the outage", until, || async {
        let come = pods.list(&all).await?.items.len();
        assert_eq!(come, 0, "pods without the webhook");
        Ok((begun.elapsed() >= OUTAGE).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_pods_deleted_under_load_lose_no_call() -> anyhow::Result<()> {
    drain::loses_nothing(10).await
}

/// The test before would see a loss.
#[tokio::test(flavor = "multi_thread")]
async fn ten_pods_that_do_not_drain_lose_calls() -> anyhow::Result<()> {
    drain::loses_calls_without_a_drain(10).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_odd_pods_are_injected_alike_here_and_there() -> anyhow::Result<()> {
    sample::agree(1000).await
}
