//! What commands are given to read: files, folders and stdin.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use crds::Settings;
use webhook::manifest_files;

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
        let files = manifest_files(path);
        for file in files.map_err(|(path, error)| unread(&path, error))? {
            let text = file_text(&file)?;
            let origin = file.display().to_string();
            texts.push(Text { origin, text });
        }
    }
    Ok(texts)
}

fn file_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| unread(path, error))
}

fn unread(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("can't read {}", path.display()))
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
