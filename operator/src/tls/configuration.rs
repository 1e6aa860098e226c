//! The two kinds of webhook configurations, as far as they are the operator's: the bundles.

use std::fmt::Debug;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::{ByteString, ClusterResourceScope};
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A webhook's name and the CAs that API servers accept it under.
pub(super) type Bundle = (String, Option<String>);

/// Mutating or validating.
pub(super) trait Configuration:
    Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned
{
    /// What it is in errors.
    const WHAT: &'static str;

    /// Of each webhook.
    fn bundles(self) -> Vec<Bundle>;
}

impl Configuration for MutatingWebhookConfiguration {
    const WHAT: &'static str = "the mutating webhooks";

    fn bundles(self) -> Vec<Bundle> {
        let webhooks = self.webhooks.into_iter().flatten();
        webhooks
            .map(|webhook| bundle(webhook.name, webhook.client_config))
            .collect()
    }
}

impl Configuration for ValidatingWebhookConfiguration {
    const WHAT: &'static str = "the validating webhooks";

    fn bundles(self) -> Vec<Bundle> {
        let webhooks = self.webhooks.into_iter().flatten();
        webhooks
            .map(|webhook| bundle(webhook.name, webhook.client_config))
            .collect()
    }
}

fn bundle(name: String, client: WebhookClientConfig) -> Bundle {
    let pem = |bytes: ByteString| String::from_utf8_lossy(&bytes.0).into_owned();
    (name, client.ca_bundle.map(pem))
}

/// The part of a configuration that is the operator's: a list keyed by name, of which it applies
/// the bundle and nothing else. `None` where there is no such configuration.
pub(super) fn only_bundles(webhooks: &[Bundle], bundle: &str) -> Option<Value> {
    let encoded = serde_json::to_value(ByteString(bundle.as_bytes().to_vec())).ok()?;
    let entries: Vec<Value> = webhooks
        .iter()
        .map(|(name, _)| json!({ "name": name, "clientConfig": { "caBundle": encoded } }))
        .collect();
    (!entries.is_empty()).then_some(Value::Array(entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One with a bundle, one without.
    const WEBHOOKS: &str = "
metadata: { name: c }
webhooks:
- name: a
  clientConfig: { caBundle: UEVN }
  admissionReviewVersions: [v1]
  sideEffects: None
- name: b
  clientConfig: {}
  admissionReviewVersions: [v1]
  sideEffects: None
";

    #[test]
    fn both_kinds_are_read_alike() {
        let expected = [
            ("a".to_owned(), Some("PEM".to_owned())),
            ("b".to_owned(), None),
        ];
        let mutating: MutatingWebhookConfiguration = serde_saphyr::from_str(WEBHOOKS).unwrap();
        assert_eq!(mutating.bundles(), expected);
        let validating: ValidatingWebhookConfiguration = serde_saphyr::from_str(WEBHOOKS).unwrap();
        assert_eq!(validating.bundles(), expected);
    }

    #[test]
    fn nothing_but_the_bundle_is_applied_and_to_every_webhook() {
        let webhooks = [
            ("a".to_owned(), Some("old".to_owned())),
            ("b".to_owned(), None),
        ];
        assert_eq!(
            only_bundles(&webhooks, "PEM"),
            Some(json!([
                { "name": "a", "clientConfig": { "caBundle": "UEVN" } },
                { "name": "b", "clientConfig": { "caBundle": "UEVN" } },
            ]))
        );
        assert_eq!(only_bundles(&[], "PEM"), None);
    }
}
