//! What the API server is told about us: two webhook configurations, and the policies that hold
//! with us away. Rendered into `deploy/admission/` by a test; applied by `mcp-runtime setup`.

mod ephemeral_containers;
mod intact_proxy;
mod intact_proxy_update;
mod mutating;
mod operator_touch;
mod pod_binding;
mod policy;
mod policy_writers;
mod switch;
mod validating;

use crds::{Settings, names};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ServiceReference, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta,
};
use serde_json::Value;

pub use switch::{Endpoint, Standing, State, standings, switch_off};

/// One object of this module, still typed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum AdmissionObject {
    /// A policy.
    Policy(ValidatingAdmissionPolicy),
    /// What puts a policy in force.
    Binding(ValidatingAdmissionPolicyBinding),
    /// `/inject` and `/default`.
    Mutating(MutatingWebhookConfiguration),
    /// `/validate`.
    Validating(ValidatingWebhookConfiguration),
}

impl AdmissionObject {
    /// The object's name; policy and binding share theirs.
    pub fn name(&self) -> &str {
        let metadata = match self {
            Self::Policy(object) => &object.metadata,
            Self::Binding(object) => &object.metadata,
            Self::Mutating(object) => &object.metadata,
            Self::Validating(object) => &object.metadata,
        };
        metadata.name.as_deref().unwrap_or_default()
    }

    /// The object as JSON, with apiVersion and kind.
    ///
    /// # Errors
    /// None in practice; a text that JSON can't hold.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

/// Every object, in the order to apply them: policies and bindings before the configurations, so
/// that a governed pod is never judged by neither.
///
/// `settings.proxy_images` is written into the policies; apply them again when it changes. The
/// configurations come without caBundle, which the operator fills in and is alone to own.
pub fn admission_objects(settings: &Settings) -> Vec<AdmissionObject> {
    let policies = [
        intact_proxy::policy(settings),
        intact_proxy_update::policy(settings),
        ephemeral_containers::policy(),
        pod_binding::policy(),
        policy_writers::policy(),
        operator_touch::policy(),
    ];
    let mut objects: Vec<_> = policies
        .into_iter()
        .flat_map(|policy| {
            let binding = policy::binding(&policy);
            [
                AdmissionObject::Policy(policy),
                AdmissionObject::Binding(binding),
            ]
        })
        .collect();
    objects.push(AdmissionObject::Mutating(mutating::configuration()));
    objects.push(AdmissionObject::Validating(validating::configuration()));
    objects
}

fn metadata(name: &str) -> ObjectMeta {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    ObjectMeta {
        name: Some(name.into()),
        labels: Some(
            [
                label(names::LABEL_MANAGED_BY, names::MANAGED_BY),
                label("app.kubernetes.io/part-of", names::MANAGED_BY),
            ]
            .into(),
        ),
        ..Default::default()
    }
}

/// Pods behind a proxy. With an update, the API server asks it of the old and of the new object
/// and goes by either.
fn governed() -> LabelSelector {
    let label = (names::LABEL_GATEWAY.into(), names::GATEWAY_REQUIRED.into());
    LabelSelector {
        match_labels: Some([label].into()),
        ..Default::default()
    }
}

/// Kubernetes' own namespaces: nothing there waits for us.
const SYSTEM: [&str; 3] = ["kube-system", "kube-node-lease", "kube-public"];

fn not_of_the_system() -> LabelSelector {
    not_in(&SYSTEM)
}

/// The same, and our own: our pods don't wait for us either.
fn not_of_the_platform() -> LabelSelector {
    not_in(&[&SYSTEM[..], &[names::PLATFORM_NAMESPACE]].concat())
}

fn not_in(namespaces: &[&str]) -> LabelSelector {
    let values = namespaces.iter().map(|&name| name.to_owned());
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: "kubernetes.io/metadata.name".into(),
            operator: "NotIn".into(),
            values: Some(values.collect()),
        }]),
        ..Default::default()
    }
}

/// Our Service, without the caBundle.
fn service(path: &str) -> WebhookClientConfig {
    WebhookClientConfig {
        service: Some(ServiceReference {
            name: names::WEBHOOK_SERVICE.into(),
            namespace: names::PLATFORM_NAMESPACE.into(),
            path: Some(path.into()),
            port: Some(443),
        }),
        ..Default::default()
    }
}
