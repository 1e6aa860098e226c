//! Manifests that stand for a cluster.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crds::{Kind, MCPAccessGrant, MCPServer};
use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;
use serde_json::Value;
use walkdir::WalkDir;

use crate::seen::Seen;

/// Manifests can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// No such file or directory, or no right to read it.
    #[error("reading {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Not YAML.
    #[error("reading {} as YAML: {message}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        message: String,
    },
    /// An MCPServer or MCPAccessGrant that isn't one.
    #[error("reading an MCPServer or MCPAccessGrant in {}", path.display())]
    Object {
        /// The file.
        path: PathBuf,
        /// What serde said.
        #[source]
        source: serde_json::Error,
    },
}

/// The objects that reviews ask about; those of other kinds aren't kept.
#[derive(Debug, Default)]
pub struct Files {
    servers: BTreeMap<(String, String), Arc<MCPServer>>,
    owners: BTreeMap<(String, String, String), Value>,
    seen: Seen,
}

impl Files {
    /// Reads a file, or every `.yaml`, `.yml` and `.json` file below a directory.
    ///
    /// Objects without a namespace are in `default`, as kubectl has it.
    ///
    /// # Errors
    /// [`FilesError`] for the first file that can't be read.
    pub fn read(path: &Path) -> Result<Self, FilesError> {
        let mut files = Self::default();
        let paths = manifest_files(path);
        for path in paths.map_err(|(path, source)| FilesError::Read { path, source })? {
            let text = std::fs::read_to_string(&path).map_err(|source| FilesError::Read {
                path: path.clone(),
                source,
            })?;
            files.add(&path, &text)?;
        }
        Ok(files)
    }

    fn add(&mut self, path: &Path, text: &str) -> Result<(), FilesError> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|error| FilesError::Yaml {
                path: path.to_owned(),
                message: error.to_string(),
            })?;
        documents
            .into_iter()
            .try_for_each(|object| self.take(path, object))
    }

    /// A list is its items.
    fn take(&mut self, path: &Path, mut object: Value) -> Result<(), FilesError> {
        let of = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let text = |pointer| of(pointer).unwrap_or_default().to_owned();
        let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let namespace = of("/metadata/namespace").unwrap_or("default").to_owned();
        if kind == "List" {
            let items = object.get_mut("items").map(Value::take);
            return match items {
                Some(Value::Array(items)) => {
                    items.into_iter().try_for_each(|item| self.take(path, item))
                }
                _ => Ok(()),
            };
        }
        let metadata = object.pointer_mut("/metadata");
        if let Some(metadata) = metadata.and_then(Value::as_object_mut) {
            metadata.insert("namespace".into(), namespace.clone().into());
        }
        match Kind::of(&object) {
            Some(Kind::Server) => {
                let server: MCPServer = typed(path, object)?;
                self.seen.server(&Event::Apply(server.clone()));
                self.servers.insert((namespace, name), Arc::new(server));
            }
            Some(Kind::Grant) => {
                let grant: MCPAccessGrant = typed(path, object)?;
                self.seen.grant(&Event::Apply(grant));
            }
            _ if version == "apps/v1" && ["ReplicaSet", "Deployment"].contains(&&*kind) => {
                self.owners.insert((kind, namespace, name), object);
            }
            _ => (),
        }
        Ok(())
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(crate) fn server(&self, namespace: &str, name: &str) -> Option<Arc<MCPServer>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.servers.get(&key).cloned()
    }

    pub(crate) fn owner(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.owners.get(&key).cloned()
    }
}

fn typed<T: DeserializeOwned>(path: &Path, object: Value) -> Result<T, FilesError> {
    serde_json::from_value(object).map_err(|source| FilesError::Object {
        path: path.to_owned(),
        source,
    })
}

/// A file, whatever its name, or every `.yaml`, `.yml` and `.json` file below a directory, in the order of
/// their names.
///
/// # Errors
/// What can't be looked at, and why: what isn't there, and what a link leads back to among it.
pub fn manifest_files(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut files = Vec::new();
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let (at, told) = (error.path().unwrap_or(path).to_owned(), error.to_string());
            let loops = || io::Error::other(told);
            (at, error.into_io_error().unwrap_or_else(loops))
        })?;
        let extension = entry.path().extension().and_then(|ending| ending.to_str());
        let is_manifest = matches!(extension, Some("yaml" | "yml" | "json"));
        if !entry.file_type().is_dir() && (is_manifest || entry.depth() == 0) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}
