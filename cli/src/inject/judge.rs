//! The injector's word on a pod, with manifests for a cluster.

use std::collections::BTreeMap;

use anyhow::Context;
use crds::{MCPServer, Server, Settings, names, words::Workload};
use injector::{
    Code, Denial, Injection, is_governed, server_invalid, server_label, server_not_found,
    server_unnamed,
};
use serde_json::Value;

use super::args::PlatformArgs;
use super::documents::{self, Document};
use super::pods::Pod;
use crate::input;

/// Servers and settings.
#[derive(Debug)]
pub(super) struct Platform {
    settings: Settings,
    servers: BTreeMap<(String, String), MCPServer>,
}

impl Platform {
    /// Reads settings and servers; servers among `documents` count too.
    pub(super) fn read(args: &PlatformArgs, documents: &[Document]) -> anyhow::Result<Self> {
        let settings = args.settings.as_deref().map(input::settings).transpose()?;
        let mut platform = Self {
            settings: settings.unwrap_or_default(),
            servers: BTreeMap::new(),
        };
        let objects = documents::read(&args.objects, "default")?;
        for document in objects.iter().chain(documents) {
            platform.add(document, &document.object)?;
        }
        Ok(platform)
    }

    fn add(&mut self, document: &Document, object: &Value) -> anyhow::Result<()> {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let items = object.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            self.add(document, item)?;
        }
        if crds::Kind::of(object) != Some(crds::Kind::Server) {
            return Ok(());
        }
        let namespace = text("/metadata/namespace").unwrap_or(&document.namespace);
        let name = text("/metadata/name").unwrap_or_default();
        let mut server: MCPServer = serde_path_to_error::deserialize(object)
            .with_context(|| format!("can't read {document}"))?;
        server.metadata.namespace = Some(namespace.to_owned());
        let key = (namespace.to_owned(), name.to_owned());
        self.servers.insert(key, server);
        Ok(())
    }

    /// What comes of a pod; an error where neither pod nor server is to blame.
    pub(super) fn judge(&self, document: &Document, pod: &Pod) -> anyhow::Result<Injection> {
        if !is_governed(&pod.value) {
            return Ok(Injection::Allow(Code::NotGoverned));
        }
        let server = match self.server(document, pod) {
            Ok(server) => server,
            Err(denial) => return Ok(Injection::Deny(*denial)),
        };
        injector::inject(&pod.value, &server, &self.settings)
            .with_context(|| format!("{document} (settings are given by --settings)"))
    }

    fn server(&self, document: &Document, pod: &Pod) -> Result<Server, Box<Denial>> {
        let namespace = pod.namespace.as_ref().unwrap_or(&document.namespace);
        let name = server_label(&pod.value);
        if name.is_empty() {
            return Err(Box::new(server_unnamed()));
        }
        let key = (namespace.clone(), name.to_owned());
        let server = self.servers.get(&key);
        let server = server.ok_or_else(|| Box::new(server_not_found(namespace, name)))?;
        crds::parse(server, &self.settings)
            .map_err(|problems| Box::new(server_invalid(name, &problems)))
    }

    /// Whether the cluster asks more of the pod than can be asked here.
    pub(super) fn is_managed(&self, document: &Document, pod: &Pod) -> bool {
        let server = self.server(document, pod);
        server.is_ok_and(|server| server.workload == Workload::Managed)
    }
}

/// What a governed pod is labelled with, as a person writes it.
pub(super) fn governed() -> String {
    format!("{}: {}", names::LABEL_GATEWAY, names::GATEWAY_REQUIRED)
}
