//! Pods that the platform has nothing to do with, created all the time.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use mcp_e2e::objects::parse;
use mcp_e2e::{Namespace, server};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Between two.
const EVERY: Duration = Duration::from_millis(100);

/// What came of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) created: usize,
    pub(crate) refused: Vec<String>,
}

/// A stream of them beside a test.
pub(crate) struct Strangers {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<Tally>>,
}

impl Strangers {
    /// Creates unlabelled pods until told to end.
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(create(namespace.clone(), stopped));
        Self { stop, task }
    }

    pub(crate) async fn end(self) -> anyhow::Result<Tally> {
        // Its receiver is gone where the stream failed, and that is told below.
        let _ = self.stop.send(());
        self.task.await.context("the stream panicked")?
    }
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
