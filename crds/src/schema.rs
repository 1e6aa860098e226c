//! The three CustomResourceDefinitions: the types' own schemas, and the rules put on their nodes.

pub(crate) mod check;
pub(crate) mod fill;
mod shape;

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    ValidationRule,
};
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    Kind, MCPAccessGrant, MCPAgentSession, MCPServer, bounds,
    manifest::PerKind,
    nodes,
    rules::{self, Reason},
    schema::{fill::Defaults, shape::Shape},
    words,
};

/// The three definitions as they are applied to a cluster: shapes, defaults, bounds and rules.
pub fn crds() -> Vec<CustomResourceDefinition> {
    Kind::ALL.map(definition).into()
}

/// What is kept of the schemas.
static KEPT: LazyLock<PerKind<(Shape, Defaults)>> = LazyLock::new(|| {
    PerKind::make(|kind| {
        let schema = schema(kind);
        (Shape::of(&schema), Defaults::of(&schema))
    })
});

/// What the schema of a kind asks.
pub(crate) fn shape(kind: Kind) -> &'static Shape {
    &KEPT.of(kind).0
}

/// The defaults of a kind's schema.
pub(crate) fn defaults(kind: Kind) -> &'static Defaults {
    &KEPT.of(kind).1
}

/// The schema of a kind, as the API server has it; made anew each time.
pub(crate) fn schema(kind: Kind) -> JSONSchemaProps {
    let version = definition(kind).spec.versions.into_iter().next();
    version
        .and_then(|version| version.schema?.open_api_v3_schema)
        .unwrap_or_default()
}

fn definition(kind: Kind) -> CustomResourceDefinition {
    let mut definition = match kind {
        Kind::Server => MCPServer::crd(),
        Kind::Grant => MCPAccessGrant::crd(),
        Kind::Session => MCPAgentSession::crd(),
    };
    let schemas = definition
        .spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut());
    for root in schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()) {
        drop_nullable(root);
        add_metadata(root);
        add_rules(kind, root);
    }
    definition
}

/// An absent field and a null one are the same: the API server prunes nulls that aren't allowed.
fn drop_nullable(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        drop_nullable(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        drop_nullable(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        drop_nullable(values);
    }
}

/// What rules on the root see besides `spec`. The bounds are the API server's own; without them it counts a
/// name as megabytes and refuses every rule about it as too costly.
fn add_metadata(root: &mut JSONSchemaProps) {
    let string = |max_length| JSONSchemaProps {
        type_: Some("string".to_owned()),
        max_length,
        ..JSONSchemaProps::default()
    };
    let name = i64::try_from(bounds::NAME).ok();
    let metadata = JSONSchemaProps {
        type_: Some("object".to_owned()),
        properties: Some(
            [("name", string(name)), ("generateName", string(name))]
                .map(|(name, schema)| (name.to_owned(), schema))
                .into(),
        ),
        ..JSONSchemaProps::default()
    };
    root.properties.get_or_insert_default().extend(
        [
            ("apiVersion", string(None)),
            ("kind", string(None)),
            ("metadata", metadata),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
}

fn add_rules(kind: Kind, root: &mut JSONSchemaProps) {
    for rule in rules::rules(kind) {
        for path in rule.nodes {
            let Some((cel, optional_old_self)) = rule.emitted(path) else {
                continue;
            };
            // The API server takes no path into metadata; the message names the field.
            let field = (!rule.field.is_empty() && !path.is_empty()).then(|| rule.field.to_owned());
            add_rule(
                root,
                path,
                ValidationRule {
                    rule: cel,
                    message: Some(rule.text()),
                    field_path: field,
                    reason: Some(rule.reason.as_str().to_owned()),
                    optional_old_self: optional_old_self.then_some(true),
                    ..ValidationRule::default()
                },
            );
        }
    }
    for immutable in rules::immutables(kind) {
        add_rule(
            root,
            immutable.node,
            ValidationRule {
                rule: "self == oldSelf".to_owned(),
                message: Some(immutable.message.to_owned()),
                reason: Some(Reason::Invalid.as_str().to_owned()),
                ..ValidationRule::default()
            },
        );
    }
}

fn add_rule(root: &mut JSONSchemaProps, path: &str, rule: ValidationRule) {
    if let Some(node) = nodes::schema_mut(root, path) {
        node.x_kubernetes_validations
            .get_or_insert_default()
            .push(rule);
    }
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
