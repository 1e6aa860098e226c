//! Objects from YAML text, created as any client would.

use anyhow::Context as _;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};

use crate::{Cluster, Namespace, routes, wait};

impl Namespace {
    /// Creates every document of `yaml` in this namespace, where servers get a route of their own.
    ///
    /// # Errors
    /// The API server's refusal, as [`kube::Error`], within the chain.
    pub async fn create_all(&self, yaml: &str) -> anyhow::Result<Vec<DynamicObject>> {
        let mut created = Vec::new();
        for object in parse(&routes::of_their_own(&self.name, yaml))? {
            created.push(self.create_one(&object, &PostParams::default()).await?);
        }
        Ok(created)
    }

    /// Asks, by a dry run, whether one document would be accepted.
    pub async fn dry_run(&self, yaml: &str) -> anyhow::Result<DynamicObject> {
        let object = parse(yaml)?.into_iter().next().context("no document")?;
        self.create_one(&object, &dry_run()).await
    }

    /// The API server's refusal of one document, asked for by dry runs.
    ///
    /// A webhook that can't ask the API server in time refuses as well, as a fault of its own
    /// (500), and whoever creates pods tries again: so does this, until the refusal is a verdict.
    pub async fn refused(&self, yaml: &str) -> anyhow::Result<(u16, String)> {
        wait::until("a refusal that is a verdict", || async {
            match self.dry_run(yaml).await {
                Ok(_) => anyhow::bail!("it was accepted"),
                Err(error) => {
                    let (status, message) = refusal(&error).ok_or(error)?;
                    Ok((status != 500).then_some((status, message)))
                }
            }
        })
        .await
    }

    async fn create_one(
        &self,
        object: &DynamicObject,
        how: &PostParams,
    ) -> anyhow::Result<DynamicObject> {
        let api = dynamic(&self.cluster, object, Some(&self.name)).await?;
        Ok(api.create(how, object).await?)
    }

    /// Merge-patches an object of this namespace, e.g. `("mcpagentsessions", "s", json)`.
    pub async fn patch<K>(&self, name: &str, patch: serde_json::Value) -> anyhow::Result<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let api: Api<K> = self.api();
        Ok(api
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await?)
    }
}

/// A creation or replacement that the API server judges and doesn't do.
pub fn dry_run() -> PostParams {
    PostParams {
        dry_run: true,
        ..PostParams::default()
    }
}

/// The documents of a YAML text.
pub fn parse(yaml: &str) -> anyhow::Result<Vec<DynamicObject>> {
    serde_saphyr::from_multiple(yaml).context("reading YAML")
}

/// An API for an object whose kind is known at run time only.
pub async fn dynamic(
    cluster: &Cluster,
    object: &DynamicObject,
    namespace: Option<&str>,
) -> anyhow::Result<Api<DynamicObject>> {
    let types = object.types.as_ref().context("an object without kind")?;
    let gvk = GroupVersionKind::try_from(types)?;
    let (resource, capabilities) = discovery::pinned_kind(&cluster.client, &gvk).await?;
    Ok(match (capabilities.scope, namespace) {
        (Scope::Namespaced, Some(namespace)) => {
            Api::namespaced_with(cluster.client.clone(), namespace, &resource)
        }
        _ => Api::all_with(cluster.client.clone(), &resource),
    })
}

/// What the API server said, with its HTTP status, if `error` is its refusal.
pub fn refusal(error: &anyhow::Error) -> Option<(u16, String)> {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some((status.code, status.message.clone())),
        _ => None,
    }
}
