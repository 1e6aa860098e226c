//! What commands are given to read: files, folders and stdin.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use crds::Settings;
use walkdir::WalkDir;

/// One text.
#[derive(Debug)]
pub(crate) struct Text {
    /// The file as it was given, or `stdin`.
    pub(crate) origin: String,
    pub(crate) text: String,
}

/// Files, every `.yaml`, `.yml` and `.json` below folders in the order of their names, and stdin
/// for `-`.
pub(crate) fn texts(paths: &[PathBuf]) -> anyhow::Result<Vec<Text>> {
    let mut texts = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            texts.push(stdin()?);
            continue;
        }
        for file in files(path)? {
            let text = file_text(&file)?;
            let origin = file.display().to_string();
            texts.push(Text { origin, text });
        }
    }
    Ok(texts)
}

/// A file is itself, whatever its name.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        let entry = entry.with_context(|| format!("can't read {}", path.display()))?;
        let extension = entry.path().extension().and_then(|ending| ending.to_str());
        let is_manifest = matches!(extension, Some("yaml" | "yml" | "json"));
        if !entry.file_type().is_dir() && (is_manifest || entry.depth() == 0) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn file_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

fn stdin() -> anyhow::Result<Text> {
    let mut text = String::new();
    let mut stdin = io::stdin().lock();
    stdin
        .read_to_string(&mut text)
        .context("can't read stdin")?;
    let origin = "stdin".to_owned();
    Ok(Text { origin, text })
}

/// The platform's settings, as in ConfigMap `mcp-runtime-settings`.
pub(crate) fn settings(path: &Path) -> anyhow::Result<Settings> {
    let text = file_text(path)?;
    serde_saphyr::from_str(&text).with_context(|| format!("can't read {}", path.display()))
}
