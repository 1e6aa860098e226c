//! Brings the platform's proxy to a server's pods: what [`drift`](crate::drift) and
//! [`roll_again`](crate::roll_again) decide is done here.

use std::time::Duration;

use crds::Server;
use crds::words::{ProxyUpgrade, Workload};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::apply::{Applied, Part};
use crate::build::Desired;
use crate::chain::Chain;
use crate::context::Context;
use crate::drift::{self, Drift, Wanted, outlook};
use crate::fetch::Around;
use crate::render::Now;
use crate::roll_again::{ANNOTATION_ROLLED_AGAIN, Again, roll_again};

/// How a server's proxies stand.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) drift: Drift,
    /// When to look again.
    pub(crate) again: Option<Duration>,
}

/// Keeps the new inputs out of the Deployments' templates while they are to wait: where the
/// author says so, where the webhook would inject others yet, and where no pod is outdated.
pub(crate) fn hold(
    cx: &Context,
    around: &Around,
    server: &Server,
    wanted: &Wanted,
    desired: &mut Desired,
) {
    let manual = server.rollout.proxy_upgrade == ProxyUpgrade::Manual;
    let wait = manual
        || cx.injectors.disagree().is_some()
        || Drift::among(&around.living, wanted).outdated == 0;
    let hold = |desired: Option<Deployment>, live: Option<&_>| {
        desired.map(|desired| drift::hold(desired, live, &wanted.inputs, wait))
    };
    desired.deployment = hold(desired.deployment.take(), around.deployment.as_deref());
    desired.canary = hold(desired.canary.take(), around.canary.as_deref());
}

/// Counts the outdated proxies, and rolls a Deployment again whose rollout left some.
pub(crate) async fn go_on(
    cx: &Context,
    around: &Around,
    server: &Server,
    wanted: &Wanted,
    applied: &Applied,
    now: Now,
) -> Proxies {
    if server.gateway.is_none() {
        cx.proxies_are(&around.key(), &Drift::default());
        return Proxies::default();
    }
    let mut drift = Drift::among(&around.living, wanted);
    cx.proxies_are(&around.key(), &drift);
    let webhook = cx.injectors.disagree();
    let auto = server.workload == Workload::Managed
        && server.rollout.proxy_upgrade == ProxyUpgrade::Auto
        && !server.paused
        && webhook.is_none();
    let mut next = Again::No;
    for part in [&applied.deployment, &applied.canary] {
        if let Some(live) = live(part).filter(|_| auto) {
            let again = roll_again(live, &around.living, wanted, now.wall);
            if let Again::Now(note) = &again {
                roll(cx, live, note).await;
            }
            next = next.max(again);
        }
    }
    if drift.outdated > 0 {
        drift.outlook = Some(outlook(server, webhook.as_deref(), &next));
    }
    let again = match next {
        Again::Later(left) => Some(left),
        Again::No | Again::Now(_) | Again::GivenUp => None,
    };
    Proxies { drift, again }
}

async fn roll(cx: &Context, live: &Deployment, note: &str) {
    let (namespace, name) = (live.namespace().unwrap_or_default(), live.name_any());
    let api: Api<Deployment> = Api::namespaced(cx.writes.client().clone(), &namespace);
    let patch = json!({
        "spec": { "template": { "metadata": { "annotations": { ANNOTATION_ROLLED_AGAIN: note } } } },
    });
    match cx.writes.merge(&api, &name, &patch).await {
        Ok(()) => tracing::info!(%namespace, %name, "its pods get the proxy of now"),
        Err(error) => tracing::warn!(error = %Chain(&error), "rolling again"),
    }
}

fn live(part: &Part<Deployment>) -> Option<&Deployment> {
    let live = part.as_ref()?.as_ref().ok()?;
    Some(&live.0)
}
