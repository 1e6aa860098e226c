//! Gets pods made again after an outage of the webhook.
//!
//! A ReplicaSet whose pods are refused tries again ever more rarely, up to once in a quarter of
//! an hour. When the webhook is back, an annotation on the Deployment makes its controller, and
//! through it the ReplicaSet's, look again at once.

use std::time::Duration;

use crds::names;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, ResourceExt as _};

use crate::caches::{Caches, Owned};
use crate::chain::Chain;
use crate::writes::Writes;

/// A webhook that has just become ready may still refuse what its caches don't know.
const ATTEMPTS: u32 = 4;
/// Between two attempts.
const GAP: Duration = Duration::from_secs(5);

/// Works without end.
pub(crate) async fn nudge(writes: Writes, caches: std::sync::Arc<Caches>, namespace: String) {
    let api: Api<EndpointSlice> = Api::namespaced(writes.client().clone(), &namespace);
    let service = format!("kubernetes.io/service-name={}", names::WEBHOOK_SERVICE);
    let slices = watcher(api, Config::default().labels(&service))
        .default_backoff()
        .touched_objects();
    let mut slices = std::pin::pin!(slices);
    let (mut ready, mut attempts) = (false, 0);
    loop {
        tokio::select! {
            slice = slices.next() => match slice {
                Some(Ok(slice)) => {
                    let is_ready = serves(&slice);
                    if is_ready && !ready {
                        attempts = ATTEMPTS;
                    }
                    ready = is_ready;
                }
                Some(Err(error)) => tracing::warn!(error = %Chain(&error), "watch interrupted"),
                None => return,
            },
            () = tokio::time::sleep(GAP), if attempts > 0 => (),
        }
        if attempts > 0 {
            attempts -= 1;
            nudge_all(&writes, &caches).await;
        }
    }
}

async fn nudge_all(writes: &Writes, caches: &Caches) {
    for stuck in caches
        .deployments
        .all()
        .iter()
        .filter(|live| is_stuck(live))
    {
        let namespace = stuck.0.namespace().unwrap_or_default();
        let name = stuck.0.name_any();
        let now = Timestamp::now().to_string();
        let annotation = (names::ANNOTATION_RETRIED, now.as_str());
        match writes
            .annotate::<Deployment>(&namespace, &name, annotation)
            .await
        {
            Ok(()) => tracing::info!(%namespace, %name, "its pods are tried again"),
            Err(error) => tracing::warn!(error = %Chain(&error), "nudging"),
        }
    }
}

/// Some endpoint of the slice takes requests.
fn serves(slice: &EndpointSlice) -> bool {
    let ready = |conditions: &k8s_openapi::api::discovery::v1::EndpointConditions| {
        conditions.ready.unwrap_or(true)
    };
    slice
        .endpoints
        .iter()
        .any(|endpoint| endpoint.conditions.as_ref().is_none_or(ready))
}

/// It belongs to a server, and its pods are refused.
fn is_stuck(live: &Owned<Deployment>) -> bool {
    let conditions = live
        .0
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref());
    let refused = |c: &k8s_openapi::api::apps::v1::DeploymentCondition| {
        c.type_ == "ReplicaFailure" && c.status == "True"
    };
    live.controller().is_some() && conditions.unwrap_or_default().iter().any(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "
metadata: { name: s, ownerReferences: [{ apiVersion: mcpruntime.org/v1alpha1, kind: MCPServer, name: s, uid: u, controller: true }] }
status: { conditions: [{ type: ReplicaFailure, status: \"True\" }] }
";

    fn stuck(text: &str) -> bool {
        is_stuck(&Owned(serde_saphyr::from_str(text).unwrap()))
    }

    #[test]
    fn only_a_servers_deployment_whose_pods_are_refused_is_nudged() {
        assert!(stuck(DEPLOYMENT));
        assert!(!stuck(
            &DEPLOYMENT.replace("controller: true", "controller: false")
        ));
        assert!(!stuck(&DEPLOYMENT.replace("\"True\"", "\"False\"")));
    }

    #[test]
    fn a_slice_serves_with_its_first_ready_endpoint() {
        let slice = |ready: &str| {
            let text = format!(
                "addressType: IPv4\nendpoints: [{{ addresses: [a], conditions: {{ ready: {ready} }} }}]\n"
            );
            serves(&serde_saphyr::from_str(&text).unwrap())
        };
        assert!(slice("true"));
        assert!(!slice("false"));
        assert!(!serves(
            &serde_saphyr::from_str("addressType: IPv4\nendpoints: []\n").unwrap()
        ));
    }
}
