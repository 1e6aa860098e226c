//! Manifests from files and folders, compiled as the operator would.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use crds::{MCPAccessGrant, MCPAgentSession, MCPServer, Settings};
use policy::Document;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::input::{self, Text};

/// What of a set of manifests concerns decisions.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    servers: Vec<MCPServer>,
    grants: Vec<Arc<MCPAccessGrant>>,
    sessions: Vec<Arc<MCPAgentSession>>,
}

impl Manifests {
    /// Reads what is given, as [`input::texts`] does.
    pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut manifests = Self::default();
        for Text { origin, text } in input::texts(paths)? {
            manifests
                .read_text(&text)
                .with_context(|| format!("can't read {origin}"))?;
        }
        Ok(manifests)
    }

    fn read_text(&mut self, text: &str) -> anyhow::Result<()> {
        for object in serde_saphyr::from_multiple::<Value>(text)? {
            self.take(object)?;
        }
        Ok(())
    }

    /// Objects of other kinds are nothing to decisions; a list is its items.
    fn take(&mut self, mut object: Value) -> anyhow::Result<()> {
        let kind = object
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if kind == "List" {
            if let Some(Value::Array(items)) = object.get_mut("items").map(Value::take) {
                items.into_iter().try_for_each(|item| self.take(item))?;
            }
            return Ok(());
        }
        match kind.as_str() {
            "MCPServer" => self.servers.push(typed(object)?),
            "MCPAccessGrant" => self.grants.push(Arc::new(typed(object)?)),
            "MCPAgentSession" => self.sessions.push(Arc::new(typed(object)?)),
            _ => {}
        }
        Ok(())
    }

    /// The document of one server: `name`, where that is unique, or `namespace/name`.
    pub(super) fn compile(&self, server: &str) -> anyhow::Result<Document> {
        let (namespace, name) = match server.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, server),
        };
        let found: Vec<&MCPServer> = self
            .servers
            .iter()
            .filter(|server| server.metadata.name.as_deref() == Some(name))
            .filter(|server| {
                namespace.is_none() || server.metadata.namespace.as_deref() == namespace
            })
            .collect();
        let server = match found.as_slice() {
            [server] => server,
            [] => bail!("the manifests have no MCPServer {server}"),
            _ => bail!("the manifests have more than one MCPServer {name}: say NAMESPACE/{name}"),
        };
        let settings = Settings::default();
        let parsed = crds::parse(server, &settings)
            .with_context(|| format!("MCPServer {name} isn't valid"))?;
        let compiled = crds::compile(&parsed, &self.grants, &self.sessions, &settings);
        let states = compiled.grants.iter().chain(&compiled.sessions);
        for state in states.filter(|state| !state.included) {
            let (namespace, name, reason) = (&state.namespace, &state.name, state.reason.as_str());
            tracing::warn!(namespace, name, reason, "{}", state.message);
        }
        Ok(compiled.document)
    }
}

/// An object of its kind, in the namespace that kubectl would put it where it names none.
fn typed<T: DeserializeOwned>(mut object: Value) -> anyhow::Result<T> {
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut name = String::new();
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata
            .entry("namespace")
            .or_insert_with(|| "default".into());
        name = metadata
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
    }
    serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        anyhow::Error::new(error.into_inner()).context(format!("{kind} {name}: {path}"))
    })
}
