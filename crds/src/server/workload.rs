//! The server's container and how its pods are replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bounds, words};

/// CPU and memory: what is reserved and what is the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourcesSpec {
    /// The most a container may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceListSpec>,
    /// What is reserved for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceListSpec>,
}

/// Quantities of CPU and memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceListSpec {
    /// Such as 250m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::QUANTITY))]
    pub cpu: Option<String>,
    /// Such as 128Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::QUANTITY))]
    pub memory: Option<String>,
}

/// One literal variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvVarSpec {
    /// Its name.
    #[schemars(length(min = 1, max = bounds::NAME))]
    pub name: String,
    /// Its value.
    #[schemars(length(max = bounds::VALUE))]
    pub value: String,
}

/// One variable taken from a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretEnvVarSpec {
    /// Its name.
    #[schemars(length(min = 1, max = bounds::NAME))]
    pub name: String,
    /// Where its value lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required)]
    pub secret_key_ref: Option<SecretKeySpec>,
}

/// One key of a Secret in the server's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeySpec {
    /// The Secret.
    #[schemars(length(min = 1, max = bounds::NAME))]
    pub name: String,
    /// The key in it.
    #[schemars(length(min = 1, max = bounds::NAME))]
    pub key: String,
}

/// How pods are replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutSpec {
    /// RollingUpdate, Recreate or Canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::RolloutStrategy::WORDS, "default" = "RollingUpdate"))]
    pub strategy: Option<String>,
    /// How many may be missing: a number or a percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::AMOUNT), extend("default" = "25%"))]
    pub max_unavailable: Option<String>,
    /// How many there may be too many: a number or a percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::AMOUNT), extend("default" = "25%"))]
    pub max_surge: Option<String>,
    /// How many of the replicas are the canary's; with strategy Canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("format" = "int32"))]
    pub canary_replicas: Option<i64>,
    /// Seconds a pod goes on serving after it left the Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = bounds::DRAIN_SECONDS), extend("format" = "int32", "default" = 5))]
    pub drain_seconds: Option<i64>,
    /// When pods get a new proxy of the platform's: at once (auto), or with the next rollout that
    /// something else causes (manual).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::ProxyUpgrade::WORDS, "default" = "auto"))]
    pub proxy_upgrade: Option<String>,
}
