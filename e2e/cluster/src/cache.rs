//! Built things that are kept: `$MCP_CACHE/KIND/KEY`, the key being the hash of everything that went in.
//!
//! Losing the cache costs time and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::progress;

/// The hash of a thing's inputs.
#[derive(Clone, Default)]
pub struct Key(Sha256);

impl Key {
    /// Adds a named value. Lengths are hashed too, so that no two lists of values run together.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.add(name, value.as_bytes());
        self
    }

    /// Adds a file's content under its own name.
    ///
    /// # Errors
    /// It can't be read.
    pub fn file(mut self, file: &Path) -> Result<Self> {
        let content = fs::read(file).with_context(|| format!("read {}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        self.add(&name, &content);
        Ok(self)
    }

    /// The first 16 hexadecimal digits: enough to tell a handful of builds apart.
    pub fn digits(&self) -> String {
        hex(&self.0.clone().finalize()).chars().take(16).collect()
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The cache's folder: `$MCP_CACHE`, else `~/.cache/mcp-runtime`.
///
/// # Errors
/// Neither `MCP_CACHE` nor `HOME` is set.
pub fn root() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("MCP_CACHE").filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let home = std::env::var_os("HOME").context("neither MCP_CACHE nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/mcp-runtime"))
}

/// The folder of `kind` for `key`, filled by `build` if it isn't there.
///
/// `build` gets an empty folder; it becomes visible under its name only when `build` succeeded, so a build that was
/// cut short is never taken for a finished one.
///
/// # Errors
/// `build`'s own, or the folder can't be made.
pub fn get(kind: &str, key: &Key, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = root()?.join(kind);
    let done = folder.join(key.digits());
    if done.is_dir() {
        return Ok(done);
    }
    progress::say(&format!(
        "           building {kind} (kept in {})",
        done.display()
    ));
    let unfinished = folder.join(format!("{}.{}", key.digits(), std::process::id()));
    remove(&unfinished)?;
    fs::create_dir_all(&unfinished).with_context(|| format!("create {}", unfinished.display()))?;
    let result = build(&unfinished).and_then(|()| match fs::rename(&unfinished, &done) {
        // Somebody else built the same meanwhile.
        Err(_) if done.is_dir() => Ok(()),
        renamed => renamed
            .with_context(|| format!("rename {} to {}", unfinished.display(), done.display())),
    });
    remove(&unfinished)?;
    result.map(|()| done)
}

/// Removes a folder that may not be there.
///
/// # Errors
/// It is there and can't be removed.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_where_values_move_between_names() {
        let one = Key::default().text("a", "bc").digits();
        let other = Key::default().text("ab", "c").digits();
        assert_ne!(one, other);
        assert_eq!(one, Key::default().text("a", "bc").digits());
        assert_eq!(one.len(), 16);
    }
}
