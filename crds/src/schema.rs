//! The three CustomResourceDefinitions, from the types' own schemas.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{MCPAccessGrant, MCPAgentSession, MCPServer, bounds, words};

/// The three definitions as they are applied to a cluster.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        MCPServer::crd(),
        MCPAccessGrant::crd(),
        MCPAgentSession::crd(),
    ]
}

/// A map of annotations.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    string_map(bounds::SOME, bounds::TEXT)
}

/// A map of labels that only people read.
pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    string_map(bounds::FEW, bounds::NAME)
}

fn string_map(members: usize, length: usize) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": members,
        "additionalProperties": {"type": "string", "maxLength": length},
    })
}

/// A set of side effects.
pub(crate) fn side_effects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": words::SIDE_EFFECT_WORDS.len(),
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "enum": words::SIDE_EFFECT_WORDS},
    })
}
