//! The platform's settings, one ConfigMap that webhook and operator both read.

use serde::{Deserialize, Serialize};

/// How an Ingress becomes ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IngressReadiness {
    /// It has an address in its status.
    #[default]
    Strict,
    /// It has rules.
    Permissive,
}

/// Who issues the webhook's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookTls {
    /// The operator, under a CA of its own.
    #[default]
    SelfSigned,
    /// cert-manager, from our Issuer and Certificate.
    CertManager,
}

impl WebhookTls {
    /// The spelling in settings, flags and annotations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfSigned => "self-signed",
            Self::CertManager => "cert-manager",
        }
    }
}

/// `settings.yaml`. Unknown members are refused, so that a misspelt one isn't silently without effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Images a sidecar may have; the first is the one injected. Old and new during an upgrade.
    pub proxy_images: Vec<String>,
    /// Reported in documents and audit events.
    pub cluster_name: String,
    /// Host of servers that give neither host nor prefix (`MCP_DEFAULT_INGRESS_HOST`).
    pub default_ingress_host: String,
    /// Traefik entry points (`MCP_DEFAULT_INGRESS_ENTRYPOINTS`); `web` where empty.
    pub default_ingress_entrypoints: String,
    /// Traefik's `router.tls` (`MCP_DEFAULT_INGRESS_TLS`).
    pub default_ingress_tls: bool,
    /// `strict` or `permissive` (`MCP_INGRESS_READINESS_MODE`).
    pub ingress_readiness: IngressReadiness,
    /// Host, and port where it has one, of the platform's own registry (`PROVISIONED_REGISTRY_URL`); none where empty.
    pub provisioned_registry: String,
    /// Where proxies send audit events (`MCP_SENTINEL_INGEST_URL`); none where empty.
    pub ingest_url: String,
    /// `self-signed` or `cert-manager`: who issues the webhook's certificate.
    pub webhook_tls: WebhookTls,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proxy_images: Vec::new(),
            cluster_name: "local".into(),
            default_ingress_host: String::new(),
            default_ingress_entrypoints: String::new(),
            default_ingress_tls: false,
            ingress_readiness: IngressReadiness::Strict,
            provisioned_registry: String::new(),
            ingest_url: String::new(),
            webhook_tls: WebhookTls::SelfSigned,
        }
    }
}

impl Settings {
    /// The image that is injected; `None` while the platform has none configured.
    pub fn proxy_image(&self) -> Option<&str> {
        self.proxy_images.first().map(String::as_str)
    }
}
