//! Where the certificate lies: two Secrets and two webhook configurations.

use std::collections::BTreeMap;

use certs::{IssueError, Issued, issue_ca, issue_leaf, service_names};
use crds::names;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use super::plan::{Leaf, Seen};
use crate::writes::{WriteError, Writes};

/// A Secret of type `kubernetes.io/tls` has these.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
/// The CA that signed the certificate.
const AUTHORITY: &str = "ca.crt";
/// The CA of the certificate before.
const PREVIOUS: &str = "previous-ca.crt";

/// The certificate can't be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("reading {what}")]
    Read {
        what: &'static str,
        #[source]
        source: kube::Error,
    },
    #[error("issuing")]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("there is no CA")]
    NoAuthority,
}

pub(super) struct Store {
    writes: Writes,
    namespace: String,
}

impl Store {
    pub(super) fn new(writes: Writes, namespace: String) -> Self {
        Self { writes, namespace }
    }

    pub(super) async fn read(&self) -> Result<Seen, TlsError> {
        let authority = self.secret(names::CA_SECRET).await?;
        let leaf = self.secret(names::WEBHOOK_TLS_SECRET).await?;
        let (mutating, validating) = (self.mutating().await?, self.validating().await?);
        let bundles = mutating
            .iter()
            .chain(&validating)
            .map(|(_, bundle)| bundle.clone());
        Ok(Seen {
            authority: authority.map(|secret| Issued {
                certificate: text(&secret, CERTIFICATE),
                key: text(&secret, KEY),
            }),
            leaf: leaf.map(|secret| Leaf {
                certificate: text(&secret, CERTIFICATE),
                authority: text(&secret, AUTHORITY),
                previous: text(&secret, PREVIOUS),
            }),
            bundles: bundles.collect(),
        })
    }

    pub(super) async fn new_authority(&self, now: Timestamp) -> Result<(), TlsError> {
        let Issued { certificate, key } = issue_ca(now)?;
        let secret = self.tls_secret(names::CA_SECRET, [(CERTIFICATE, certificate), (KEY, key)]);
        self.writes.apply(&secret).await?;
        tracing::info!(secret = names::CA_SECRET, "issued a CA for the webhook");
        Ok(())
    }

    pub(super) async fn new_leaf(&self, seen: &Seen, now: Timestamp) -> Result<(), TlsError> {
        let authority = seen.authority.as_ref().ok_or(TlsError::NoAuthority)?;
        let dns = service_names(names::WEBHOOK_SERVICE, &self.namespace);
        let Issued { certificate, key } = issue_leaf(authority, &dns, now)?;
        let before = seen.leaf.as_ref().map(|leaf| leaf.authority.clone());
        let previous = before.filter(|before| *before != authority.certificate);
        let parts = [
            (CERTIFICATE, certificate),
            (KEY, key),
            (AUTHORITY, authority.certificate.clone()),
            (PREVIOUS, previous.unwrap_or_default()),
        ];
        self.writes
            .apply(&self.tls_secret(names::WEBHOOK_TLS_SECRET, parts))
            .await?;
        tracing::info!(
            secret = names::WEBHOOK_TLS_SECRET,
            "issued a certificate for the webhook"
        );
        Ok(())
    }

    /// Writes the bundle into every webhook of both configurations.
    pub(super) async fn announce(&self, bundle: &str) -> Result<(), TlsError> {
        let name = names::WEBHOOK_CONFIGURATION;
        let mutating = only_bundles(&self.mutating().await?, bundle);
        let validating = only_bundles(&self.validating().await?, bundle);
        if let Some(webhooks) = mutating {
            self.writes
                .apply_part::<MutatingWebhookConfiguration>(name, &webhooks)
                .await?;
        }
        if let Some(webhooks) = validating {
            self.writes
                .apply_part::<ValidatingWebhookConfiguration>(name, &webhooks)
                .await?;
        }
        tracing::info!("wrote the webhooks' caBundle");
        Ok(())
    }

    async fn secret(&self, name: &'static str) -> Result<Option<Secret>, TlsError> {
        let api: Api<Secret> = Api::namespaced(self.writes.client().clone(), &self.namespace);
        api.get_opt(name)
            .await
            .map_err(|source| TlsError::Read { what: name, source })
    }

    /// Name and bundle of each mutating webhook.
    async fn mutating(&self) -> Result<Vec<(String, Option<String>)>, TlsError> {
        let api: Api<MutatingWebhookConfiguration> = Api::all(self.writes.client().clone());
        let found = api.get_opt(names::WEBHOOK_CONFIGURATION).await;
        let found = found.map_err(|source| TlsError::Read {
            what: "the mutating webhooks",
            source,
        })?;
        let webhooks = found.and_then(|found| found.webhooks).unwrap_or_default();
        let entry = |webhook: k8s_openapi::api::admissionregistration::v1::MutatingWebhook| {
            (webhook.name, webhook.client_config.ca_bundle.map(pem))
        };
        Ok(webhooks.into_iter().map(entry).collect())
    }

    /// Name and bundle of each validating webhook.
    async fn validating(&self) -> Result<Vec<(String, Option<String>)>, TlsError> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.writes.client().clone());
        let found = api.get_opt(names::WEBHOOK_CONFIGURATION).await;
        let found = found.map_err(|source| TlsError::Read {
            what: "the validating webhooks",
            source,
        })?;
        let webhooks = found.and_then(|found| found.webhooks).unwrap_or_default();
        let entry = |webhook: k8s_openapi::api::admissionregistration::v1::ValidatingWebhook| {
            (webhook.name, webhook.client_config.ca_bundle.map(pem))
        };
        Ok(webhooks.into_iter().map(entry).collect())
    }

    fn tls_secret<const N: usize>(&self, name: &str, parts: [(&str, String); N]) -> Secret {
        let data: BTreeMap<String, ByteString> = parts
            .into_iter()
            .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
            .collect();
        Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(self.namespace.clone()),
                labels: Some(
                    [(
                        names::LABEL_MANAGED_BY.to_owned(),
                        names::MANAGED_BY.to_owned(),
                    )]
                    .into(),
                ),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".into()),
            data: Some(data),
            ..Secret::default()
        }
    }
}

/// The part of a configuration that is the operator's: a list keyed by name, of which it applies
/// the bundle and nothing else. `None` where there is no such configuration.
fn only_bundles(webhooks: &[(String, Option<String>)], bundle: &str) -> Option<Value> {
    let encoded = serde_json::to_value(ByteString(bundle.as_bytes().to_vec())).ok()?;
    let entries: Vec<Value> = webhooks
        .iter()
        .map(|(name, _)| json!({ "name": name, "clientConfig": { "caBundle": encoded } }))
        .collect();
    (!entries.is_empty()).then_some(Value::Array(entries))
}

fn pem(bytes: ByteString) -> String {
    String::from_utf8_lossy(&bytes.0).into_owned()
}

fn text(secret: &Secret, key: &str) -> String {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    bytes
        .map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
        .unwrap_or_default()
}
