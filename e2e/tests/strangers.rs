//! Pods that the platform has nothing to do with, created all the time.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use mcp_e2e::beside::Beside;
use mcp_e2e::objects::parse;
use mcp_e2e::{Namespace, server};
use serde_json::json;
use tokio::sync::oneshot;

/// Between two.
const EVERY: Duration = Duration::from_millis(100);

/// What came of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) created: usize,
    pub(crate) refused: Vec<String>,
}

/// Creates unlabelled pods until told to end.
pub(crate) fn start(namespace: &Namespace) -> Beside<Tally> {
    Beside::start(|stopped| create(namespace.clone(), stopped))
}

async fn create(namespace: Namespace, mut stopped: oneshot::Receiver<()>) -> anyhow::Result<Tally> {
    let pods = namespace.api::<Pod>();
    let mut pod = serde_json::to_value(&parse(&server::pod("stranger", "{app: plain}"))?[0])?;
    pod["metadata"]["name"] = json!(null);
    pod["metadata"]["generateName"] = json!("stranger-");
    // Creating them is the question; running them would only take time from the others.
    pod["spec"]["schedulerName"] = json!("nobody");
    let pod: Pod = serde_json::from_value(pod)?;
    let mut ticks = tokio::time::interval(EVERY);
    let mut tally = Tally::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = &mut stopped => return Ok(tally),
        }
        match pods.create(&PostParams::default(), &pod).await {
            Ok(created) => {
                tally.created += 1;
                let name = created.metadata.name.unwrap_or_default();
                let at_once = DeleteParams::default().grace_period(0);
                pods.delete(&name, &at_once).await?;
            }
            Err(error) => tally.refused.push(error.to_string()),
        }
    }
}
