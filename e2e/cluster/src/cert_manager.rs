//! cert-manager on the cluster, for the tests that need one.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::images::cert_manager;
use crate::{containerd, kubectl, wait};

const MANIFEST: &str = include_str!("../manifests/cert-manager.yaml");
const NAMESPACE: &str = "cert-manager";
const PATIENCE: Duration = Duration::from_secs(120);

/// Builds it, or takes it from the cache, and runs it. Safe to repeat.
///
/// # Errors
/// It doesn't build, or doesn't become available.
pub fn start(checkout: &Path) -> Result<()> {
    containerd::import(&cert_manager::archive(checkout)?)?;
    for resource in cert_manager::resources(checkout)? {
        kubectl::apply(&resource, NAMESPACE)?;
    }
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "customresourcedefinition/certificates.cert-manager.io",
        "customresourcedefinition/issuers.cert-manager.io",
        "customresourcedefinition/certificaterequests.cert-manager.io",
    ];
    kubectl::run(&established)?;
    kubectl::apply(MANIFEST, NAMESPACE)?;
    wait::until("cert-manager available", PATIENCE, || Ok(is_available()))
}

fn is_available() -> Result<(), String> {
    let asked = ["deployment", "cert-manager", "--namespace", NAMESPACE];
    let deployment = kubectl::get(&asked).map_err(|error| format!("{error:#}"))?;
    match kubectl::condition(&deployment, "Available") {
        "True" => Ok(()),
        other => Err(format!("Available is {other:?}")),
    }
}
