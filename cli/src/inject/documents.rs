//! Manifests from files, folders and stdin, one after the other as they stand there.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

use crate::input::{self, Text};

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    /// The file, or `stdin`.
    origin: String,
    /// The namespace that kubectl would put it in.
    pub(super) namespace: String,
    pub(super) object: Value,
}

impl Document {
    fn text(&self, pointer: &str) -> &str {
        let found = self.object.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }
}

/// Where it is from, and what it is: `app.yaml: Deployment demo/everything`.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, kind) = (&self.origin, self.text("/kind"));
        write!(f, "{origin}: {kind}")?;
        let names = ["/metadata/name", "/metadata/generateName"];
        let name = names.iter().map(|pointer| self.text(pointer));
        match name.into_iter().find(|name| !name.is_empty()) {
            Some(name) => write!(f, " {}/{name}", self.namespace),
            None => Ok(()),
        }
    }
}

/// Reads what is given, as [`input::texts`] does.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for Text { origin, text } in input::texts(paths)? {
        let objects = parse(&text).with_context(|| format!("can't read {origin}"))?;
        // An empty document between two lines of dashes is none.
        for object in objects.into_iter().filter(|object| !object.is_null()) {
            let own = object.pointer("/metadata/namespace");
            let namespace = own.and_then(Value::as_str).unwrap_or(namespace).to_owned();
            documents.push(Document {
                origin: origin.clone(),
                namespace,
                object,
            });
        }
    }
    Ok(documents)
}

/// JSON objects one after the other, as we write them, or YAML documents.
fn parse(text: &str) -> anyhow::Result<Vec<Value>> {
    let json = text.trim_start().starts_with('{');
    let objects = json.then(|| {
        serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect()
    });
    match objects {
        Some(Ok(objects)) => Ok(objects),
        _ => Ok(serde_saphyr::from_multiple(text)?),
    }
}
