//! Reading the fixtures and keeping the golden files.

use std::path::{Path, PathBuf};

use crds::{MCPServer, Server, Settings};
use json_patch::Patch;
use mcp_injector::{Injection, inject};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A change to a base object, and what is then said of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    /// A sentence.
    pub(crate) name: String,
    /// RFC 6902 operations on the base.
    #[serde(default)]
    pub(crate) change: Option<Patch>,
    /// The first clause that doesn't hold; absent where all hold.
    #[serde(default)]
    pub(crate) clause: Option<String>,
    /// What a person reads; absent where nothing is wrong.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// The denial's code.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// The denial's field.
    #[serde(default)]
    pub(crate) field: Option<String>,
}

impl Case {
    pub(crate) fn applied_to(&self, base: &Value) -> Value {
        let mut object = base.clone();
        if let Some(change) = &self.change {
            json_patch::patch(&mut object, change).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        }
        object
    }
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn yaml<T: DeserializeOwned>(name: &str) -> T {
    serde_saphyr::from_str(&read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn settings() -> Settings {
    yaml("settings.yaml")
}

/// The server of `servers.yaml` with this name.
pub(crate) fn server(name: &str) -> Server {
    let servers: Vec<MCPServer> = serde_saphyr::from_multiple(&read("servers.yaml")).unwrap();
    let found = servers
        .iter()
        .find(|server| server.metadata.name.as_deref() == Some(name));
    crds::parse(found.unwrap_or_else(|| panic!("{name}")), &settings()).unwrap()
}

pub(crate) fn pod(name: &str) -> Value {
    yaml(&format!("pods/{name}.yaml"))
}

/// Injects into a pod with the server that its label names.
pub(crate) fn injected(pod: &Value) -> Injection {
    inject(pod, &server(mcp_injector::server_label(pod)), &settings()).unwrap()
}

/// The pod after injection, which has to patch it.
pub(crate) fn patched(pod: &Value) -> Value {
    let mut pod = pod.clone();
    match injected(&pod) {
        Injection::Patch { ops, .. } => json_patch::patch(&mut pod, &ops).unwrap(),
        other => panic!("{other:?}"),
    }
    pod
}

/// Compares with a golden file, or writes it where `UPDATE_GOLDEN` is set.
pub(crate) fn golden(name: &str, found: &Value) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let text = serde_saphyr::to_string(found).unwrap();
        std::fs::write(path(name), text).unwrap();
    }
    let expected: Value = yaml(name);
    same(name, &expected, found);
}

fn same(name: &str, expected: &Value, found: &Value) {
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    assert_eq!(
        text(found),
        text(expected),
        "{name}; UPDATE_GOLDEN=1 accepts it"
    );
}
