//! What is known around one server, from the watches alone.

use std::sync::Arc;

use crds::{MCPAccessGrant, MCPAgentSession, Settings, names, route_owner};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};

use crate::apply::Applied;
use crate::build::canary_name;
use crate::caches::{Owned, SeenServer};
use crate::context::Context;
use crate::key::ServerKey;
use crate::pods::{PodView, Theirs};

/// A server and what concerns it.
#[derive(Debug)]
pub(crate) struct Around {
    pub(crate) server: Arc<SeenServer>,
    /// Servers that may want the same route, itself included.
    pub(crate) contenders: Vec<Arc<SeenServer>>,
    /// Those that name the server, wherever they are.
    pub(crate) grants: Vec<Arc<MCPAccessGrant>>,
    pub(crate) sessions: Vec<Arc<MCPAgentSession>>,
    /// The ready ones.
    pub(crate) pods: Vec<Arc<PodView>>,
    /// Those that no Deployment of ours made.
    pub(crate) theirs: Theirs,
    /// The governed ones that are to stay, ready or not.
    pub(crate) living: Vec<Arc<PodView>>,
    pub(crate) policy: Option<Arc<Owned<ConfigMap>>>,
    pub(crate) network_policy: Option<Arc<Owned<NetworkPolicy>>>,
    pub(crate) deployment: Option<Arc<Owned<Deployment>>>,
    pub(crate) canary: Option<Arc<Owned<Deployment>>>,
    pub(crate) service: Option<Arc<Owned<Service>>>,
    pub(crate) ingress: Option<Arc<Owned<Ingress>>>,
}

impl Around {
    /// The server's.
    pub(crate) fn key(&self) -> ServerKey {
        let meta = &self.server.object.metadata;
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        ServerKey::new(text(&meta.namespace), text(&meta.name))
    }

    /// The objects as they are, without an apply.
    pub(crate) fn as_applied(&self) -> Applied {
        Applied {
            network_policy: self.network_policy.clone().map(Ok),
            deployment: self.deployment.clone().map(Ok),
            canary: self.canary.clone().map(Ok),
            service: self.service.clone().map(Ok),
            ingress: self.ingress.clone().map(Ok),
            remains: Vec::new(),
        }
    }

    /// Why the server has no route of its own, where an older one has it.
    pub(crate) fn route_taken(&self, settings: &Settings) -> Option<String> {
        let route = &self.server.route;
        let all = self.contenders.iter().map(|contender| &contender.route);
        route_owner(route, all, settings).map(|owner| route.told(owner))
    }

    /// The document that is live.
    pub(crate) fn policy_text(&self) -> Option<&str> {
        let data = self.policy.as_ref()?.0.data.as_ref()?;
        data.get(names::POLICY_KEY).map(String::as_str)
    }
}

/// `None` when there is no such server, or it is being deleted.
pub(crate) fn fetch(cx: &Context, key: &ServerKey) -> Option<Around> {
    let (caches, ServerKey { namespace, name }) = (&cx.caches, key);
    let server = caches.servers.get(namespace, name)?;
    if server.object.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let mut pods = caches.pods.of(key);
    let theirs = Theirs::among(pods.iter().map(|pod| &**pod));
    let mut living = pods.clone();
    living.retain(|pod| pod.lives && pod.governed);
    pods.retain(|pod| pod.ready && pod.governed);
    Some(Around {
        contenders: caches.servers.contenders(&server),
        server,
        grants: caches.grants.of(key),
        sessions: caches.sessions.of(key),
        pods,
        theirs,
        living,
        policy: caches
            .config_maps
            .get(namespace, &names::policy_config_map(name)),
        network_policy: caches.network_policies.get(namespace, name),
        deployment: caches.deployments.get(namespace, name),
        canary: caches.deployments.get(namespace, &canary_name(name)),
        service: caches.services.get(namespace, name),
        ingress: caches.ingresses.get(namespace, name),
    })
}
