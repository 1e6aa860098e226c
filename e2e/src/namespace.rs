//! A namespace of a test's own, gone when the test is done.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::{Cluster, wait};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A fresh namespace; deleted (without waiting) when dropped with [`Namespace::delete`].
#[derive(Clone)]
pub struct Namespace {
    /// The cluster it is in.
    pub cluster: Cluster,
    /// Its name.
    pub name: String,
}

impl Namespace {
    /// Creates `mcp-test-<word>-…` under the restricted Pod Security profile and waits until
    /// pods can be created in it.
    pub async fn create(cluster: &Cluster, word: &str) -> anyhow::Result<Self> {
        Self::create_with_profile(cluster, word, "restricted").await
    }

    /// The same under another Pod Security profile.
    pub async fn create_with_profile(
        cluster: &Cluster,
        word: &str,
        profile: &str,
    ) -> anyhow::Result<Self> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-test-{word}-{}-{count}", std::process::id());
        let object: NamespaceObject = serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": profile, "mcp-runtime-test": "true"},
            },
        }))?;
        let api: Api<NamespaceObject> = Api::all(cluster.client.clone());
        api.create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("creating namespace {name}"))?;
        let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), &name);
        wait::until("the default ServiceAccount", || async {
            Ok(accounts.get_opt("default").await?.map(|_| ()))
        })
        .await?;
        Ok(Self {
            cluster: cluster.clone(),
            name,
        })
    }

    /// An API in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client.clone(), &self.name)
    }

    /// Asks for its deletion; a test that failed leaves it for a look.
    pub async fn delete(self) -> anyhow::Result<()> {
        let api: Api<NamespaceObject> = Api::all(self.cluster.client.clone());
        api.delete(&self.name, &DeleteParams::background()).await?;
        Ok(())
    }
}
