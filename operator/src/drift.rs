//! Proxies of another version or of other settings than would be injected now: how many there
//! are, and what becomes of them. Pure.

use std::sync::Arc;

use crds::server::ProxyCounts;
use crds::words::{ProxyUpgrade, Workload};
use crds::{InjectionInputs, Server, Settings, names};
use k8s_openapi::api::apps::v1::Deployment;

use crate::apply::same_template;
use crate::caches::Owned;
use crate::pods::PodView;
use crate::roll_again::Again;

/// What a server's proxies are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// `version@inputs`.
    pub(crate) injected: String,
    pub(crate) inputs: InjectionInputs,
}

impl Wanted {
    pub(crate) fn of(server: &Server, settings: &Settings) -> Self {
        Self {
            injected: crds::injected(server, settings),
            inputs: crds::injection_inputs(server, settings),
        }
    }
}

/// How a server's proxies stand, and what is said of those that are outdated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    pub(crate) current: usize,
    pub(crate) outdated: usize,
    pub(crate) outlook: Option<Outlook>,
}

/// What becomes of outdated proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// A rollout replaces them.
    Rolling,
    /// A rollout replaces them once every replica of the webhook injects the new one.
    Webhook(String),
    /// They were replaced again and again, and differ still.
    GivenUp,
    /// The server's author wants no rollout for them alone.
    NextRollout,
    /// The pods are somebody else's.
    Theirs,
    /// Nothing is written for a paused server.
    Paused,
}

impl std::fmt::Display for Outlook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rolling => f.write_str("a rollout replaces them"),
            Self::Webhook(why) => write!(f, "a rollout replaces them when the webhook does: {why}"),
            Self::GivenUp => f.write_str(
                "replacing them changed nothing: does something else write their annotation mcpruntime.org/injected?",
            ),
            Self::NextRollout => f.write_str("the next rollout replaces them (proxyUpgrade manual)"),
            Self::Theirs => f.write_str("the next rollout of their workload replaces them"),
            Self::Paused => f.write_str("they stay while the server is paused"),
        }
    }
}

impl Drift {
    /// Compares pods, of which those that end or have ended are left out before.
    pub(crate) fn among(pods: &[Arc<PodView>], wanted: &Wanted) -> Self {
        let outdated = pods.iter().filter(|pod| is_outdated(pod, wanted)).count();
        Self {
            current: pods.len().saturating_sub(outdated),
            outdated,
            outlook: None,
        }
    }

    pub(crate) fn counts(&self) -> ProxyCounts {
        let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
        ProxyCounts {
            current: count(self.current),
            outdated: count(self.outdated),
        }
    }
}

/// Whether a pod's proxy isn't the one that would be injected now.
pub(crate) fn is_outdated(pod: &PodView, wanted: &Wanted) -> bool {
    pod.injected.as_deref() != Some(&*wanted.injected)
}

/// What becomes of a server's outdated proxies. `webhook` says why not every replica of it
/// injects what is wanted; `again` is what is next for its Deployments.
pub(crate) fn outlook(server: &Server, webhook: Option<&str>, again: &Again) -> Outlook {
    match (server.workload, server.rollout.proxy_upgrade, webhook) {
        (Workload::External, ..) => Outlook::Theirs,
        _ if server.paused => Outlook::Paused,
        (_, ProxyUpgrade::Manual, _) => Outlook::NextRollout,
        (_, ProxyUpgrade::Auto, Some(why)) => Outlook::Webhook(why.to_owned()),
        _ if *again == Again::GivenUp => Outlook::GivenUp,
        _ => Outlook::Rolling,
    }
}

/// A Deployment as it is to be now: with the inputs of before, where taking the new ones would be
/// a rollout for the platform's sake alone and `wait` says that there is to be none.
///
/// A change of the server's own, or of anything else in the template, is a rollout anyway and
/// takes the new inputs with it.
pub(crate) fn hold(
    desired: Deployment,
    live: Option<&Owned<Deployment>>,
    inputs: &InjectionInputs,
    wait: bool,
) -> Deployment {
    let written = live.and_then(|live| written_inputs(&live.0));
    let (Some(live), Some(written)) = (live, written) else {
        return desired;
    };
    if !wait || !inputs.is_of_this_server(written) {
        return desired;
    }
    let mut held = desired.clone();
    let template = held.spec.as_mut().map(|spec| &mut spec.template);
    let metadata = template.map(|template| template.metadata.get_or_insert_default());
    if let Some(metadata) = metadata {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(names::ANNOTATION_INJECTION_INPUTS.into(), written.into());
    }
    if same_template(&held, live) {
        held
    } else {
        desired
    }
}

/// The inputs in a Deployment's template.
pub(crate) fn written_inputs(deployment: &Deployment) -> Option<&str> {
    let template = deployment.spec.as_ref()?.template.metadata.as_ref()?;
    let annotations = template.annotations.as_ref()?;
    let inputs = annotations.get(names::ANNOTATION_INJECTION_INPUTS)?;
    Some(inputs)
}

#[cfg(test)]
mod tests;
