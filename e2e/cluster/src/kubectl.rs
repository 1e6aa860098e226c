//! kubectl of the cluster's own version, as its administrator.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{exec, place};

/// Runs kubectl for what it prints.
///
/// # Errors
/// kubectl's own words.
pub fn run(args: &[&str]) -> Result<String> {
    exec::capture(&mut command(args))
}

/// Reads objects: `kubectl get … -o json`.
///
/// # Errors
/// As [`run`], or the answer isn't JSON.
pub fn get(args: &[&str]) -> Result<Value> {
    let text = run(&[&["get", "-o", "json"], args].concat())?;
    serde_json::from_str(&text)
        .with_context(|| format!("parse what kubectl get {} printed", args.join(" ")))
}

/// Applies manifests server-side, so that applying them again changes nothing. Objects that name no namespace go to
/// `namespace`.
///
/// # Errors
/// As [`run`].
pub fn apply(manifests: &str, namespace: &str) -> Result<()> {
    let mut command = command(&[
        "apply",
        "--namespace",
        namespace,
        "--server-side",
        "--force-conflicts",
        "-f",
        "-",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start kubectl apply")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(manifests.as_bytes())
            .context("write to kubectl apply")?;
    }
    let output = child.wait_with_output().context("wait for kubectl apply")?;
    if !output.status.success() {
        bail!(
            "kubectl apply: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// A condition's status in an object, "" if it has none.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    found
        .and_then(|condition| condition["status"].as_str())
        .unwrap_or_default()
}

fn command(args: &[&str]) -> Command {
    let mut command = exec::command(place::program("kubectl"), args);
    command.env("KUBECONFIG", place::kubeconfig());
    command
}
