//! One part of a server each: what its live object says.

use crds::{IngressReadiness, Server, names};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{Ingress, IngressLoadBalancerIngress};

use super::Verdict;
use crate::drift::Drift;
use crate::pods::{PodView, Theirs};
use std::sync::Arc;

pub(super) fn deployment(live: &Deployment) -> Verdict {
    let status = live.status.clone().unwrap_or_default();
    let wanted = live
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let observed = status.observed_generation >= live.metadata.generation;
    let (updated, ready) = (
        status.updated_replicas.unwrap_or_default(),
        status.ready_replicas.unwrap_or_default(),
    );
    if observed && updated >= wanted && ready >= wanted {
        return Verdict::yes("Available", format!("{ready} of {wanted} pods are ready"));
    }
    let conditions = status.conditions.unwrap_or_default();
    if observed && let Some(trouble) = trouble(&conditions) {
        return trouble;
    }
    let current = if observed { ready.min(updated) } else { 0 };
    Verdict::no(
        "Progressing",
        format!("{current} of {wanted} pods are ready"),
    )
}

/// The pods of a workload that isn't ours, in the place of a Deployment. `kept`: the Deployment
/// from before still serves.
pub(super) fn external(pods: Theirs, kept: bool) -> Verdict {
    let Theirs { total, ready } = pods;
    let mut message = match total {
        0 => format!(
            "no pod has both labels, {} and {}",
            names::LABEL_SERVER,
            names::LABEL_GATEWAY
        ),
        _ => format!("{ready} of {total} labelled pods are ready"),
    };
    if pods.all_ready() {
        return Verdict::yes("External", message);
    }
    if kept {
        message.push_str("; the Deployment made before goes when they are");
    }
    Verdict::no(
        if total == 0 {
            "NoPods"
        } else {
            "WaitingForPods"
        },
        message,
    )
}

/// What the Deployment's controller complains of: pods that are refused, or don't come up.
fn trouble(conditions: &[DeploymentCondition]) -> Option<Verdict> {
    let find = |kind: &str, status: &str| {
        conditions
            .iter()
            .find(|c| c.type_ == kind && c.status == status)
    };
    let message = |c: &DeploymentCondition| c.message.clone().unwrap_or_default();
    if let Some(refused) = find("ReplicaFailure", "True") {
        return Some(Verdict::no("PodsRefused", message(refused)));
    }
    let late = find("Progressing", "False")?;
    Some(Verdict::no("ProgressDeadlineExceeded", message(late)))
}

pub(super) fn service(live: &Service) -> Verdict {
    let address = live
        .spec
        .as_ref()
        .and_then(|spec| spec.cluster_ip.as_deref());
    match address.filter(|address| !address.is_empty()) {
        Some(address) => Verdict::yes("AddressAssigned", format!("its address is {address}")),
        None => Verdict::no("NoAddress", "it has no cluster address yet"),
    }
}

pub(super) fn ingress(live: &Ingress, readiness: IngressReadiness) -> Verdict {
    let class = live
        .spec
        .as_ref()
        .and_then(|spec| spec.ingress_class_name.clone());
    let class = class.unwrap_or_default();
    let rules = live
        .spec
        .as_ref()
        .and_then(|spec| spec.rules.as_ref())
        .is_some_and(|r| !r.is_empty());
    if let Some(address) = addresses(live).find_map(address) {
        return Verdict::yes("AddressAssigned", format!("its address is {address}"));
    }
    match readiness {
        IngressReadiness::Permissive if rules => {
            Verdict::yes("RulesWritten", "it has rules; addresses aren't waited for")
        }
        IngressReadiness::Permissive | IngressReadiness::Strict => Verdict::no(
            "NoAddress",
            format!("no ingress controller of class {class} has given it an address yet"),
        ),
    }
}

fn addresses(live: &Ingress) -> impl Iterator<Item = &IngressLoadBalancerIngress> {
    let balancer = live
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref());
    balancer
        .and_then(|balancer| balancer.ingress.as_ref())
        .into_iter()
        .flatten()
}

fn address(entry: &IngressLoadBalancerIngress) -> Option<&str> {
    let named = entry.hostname.as_deref().or(entry.ip.as_deref());
    named.filter(|address| !address.is_empty())
}

/// Every pod that is wanted is ready, proxy included: a pod isn't ready before its sidecar is.
/// Those of another version than would be injected now count: they enforce the same policy.
pub(super) fn gateway(enough: usize, pods: &[Arc<PodView>], drift: &Drift) -> Verdict {
    let ready = pods.iter().filter(|pod| pod.governed).count();
    let mut message = format!("{ready} of {enough} gateways are ready");
    if let Some(outlook) = &drift.outlook {
        let all = drift.current + drift.outdated;
        message.push_str(&format!(
            "; {} of {all} are outdated: {outlook}",
            drift.outdated
        ));
    }
    match (ready >= enough, drift.outdated) {
        (true, 0) => Verdict::yes("ProxiesReady", message),
        (true, _) => Verdict::yes("ProxiesOutdated", message),
        (false, _) => Verdict::no("WaitingForPods", message),
    }
}

/// Where clients reach the server; `None` while neither a host nor an address is known.
pub(super) fn url(server: &Server, live: &Ingress) -> Option<String> {
    let annotations = live.metadata.annotations.as_ref();
    let tls = annotations
        .and_then(|all| all.get("traefik.ingress.kubernetes.io/router.tls"))
        .is_some_and(|value| value == "true");
    let host = match server.ingress.host.as_str() {
        "" => addresses(live).find_map(address)?,
        host => host,
    };
    let bracketed = host.contains(':').then(|| format!("[{host}]"));
    let host = bracketed.as_deref().unwrap_or(host);
    let scheme = if tls { "https" } else { "http" };
    Some(format!("{scheme}://{host}{}", server.ingress.path))
}
