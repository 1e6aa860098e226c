//! The pods of governed servers, as much of them as matters here.

use std::net::IpAddr;

use crds::names;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use crate::index::{Cached, ObjectId};
use crate::key::ServerKey;

/// One pod with label `mcpruntime.org/server`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodView {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) version: u64,
    /// The label's value.
    pub(crate) server: String,
    /// It asks for a proxy; admission sees to it that it has one.
    pub(crate) governed: bool,
    pub(crate) ip: Option<IpAddr>,
    /// It carries the label that only pods of our own Deployments have.
    pub(crate) ours: bool,
    /// It hasn't come to its end and isn't being deleted.
    pub(crate) lives: bool,
    /// Which of the server's Deployments it belongs to; `None` for other people's pods.
    pub(crate) track: Option<String>,
    /// What was injected, as the injector noted it.
    pub(crate) injected: Option<String>,
    /// Its proxy's image.
    pub(crate) proxy_image: Option<String>,
    /// Its condition Ready is true and it isn't being deleted: it is, or may be, an endpoint.
    pub(crate) ready: bool,
    /// The last touch.
    pub(crate) touch: Option<String>,
}

impl PodView {
    pub(crate) fn new(pod: &Pod) -> Self {
        let label = |key: &str| pod.labels().get(key).cloned();
        let status = pod.status.as_ref();
        let conditions = status
            .and_then(|status| status.conditions.as_deref())
            .unwrap_or_default();
        let ready = conditions
            .iter()
            .any(|c| c.type_ == "Ready" && c.status == "True");
        let phase = status.and_then(|status| status.phase.as_deref());
        let stays = pod.metadata.deletion_timestamp.is_none();
        let note = |key: &str| pod.annotations().get(key).cloned();
        Self {
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            version: version(pod.resource_version()),
            server: label(names::LABEL_SERVER).unwrap_or_default(),
            governed: label(names::LABEL_GATEWAY).as_deref() == Some(names::GATEWAY_REQUIRED),
            ours: label(names::LABEL_TRACK).is_some(),
            lives: stays && !matches!(phase, Some("Succeeded" | "Failed")),
            ip: status.and_then(|status| status.pod_ip.as_deref()?.parse().ok()),
            track: label(names::LABEL_TRACK),
            injected: note(names::ANNOTATION_INJECTED),
            proxy_image: proxy_image(pod),
            // A kubelet doesn't sync the volumes of a pod that ends, and no Service names it.
            ready: ready && stays,
            touch: note(names::ANNOTATION_POLICY_TOUCH),
        }
    }
}

/// The pods of a workload that isn't ours: how many there are, and how many are ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Theirs {
    pub(crate) total: usize,
    pub(crate) ready: usize,
}

impl Theirs {
    /// Counts among all pods that carry the server's label.
    pub(crate) fn among<'a>(pods: impl IntoIterator<Item = &'a PodView>) -> Self {
        let theirs = pods
            .into_iter()
            .filter(|pod| pod.governed && !pod.ours && pod.lives);
        theirs.fold(Self::default(), |count, pod| Self {
            total: count.total + 1,
            ready: count.ready + usize::from(pod.ready),
        })
    }

    /// There are some, and all of them serve.
    pub(crate) fn all_ready(self) -> bool {
        self.total > 0 && self.ready == self.total
    }
}

fn proxy_image(pod: &Pod) -> Option<String> {
    let containers = pod.spec.as_ref()?.init_containers.as_ref()?;
    let proxy = containers
        .iter()
        .find(|container| container.name == names::PROXY_CONTAINER)?;
    proxy.image.clone()
}

/// A resource version as a number; 0 for what no API server has seen.
///
/// They are comparable numbers for every object of one type (KEP-5504).
pub(crate) fn version(text: Option<String>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl Cached for PodView {
    fn id(&self) -> ObjectId {
        ObjectId {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn server(&self) -> Option<ServerKey> {
        (!self.server.is_empty()).then(|| ServerKey::new(&*self.namespace, &*self.server))
    }

    fn means_the_same(&self, older: &Self) -> bool {
        let apart_from_the_touch = |pod: &Self| Self {
            version: 0,
            touch: None,
            ..pod.clone()
        };
        apart_from_the_touch(self) == apart_from_the_touch(older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(text: &str) -> PodView {
        PodView::new(&serde_saphyr::from_str::<Pod>(text).unwrap())
    }

    const READY: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: d
  uid: u
  resourceVersion: "7"
  labels: { mcpruntime.org/server: s, mcpruntime.org/gateway: required, mcpruntime.org/rollout-track: stable }
  annotations: { mcpruntime.org/policy-touch: 0123456789ab.1, mcpruntime.org/injected: 0.1.0@a-b }
spec:
  initContainers: [{ name: mcp-proxy, image: "mcp-runtime:v1" }]
  containers: []
status:
  podIP: 10.0.0.7
  conditions: [{ type: Ready, status: "True" }]
"#;

    #[test]
    fn a_ready_pod_is_seen_with_what_matters() {
        let expected = PodView {
            namespace: "d".into(),
            name: "p".into(),
            uid: "u".into(),
            version: 7,
            server: "s".into(),
            governed: true,
            ours: true,
            lives: true,
            ip: Some("10.0.0.7".parse().unwrap()),
            track: Some("stable".into()),
            injected: Some("0.1.0@a-b".into()),
            proxy_image: Some("mcp-runtime:v1".into()),
            ready: true,
            touch: Some("0123456789ab.1".into()),
        };
        assert_eq!(pod(READY), expected);
    }

    #[test]
    fn a_pod_that_is_being_deleted_is_not_ready() {
        let ending = READY.replace(
            "  uid: u\n",
            "  uid: u\n  deletionTimestamp: 2026-01-01T00:00:00Z\n",
        );
        assert!(!pod(&ending).ready);
    }

    #[test]
    fn pods_of_a_workload_that_isnt_ours_count_while_they_live() {
        let theirs = READY.replace(", mcpruntime.org/rollout-track: stable", "");
        let unready = theirs.replace("\"True\"", "\"False\"");
        let ended = theirs.replace("  podIP", "  phase: Succeeded\n  podIP");
        let not_governed = theirs.replace(", mcpruntime.org/gateway: required", "");
        let pods = [&theirs, &unready, &ended, READY, &not_governed].map(pod);
        let theirs = Theirs::among(&pods);
        assert_eq!(theirs, Theirs { total: 2, ready: 1 });
        assert!(!theirs.all_ready());
        assert!(Theirs::among(&pods[..1]).all_ready());
        assert!(!Theirs::default().all_ready());
    }

    #[test]
    fn a_pod_that_has_come_to_its_end_doesnt_live() {
        for phase in ["Succeeded", "Failed"] {
            let ended = READY.replace("  podIP", &format!("  phase: {phase}\n  podIP"));
            assert!(!pod(&ended).lives, "{phase}");
        }
    }

    #[test]
    fn our_own_touch_concerns_nobody() {
        let touched = READY
            .replace("0123456789ab.1", "0123456789ab.2")
            .replace("\"7\"", "\"8\"");
        assert!(pod(&touched).means_the_same(&pod(READY)));
        let unready = READY.replace("\"True\"", "\"False\"");
        assert!(!pod(&unready).means_the_same(&pod(READY)));
    }
}
