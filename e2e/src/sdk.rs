//! The official Python SDK as a client, in a process of its own.

use anyhow::Context as _;
use serde_json::Value;
use tokio::process::Command;

use crate::cluster::root;
use crate::mcp::Caller;

/// Runs `e2e/sdk/client.py` with these arguments and gives the JSON it printed.
pub async fn client(caller: Caller<'_>, arguments: &[&str]) -> anyhow::Result<Value> {
    let folder = root().join("e2e/sdk");
    let output = Command::new(folder.join("python"))
        .arg(folder.join("client.py"))
        .args(["--human", caller.human, "--agent", caller.agent])
        .args(["--team", caller.team, "--session", caller.session])
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .context("starting e2e/sdk/python")?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!(
            "client.py {arguments:?} printed no JSON: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
