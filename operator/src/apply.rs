//! Makes the cluster have what [`build`](crate::build) wants: server-side apply of whole objects,
//! and nothing written where nothing would change.

mod compare;
mod quantity;

use std::fmt::Debug;
use std::sync::Arc;

use crds::{Server, words::Workload};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::about::About;
use crate::build::{Desired, RouteTaken, WORKLOAD_ACCOUNT, canary_name};
use crate::caches::Owned;
use crate::context::Context;
use crate::index::Index;
use crate::pods::Theirs;
use crate::writes::WriteError;

/// An object that isn't as it is to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The name is someone else's.
    #[error("{0} exists and isn't this server's")]
    NameTaken(Box<About>),
    /// A server of this name was deleted, its objects are still going.
    #[error("{0} of the previous server of this name is still being deleted")]
    Predecessor(Box<About>),
    /// Looking whether it exists failed.
    #[error("reading {about}")]
    Read {
        about: Box<About>,
        #[source]
        source: kube::Error,
    },
    /// It can't be compared.
    #[error("comparing {about}")]
    Compare {
        about: Box<About>,
        #[source]
        source: serde_json::Error,
    },
    /// Another server has its route.
    #[error("{0}")]
    RouteTaken(String),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// One object after its apply; `None` where there is to be none.
pub(crate) type Part<K> = Option<Result<Arc<Owned<K>>, ApplyError>>;

/// Everything but the policy, which goes before.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) network_policy: Part<NetworkPolicy>,
    pub(crate) deployment: Part<Deployment>,
    pub(crate) canary: Part<Deployment>,
    pub(crate) service: Part<Service>,
    pub(crate) ingress: Part<Ingress>,
    /// What is to be no more and couldn't be deleted.
    pub(crate) remains: Vec<WriteError>,
}

/// The policy alone, and first: pods wait for it, and revocations don't wait for the rest.
pub(crate) async fn apply_policy(cx: &Context, desired: &Desired) -> Part<ConfigMap> {
    let wanted = desired.policy.as_ref()?;
    Some(converge(cx, &cx.caches.config_maps, wanted).await)
}

/// The rest, borders before what they are around, then what is to be no more.
pub(crate) async fn apply(
    cx: &Context,
    server: &Server,
    desired: &Desired,
    theirs: Theirs,
) -> Applied {
    let network_policy = wanted(
        cx,
        &cx.caches.network_policies,
        desired.network_policy.as_ref(),
    )
    .await;
    let account = match &desired.service_account {
        Some(account) => converge_shared(cx, &cx.caches.accounts, account).await,
        None => Ok(()),
    };
    let (deployment, canary, service, ingress) = tokio::join!(
        wanted(cx, &cx.caches.deployments, desired.deployment.as_ref()),
        wanted(cx, &cx.caches.deployments, desired.canary.as_ref()),
        converge(cx, &cx.caches.services, &desired.service),
        route(cx, server, desired),
    );
    // Without its account the Deployment can't make pods: that is the part that failed.
    let deployment = match account {
        Ok(()) => deployment,
        Err(error) => deployment.map(|_| Err(error)),
    };
    let outdated = server.workload == Workload::Managed || theirs.all_ready();
    let deployment = match deployment {
        None if !outdated => deployment_of(cx, server).map(Ok),
        deployment => deployment,
    };
    // Pods that still have a proxy need the policy to start; it goes once the Deployment is
    // the one without.
    let without_proxies = !matches!(deployment, Some(Err(_)));
    let outdated = Outdated {
        deployments: outdated,
        policy: without_proxies,
    };
    let remains = prune(cx, server, desired, outdated).await;
    Applied {
        network_policy,
        deployment,
        canary,
        service: Some(service),
        ingress: Some(ingress),
        remains,
    }
}

/// The Ingress, which goes when another server has its route.
async fn route(
    cx: &Context,
    server: &Server,
    desired: &Desired,
) -> Result<Arc<Owned<Ingress>>, ApplyError> {
    let ingresses = &cx.caches.ingresses;
    match &desired.ingress {
        Ok(ingress) => converge(cx, ingresses, ingress).await,
        Err(RouteTaken(told)) => {
            retire(cx, ingresses, server, &server.name).await?;
            Err(ApplyError::RouteTaken(told.clone()))
        }
    }
}

async fn wanted<K>(cx: &Context, index: &Index<Owned<K>>, desired: Option<&K>) -> Part<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    match desired {
        Some(desired) => Some(converge(cx, index, desired).await),
        None => None,
    }
}

/// One object that belongs to the server.
pub(crate) async fn converge<K>(
    cx: &Context,
    index: &Index<Owned<K>>,
    desired: &K,
) -> Result<Arc<Owned<K>>, ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let (namespace, name) = (desired.namespace().unwrap_or_default(), desired.name_any());
    let live = match index.get(&namespace, &name) {
        Some(live) => Some(live),
        // What hasn't our label isn't watched: it may be someone else's.
        None => read(cx, desired).await?.map(|found| Arc::new(Owned(found))),
    };
    if let Some(live) = live {
        may_be_written(&live, desired)?;
        if is_unchanged(&live, desired)? {
            return Ok(live);
        }
    }
    let written = cx.writes.apply(desired).await?;
    tracing::info!(kind = %K::kind(&()), %namespace, %name, "applied");
    index.learn(Owned(written.clone()));
    Ok(Arc::new(Owned(written)))
}

/// One object that all servers of a namespace share; whoever made it, it gets our fields.
async fn converge_shared<K>(
    cx: &Context,
    index: &Index<Owned<K>>,
    desired: &K,
) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let (namespace, name) = (desired.namespace().unwrap_or_default(), desired.name_any());
    let live = index.get(&namespace, &name);
    if live.is_some_and(|live| is_unchanged(&live, desired).unwrap_or_default()) {
        return Ok(());
    }
    let written = cx.writes.apply(desired).await?;
    tracing::info!(kind = %K::kind(&()), %namespace, %name, "applied");
    index.learn(Owned(written));
    Ok(())
}

async fn read<K>(cx: &Context, desired: &K) -> Result<Option<K>, ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned,
{
    let namespace = desired.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(cx.writes.client().clone(), &namespace);
    api.get_opt(&desired.name_any())
        .await
        .map_err(|source| ApplyError::Read {
            about: About::object(desired),
            source,
        })
}

/// Nobody else's object is taken over. One of ours without a controller is: someone deleted its
/// server and kept the rest.
fn may_be_written<K: Resource<DynamicType = ()>>(
    live: &Owned<K>,
    desired: &K,
) -> Result<(), ApplyError> {
    let wanted = desired.owner_references().first();
    match live.controller() {
        Some(owner) if wanted.is_some_and(|wanted| wanted.uid == owner.uid) => Ok(()),
        Some(owner) if wanted.is_some_and(|w| w.kind == owner.kind && w.name == owner.name) => {
            Err(ApplyError::Predecessor(About::object(desired)))
        }
        None if live.labelled_ours() => Ok(()),
        _ => Err(ApplyError::NameTaken(About::object(desired))),
    }
}

fn is_unchanged<K: Resource<DynamicType = ()> + Serialize>(
    live: &Owned<K>,
    desired: &K,
) -> Result<bool, ApplyError> {
    let Some(ours) = live.our_fields() else {
        return Ok(false);
    };
    let json = |object: &K| -> Result<Value, ApplyError> {
        serde_json::to_value(object).map_err(|source| ApplyError::Compare {
            about: About::object(desired),
            source,
        })
    };
    Ok(compare::unchanged(&json(desired)?, &json(&live.0)?, ours))
}

/// Whether applying `desired` would leave the pods of `live` as they are.
pub(crate) fn same_template(desired: &Deployment, live: &Owned<Deployment>) -> bool {
    let mut whole = live.0.clone();
    match (&mut whole.spec, &desired.spec) {
        (Some(whole), Some(desired)) => whole.template = desired.template.clone(),
        _ => return false,
    }
    is_unchanged(live, &whole).unwrap_or_default()
}

/// What nobody needs any more, where it isn't to be.
#[derive(Clone, Copy, Debug)]
struct Outdated {
    /// A server that becomes external keeps its Deployments until pods of the other workload
    /// serve: its callers notice nothing.
    deployments: bool,
    policy: bool,
}

/// Deletes what this server has and isn't to have.
async fn prune(
    cx: &Context,
    server: &Server,
    desired: &Desired,
    outdated: Outdated,
) -> Vec<WriteError> {
    let caches = &cx.caches;
    let canary = canary_name(&server.name);
    let policy = crds::names::policy_config_map(&server.name);
    let mut done = Vec::new();
    if desired.deployment.is_none() && outdated.deployments {
        done.push(retire(cx, &caches.deployments, server, &server.name).await);
    }
    if desired.canary.is_none() && outdated.deployments {
        done.push(retire(cx, &caches.deployments, server, &canary).await);
    }
    if desired.network_policy.is_none() {
        done.push(retire(cx, &caches.network_policies, server, &server.name).await);
    }
    if desired.policy.is_none() && outdated.policy {
        done.push(retire(cx, &caches.config_maps, server, &policy).await);
    }
    done.into_iter().filter_map(Result::err).collect()
}

/// The object is surely ours: label, fields and controller say so.
fn is_made_for<K: Resource>(live: &Owned<K>, server: &Server) -> bool {
    let controlled = live
        .controller()
        .is_some_and(|owner| owner.uid == server.uid);
    controlled && live.labelled_ours() && live.our_fields().is_some()
}

/// The Deployment that was made for the server, while it is there.
fn deployment_of(cx: &Context, server: &Server) -> Option<Arc<Owned<Deployment>>> {
    let live = cx.caches.deployments.get(&server.namespace, &server.name);
    live.filter(|live| is_made_for(live, server))
}

/// Deletes an object that is ours.
async fn retire<K>(
    cx: &Context,
    index: &Index<Owned<K>>,
    server: &Server,
    name: &str,
) -> Result<(), WriteError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned,
{
    let Some(live) = index.get(&server.namespace, name) else {
        return Ok(());
    };
    if live.0.meta().deletion_timestamp.is_some() || !is_made_for(&live, server) {
        return Ok(());
    }
    cx.writes.delete(&live.0).await?;
    tracing::info!(kind = %K::kind(&()), namespace = %server.namespace, %name, "deleted");
    Ok(())
}

/// Takes the shared account away with the namespace's last server.
pub(crate) async fn retire_account(cx: &Context, namespace: &str) -> Result<(), WriteError> {
    let servers = cx.caches.servers.servers();
    let Some(live) = cx.caches.accounts.get(namespace, WORKLOAD_ACCOUNT) else {
        return Ok(());
    };
    let used = servers.iter().any(|server| server.namespace == namespace);
    if used || !live.labelled_ours() || live.our_fields().is_none() {
        return Ok(());
    }
    cx.writes.delete(&live.0).await?;
    tracing::info!(kind = "ServiceAccount", %namespace, name = WORKLOAD_ACCOUNT, "deleted");
    cx.caches.accounts.unlearn(&live);
    // A server that came in between has counted on it.
    cx.queue_everyone();
    Ok(())
}

#[cfg(test)]
mod tests;
