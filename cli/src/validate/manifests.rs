//! Manifests with the places where they stand.

use std::path::PathBuf;

use anyhow::Context;
use crds::names;
use serde_json::Value;

use super::positions::{self, Positions};
use crate::input::{self, Text};

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

/// Reads what is given, as [`input::texts`] does.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> anyhow::Result<Vec<Document>> {
    let mut reader = Reader {
        namespace,
        documents: Vec::new(),
    };
    for Text { origin, text } in input::texts(paths)? {
        let objects = parse(&text).with_context(|| format!("can't read {origin}"))?;
        for (object, positions) in objects {
            reader.object(&origin, object, &positions, String::new());
        }
    }
    Ok(reader.documents)
}

struct Reader<'a> {
    namespace: &'a str,
    documents: Vec<Document>,
}

impl Reader<'_> {
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
