//! Manifests with the places where they stand.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use crds::names;
use serde_json::Value;

use super::positions::{self, Positions};

/// One object.
#[derive(Debug)]
pub(super) struct Document {
    /// As it was given, or `stdin`.
    pub(super) file: String,
    /// With its namespace.
    pub(super) object: Value,
    positions: Positions,
    /// Where in its document an item of a list is.
    at: String,
}

impl Document {
    /// The line of a field of the object; of the object itself where it is empty.
    pub(super) fn line(&self, field: &str) -> usize {
        let separator = if self.at.is_empty() || field.is_empty() {
            ""
        } else {
            "."
        };
        self.positions
            .line(&format!("{}{separator}{field}", self.at))
    }

    /// A text of the object; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        let found = self.object.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// Of our group, or of none at all, which is a mistake.
    pub(super) fn is_ours(&self) -> bool {
        let (version, kind) = (self.text("/apiVersion"), self.text("/kind"));
        let group = version.split('/').next();
        version.is_empty() || kind.is_empty() || group == Some(names::GROUP)
    }
}

/// Reads files, every `.yaml`, `.yml` and `.json` below folders in the order of their names, and
/// stdin for `-`.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> anyhow::Result<Vec<Document>> {
    let mut reader = Reader {
        namespace,
        documents: Vec::new(),
    };
    paths.iter().try_for_each(|path| reader.path(path))?;
    Ok(reader.documents)
}

struct Reader<'a> {
    namespace: &'a str,
    documents: Vec<Document>,
}

impl Reader<'_> {
    fn path(&mut self, path: &Path) -> anyhow::Result<()> {
        if path == Path::new("-") {
            let mut text = String::new();
            let mut stdin = std::io::stdin().lock();
            stdin
                .read_to_string(&mut text)
                .context("can't read stdin")?;
            return self.text("stdin", &text).context("can't read stdin");
        }
        let reading = || format!("can't read {}", path.display());
        if !path.is_dir() {
            let text = fs::read_to_string(path).with_context(reading)?;
            let file = path.display().to_string();
            return self.text(&file, &text).with_context(reading);
        }
        let entries = fs::read_dir(path).with_context(reading)?;
        let entries = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut entries: Vec<_> = entries.collect::<Result<_, _>>().with_context(reading)?;
        entries.sort();
        for entry in entries {
            let extension = entry.extension().and_then(|extension| extension.to_str());
            if matches!(extension, Some("yaml" | "yml" | "json")) || entry.is_dir() {
                self.path(&entry)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, file: &str, text: &str) -> anyhow::Result<()> {
        for (object, positions) in parse(text)? {
            self.object(file, object, &positions, String::new());
        }
        Ok(())
    }

    /// A list is its items.
    fn object(&mut self, file: &str, mut object: Value, positions: &Positions, at: String) {
        let is_list = object.get("kind").and_then(Value::as_str) == Some("List");
        if let Some(Value::Array(items)) = object.get_mut("items").filter(|_| is_list) {
            for (n, item) in std::mem::take(items).into_iter().enumerate() {
                self.object(file, item, positions, format!("items[{n}]"));
            }
            return;
        }
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata
                .entry("namespace")
                .or_insert_with(|| self.namespace.into());
        }
        self.documents.push(Document {
            file: file.to_owned(),
            object,
            positions: positions.clone(),
            at,
        });
    }
}

/// JSON objects one after the other, or YAML documents; empty documents are none.
fn parse(text: &str) -> anyhow::Result<Vec<(Value, Positions)>> {
    if text.trim_start().starts_with('{')
        && let Some(objects) = json(text)
    {
        return Ok(objects);
    }
    let objects: Vec<Value> = serde_saphyr::from_multiple(text)?;
    let objects = objects.into_iter().filter(|object| !object.is_null());
    let positions = positions::of(text, 1)?;
    Ok(objects.zip(positions).collect())
}

fn json(text: &str) -> Option<Vec<(Value, Positions)>> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut objects, mut begin) = (Vec::new(), 0);
    while let Some(object) = stream.next() {
        let end = stream.byte_offset();
        let first = text.get(..begin)?.matches('\n').count() + 1;
        let positions = positions::of(text.get(begin..end)?, first).unwrap_or_default();
        objects.push((
            object.ok()?,
            positions.into_iter().next().unwrap_or_default(),
        ));
        begin = end;
    }
    Some(objects)
}
