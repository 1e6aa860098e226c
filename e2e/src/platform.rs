//! Stopping and starting parts of the platform, for tests that run alone.

use std::fmt::Debug;

use anyhow::{Context as _, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Resource;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::always::then_always;
use crate::{Cluster, wait};

/// The webhook's Deployment.
pub const WEBHOOK: &str = "mcp-runtime-webhook";
/// The operator's Deployment.
pub const OPERATOR: &str = "mcp-runtime-operator";
/// Pods of either, as it is installed.
const REPLICAS: i32 = 2;

impl Cluster {
    /// An API in the platform's namespace.
    pub fn platform<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), crds::names::PLATFORM_NAMESPACE)
    }

    /// The platform's settings.
    pub async fn settings(&self) -> anyhow::Result<crds::Settings> {
        let data = self
            .platform::<ConfigMap>()
            .get(crds::names::SETTINGS_CONFIG_MAP)
            .await?
            .data
            .unwrap_or_default();
        let text = data.get(crds::names::SETTINGS_KEY).context("no settings")?;
        Ok(serde_saphyr::from_str(text)?)
    }

    /// The image that is injected.
    pub async fn proxy_image(&self) -> anyhow::Result<String> {
        let settings = self.settings().await?;
        Ok(settings.proxy_image().context("no proxy image")?.to_owned())
    }

    /// Installs the platform as a person would, with `bin/mcp-runtime`.
    pub async fn setup(&self, image: &str) -> anyhow::Result<()> {
        let ended = self.mcp_runtime(&["setup", "--image", image]).await?;
        ensure!(
            ended.ok,
            "mcp-runtime setup --image {image}: {}",
            ended.stderr
        );
        Ok(())
    }

    /// Scales a Deployment of the platform and waits until so many pods are available and no
    /// other is left.
    pub async fn scale(&self, deployment: &str, replicas: i32) -> anyhow::Result<()> {
        let deployments = self.platform::<Deployment>();
        let patch = json!({"spec": {"replicas": replicas}});
        deployments
            .patch(deployment, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .with_context(|| format!("scaling {deployment} to {replicas}"))?;
        let pods = self.platform::<Pod>();
        let labels = ListParams::default().labels(&format!("app.kubernetes.io/name={deployment}"));
        let wanted = usize::try_from(replicas)?;
        wait::until(&format!("{wanted} pods of {deployment}"), || async {
            let found = pods.list(&labels).await?.items.len();
            let status = deployments
                .get(deployment)
                .await?
                .status
                .unwrap_or_default();
            let available = status.available_replicas.unwrap_or(0) == replicas;
            Ok((found == wanted && available).then_some(()))
        })
        .await
    }

    /// Runs `body` while a Deployment of the platform has no pods; it gets them back whatever comes
    /// of `body`.
    ///
    /// # Errors
    /// `body`'s, or that of scaling.
    pub async fn without<T>(
        &self,
        deployment: &str,
        body: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        then_always(
            async {
                self.scale(deployment, 0).await?;
                body.await
            },
            self.scale(deployment, REPLICAS),
        )
        .await
    }

    /// Takes a configuration of the webhook away, the injecting or the validating one; give what
    /// it returns to [`Cluster::restore_webhook`].
    pub async fn remove_webhook<K: Configuration>(&self) -> anyhow::Result<K> {
        let api: Api<K> = Api::all(self.client.clone());
        let mut found = api.get(crds::names::WEBHOOK_CONFIGURATION).await?;
        api.delete(crds::names::WEBHOOK_CONFIGURATION, &DeleteParams::default())
            .await?;
        let metadata = found.meta_mut();
        metadata.resource_version = None;
        metadata.uid = None;
        metadata.managed_fields = None;
        Ok(found)
    }

    /// Puts it back.
    pub async fn restore_webhook<K: Configuration>(&self, found: &K) -> anyhow::Result<()> {
        let api: Api<K> = Api::all(self.client.clone());
        api.create(&PostParams::default(), found).await?;
        Ok(())
    }
}

/// A webhook configuration: one a cluster, under the platform's name.
pub trait Configuration:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Sync
{
}

impl Configuration for MutatingWebhookConfiguration {}
impl Configuration for ValidatingWebhookConfiguration {}
