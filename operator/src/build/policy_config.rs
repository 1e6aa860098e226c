//! The ConfigMap that carries the policy into the pods.

use crds::{Server, names};
use k8s_openapi::api::core::v1::ConfigMap;

use super::meta::{meta, pairs};
use crate::render::Rendered;

/// No keys: tokens of the cluster's own issuer aren't accepted. The key is always there, because
/// the volume names both.
const NO_KEYS: &str = r#"{"keys":[]}"#;

pub(super) fn build_policy_config(server: &Server, rendered: &Rendered) -> ConfigMap {
    ConfigMap {
        metadata: meta(server, &names::policy_config_map(&server.name)),
        data: Some(pairs([
            (names::POLICY_KEY, &rendered.text),
            (names::JWKS_KEY, NO_KEYS),
        ])),
        ..ConfigMap::default()
    }
}
