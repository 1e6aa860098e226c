//! Pods of a server, and what their proxies say.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{ListParams, LogParams};
use serde_json::Value;

use crate::{Namespace, wait};

/// A ready pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadyPod {
    /// Its name.
    pub name: String,
    /// Its address, reachable from this host.
    pub ip: String,
}

impl Namespace {
    /// The ready pods of a server that aren't going away.
    pub async fn ready_pods(&self, server: &str) -> anyhow::Result<Vec<ReadyPod>> {
        self.ready(format!("{}={server}", crds::names::LABEL_APP))
            .await
    }

    /// The same, whoever runs them: by the labels that put them behind the server.
    pub async fn governed_pods(&self, server: &str) -> anyhow::Result<Vec<ReadyPod>> {
        self.ready(format!(
            "{}={server},{}={}",
            crds::names::LABEL_SERVER,
            crds::names::LABEL_GATEWAY,
            crds::names::GATEWAY_REQUIRED
        ))
        .await
    }

    /// Waits for `count` of [`Namespace::governed_pods`].
    pub async fn await_governed_pods(
        &self,
        server: &str,
        count: usize,
    ) -> anyhow::Result<Vec<ReadyPod>> {
        wait::until_is(
            &format!("{count} governed pods of {server}"),
            || self.governed_pods(server),
            |pods| pods.len() == count,
        )
        .await
    }

    async fn ready(&self, labels: String) -> anyhow::Result<Vec<ReadyPod>> {
        let pods = self
            .api::<Pod>()
            .list(&ListParams::default().labels(&labels))
            .await?;
        let mut ready: Vec<_> = pods.items.iter().filter_map(ready_pod).collect();
        ready.sort();
        Ok(ready)
    }

    /// Waits for `count` ready pods of a server.
    pub async fn await_pods(&self, server: &str, count: usize) -> anyhow::Result<Vec<ReadyPod>> {
        wait::until_is(
            &format!("{count} ready pods of {server}"),
            || self.ready_pods(server),
            |pods| pods.len() == count,
        )
        .await
    }

    /// Every pod of the namespace, as JSON.
    pub async fn pods_as_json(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.api::<Pod>().list(&ListParams::default()).await?;
        let pods = list.items.into_iter().map(serde_json::to_value);
        Ok(pods.collect::<Result<_, _>>()?)
    }

    /// The audit events a pod's proxy wrote so far.
    pub async fn audit_events(&self, pod: &str) -> anyhow::Result<Vec<Value>> {
        let params = LogParams {
            container: Some(crds::names::PROXY_CONTAINER.into()),
            ..LogParams::default()
        };
        let text = self.api::<Pod>().logs(pod, &params).await?;
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event.get("event_id").is_some())
            .collect())
    }
}

fn ready_pod(pod: &Pod) -> Option<ReadyPod> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let status = pod.status.as_ref()?;
    let ready = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    if !ready {
        return None;
    }
    Some(ReadyPod {
        name: pod.name_any(),
        ip: status.pod_ip.clone()?,
    })
}
