//! The checkout that a command works for, and what it is told of the cluster: `.cluster/`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{cache, place};

/// The checkout that the current folder is in.
///
/// # Errors
/// It is in none.
pub fn find() -> Result<PathBuf> {
    let here = std::env::current_dir().context("current folder")?;
    match here
        .ancestors()
        .find(|folder| folder.join("e2e/kube/go.mod").is_file())
    {
        Some(folder) => Ok(folder.to_owned()),
        None => bail!(
            "{} is not in a checkout of this project: no e2e/kube/go.mod above it",
            here.display()
        ),
    }
}

/// Writes `.cluster/env` and links the cluster's programs into `.cluster/bin`.
///
/// # Errors
/// The folder can't be written.
pub fn link(checkout: &Path) -> Result<()> {
    let folder = checkout.join(".cluster");
    let bin = folder.join("bin");
    cache::remove(&bin)?;
    fs::create_dir_all(&bin).with_context(|| format!("create {}", bin.display()))?;
    for program in ["kubectl", "etcd"] {
        symlink(place::program(program), bin.join(program))
            .with_context(|| format!("link {program}"))?;
    }
    let file = folder.join("env");
    let env = env(&fs::read_to_string(&file).unwrap_or_default());
    fs::write(&file, env).with_context(|| format!("write {}", file.display()))
}

/// Our lines, then those that others added for the same cluster.
fn env(before: &str) -> String {
    let ours = [
        format!("KUBECONFIG={}", place::kubeconfig().display()),
        format!("MCP_URL={}", place::MCP_URL),
        format!("NODE_IP={}", place::NODE_IP),
    ];
    let name = |line: &str| line.split('=').next().map(str::to_owned);
    let kept = before
        .lines()
        .filter(|line| !ours.iter().any(|our| name(our) == name(line)));
    let all: Vec<&str> = ours.iter().map(String::as_str).chain(kept).collect();
    all.join("\n") + "\n"
}

/// Removes `.cluster` of a checkout; it may be gone itself.
///
/// # Errors
/// It is there and can't be removed.
pub fn unlink(checkout: &Path) -> Result<()> {
    cache::remove(&checkout.join(".cluster"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_others_added_are_kept_and_ours_renewed() {
        let added = env("MCP_URL=http://old\nMCP_SERVER_URL=http://x/everything/mcp\n");
        assert!(added.ends_with("NODE_IP=198.18.0.1\nMCP_SERVER_URL=http://x/everything/mcp\n"));
        assert_eq!(added.matches("MCP_URL=").count(), 1);
        assert_eq!(env(&added), added);
    }
}
