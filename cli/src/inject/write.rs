//! Objects as text.

use anyhow::Context;
use json_patch::{Patch, PatchOperation};
use serde::Serialize;
use serde_json::Value;

use super::args::{Format, InjectedFormat};
use super::documents::Document;

/// Documents with their operations applied, or the operations alone.
pub(super) fn injected(
    documents: Vec<(Document, Vec<PatchOperation>)>,
    format: InjectedFormat,
) -> anyhow::Result<String> {
    let mut objects = Vec::new();
    let mut patches = Vec::new();
    for (mut document, operations) in documents {
        let patch = Patch(operations);
        json_patch::patch(&mut document.object, &patch)
            .with_context(|| format!("applying the patch to {document}"))?;
        objects.push(document.object);
        patches.push(patch);
    }
    match format {
        InjectedFormat::Patch => lines(&patches),
        InjectedFormat::Json => lines(&objects),
        InjectedFormat::Yaml => yaml(&objects.iter().collect::<Vec<_>>()),
    }
}

/// Documents.
pub(super) fn objects(objects: &[&Value], format: Format) -> anyhow::Result<String> {
    match format {
        Format::Json => lines(objects),
        Format::Yaml => yaml(objects),
    }
}

/// JSON, one value a line.
pub(super) fn lines<T: Serialize>(values: &[T]) -> anyhow::Result<String> {
    let mut text = String::new();
    for value in values {
        text.push_str(&serde_json::to_string(value)?);
        text.push('\n');
    }
    Ok(text)
}

fn yaml(objects: &[&Value]) -> anyhow::Result<String> {
    let texts: Result<Vec<_>, _> = objects.iter().map(serde_saphyr::to_string).collect();
    Ok(texts?.join("---\n"))
}
