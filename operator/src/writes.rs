//! Every write to the cluster, each behind the fence.

use std::fmt::Debug;
use std::time::Instant;

use crds::{MCPServer, names};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::DeserializeGuard;
use kube::runtime::events::{Event, Recorder, Reporter};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::about::About;
use crate::fence::{Deposed, Fence};
use crate::metrics::{Metrics, Verb};

/// A write that didn't happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// This process doesn't lead any more.
    #[error("{verb} {about}")]
    Deposed {
        verb: &'static str,
        about: Box<About>,
        #[source]
        source: Deposed,
    },
    /// What the API server answered.
    #[error("{verb} {about}")]
    Request {
        verb: &'static str,
        about: Box<About>,
        #[source]
        source: kube::Error,
    },
}

impl WriteError {
    /// The HTTP status of a refusal; `None` where there was no answer.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Request {
                source: kube::Error::Api(status),
                ..
            } => Some(status.code),
            _ => None,
        }
    }

    /// Nothing can be made in the namespace any more, because it is being deleted.
    pub(crate) fn namespace_ends(&self) -> bool {
        let Self::Request {
            source: kube::Error::Api(status),
            ..
        } = self
        else {
            return false;
        };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        causes
            .into_iter()
            .any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// The API server's own words; the whole chain where there are none.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Request {
                source: kube::Error::Api(status),
                ..
            } => status.message.clone(),
            other => crate::chain::Chain(other).to_string(),
        }
    }
}

/// The client as far as it writes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writes {
    client: Client,
    fence: Fence,
    metrics: Metrics,
    recorder: Recorder,
}

/// A write that was let in, for its error.
struct Entered {
    verb: &'static str,
    about: Box<About>,
}

impl Entered {
    fn failed(self, source: kube::Error) -> WriteError {
        let Self { verb, about } = self;
        WriteError::Request {
            verb,
            about,
            source,
        }
    }
}

impl Writes {
    pub(crate) fn new(client: Client, fence: Fence, metrics: Metrics) -> Self {
        let reporter = Reporter::from(names::FIELD_MANAGER);
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            fence,
            metrics,
        }
    }

    /// For reads that no watch covers.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Server-side apply of a whole object; answers it as it now is.
    pub(crate) async fn apply<K>(&self, object: &K) -> Result<K, WriteError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + Serialize + DeserializeOwned,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let entered = self.enter::<K>("applying", &namespace, &name, Verb::Apply)?;
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        let how = PatchParams::apply(names::FIELD_MANAGER).force();
        let done = api.patch(&name, &how, &Patch::Apply(object)).await;
        done.map_err(|source| entered.failed(source))
    }

    /// Server-side apply of the `webhooks` of a cluster-wide configuration that someone else made.
    pub(crate) async fn apply_part<K>(&self, name: &str, webhooks: &Value) -> Result<(), WriteError>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let entered = self.enter::<K>("applying", "", name, Verb::Apply)?;
        let api: Api<K> = Api::all(self.client.clone());
        let part = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name },
            "webhooks": webhooks,
        });
        let how = PatchParams::apply(names::FIELD_MANAGER).force();
        let done = api.patch(name, &how, &Patch::Apply(&part)).await;
        done.map(drop).map_err(|source| entered.failed(source))
    }

    /// Undoes what `manager` applied to a cluster-wide object.
    pub(crate) async fn release<K>(&self, name: &str, manager: &str) -> Result<(), WriteError>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let entered = self.enter::<K>("releasing", "", name, Verb::Apply)?;
        let api: Api<K> = Api::all(self.client.clone());
        let nothing = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name },
        });
        let how = PatchParams::apply(manager);
        let done = api.patch(name, &how, &Patch::Apply(&nothing)).await;
        done.map(drop).map_err(|source| entered.failed(source))
    }

    /// Merges `status` into the status subresource; answers the object as it now is.
    pub(crate) async fn status<K>(&self, object: &K, status: &Value) -> Result<K, WriteError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let entered = self.enter::<K>("writing the status of", &namespace, &name, Verb::Status)?;
        let api: Api<DeserializeGuard<K>> = Api::namespaced(self.client.clone(), &namespace);
        let patch = json!({ "status": status });
        let done = api
            .patch_status(&name, &manager(), &Patch::Merge(&patch))
            .await;
        match done {
            // The write happened; that its answer can't be read changes nothing for the caller.
            Ok(DeserializeGuard(written)) => Ok(written.unwrap_or_else(|_| object.clone())),
            Err(source) => Err(entered.failed(source)),
        }
    }

    /// Leaves an event on a server.
    pub(crate) async fn event(&self, server: &MCPServer, event: &Event) -> Result<(), WriteError> {
        let (namespace, name) = (server.namespace().unwrap_or_default(), server.name_any());
        let entered =
            self.enter::<MCPServer>("leaving an event on", &namespace, &name, Verb::Event)?;
        let done = self.recorder.publish(event, &server.object_ref(&())).await;
        done.map_err(|source| entered.failed(source))
    }

    /// Sets one annotation and nothing else.
    pub(crate) async fn annotate<K>(
        &self,
        namespace: &str,
        name: &str,
        (key, value): (&str, &str),
    ) -> Result<(), WriteError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let entered = self.enter::<K>("annotating", namespace, name, Verb::Annotate)?;
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let patch = json!({ "metadata": { "annotations": { key: value } } });
        let done = api
            .patch_metadata(name, &manager(), &Patch::Merge(&patch))
            .await;
        done.map(drop).map_err(|source| entered.failed(source))
    }

    /// Merges `patch` into what someone else made; with a resource version in it, only into that.
    pub(crate) async fn merge<K>(
        &self,
        api: &Api<K>,
        name: &str,
        patch: &Value,
    ) -> Result<(), WriteError>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let namespace = api.namespace().unwrap_or_default();
        let entered = self.enter::<K>("changing", namespace, name, Verb::Merge)?;
        let done = api
            .patch_metadata(name, &manager(), &Patch::Merge(patch))
            .await;
        done.map(drop).map_err(|source| entered.failed(source))
    }

    /// Deletes exactly the object given, not one of the same name made since.
    pub(crate) async fn delete<K>(&self, object: &K) -> Result<(), WriteError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let entered = self.enter::<K>("deleting", &namespace, &name, Verb::Delete)?;
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        let exactly = DeleteParams::background().preconditions(Preconditions {
            uid: object.uid(),
            resource_version: None,
        });
        match api.delete(&name, &exactly).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(source) => Err(entered.failed(source)),
        }
    }

    fn enter<K: Resource<DynamicType = ()>>(
        &self,
        verb: &'static str,
        namespace: &str,
        name: &str,
        counted: Verb,
    ) -> Result<Entered, WriteError> {
        let about = About::named::<K>(namespace, name);
        match self.fence.check(Instant::now()) {
            Ok(()) => {
                self.metrics.wrote(counted);
                Ok(Entered { verb, about })
            }
            Err(source) => Err(WriteError::Deposed {
                verb,
                about,
                source,
            }),
        }
    }
}

/// Patches of single fields: a manager of their own, so that an apply of the whole object
/// neither claims nor drops them.
fn manager() -> PatchParams {
    PatchParams {
        field_manager: Some(format!("{}-fields", names::FIELD_MANAGER)),
        ..PatchParams::default()
    }
}
