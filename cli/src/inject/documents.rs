//! Manifests from files, folders and stdin, one after the other as they stand there.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

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

/// Reads files, every `.yaml`, `.yml` and `.json` below folders in the order of their names, and
/// stdin for `-`.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for path in paths {
        read_path(path, namespace, &mut documents)?;
    }
    Ok(documents)
}

fn read_path(path: &Path, namespace: &str, documents: &mut Vec<Document>) -> anyhow::Result<()> {
    if path == Path::new("-") {
        let mut text = String::new();
        let mut stdin = std::io::stdin().lock();
        stdin
            .read_to_string(&mut text)
            .context("can't read stdin")?;
        return read_text("stdin", &text, namespace, documents);
    }
    let reading = || format!("can't read {}", path.display());
    if !path.is_dir() {
        let text = fs::read_to_string(path).with_context(reading)?;
        return read_text(&path.display().to_string(), &text, namespace, documents);
    }
    let entries = fs::read_dir(path).with_context(reading)?;
    let entries = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().with_context(reading)?;
    entries.sort();
    for entry in entries {
        let extension = entry.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) || entry.is_dir() {
            read_path(&entry, namespace, documents)?;
        }
    }
    Ok(())
}

fn read_text(
    origin: &str,
    text: &str,
    namespace: &str,
    documents: &mut Vec<Document>,
) -> anyhow::Result<()> {
    let objects = parse(text).with_context(|| format!("can't read {origin}"))?;
    // An empty document between two lines of dashes is none.
    for object in objects.into_iter().filter(|object| !object.is_null()) {
        let own = object.pointer("/metadata/namespace");
        let namespace = own.and_then(Value::as_str).unwrap_or(namespace).to_owned();
        documents.push(Document {
            origin: origin.to_owned(),
            namespace,
            object,
        });
    }
    Ok(())
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
