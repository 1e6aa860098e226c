//! What `/inject` asks about: servers from a watch, and what owns a pod from the API server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crds::{Grant, MCPAccessGrant, MCPServer, Route, Settings};
use futures_util::StreamExt as _;
use injector::deployment_of;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use process::Gate;
use serde_json::Value;

use crate::files::Files;
use crate::seen::Seen;

/// How long a question may take that a pod depends on: its server, and who owns it. The API server
/// waits for our answer meanwhile, and one that is slow for a moment shouldn't turn into refused pods.
pub(crate) const FOR_A_POD: Duration = Duration::from_secs(2);
/// How long one may take on which only a warning depends.
pub(crate) const FOR_A_WARNING: Duration = Duration::from_millis(500);

/// The API server didn't answer a question.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It said no.
    #[error("getting {kind} {namespace}/{name}")]
    Get {
        /// Of the object.
        kind: &'static str,
        /// Of the object.
        namespace: String,
        /// Of the object.
        name: String,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// It said nothing in time.
    #[error("getting {kind} {namespace}/{name}: no answer in {patience:?}")]
    Late {
        /// Of the object.
        kind: &'static str,
        /// Of the object.
        namespace: String,
        /// Of the object.
        name: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// What it said isn't an object.
    #[error("reading {kind} {namespace}/{name}")]
    Read {
        /// Of the object.
        kind: &'static str,
        /// Of the object.
        namespace: String,
        /// Of the object.
        name: String,
        /// What serde said.
        #[source]
        source: serde_json::Error,
    },
}

/// Where objects are looked up.
#[derive(Clone)]
pub enum Cluster {
    /// A real one: servers from a watch, the rest on demand.
    Live {
        /// Asks on demand.
        client: Client,
        /// What the watch has seen.
        servers: Store<MCPServer>,
        /// What reviews compare with.
        seen: Arc<Seen>,
    },
    /// Manifests that stand for one.
    Files(Arc<Files>),
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live { .. } => "Live",
            Self::Files(_) => "Files",
        })
    }
}

impl Cluster {
    /// Watches all servers from now on; `gate` opens when the first list is in.
    pub fn live(client: Client, gate: Gate) -> Self {
        let (servers, writer) = reflector::store();
        let api: Api<MCPServer> = Api::all(client.clone());
        let stream = watcher(api, watcher::Config::default())
            .default_backoff()
            .modify(|server| {
                server.managed_fields_mut().clear();
                server.status = None;
            })
            .reflect(writer);
        let seen = Arc::new(Seen::default());
        let book = Arc::clone(&seen);
        tokio::spawn(stream.for_each(move |event| {
            match event {
                Ok(event) => book.server(&event),
                Err(error) => tracing::warn!(%error, "watching MCPServers"),
            }
            std::future::ready(())
        }));
        tokio::spawn(follow_grants(client.clone(), Arc::clone(&seen)));
        let ready = servers.clone();
        tokio::spawn(async move {
            if ready.wait_until_ready().await.is_ok() {
                gate.open();
            }
        });
        Self::Live {
            client,
            servers,
            seen,
        }
    }

    /// The route of another server that collides with this one, as last seen.
    pub fn rival(&self, route: &Route, settings: &Settings) -> Option<Route> {
        self.seen().rival(route, settings)
    }

    /// Who has a route by the operator's rule, where it isn't this server, as last seen.
    pub fn owner_of_route(&self, route: &Route, settings: &Settings) -> Option<Route> {
        self.seen().owner(route, settings)
    }

    /// The grants for a server in the server's own namespace, as last seen.
    pub fn grants(&self, namespace: &str, server: &str) -> Vec<Grant> {
        self.seen().grants(namespace, server)
    }

    fn seen(&self) -> &Seen {
        match self {
            Self::Live { seen, .. } => seen,
            Self::Files(files) => files.seen(),
        }
    }

    /// A server as last seen.
    pub fn cached(&self, namespace: &str, name: &str) -> Option<Arc<MCPServer>> {
        match self {
            Self::Live { servers, .. } => servers.get(&ObjectRef::new(name).within(namespace)),
            Self::Files(files) => files.server(namespace, name),
        }
    }

    /// A server as it is, asked for as long as `patience` lasts.
    ///
    /// # Errors
    /// [`ClusterError`] when the API server doesn't say whether there is one.
    pub async fn server(
        &self,
        namespace: &str,
        name: &str,
        patience: Duration,
    ) -> Result<Option<Arc<MCPServer>>, ClusterError> {
        match self {
            Self::Live { client, .. } => {
                let api: Api<MCPServer> = Api::namespaced(client.clone(), namespace);
                let found =
                    within(patience, "MCPServer", namespace, name, api.get_opt(name)).await?;
                Ok(found.map(Arc::new))
            }
            Self::Files(files) => Ok(files.server(namespace, name)),
        }
    }

    /// The metadata of a ReplicaSet and of the Deployment above it, which is a server's if it has its name.
    ///
    /// # Errors
    /// [`ClusterError`] when the API server doesn't say.
    pub async fn owners(
        &self,
        namespace: &str,
        replica_set: &str,
        server: &str,
    ) -> Result<(Option<Value>, Option<Value>), ClusterError> {
        // Both at once, as the Deployment's name is known but for canaries.
        let (replica_set, deployment) = tokio::try_join!(
            self.owner::<ReplicaSet>("ReplicaSet", namespace, replica_set),
            self.owner::<Deployment>("Deployment", namespace, server),
        )?;
        let deployment = match replica_set.as_ref().and_then(deployment_of) {
            Some(name) if name != server => {
                self.owner::<Deployment>("Deployment", namespace, name)
                    .await?
            }
            _ => deployment,
        };
        Ok((replica_set, deployment))
    }

    async fn owner<K>(
        &self,
        kind: &'static str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ClusterError>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let client = match self {
            Self::Live { client, .. } => client,
            Self::Files(files) => return Ok(files.owner(kind, namespace, name)),
        };
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        let found: Option<PartialObjectMeta<K>> =
            within(FOR_A_POD, kind, namespace, name, api.get_metadata_opt(name)).await?;
        let object = found.map(|found| serde_json::to_value(&found)).transpose();
        object.map_err(|source| ClusterError::Read {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source,
        })
    }
}

/// Without end. Only warnings depend on it, so nothing waits for its first list.
async fn follow_grants(client: Client, seen: Arc<Seen>) {
    let api: Api<MCPAccessGrant> = Api::all(client);
    let stream = watcher(api, watcher::Config::default()).default_backoff();
    stream
        .for_each(|event| {
            match event {
                Ok(event) => seen.grant(&event),
                Err(error) => tracing::warn!(%error, "watching MCPAccessGrants"),
            }
            std::future::ready(())
        })
        .await;
}

async fn within<T>(
    patience: Duration,
    kind: &'static str,
    namespace: &str,
    name: &str,
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ClusterError> {
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(source)) => Err(ClusterError::Get {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source: Box::new(source),
        }),
        Err(_) => Err(ClusterError::Late {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            patience,
        }),
    }
}
