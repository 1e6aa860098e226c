//! The two volumes of a governed pod.

use crds::names;
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, KeyToPath, ProjectedVolumeSource, SecretVolumeSource, Volume,
    VolumeProjection,
};

/// The document, its key set and the session shards, in one directory.
///
/// Every source names its keys: of a source without `items` every key is mounted and the later
/// source wins, so that whoever may create an unused shard would replace the document. The
/// document's source isn't optional, so that a proxy starts with one and keeps it if it goes.
pub(crate) fn policy(server: &str) -> Volume {
    let document = ConfigMapProjection {
        name: names::policy_config_map(server),
        items: Some(vec![
            key(names::POLICY_KEY, names::POLICY_KEY),
            key(names::JWKS_KEY, names::JWKS_KEY),
        ]),
        ..Default::default()
    };
    let shards = (0..names::SESSION_SHARDS).map(|n| ConfigMapProjection {
        name: names::session_shard_config_map(server, n),
        items: Some(vec![key(
            names::SESSION_SHARD_KEY,
            &names::session_shard_file(n),
        )]),
        optional: Some(true),
    });
    let sources = std::iter::once(document)
        .chain(shards)
        .map(|config_map| VolumeProjection {
            config_map: Some(config_map),
            ..Default::default()
        })
        .collect();
    Volume {
        name: names::POLICY_VOLUME.into(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(sources),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The upstream tokens, a key a file. A volume of its own: its keys aren't known beforehand, and
/// in the other one they could shadow the document.
pub(crate) fn tokens(server: &str) -> Volume {
    Volume {
        name: names::TOKENS_VOLUME.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(names::upstream_tokens_secret(server)),
            optional: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn key(key: &str, path: &str) -> KeyToPath {
    KeyToPath {
        key: key.into(),
        path: path.into(),
        ..Default::default()
    }
}
