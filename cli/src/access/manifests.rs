//! Manifests from files and folders, compiled as the operator would.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use crds::{MCPAccessGrant, MCPAgentSession, MCPServer, Settings};
use policy::Document;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What of a set of manifests concerns decisions.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    servers: Vec<MCPServer>,
    grants: Vec<Arc<MCPAccessGrant>>,
    sessions: Vec<Arc<MCPAgentSession>>,
}

impl Manifests {
    /// Reads files, and every `.yaml`, `.yml` and `.json` below folders.
    pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut manifests = Self::default();
        for path in paths {
            manifests.read_path(path)?;
        }
        Ok(manifests)
    }

    fn read_path(&mut self, path: &Path) -> anyhow::Result<()> {
        let reading = || format!("can't read {}", path.display());
        if !path.is_dir() {
            let text = fs::read_to_string(path).with_context(reading)?;
            return self.read_text(&text).with_context(reading);
        }
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .and_then(|entries| {
                entries
                    .map(|entry| entry.map(|entry| entry.path()))
                    .collect()
            })
            .with_context(reading)?;
        entries.sort();
        for entry in entries {
            let manifest = entry
                .extension()
                .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e));
            if manifest || entry.is_dir() {
                self.read_path(&entry)?;
            }
        }
        Ok(())
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
