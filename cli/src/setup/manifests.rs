//! What `setup` applies: the files of `deploy/platform`, the resources and the admission objects,
//! with this installation's image and settings put in as values, never as text.

use anyhow::Context as _;
use crds::{Settings, names};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

/// The files, as shipped.
const BASE: [(&str, &str); 2] = [
    (
        "namespaces.yaml",
        include_str!("../../../deploy/platform/namespaces.yaml"),
    ),
    (
        "roles.yaml",
        include_str!("../../../deploy/platform/roles.yaml"),
    ),
];
const WORKLOADS: [(&str, &str); 2] = [
    (
        "webhook.yaml",
        include_str!("../../../deploy/platform/webhook.yaml"),
    ),
    (
        "operator.yaml",
        include_str!("../../../deploy/platform/operator.yaml"),
    ),
];
const CERTIFICATE: [(&str, &str); 1] = [(
    "cert-manager.yaml",
    include_str!("../../../deploy/platform/cert-manager.yaml"),
)];
/// The webhook's Deployment.
pub(super) const WEBHOOK: &str = "mcp-runtime-webhook";
/// The operator's Deployment.
pub(super) const OPERATOR: &str = "mcp-runtime-operator";
/// Template annotation: a change of settings rolls the roles. Images that are only still allowed
/// don't count, so that their leaving the list is no rollout.
const SETTINGS_HASH: &str = "mcpruntime.org/settings-hash";

/// Everything, in groups that are applied one after the other.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) crds: Vec<DynamicObject>,
    /// Namespaces, accounts, roles, Services.
    pub(super) base: Vec<DynamicObject>,
    /// What cert-manager makes the webhook's certificate from, where it does.
    pub(super) certificate: Vec<DynamicObject>,
    pub(super) policies: Vec<DynamicObject>,
    /// The ConfigMap.
    pub(super) settings: Vec<DynamicObject>,
    /// The Deployments of the roles.
    pub(super) webhook: Vec<DynamicObject>,
    pub(super) operator: Vec<DynamicObject>,
    /// What makes the API server ask the webhook.
    pub(super) configurations: Vec<DynamicObject>,
}

/// All objects for these settings and this image.
pub(super) fn all(settings: &Settings, image: &str) -> anyhow::Result<Objects> {
    let text = serde_saphyr::to_string(settings).context("writing settings.yaml")?;
    let mut base = read(&BASE)?;
    let (shared, workloads): (Vec<_>, Vec<_>) = read(&WORKLOADS)?
        .into_iter()
        .partition(|object| !is_deployment(object));
    base.extend(shared);
    let hash = crds::platform_inputs(settings);
    let (webhook, operator): (Vec<_>, Vec<_>) = workloads
        .into_iter()
        .map(|object| stamped(object, image, &hash))
        .collect::<anyhow::Result<Vec<_>>>()?
        .into_iter()
        .partition(|object| object.name_any() == WEBHOOK);
    let (configurations, policies): (Vec<_>, Vec<_>) = webhook::admission_objects(settings)
        .into_iter()
        .map(|object| typed(object.to_json()?))
        .collect::<anyhow::Result<Vec<_>>>()?
        .into_iter()
        .partition(is_webhook_configuration);
    Ok(Objects {
        crds: crds::crds()
            .into_iter()
            .map(|crd| typed(serde_json::to_value(crd)?))
            .collect::<anyhow::Result<_>>()?,
        base,
        certificate: read(&CERTIFICATE)?,
        policies,
        settings: vec![typed(settings_config_map(&text))?],
        webhook,
        operator,
        configurations,
    })
}

fn read(files: &[(&str, &str)]) -> anyhow::Result<Vec<DynamicObject>> {
    let mut objects = Vec::new();
    for (file, text) in files {
        let documents: Vec<DynamicObject> = serde_saphyr::from_multiple(text)
            .with_context(|| format!("reading deploy/platform/{file}"))?;
        objects.extend(documents);
    }
    Ok(objects)
}

fn typed(value: Value) -> anyhow::Result<DynamicObject> {
    serde_json::from_value(value).context("an object of ours without kind or name")
}

fn settings_config_map(text: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": names::SETTINGS_CONFIG_MAP, "namespace": names::PLATFORM_NAMESPACE},
        "data": {names::SETTINGS_KEY: text},
    })
}

fn is_deployment(object: &DynamicObject) -> bool {
    object
        .types
        .as_ref()
        .is_some_and(|types| types.kind == "Deployment")
}

fn is_webhook_configuration(object: &DynamicObject) -> bool {
    object
        .types
        .as_ref()
        .is_some_and(|types| types.kind.ends_with("WebhookConfiguration"))
}

/// The Deployment with this installation's image, and the settings' hash in its template.
fn stamped(mut object: DynamicObject, image: &str, hash: &str) -> anyhow::Result<DynamicObject> {
    let container = object
        .data
        .pointer_mut("/spec/template/spec/containers/0")
        .and_then(Value::as_object_mut)
        .context("a Deployment without container")?;
    container.insert("image".into(), json!(image));
    let template = object
        .data
        .pointer_mut("/spec/template/metadata")
        .and_then(Value::as_object_mut)
        .context("a Deployment without template metadata")?;
    template.insert("annotations".into(), json!({ SETTINGS_HASH: hash }));
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            proxy_images: vec!["registry.example/mcp-runtime:v1".into()],
            ..Settings::default()
        }
    }

    #[test]
    fn every_workload_runs_the_image_given() {
        let objects = all(&settings(), "registry.example/mcp-runtime:v1").unwrap();
        let images: Vec<_> = [&objects.webhook, &objects.operator]
            .into_iter()
            .flatten()
            .map(|object| {
                let image = &object.data["spec"]["template"]["spec"]["containers"][0]["image"];
                (object.name_any(), image.as_str().unwrap().to_owned())
            })
            .collect();
        assert_eq!(
            images,
            [
                (
                    "mcp-runtime-webhook".to_owned(),
                    "registry.example/mcp-runtime:v1".to_owned()
                ),
                (
                    "mcp-runtime-operator".to_owned(),
                    "registry.example/mcp-runtime:v1".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn changed_settings_roll_the_roles() {
        let annotation = |settings: &Settings| {
            let objects = all(settings, "i").unwrap();
            objects.operator[0].data["spec"]["template"]["metadata"]["annotations"].clone()
        };
        let other = Settings {
            cluster_name: "other".into(),
            ..settings()
        };
        assert_eq!(annotation(&settings()), annotation(&settings()));
        assert_ne!(annotation(&settings()), annotation(&other));
        // An old image leaves the list without a rollout.
        let mut tolerant = settings();
        tolerant
            .proxy_images
            .push("registry.example/mcp-runtime:v0".into());
        assert_eq!(annotation(&settings()), annotation(&tolerant));
    }

    #[test]
    fn the_settings_written_are_the_settings_read() {
        let objects = all(&settings(), "i").unwrap();
        let text = objects.settings[0].data["data"][names::SETTINGS_KEY]
            .as_str()
            .unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Settings>(text).unwrap(),
            settings()
        );
    }

    #[test]
    fn cert_manager_issues_for_the_names_and_secret_that_the_operator_expects() {
        let objects = read(&CERTIFICATE).unwrap();
        let certificate = objects.last().unwrap();
        let spec = &certificate.data["spec"];
        assert_eq!(spec["secretName"], names::WEBHOOK_CM_TLS_SECRET);
        let service = names::WEBHOOK_SERVICE;
        let asked = format!("{service}.{}.svc", names::PLATFORM_NAMESPACE);
        assert_eq!(spec["dnsNames"][0], asked.as_str());
        for object in &objects {
            assert_eq!(
                object.namespace().as_deref(),
                Some(names::PLATFORM_NAMESPACE)
            );
        }
    }

    #[test]
    fn no_role_may_write_secrets_of_other_namespaces() {
        for object in read(&WORKLOADS).unwrap() {
            let kind = object.types.as_ref().unwrap().kind.clone();
            if kind != "ClusterRole" {
                continue;
            }
            let text = object.data["rules"].to_string();
            assert!(
                !text.contains("secrets"),
                "{} speaks of secrets",
                object.name_any()
            );
        }
    }
}
