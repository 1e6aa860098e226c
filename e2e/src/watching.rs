//! Every version of every pod of a namespace, from a moment on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::core::ApiResource;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{Namespace, judge, server, wait};

/// A pod that is created when enough was seen: what was there before it comes before it.
const LAST: &str = "last-of-the-watch";

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many versions of pods.
    pub versions: usize,
    /// Uids of the governed pods.
    pub pods: BTreeSet<String>,
    /// Uids of those that ran.
    pub ran: BTreeSet<String>,
    /// What was wrong with a pod that ran, by name.
    pub flaws: BTreeMap<String, Vec<String>>,
}

impl Seen {
    fn note(&mut self, pod: &Value, image: &str) {
        self.versions += 1;
        if pod["metadata"]["labels"][crds::names::LABEL_GATEWAY].is_null() {
            return;
        }
        let uid = pod["metadata"]["uid"].to_string();
        if judge::runs(pod) {
            let flaws = judge::flaws(pod, image);
            if !flaws.is_empty() {
                self.flaws
                    .insert(pod["metadata"]["name"].to_string(), flaws);
            }
            self.ran.insert(uid.clone());
        }
        self.pods.insert(uid);
    }
}

/// A watch that goes on beside a test.
pub struct Watching {
    namespace: Namespace,
    task: JoinHandle<anyhow::Result<Seen>>,
}

impl Watching {
    /// Judges every version of the namespace's pods from now on; `image` is the proxy's.
    pub async fn start(namespace: &Namespace, image: &str) -> anyhow::Result<Self> {
        let pods: Api<DynamicObject> = Api::namespaced_with(
            namespace.cluster.client.clone(),
            &namespace.name,
            &ApiResource::erase::<Pod>(&()),
        );
        let list = pods.list(&ListParams::default()).await?;
        let from = list.metadata.resource_version.unwrap_or_default();
        let task = tokio::spawn(follow(pods, from, image.to_owned()));
        Ok(Self {
            namespace: namespace.clone(),
            task,
        })
    }

    /// What was seen until now, to the last version.
    ///
    /// # Errors
    /// When versions were missed: the proof would have a hole.
    pub async fn end(self) -> anyhow::Result<Seen> {
        // Nobody schedules it, so that it takes no time from the others.
        let last = server::pod(LAST, "{app: last}");
        let last = last.replacen("spec:\n", "spec:\n  schedulerName: nobody\n", 1);
        self.namespace.create_all(&last).await?;
        tokio::time::timeout(wait::DEADLINE, self.task)
            .await
            .with_context(|| format!("the watch never saw pod {LAST}"))?
            .context("the watch panicked")?
    }
}

/// Until [`LAST`] is seen.
async fn follow(pods: Api<DynamicObject>, mut from: String, image: String) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    loop {
        let events = pods.watch(&WatchParams::default(), &from).await?;
        let mut events = std::pin::pin!(events);
        loop {
            match events.next().await {
                Some(Ok(
                    WatchEvent::Added(pod) | WatchEvent::Modified(pod) | WatchEvent::Deleted(pod),
                )) => {
                    if pod.metadata.name.as_deref() == Some(LAST) {
                        return Ok(seen);
                    }
                    from = pod.metadata.resource_version.clone().unwrap_or_default();
                    seen.note(&serde_json::to_value(pod)?, &image);
                }
                Some(Ok(WatchEvent::Bookmark(mark))) => from = mark.metadata.resource_version,
                Some(Ok(WatchEvent::Error(status))) => {
                    bail!("the watch missed versions: {}", status.message)
                }
                // It ends now and then, and goes on from the last version seen.
                Some(Err(_)) | None => break,
            }
        }
    }
}
