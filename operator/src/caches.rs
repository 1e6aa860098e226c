//! What the watches have seen, kind by kind.

use std::fmt::Debug;

use crds::{MCPAccessGrant, MCPAgentSession, MCPServer, Route, names};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ManagedFieldsEntry, ObjectMeta, OwnerReference,
};
use kube::{Resource, ResourceExt};

use crate::index::{Cached, Index, ObjectId};
use crate::key::ServerKey;
use crate::pods::{PodView, version};

/// One index a kind.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    pub(crate) servers: Index<SeenServer>,
    pub(crate) grants: Index<MCPAccessGrant>,
    pub(crate) sessions: Index<MCPAgentSession>,
    pub(crate) pods: Index<PodView>,
    pub(crate) deployments: Index<Owned<Deployment>>,
    pub(crate) services: Index<Owned<Service>>,
    pub(crate) ingresses: Index<Owned<Ingress>>,
    pub(crate) network_policies: Index<Owned<NetworkPolicy>>,
    pub(crate) config_maps: Index<Owned<ConfigMap>>,
    pub(crate) accounts: Index<Owned<ServiceAccount>>,
}

impl Caches {
    /// Every server there is, and those that are only spoken of.
    pub(crate) fn everyone(&self) -> Vec<ServerKey> {
        let mut all = self.servers.servers();
        all.extend(self.grants.servers());
        all.extend(self.sessions.servers());
        all.sort();
        all.dedup();
        all
    }

    /// Ends when every kind was listed once. A policy compiled before that would lack sessions
    /// that exist, and deny them.
    pub(crate) async fn synced(&self) {
        self.servers.synced().await;
        self.grants.synced().await;
        self.sessions.synced().await;
        self.pods.synced().await;
        self.deployments.synced().await;
        self.services.synced().await;
        self.ingresses.synced().await;
        self.network_policies.synced().await;
        self.config_maps.synced().await;
        self.accounts.synced().await;
    }
}

/// A server as it was read, or as far as it could be.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenServer {
    pub(crate) object: MCPServer,
    /// Why the spec is empty here: what is stored isn't of this version's shape.
    pub(crate) unreadable: Option<String>,
    /// What it wants to answer; nothing where the spec can't be read.
    pub(crate) route: Route,
}

impl SeenServer {
    /// A server as the API server gave it.
    pub(crate) fn new(object: MCPServer, unreadable: Option<String>) -> Self {
        let route = match unreadable {
            None => Route::of(&object),
            Some(_) => Route::default(),
        };
        Self {
            object,
            unreadable,
            route,
        }
    }
}

/// An object that an MCPServer controls, or that is ours without an owner.
#[derive(Clone, Debug)]
pub(crate) struct Owned<K>(pub(crate) K);

impl<K: Resource> Owned<K> {
    /// The reference to whoever controls the object.
    pub(crate) fn controller(&self) -> Option<&OwnerReference> {
        self.0
            .owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true))
    }

    /// What the object has of ours by server-side apply.
    pub(crate) fn our_fields(&self) -> Option<&ManagedFieldsEntry> {
        self.0.managed_fields().iter().find(|entry| {
            entry.manager.as_deref() == Some(names::FIELD_MANAGER)
                && entry.operation.as_deref() == Some("Apply")
                && entry.subresource.as_deref().unwrap_or_default().is_empty()
        })
    }

    /// It carries the label that says so.
    pub(crate) fn labelled_ours(&self) -> bool {
        let label = self.0.labels().get(names::LABEL_MANAGED_BY);
        label.is_some_and(|value| value == names::MANAGED_BY)
    }
}

fn id(meta: &ObjectMeta) -> ObjectId {
    ObjectId {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

/// The part of an object that its author writes is the same. Our own writes to the status are
/// no reason to look at it again.
fn same_spec(new: &ObjectMeta, old: &ObjectMeta) -> bool {
    new.uid == old.uid
        && new.generation == old.generation
        && new.annotations == old.annotations
        && new.deletion_timestamp == old.deletion_timestamp
}

impl<K: Resource + Debug> Cached for Owned<K> {
    fn id(&self) -> ObjectId {
        id(self.0.meta())
    }

    fn version(&self) -> u64 {
        version(self.0.resource_version())
    }

    fn server(&self) -> Option<ServerKey> {
        let owner = self.controller()?;
        let ours = owner.kind == MCPServer::kind(&())
            && owner.api_version.split('/').next() == Some(names::GROUP);
        ours.then(|| ServerKey::new(self.id().namespace, &*owner.name))
    }

    fn means_the_same(&self, _older: &Self) -> bool {
        false
    }
}

impl Cached for SeenServer {
    fn id(&self) -> ObjectId {
        id(&self.object.metadata)
    }

    fn version(&self) -> u64 {
        version(self.object.resource_version())
    }

    fn server(&self) -> Option<ServerKey> {
        let id = self.id();
        Some(ServerKey::new(id.namespace, id.name))
    }

    fn means_the_same(&self, older: &Self) -> bool {
        same_spec(&self.object.metadata, &older.object.metadata)
    }

    fn contended(&self) -> &[String] {
        self.route.paths()
    }
}

impl Cached for MCPAccessGrant {
    fn id(&self) -> ObjectId {
        id(&self.metadata)
    }

    fn version(&self) -> u64 {
        version(self.resource_version())
    }

    fn server(&self) -> Option<ServerKey> {
        referred(&self.metadata, &self.spec.server_ref)
    }

    fn means_the_same(&self, older: &Self) -> bool {
        same_spec(&self.metadata, &older.metadata)
    }
}

impl Cached for MCPAgentSession {
    fn id(&self) -> ObjectId {
        id(&self.metadata)
    }

    fn version(&self) -> u64 {
        version(self.resource_version())
    }

    fn server(&self) -> Option<ServerKey> {
        referred(&self.metadata, &self.spec.server_ref)
    }

    fn means_the_same(&self, older: &Self) -> bool {
        same_spec(&self.metadata, &older.metadata)
    }
}

/// The server that a grant or session names; its own namespace where it names none.
fn referred(meta: &ObjectMeta, reference: &crds::grant::ServerRef) -> Option<ServerKey> {
    let namespace = reference
        .namespace
        .as_ref()
        .filter(|namespace| !namespace.is_empty());
    let namespace = namespace.or(meta.namespace.as_ref())?;
    (!reference.name.is_empty()).then(|| ServerKey::new(&**namespace, &*reference.name))
}
