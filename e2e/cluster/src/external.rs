//! `MCP_CLUSTER=kubeconfig`: the user has a cluster; we only write down how it is reached.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::progress::say;
use crate::{cache, exec};

/// Whether `MCP_CLUSTER` asks for the user's own cluster.
///
/// # Errors
/// It has a value other than `local` and `kubeconfig`.
pub fn is_wanted() -> Result<bool> {
    match std::env::var("MCP_CLUSTER").unwrap_or_default().as_str() {
        "" | "local" => Ok(false),
        "kubeconfig" => Ok(true),
        other => bail!("MCP_CLUSTER={other}: it is local (the default) or kubeconfig"),
    }
}

/// No cluster answers, where the verb needs one.
#[derive(Debug)]
pub struct Unreachable(pub String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// Writes `.cluster/env` for the cluster of `KUBECONFIG`.
///
/// # Errors
/// There is no kubectl, or the cluster doesn't answer.
pub fn adopt(checkout: &Path) -> Result<()> {
    let kubeconfig = kubeconfig()?;
    let nodes = nodes(&kubeconfig)?;
    let node_ip = internal_ip(&nodes).context("the cluster's first node has no InternalIP")?;
    // Which ingress controller serves it, and where, only its owner knows.
    let url = std::env::var("MCP_URL").unwrap_or_default();

    let folder = checkout.join(".cluster");
    let bin = folder.join("bin");
    cache::remove(&bin)?;
    fs::create_dir_all(&bin).with_context(|| format!("create {}", bin.display()))?;
    symlink(kubectl()?, bin.join("kubectl")).context("link kubectl")?;
    let env = format!(
        "KUBECONFIG={}\nMCP_URL={url}\nNODE_IP={node_ip}\n",
        kubeconfig.display()
    );
    fs::write(folder.join("env"), &env)
        .with_context(|| format!("write {}/env", folder.display()))?;
    say(&env);
    Ok(())
}

/// Whether the cluster of `KUBECONFIG` answers.
///
/// # Errors
/// It doesn't, or there is no kubectl.
pub fn answers() -> Result<()> {
    nodes(&kubeconfig()?).map(drop)
}

fn nodes(kubeconfig: &Path) -> Result<Value> {
    let asked = ["get", "nodes", "-o", "json", "--request-timeout=10s"];
    let nodes = exec::capture(exec::command("kubectl", &asked).env("KUBECONFIG", kubeconfig))
        .map_err(|error| {
            Unreachable(format!(
                "the cluster of {}: {error:#}",
                kubeconfig.display()
            ))
        })?;
    serde_json::from_str(&nodes).context("parse kubectl's answer")
}

fn kubeconfig() -> Result<PathBuf> {
    if let Some(file) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        return std::path::absolute(PathBuf::from(file)).context("KUBECONFIG");
    }
    let home = std::env::var_os("HOME").context("neither KUBECONFIG nor HOME is set")?;
    Ok(Path::new(&home).join(".kube/config"))
}

fn kubectl() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("kubectl"));
    candidates
        .find(|file| file.is_file())
        .context("there is no kubectl on the PATH")
}

fn internal_ip(nodes: &Value) -> Option<String> {
    let addresses = nodes.pointer("/items/0/status/addresses")?.as_array()?;
    let found = addresses
        .iter()
        .find(|address| address["type"] == "InternalIP")?;
    Some(found["address"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_internal_address_is_taken_whatever_comes_first() {
        let addresses = json!([{ "type": "Hostname", "address": "n" }, { "type": "InternalIP", "address": "10.0.0.5" }]);
        let nodes = json!({ "items": [{ "status": { "addresses": addresses } }] });
        assert_eq!(internal_ip(&nodes), Some("10.0.0.5".to_owned()));
        assert_eq!(internal_ip(&json!({ "items": [] })), None);
    }
}
