//! Server-side apply of whole objects of any kind.

use std::collections::HashMap;
use std::sync::Mutex;

use anyhow::Context as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{self, Scope};
use kube::{Api, Client, ResourceExt as _};

/// Field manager of what `setup` applies; other managers' fields stay theirs.
pub(super) const FIELD_MANAGER: &str = "mcp-runtime-setup";

/// Applies objects, remembering what it learned of their kinds.
pub(super) struct Applier {
    client: Client,
    kinds: Mutex<HashMap<GroupVersionKind, (ApiResource, Scope)>>,
}

impl Applier {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            kinds: Mutex::new(HashMap::new()),
        }
    }

    /// Applies each object in order.
    pub(super) async fn apply(&self, objects: &[DynamicObject]) -> anyhow::Result<()> {
        for object in objects {
            self.apply_one(object).await?;
        }
        Ok(())
    }

    async fn apply_one(&self, object: &DynamicObject) -> anyhow::Result<()> {
        let name = object.name_any();
        let kind = object.types.as_ref().context("an object without kind")?;
        let gvk = GroupVersionKind::try_from(kind)?;
        let (resource, scope) = self.kind(&gvk).await?;
        let api: Api<DynamicObject> = match (scope, object.namespace()) {
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), &namespace, &resource)
            }
            _ => Api::all_with(self.client.clone(), &resource),
        };
        api.patch(
            &name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(object),
        )
        .await
        .with_context(|| format!("applying {} {name}", gvk.kind))?;
        Ok(())
    }

    async fn kind(&self, gvk: &GroupVersionKind) -> anyhow::Result<(ApiResource, Scope)> {
        if let Some(found) = self.known(gvk) {
            return Ok(found);
        }
        let (resource, capabilities) = discovery::pinned_kind(&self.client, gvk)
            .await
            .with_context(|| format!("asking the cluster about {}", gvk.kind))?;
        let found = (resource, capabilities.scope);
        let mut kinds = self
            .kinds
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        kinds.insert(gvk.clone(), found.clone());
        Ok(found)
    }

    fn known(&self, gvk: &GroupVersionKind) -> Option<(ApiResource, Scope)> {
        let kinds = self
            .kinds
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        kinds.get(gvk).cloned()
    }
}

/// The API server's own words for a refusal; the client's text repeats them with every detail.
pub(super) fn plain(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("{} ({})", status.message, status.code),
        other => other.into(),
    }
}
