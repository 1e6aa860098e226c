//! What injection depends on, as two short hashes.

use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Server, Settings};

/// What follows from the server and what from the platform, apart: an upgrade of the platform's
/// proxy may wait for a server's next rollout, a change of the server's own spec is one.
///
/// Shown as `<server>-<platform>`, each 12 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectionInputs {
    server: String,
    platform: String,
}

impl fmt::Display for InjectionInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.server, self.platform)
    }
}

impl InjectionInputs {
    /// Whether `written`, inputs of another time as text, were of the same server as it is now.
    pub fn is_of_this_server(&self, written: &str) -> bool {
        written
            .split_once('-')
            .is_some_and(|(server, _)| server == self.server)
    }
}

/// Changes whenever the injected proxy would. Written on the pod template, so that pods roll.
pub fn injection_inputs(server: &Server, settings: &Settings) -> InjectionInputs {
    let own_image = server
        .gateway
        .as_ref()
        .and_then(|gateway| gateway.image.as_deref());
    InjectionInputs {
        server: short_hash(&json!({
            "name": server.name,
            "namespace": server.namespace,
            "port": server.port,
            "gateway": server.gateway.as_ref().map(|gateway| json!({
                "image": gateway.image,
                "port": gateway.port,
                "upstream": gateway.upstream_url,
                "strip": gateway.strip_prefix,
                "resources": gateway.resources,
            })),
            "host": server.ingress.host,
            "analytics": server.analytics.as_ref().map(|analytics| json!({
                "url": analytics.ingest_url,
                "source": analytics.source,
                "type": analytics.event_type,
                "key": analytics.api_key.as_ref().map(|key| (&key.name, &key.key)),
            })),
        })),
        platform: short_hash(&json!({
            // A server with an image of its own isn't concerned by the platform's.
            "image": settings.proxy_image().filter(|_| own_image.is_none()),
            "cluster": settings.cluster_name,
        })),
    }
}

/// `version@inputs` of what this version of the platform injects for a server: annotation
/// [`ANNOTATION_INJECTED`](crate::names::ANNOTATION_INJECTED).
pub fn injected(server: &Server, settings: &Settings) -> String {
    format!(
        "{}@{}",
        env!("CARGO_PKG_VERSION"),
        injection_inputs(server, settings)
    )
}

/// `version@settings` of a role: two roles that say the same inject, and expect, the same.
///
/// Images that are only still allowed don't count: whether an old one is on the list makes no
/// difference to what is injected.
pub fn platform_inputs(settings: &Settings) -> String {
    let image = settings.proxy_image().map(str::to_owned);
    let settings = Settings {
        proxy_images: image.into_iter().collect(),
        ..settings.clone()
    };
    // A struct of texts and words always becomes JSON.
    let settings = serde_json::to_value(&settings).unwrap_or_default();
    format!("{}@{}", env!("CARGO_PKG_VERSION"), short_hash(&settings))
}

fn short_hash(inputs: &Value) -> String {
    let digest = Sha256::digest(inputs.to_string().as_bytes());
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
