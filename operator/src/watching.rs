//! The watches: each keeps an index current and queues the servers that a change concerns.

use std::fmt::Debug;
use std::sync::Arc;

use crds::{MCPAccessGrant, MCPAgentSession, MCPServer, names};
use futures_util::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::caches::{Caches, Owned, SeenServer};
use crate::chain::Chain;
use crate::index::{Cached, Index, Touched};
use crate::metrics::Metrics;
use crate::pods::PodView;
use crate::queue::Queue;

/// How many objects a list asks for at a time.
const PAGE: u32 = 500;

/// What a watch works with.
#[derive(Clone)]
pub(crate) struct Watching {
    pub(crate) client: Client,
    pub(crate) caches: Arc<Caches>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) metrics: Metrics,
}

/// Starts every watch; none of them ends.
pub(crate) fn watch_everything(watching: &Watching, tasks: &mut JoinSet<()>) {
    let ours = || format!("{}={}", names::LABEL_MANAGED_BY, names::MANAGED_BY);
    let follow = watching;
    tasks.spawn(follow.clone().guarded(|all| &all.servers, seen_server));
    tasks.spawn(
        follow
            .clone()
            .guarded(|all| &all.grants, readable::<MCPAccessGrant>),
    );
    tasks.spawn(
        follow
            .clone()
            .guarded(|all| &all.sessions, readable::<MCPAgentSession>),
    );
    tasks.spawn(follow.clone().plain(
        names::LABEL_SERVER.to_owned(),
        |all| &all.pods,
        |pod: Pod| PodView::new(&pod),
    ));
    tasks.spawn(
        follow
            .clone()
            .plain(ours(), |all| &all.deployments, Owned::<Deployment>),
    );
    tasks.spawn(
        follow
            .clone()
            .plain(ours(), |all| &all.services, Owned::<Service>),
    );
    tasks.spawn(
        follow
            .clone()
            .plain(ours(), |all| &all.ingresses, Owned::<Ingress>),
    );
    tasks.spawn(
        follow
            .clone()
            .plain(ours(), |all| &all.network_policies, Owned::<NetworkPolicy>),
    );
    tasks.spawn(
        follow
            .clone()
            .plain(ours(), |all| &all.config_maps, Owned::<ConfigMap>),
    );
    tasks.spawn(
        follow
            .clone()
            .plain(ours(), |all| &all.accounts, Owned::<ServiceAccount>),
    );
}

impl Watching {
    /// One of our kinds, by a wrapper that lets an object which can't be read pass as far as its
    /// metadata: it mustn't stop the watch for the others.
    async fn guarded<K, V>(
        self,
        index: fn(&Caches) -> &Index<V>,
        view: fn(DeserializeGuard<K>) -> V,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
        V: Cached,
    {
        let api: Api<DeserializeGuard<K>> = Api::all(self.client.clone());
        self.follow(api, Config::default(), index, view).await;
    }

    /// One of Kubernetes' kinds, those with a label.
    async fn plain<K, V>(self, labels: String, index: fn(&Caches) -> &Index<V>, view: fn(K) -> V)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
        V: Cached,
    {
        let api: Api<K> = Api::all(self.client.clone());
        self.follow(api, Config::default().labels(&labels), index, view)
            .await;
    }

    async fn follow<K, V>(
        self,
        api: Api<K>,
        config: Config,
        index: fn(&Caches) -> &Index<V>,
        view: fn(K) -> V,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
        V: Cached,
    {
        let events = watcher(api, config.page_size(PAGE)).default_backoff();
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.queue(index(&self.caches).apply(map(event, view))),
                Err(error) => {
                    self.metrics.watch_failed();
                    tracing::warn!(kind = %K::kind(&()), error = %Chain(&error), "watch interrupted");
                }
            }
        }
    }

    fn queue(&self, touched: Touched) {
        match touched {
            Touched::Servers(servers) => servers.into_iter().for_each(|key| self.queue.add(key)),
            Touched::Everything => {
                let everyone = self.caches.everyone().into_iter();
                everyone.for_each(|key| self.queue.add(key));
            }
        }
    }
}

fn map<K, V>(event: Event<K>, view: fn(K) -> V) -> Event<V> {
    match event {
        Event::Apply(object) => Event::Apply(view(object)),
        Event::Delete(object) => Event::Delete(view(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(view(object)),
        Event::InitDone => Event::InitDone,
    }
}

fn seen_server(guarded: DeserializeGuard<MCPServer>) -> SeenServer {
    let unreadable = guarded
        .0
        .as_ref()
        .err()
        .map(|invalid| invalid.error.clone());
    SeenServer::new(readable(guarded), unreadable)
}

/// The object without managedFields, which nobody looks at; where it can't be read, its metadata
/// with an empty spec, which names no server and so takes no part.
fn readable<K: Resource<DynamicType = ()> + Default>(guarded: DeserializeGuard<K>) -> K {
    let mut object = guarded.0.unwrap_or_else(|invalid| {
        let mut object = K::default();
        *object.meta_mut() = invalid.metadata;
        tracing::warn!(
            kind = %K::kind(&()),
            namespace = object.namespace(),
            name = object.name_any(),
            error = invalid.error,
            "can't be read"
        );
        object
    });
    object.managed_fields_mut().clear();
    object
}
