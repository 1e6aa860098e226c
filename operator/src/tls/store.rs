//! Where the certificate lies: two Secrets and two webhook configurations.

use certs::{IssueError, Issued, TrustError, issue_ca, issue_leaf, service_names};
use crds::{WebhookTls, names};
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use super::configuration::{Bundle, Configuration, only_bundles};
use super::plan::{Seen, previous};
use super::secret::{self, AUTHORITY, CERTIFICATE, KEY, PREVIOUS, SINCE};
use crate::writes::{WriteError, Writes};

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
    #[error(
        "a new certificate under the CA isn't one to serve; delete Secret {} for another CA",
        names::CA_SECRET
    )]
    NotAccepted(#[from] TrustError),
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
        let mutating = self.bundles::<MutatingWebhookConfiguration>().await?;
        let validating = self.bundles::<ValidatingWebhookConfiguration>().await?;
        let bundles = mutating.into_iter().chain(validating);
        let name = asked_for(&self.names()).to_owned();
        Ok(Seen {
            wanted,
            rotate_authority: authority.as_ref().is_some_and(secret::is_asked),
            authority: authority.as_ref().and_then(secret::authority),
            rotate_leaf: served.as_ref().is_some_and(secret::is_asked),
            served: served.map(|found| secret::served(&found, &name, now)),
            provided: provided.and_then(|found| secret::provided(&found, &name, now)),
            bundles: bundles.map(|(_, bundle)| bundle).collect(),
        })
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
        let pair = issue(authority, &self.names(), now)?;
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
        let found = self.secret(name).await?;
        let asked = found.as_ref().and_then(secret::asked);
        let answered = asked.map(|asked| (names::ANNOTATION_ROTATED, asked));
        let annotations = annotations.iter().copied().chain(answered);
        let wanted = secret::tls_secret((self.namespace.as_str(), name), parts, annotations);
        self.writes.apply(&wanted).await?;
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        service_names(names::WEBHOOK_SERVICE, &self.namespace)
    }

    /// Writes the bundle into every webhook of both configurations.
    pub(super) async fn announce(&self, bundle: &str) -> Result<(), TlsError> {
        self.announce_in::<MutatingWebhookConfiguration>(bundle)
            .await?;
        self.announce_in::<ValidatingWebhookConfiguration>(bundle)
            .await?;
        tracing::info!("wrote the webhooks' caBundle");
        Ok(())
    }

    async fn announce_in<K: Configuration>(&self, bundle: &str) -> Result<(), TlsError> {
        if let Some(webhooks) = only_bundles(&self.bundles::<K>().await?, bundle) {
            self.writes
                .apply_part::<K>(names::WEBHOOK_CONFIGURATION, &webhooks)
                .await?;
        }
        Ok(())
    }

    async fn secret(&self, name: &'static str) -> Result<Option<Secret>, TlsError> {
        let api: Api<Secret> = Api::namespaced(self.writes.client().clone(), &self.namespace);
        api.get_opt(name)
            .await
            .map_err(|source| TlsError::Read { what: name, source })
    }

    /// Of each webhook of a configuration; none where there is no such configuration.
    async fn bundles<K: Configuration>(&self) -> Result<Vec<Bundle>, TlsError> {
        let api: Api<K> = Api::all(self.writes.client().clone());
        let found = api.get_opt(names::WEBHOOK_CONFIGURATION).await;
        let found = found.map_err(|source| TlsError::Read {
            what: K::WHAT,
            source,
        })?;
        Ok(found.map(K::bundles).unwrap_or_default())
    }
}

/// The one of a Service's names that API servers ask for.
fn asked_for(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}

/// A leaf that clients accept: whatever may be the matter with the CA, it shows here, and not to
/// an API server.
fn issue(authority: &Issued, names: &[String], now: Timestamp) -> Result<Issued, TlsError> {
    let pair = issue_leaf(authority, names, now)?;
    certs::verify(&pair, &authority.certificate, asked_for(names), now)?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_issued_only_if_clients_accept_it() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let (ca, other) = (issue_ca(now).unwrap(), issue_ca(now).unwrap());
        let names = service_names(names::WEBHOOK_SERVICE, "n");
        let pair = issue(&ca, &names, now).unwrap();
        certs::verify(&pair, &ca.certificate, "mcp-runtime-webhook.n.svc", now).unwrap();
        let mixed = Issued {
            key: other.key,
            ..ca.clone()
        };
        let error = issue(&mixed, &names, now).unwrap_err();
        assert!(matches!(error, TlsError::Issue(_)), "{error:?}");
        let error = issue(&ca, &[], now).unwrap_err();
        assert!(matches!(error, TlsError::NotAccepted(_)), "{error:?}");
    }
}
