//! The chaos of `soak`, with few pods.

use crate::chaos::{Disturbance, Plan, run};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_webhook_is_disturbed_no_pod_runs_without_its_proxy() -> anyhow::Result<()> {
    run(&Plan {
        word: "chaos",
        waves: &[
            Disturbance::Kill,
            Disturbance::Restart,
            Disturbance::RotateLeaf,
        ],
        servers: 2,
        replicas: 4,
    })
    .await
}
