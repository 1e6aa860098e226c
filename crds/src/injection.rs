//! What injection depends on, as one short hash.

use sha2::{Digest, Sha256};

use crate::{Server, Settings};

/// Changes whenever the injected proxy would: 16 hex digits. Written on the pod template, so that pods roll.
pub fn injection_inputs(server: &Server, settings: &Settings) -> String {
    let inputs = serde_json::json!({
        "name": server.name,
        "namespace": server.namespace,
        "platform_image": settings.proxy_image(),
        "cluster": settings.cluster_name,
        "port": server.port,
        "gateway": server.gateway.as_ref().map(|gateway| serde_json::json!({
            "image": gateway.image,
            "port": gateway.port,
            "upstream": gateway.upstream_url,
            "strip": gateway.strip_prefix,
            "resources": gateway.resources,
        })),
        "host": server.ingress.host,
        "analytics": server.analytics.as_ref().map(|analytics| serde_json::json!({
            "url": analytics.ingest_url,
            "source": analytics.source,
            "type": analytics.event_type,
            "key": analytics.api_key.as_ref().map(|key| (&key.name, &key.key)),
        })),
    });
    let digest = Sha256::digest(inputs.to_string().as_bytes());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
