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
    let env = format!(
        "KUBECONFIG={}\nMCP_URL={}\nNODE_IP={}\n",
        place::kubeconfig().display(),
        place::MCP_URL,
        place::NODE_IP
    );
    fs::write(folder.join("env"), env).with_context(|| format!("write {}/env", folder.display()))
}

/// Removes `.cluster` of a checkout; it may be gone itself.
///
/// # Errors
/// It is there and can't be removed.
pub fn unlink(checkout: &Path) -> Result<()> {
    cache::remove(&checkout.join(".cluster"))
}
