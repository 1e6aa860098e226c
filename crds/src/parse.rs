//! Objects as stored become objects as meant, or the list of what is wrong with them.
//!
//! The same checks as the API server's (schema and rules, for objects it never saw or saw with an older schema)
//! and those it can't make: references to images, and what the platform allows.

mod access;
mod platform;
mod server;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::{
    Grant, Kind, MCPAccessGrant, MCPAgentSession, MCPServer, MCPServerSpec, Problems, Server,
    Session, Settings,
    default::fill,
    manifest,
    nodes::Path,
    rules,
    schema::{self, check},
};

/// A server with every default resolved, or everything that is wrong with it.
///
/// # Errors
/// All problems: those of shape first, then those of meaning.
pub fn parse(object: &MCPServer, settings: &Settings) -> Result<Server, Problems> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    parse_spec(&object.metadata, spec, settings)
}

/// The same for a raw spec, which need not have the shape of one.
///
/// # Errors
/// As [`parse`].
pub fn parse_spec(
    metadata: &ObjectMeta,
    spec: Value,
    settings: &Settings,
) -> Result<Server, Problems> {
    let mut filled = checked(Kind::Server, metadata, spec, settings)?;
    let spec: MCPServerSpec = filled
        .get_mut("spec")
        .map(Value::take)
        .map_or(Ok(MCPServerSpec::default()), manifest::typed)?;
    let problems = platform::check(&spec, settings);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    Ok(server::resolve(metadata, spec, settings))
}

/// A grant with its words typed.
///
/// # Errors
/// All problems: those of shape first, then those of meaning.
pub fn parse_grant(object: &MCPAccessGrant) -> Result<Grant, Problems> {
    checked(
        Kind::Grant,
        &object.metadata,
        serde_json::to_value(&object.spec).unwrap_or_default(),
        &Settings::default(),
    )?;
    Ok(access::grant(object))
}

/// A session with its words typed.
///
/// # Errors
/// All problems: those of shape first, then those of meaning.
pub fn parse_session(object: &MCPAgentSession) -> Result<Session, Problems> {
    checked(
        Kind::Session,
        &object.metadata,
        serde_json::to_value(&object.spec).unwrap_or_default(),
        &Settings::default(),
    )?;
    Ok(access::session(object))
}

/// The object as JSON, with its defaults, after every check that needs no settings.
fn checked(
    kind: Kind,
    metadata: &ObjectMeta,
    spec: Value,
    settings: &Settings,
) -> Result<Value, Problems> {
    // Of the metadata what rules look at: the rest is long and the API server's own.
    let mut value = json!({
        "metadata": {"name": metadata.name, "generateName": metadata.generate_name},
    });
    if let Value::Object(members) = &mut value {
        members.insert("spec".to_owned(), spec);
    }
    manifest::prune_nulls(&mut value);
    let mut problems = Vec::new();
    check::check(schema::shape(kind), &value, &Path::Root, &mut problems);
    prune_blanks(&mut value);
    // The other kinds have no defaults, and there are many of them.
    if kind == Kind::Server {
        fill(kind, &mut value, settings);
    }
    problems.extend(rules::check(kind, &value));
    if problems.is_empty() {
        Ok(value)
    } else {
        Err(Problems(problems))
    }
}

/// An empty string of the spec and of its sections means the same as none; those of lists mean themselves.
fn prune_blanks(object: &mut Value) {
    let Some(Value::Object(spec)) = object.get_mut("spec") else {
        return;
    };
    for section in spec.values_mut().filter_map(Value::as_object_mut) {
        section.retain(|_, member| member.as_str() != Some(""));
    }
    spec.retain(|_, member| member.as_str() != Some(""));
}
