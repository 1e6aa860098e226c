//! Where the certificate lies: two Secrets and two webhook configurations.

use std::collections::BTreeMap;

use certs::{IssueError, Issued, issue_ca, issue_leaf, service_names};
use crds::{WebhookTls, names};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use super::plan::{Leaf, Provided, Seen, previous};
use crate::chain::Chain;
use crate::writes::{WriteError, Writes};

/// A Secret of type `kubernetes.io/tls` has these.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
/// The CA that signed the certificate.
const AUTHORITY: &str = "ca.crt";
/// The CAs of the certificates before.
const PREVIOUS: &str = "previous-ca.crt";
/// Annotation: since when the certificate is served.
const SINCE: &str = "mcpruntime.org/served-since";

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
    #[error("cert-manager's certificate is gone")]
    NothingProvided,
}

pub(super) struct Store {
    writes: Writes,
    namespace: String,
}

impl Store {
    pub(super) fn new(writes: Writes, namespace: String) -> Self {
        Self { writes, namespace }
    }

    /// Everything the plan goes by. `wanted`: who is to issue.
    pub(super) async fn read(&self, wanted: WebhookTls, now: Timestamp) -> Result<Seen, TlsError> {
        let authority = self.secret(names::CA_SECRET).await?;
        let served = self.secret(names::WEBHOOK_TLS_SECRET).await?;
        let provided = match wanted {
            WebhookTls::SelfSigned => None,
            WebhookTls::CertManager => self.secret(names::WEBHOOK_CM_TLS_SECRET).await?,
        };
        let (mutating, validating) = (self.mutating().await?, self.validating().await?);
        let bundles = mutating
            .iter()
            .chain(&validating)
            .map(|(_, bundle)| bundle.clone());
        Ok(Seen {
            wanted,
            rotate_authority: authority.as_ref().is_some_and(is_asked),
            authority: authority.as_ref().map(issued),
            rotate_leaf: served.as_ref().is_some_and(is_asked),
            served: served.map(|secret| Leaf {
                certificate: text(&secret, CERTIFICATE),
                authority: text(&secret, AUTHORITY),
                previous: text(&secret, PREVIOUS),
                since: annotation(&secret, SINCE).and_then(|since| since.parse().ok()),
            }),
            provided: provided.and_then(|secret| self.acceptable(&secret, now)),
            bundles: bundles.collect(),
        })
    }

    /// What cert-manager issued, unless API servers wouldn't accept it.
    fn acceptable(&self, secret: &Secret, now: Timestamp) -> Option<Provided> {
        let provided = Provided {
            pair: issued(secret),
            authority: text(secret, AUTHORITY),
        };
        // The name that the API server asks for.
        let name = self.names().into_iter().next()?;
        match certs::verify(&provided.pair, &provided.authority, &name, now) {
            Ok(()) => Some(provided),
            Err(error) => {
                let secret = names::WEBHOOK_CM_TLS_SECRET;
                tracing::warn!(secret, error = %Chain(&error), "not served");
                None
            }
        }
    }

    pub(super) async fn new_authority(&self, now: Timestamp) -> Result<(), TlsError> {
        let Issued { certificate, key } = issue_ca(now)?;
        let parts = [(CERTIFICATE, certificate), (KEY, key)];
        self.keep(names::CA_SECRET, parts, &[]).await?;
        tracing::info!(secret = names::CA_SECRET, "issued a CA for the webhook");
        Ok(())
    }

    /// Issues a leaf under our own CA, and serves it.
    pub(super) async fn new_leaf(&self, seen: &Seen, now: Timestamp) -> Result<(), TlsError> {
        let authority = seen.authority.as_ref().ok_or(TlsError::NoAuthority)?;
        let pair = issue_leaf(authority, &self.names(), now)?;
        let from = WebhookTls::SelfSigned;
        self.serve(seen, pair, &authority.certificate, from, now)
            .await
    }

    /// Serves what cert-manager issued.
    pub(super) async fn adopt(&self, seen: &Seen, now: Timestamp) -> Result<(), TlsError> {
        let provided = seen.provided.clone().ok_or(TlsError::NothingProvided)?;
        let from = WebhookTls::CertManager;
        self.serve(seen, provided.pair, &provided.authority, from, now)
            .await
    }

    async fn serve(
        &self,
        seen: &Seen,
        Issued { certificate, key }: Issued,
        authority: &str,
        from: WebhookTls,
        now: Timestamp,
    ) -> Result<(), TlsError> {
        let parts = [
            (CERTIFICATE, certificate),
            (KEY, key),
            (AUTHORITY, authority.to_owned()),
            (PREVIOUS, previous(seen, authority, now)),
        ];
        let (from, since) = (from.as_str(), now.to_string());
        let annotations = [
            (names::ANNOTATION_CERTIFICATE_FROM, from),
            (SINCE, since.as_str()),
        ];
        let secret = names::WEBHOOK_TLS_SECRET;
        self.keep(secret, parts, &annotations).await?;
        tracing::info!(secret, from, "a new certificate for the webhook");
        Ok(())
    }

    /// Writes one of our Secrets; what was asked for by its annotation is answered by this.
    async fn keep<const N: usize>(
        &self,
        name: &'static str,
        parts: [(&str, String); N],
        annotations: &[(&str, &str)],
    ) -> Result<(), TlsError> {
        // Asked for anew meanwhile, it is answered all the same: it is a new one.
        let asked = self.secret(name).await?;
        let asked = asked
            .as_ref()
            .and_then(|secret| annotation(secret, names::ANNOTATION_ROTATE));
        let answered = asked.map(|asked| (names::ANNOTATION_ROTATED, asked));
        let annotations = annotations.iter().copied().chain(answered);
        self.writes
            .apply(&self.tls_secret(name, parts, annotations))
            .await?;
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        service_names(names::WEBHOOK_SERVICE, &self.namespace)
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

    fn tls_secret<'a, const N: usize>(
        &self,
        name: &str,
        parts: [(&str, String); N],
        annotations: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Secret {
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let data: BTreeMap<String, ByteString> = parts
            .into_iter()
            .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
            .collect();
        let managed = (names::LABEL_MANAGED_BY, names::MANAGED_BY);
        Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(self.namespace.clone()),
                labels: Some([owned(managed)].into()),
                annotations: Some(annotations.map(owned).collect()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".into()),
            data: Some(data),
            ..Secret::default()
        }
    }
}

/// Somebody wants another one than the one that answered the last wish.
fn is_asked(secret: &Secret) -> bool {
    let asked = annotation(secret, names::ANNOTATION_ROTATE);
    asked.is_some() && asked != annotation(secret, names::ANNOTATION_ROTATED)
}

fn annotation<'a>(secret: &'a Secret, name: &str) -> Option<&'a str> {
    let found = secret.metadata.annotations.as_ref()?.get(name)?;
    Some(found)
}

fn issued(secret: &Secret) -> Issued {
    Issued {
        certificate: text(secret, CERTIFICATE),
        key: text(secret, KEY),
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
