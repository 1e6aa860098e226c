//! CoreDNS: the cluster's name server.

use serde_json::Value;

use crate::kubectl;

/// What it is made of.
pub const MANIFEST: &str = include_str!("../manifests/dns.yaml");

/// Whether a replica is ready.
///
/// # Errors
/// Why not.
pub fn answers() -> Result<(), String> {
    let deployment = [
        "deployment",
        "dns",
        "--namespace=kube-system",
        "--request-timeout=5s",
    ];
    let found = kubectl::get(&deployment).map_err(|error| format!("{error:#}"))?;
    match found
        .pointer("/status/readyReplicas")
        .and_then(Value::as_u64)
    {
        Some(_) => Ok(()),
        None => Err("no replica of kube-system/dns is ready".to_owned()),
    }
}
