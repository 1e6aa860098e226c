//! Our definitions under another group.

use crds::Kind;
use crds::generate::Case;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use mcp_e2e::{Cluster, Namespace, wait};

/// Of one test.
pub(super) struct Definitions {
    api: Api<CustomResourceDefinition>,
    group: &'static str,
}

impl Definitions {
    pub(super) fn new(cluster: &Cluster, group: &'static str) -> Self {
        let api = Api::all(cluster.client.clone());
        Self { api, group }
    }

    /// As they are.
    pub(super) async fn apply(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.apply_all(namespace, self.copies()).await
    }

    /// Without a word on what a spec looks like.
    pub(super) async fn apply_lax(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let mut copies = self.copies();
        for definition in &mut copies {
            for version in &mut definition.spec.versions {
                let schema = version.schema.get_or_insert_default();
                schema.open_api_v3_schema = Some(JSONSchemaProps {
                    type_: Some("object".into()),
                    x_kubernetes_preserve_unknown_fields: Some(true),
                    ..JSONSchemaProps::default()
                });
            }
        }
        self.apply_all(namespace, copies).await
    }

    async fn apply_all(
        &self,
        namespace: &Namespace,
        copies: Vec<CustomResourceDefinition>,
    ) -> anyhow::Result<()> {
        for copy in copies {
            let name = copy.metadata.name.clone().unwrap_or_default();
            let how = PatchParams::apply("mcp-e2e").force();
            self.api.patch(&name, &how, &Patch::Apply(&copy)).await?;
        }
        for kind in Kind::ALL {
            let api = self.api(namespace, kind);
            wait::until("the definitions to be served", || async {
                Ok(api.list(&Default::default()).await.ok().map(|_| ()))
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn delete(&self) -> anyhow::Result<()> {
        for definition in self.copies() {
            let name = definition.metadata.name.unwrap_or_default();
            self.api.delete(&name, &DeleteParams::background()).await?;
        }
        Ok(())
    }

    fn copies(&self) -> Vec<CustomResourceDefinition> {
        let copy = |mut definition: CustomResourceDefinition| {
            let names = &mut definition.spec.names;
            (names.short_names, names.categories) = (None, None);
            definition.metadata.name = Some(format!("{}.{}", names.plural, self.group));
            definition.spec.group = self.group.to_owned();
            definition
        };
        crds::crds().into_iter().map(copy).collect()
    }

    pub(super) fn api(&self, namespace: &Namespace, kind: Kind) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(self.group, "v1alpha1", kind.as_str());
        let client = namespace.cluster.client.clone();
        Api::namespaced_with(client, &namespace.name, &ApiResource::from_gvk(&gvk))
    }

    pub(super) fn object(&self, case: &Case) -> anyhow::Result<DynamicObject> {
        let mut object = case.object.clone();
        object["apiVersion"] = format!("{}/v1alpha1", self.group).into();
        Ok(serde_json::from_value(object)?)
    }
}
