//! The chaos of `soak`, with few pods.

use crate::chaos::{Disturbance, Plan, run};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_webhook_is_disturbed_no_pod_runs_without_its_proxy() -> anyhow::Result<()> {
    run(&Plan {
        word: "chaos",
        waves: &[
            // On a quick machine the others refuse nothing: replicas are back before a pod is asked about.
            Disturbance::Away,
            Disturbance::Kill,
            Disturbance::RotateLeaf,
        ],
        servers: 2,
        replicas: 4,
    })
    .await
}
